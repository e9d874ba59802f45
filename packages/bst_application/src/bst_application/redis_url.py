"""Where Redis is, as an operator writes it: one server by one URL, a cluster by some of its nodes in one URL.

``redis+cluster://user:password@node-1:6379,node-2:6379`` (``rediss+cluster://`` with TLS) is the URL of one server with
``+cluster`` in its scheme and more hosts between commas. The nodes named are asked first; the others are learnt from them.
"""

import re
from typing import Final
from urllib.parse import urlsplit

from attrs import frozen

CLUSTER: Final = "+cluster"
CLUSTER_SCHEMES: Final = ("redis+cluster", "rediss+cluster")
DEFAULT_PORT: Final = 6379

_NODE: Final = re.compile(r"(?P<host>\[[0-9A-Fa-f:.]+\]|[^\s:\[\]/]+)(?::(?P<port>[0-9]{1,5}))?")
_EXAMPLE: Final = "such as redis+cluster://node-1:6379,node-2:6379"


@frozen(kw_only=True)
class ClusterUrl:
    """``nodes`` are hosts with their ports; ``of`` makes the URL of one node: user, password and options are those of all."""

    nodes: tuple[tuple[str, int], ...]
    scheme: str
    user_part: str
    query: str

    def of(self, node: tuple[str, int]) -> str:
        host, port = node
        named = f"[{host}]" if ":" in host else host
        return f"{self.scheme}://{self.user_part}{named}:{port}{self.query}"


def names_cluster(url: str) -> bool:
    """Whether a URL is meant as that of a cluster."""
    return url.partition("://")[0].lower() in CLUSTER_SCHEMES


def cluster_url(url: str) -> ClusterUrl:
    """Raises ValueError, in words that quote nothing of the URL: it may hold a password."""
    parts = urlsplit(url)
    if parts.scheme not in CLUSTER_SCHEMES:
        raise ValueError(f"the URL of a cluster starts with redis+cluster:// or rediss+cluster://, {_EXAMPLE}")
    if parts.path.strip("/") not in {"", "0"}:
        raise ValueError("a cluster has one database, number 0; leave the number out of the URL")
    user_part, at, hosts = parts.netloc.rpartition("@")
    return ClusterUrl(
        nodes=tuple(map(_node, hosts.split(","))),
        scheme=parts.scheme.removesuffix(CLUSTER),
        user_part=user_part + at,
        query=f"?{parts.query}" if parts.query else "",
    )


def _node(text: str) -> tuple[str, int]:
    found = _NODE.fullmatch(text.strip())
    port = DEFAULT_PORT if found is None or found["port"] is None else int(found["port"])
    if found is None or not 0 < port <= 0xFFFF:
        raise ValueError(f"each node of a cluster is a host with a port, separated by commas, {_EXAMPLE}")
    return found["host"].strip("[]"), port


def problem_of(name: str, url: str | None) -> list[str]:
    """What is wrong with the setting of this name; a URL of one server is left to whoever connects."""
    if url is None or not names_cluster(url):
        return []
    try:
        cluster_url(url)
    except ValueError as error:
        return [f"{name} cannot be used: {error}"]
    return []
