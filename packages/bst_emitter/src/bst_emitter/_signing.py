"""The canonical string, its signature, and the headers that carry it.

Source of the rules: contracts/signing.md. BST checks signatures with code of its own; the signing vectors hold both to the
contract, so neither needs the other.
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from hashlib import sha256
from hmac import digest
from types import MappingProxyType
from typing import Final
from urllib.parse import urlsplit

from attrs import field, frozen

ALGORITHM: Final = "HMAC-SHA256"


def _frozen_headers(headers: Mapping[str, str]) -> Mapping[str, str]:
    return MappingProxyType({name.lower(): value for name, value in headers.items()})


@frozen(kw_only=True)
class Target:
    """Where to send to, and as whom.

    ``token`` is the service's, a producer's, or for publishing an administrator's; then ``headers`` say ``x-admin-role`` and
    ``x-actor``. Without a ``secret`` calls go unsigned, as a server allows for publishing that has no publish secret either.
    """

    url: str
    token: str = field(repr=False)
    secret: str | None = field(default=None, repr=False)
    headers: Mapping[str, str] = field(factory=dict, converter=_frozen_headers)

    def __attrs_post_init__(self) -> None:
        parts = urlsplit(self.url)
        if parts.scheme not in {"http", "https"} or not parts.netloc:
            raise ValueError(f"the URL of the core API starts with https:// or http://, not {self.url!r}")
        if parts.query or parts.fragment:
            raise ValueError("the URL of the core API has no query and no fragment")
        if not parts.path.isascii() or " " in parts.path:
            raise ValueError("the path of the URL is written as it is sent: escape what is not ASCII")

    @property
    def base(self) -> str:
        """The URL that paths are added to."""
        return self.url.rstrip("/")

    @property
    def prefix(self) -> str:
        """The path that stands before every path of the API; empty where there is none."""
        return urlsplit(self.base).path


def canonical_string(
    *, method: str, path: str, timestamp: str, nonce: str, idempotency_key: str, body_hash: str
) -> str:
    """The six lines that are signed, joined by LF, without one at the end; ``path`` without the query string."""
    return f"{method.upper()}\n{path}\n{timestamp}\n{nonce}\n{idempotency_key}\n{body_hash}"


def sign(secret: str, canonical: str) -> str:
    """Lower-case hex HMAC-SHA256; the secret counts as its UTF-8 bytes."""
    return digest(secret.encode(), canonical.encode(), "sha256").hex()


def signed_headers(
    target: Target, *, method: str, path: str, key: str, body: bytes, now: datetime, nonce: str
) -> dict[str, str]:
    """The headers of one attempt. ``now`` is aware; ``nonce`` is fresh for every attempt, 8 to 128 printable ASCII characters."""
    headers = {
        **target.headers,
        "authorization": f"Bearer {target.token}",
        "content-type": "application/json",
        "x-idempotency-key": key,
    }
    if target.secret is None:
        return headers
    timestamp = now.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    canonical = canonical_string(
        method=method,
        path=target.prefix + path,
        timestamp=timestamp,
        nonce=nonce,
        idempotency_key=key,
        body_hash=sha256(body).hexdigest(),
    )
    return {
        **headers,
        "x-signature-algorithm": ALGORITHM,
        "x-timestamp": timestamp,
        "x-nonce": nonce,
        "x-signature": sign(target.secret, canonical),
    }
