"""Whose word counts on where a request comes from: X-Forwarded-For is believed from named proxies only."""

from collections.abc import Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Final

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

#: An IPv6 customer has at least this many bits fixed and all the others to choose from.
CUSTOMER_PREFIX: Final = 64


def networks_from(text: str, problems: list[str]) -> tuple[Network, ...]:
    """Comma-separated addresses and networks; what is none is a sentence in ``problems``."""
    found: list[Network] = []
    for part in (part.strip() for part in text.split(",")):
        try:
            found += [ip_network(part)] if part else []
        except ValueError:
            problems.append(
                f"BST_TRUSTED_PROXIES: {part} is no address or network; write them like 10.0.0.5, 10.1.0.0/24"
            )
    return tuple(found)


def client_of(peer: str, forwarded: str | None, trusted: Sequence[Network]) -> str:
    """Who asks, as limits count them: an IPv4 address, or the /64 of an IPv6 one.

    From the right, the first address that is no proxy of ours: what stands left of it is the caller's own word. An entry that
    is no address ends the search at the proxy that wrote it.
    """
    if not trusted and ":" not in peer:
        return peer
    at = _address(peer)
    if at is None:
        return peer
    hops = forwarded.split(",") if forwarded is not None and trusted else []
    while hops and any(at in network for network in trusted):
        before = _address(hops.pop())
        if before is None:
            break
        at = before
    if at.version == 6:
        return str(IPv6Network((at, CUSTOMER_PREFIX), strict=False))
    return str(at)


def _address(text: str) -> Address | None:
    """An address as proxies write it: some add a port, some put brackets around."""
    plain = text.strip()
    if plain.startswith("["):
        plain = plain[1:].partition("]")[0]
    elif plain.count(":") == 1:
        plain = plain.partition(":")[0]
    try:
        at = ip_address(plain.partition("%")[0])
    except ValueError:
        return None
    return at.ipv4_mapped or at if isinstance(at, IPv6Address) else at
