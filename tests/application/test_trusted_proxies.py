"""Whose word counts on where a request comes from."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bst_application.trusted_proxies import client_of, networks_from

PROXIES = networks_from("10.0.0.0/8, 127.0.0.1, fd00::/8", [])


@pytest.mark.parametrize(
    ("peer", "forwarded", "client"),
    [
        ("203.0.113.7", None, "203.0.113.7"),
        ("203.0.113.7", "198.51.100.1", "203.0.113.7"),  # not one of ours: its word does not count
        ("10.0.0.1", None, "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1", "198.51.100.1"),
        ("10.0.0.1", "1.1.1.1, 198.51.100.1", "198.51.100.1"),  # the left one is the caller's own word
        ("10.0.0.1", "1.1.1.1, 198.51.100.1, 10.9.9.9", "198.51.100.1"),
        ("10.0.0.1", "10.1.1.1, 10.2.2.2", "10.1.1.1"),
        ("10.0.0.1", "1.1.1.1, nonsense", "10.0.0.1"),
        ("10.0.0.1", "198.51.100.1:4711", "198.51.100.1"),
        ("fd00::1", "[2001:db8:1:2:3::4]:4711", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", None, "2001:db8:1:2::/64"),
        ("::ffff:203.0.113.7", None, "203.0.113.7"),
        ("", "198.51.100.1", ""),
    ],
)
def test_the_first_address_from_the_right_that_is_no_proxy_of_ours(
    peer: str, forwarded: str | None, client: str
) -> None:
    assert client_of(peer, forwarded, PROXIES) == client


@given(said=st.text("0123456789abcdef.:,[]% ", max_size=60))
def test_nobody_chooses_his_own_address(said: str) -> None:
    """Whatever a caller writes, the address that the proxy adds behind it counts."""
    assert client_of("10.0.0.1", f"{said},198.51.100.1", PROXIES) == "198.51.100.1"
    assert client_of("203.0.113.7", said, PROXIES) == "203.0.113.7"
    assert client_of("203.0.113.7", said, ()) == "203.0.113.7"


def test_one_ipv6_customer_is_one_client_without_proxies_too() -> None:
    assert client_of("2001:db8:1:2:aaaa::1", None, ()) == client_of("2001:db8:1:2:bbbb::2", None, ())
