"""The emitter signs as the contract says: by the vectors, and by the code of the server, which it does not share."""

from datetime import UTC, datetime, timedelta, timezone
from hashlib import sha256

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bst_contracts import signing_vectors
from bst_domain.ingest import SignedRequest, Verified, verify
from bst_emitter import ALGORITHM, Target, canonical_string, sign, signed_headers

VECTORS = {vector["name"]: vector for vector in signing_vectors() if vector["verdict"] == "accept"}
printable = st.characters(min_codepoint=0x21, max_codepoint=0x7E)
moments = st.integers(946_684_800, 4_000_000_000).map(lambda seconds: datetime.fromtimestamp(seconds, UTC))
zones = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))


def test_there_are_vectors() -> None:
    assert len(VECTORS) > 10


@pytest.mark.parametrize("name", VECTORS)
def test_the_canonical_string_and_the_signature_are_those_of_the_vectors(name: str) -> None:
    vector = VECTORS[name]
    sent = vector["request"]
    canonical = canonical_string(
        method=sent["method"],
        path=sent["path"],
        timestamp=sent["timestamp"],
        nonce=sent["nonce"],
        idempotency_key=sent["idempotencyKey"],
        body_hash=sha256(sent["body"].encode()).hexdigest(),
    )
    assert canonical == vector["canonicalString"]
    assert vector["signature"].lower() in {sign(secret, canonical) for secret in vector["secrets"]}
    assert vector["algorithm"] == ALGORITHM


@given(
    secret=st.text(st.characters(codec="utf-8"), min_size=1),
    body=st.binary(max_size=200),
    key=st.text(printable, min_size=1, max_size=128),
    nonce=st.text(printable, min_size=8, max_size=128),
    now=moments,
    zone=zones,
    prefix=st.sampled_from(["", "/", "/bst", "/a/b/"]),
)
def test_what_is_signed_here_is_verified_there(
    *, secret: str, body: bytes, key: str, nonce: str, now: datetime, zone: timezone, prefix: str
) -> None:
    """Whatever the body, the secret and the zone of the sender's clock; the path is the one on the request line."""
    target = Target(url=f"https://core.example.org{prefix}", token="token", secret=secret)
    headers = signed_headers(
        target, method="post", path="/v1/x", key=key, body=body, now=now.astimezone(zone), nonce=nonce
    )
    request = SignedRequest(
        method="POST",
        path=prefix.rstrip("/") + "/v1/x",
        timestamp=headers["x-timestamp"],
        nonce=headers["x-nonce"],
        idempotency_key=headers["x-idempotency-key"],
        body=body,
        algorithm=headers["x-signature-algorithm"],
        signature=headers["x-signature"],
    )
    assert verify(request, secrets=["another", secret], now=now) == Verified(sha256(body).hexdigest())


def test_without_a_secret_nothing_is_signed() -> None:
    """A server without a publish secret wants no signature; half of one would be refused."""
    target = Target(url="http://core", token="token", headers={"X-Admin-Role": "MANAGER"})
    headers = signed_headers(
        target, method="POST", path="/v1/x", key="key", body=b"", now=datetime.now(UTC), nonce="12345678"
    )
    assert headers == {
        "x-admin-role": "MANAGER",
        "authorization": "Bearer token",
        "content-type": "application/json",
        "x-idempotency-key": "key",
    }


def test_what_a_target_prints_opens_nothing() -> None:
    assert "geheim" not in repr(Target(url="http://core", token="geheim-1", secret="geheim-2"))


@pytest.mark.parametrize("url", ["core.example.org", "ftp://core", "http://", "http://core?a=b", "http://core/é", ""])
def test_what_is_no_address_is_said_at_once(url: str) -> None:
    with pytest.raises(ValueError, match="URL"):
        Target(url=url, token="token")
