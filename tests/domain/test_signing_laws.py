"""Signatures: any live secret lets in, nothing else does. The contract's vectors run in tests/contracts."""

from datetime import UTC, datetime
from hashlib import sha256
from itertools import permutations

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.ingest import ALGORITHM, Refusal, SignedRequest, Verified, canonical_string, sign, verify

NOW = datetime(2026, 3, 1, 10, tzinfo=UTC)
BODY = b'{"payloadVersion": "v1"}'
HASH = sha256(BODY).hexdigest()


def signed(secret: str, timestamp: str = "2026-03-01T10:00:00Z") -> SignedRequest:
    canonical = canonical_string(
        method="post", path="/p", timestamp=timestamp, nonce="nonce-0001", idempotency_key="k", body_hash=HASH
    )
    return SignedRequest(
        method="POST",
        path="/p",
        timestamp=timestamp,
        nonce="nonce-0001",
        idempotency_key="k",
        body=BODY,
        algorithm=ALGORITHM,
        signature=sign(secret, canonical),
    )


@pytest.mark.parametrize("secrets", list(permutations(["one", "two", "three"])))
def test_any_live_secret_verifies_wherever_it_stands(secrets: tuple[str, ...]) -> None:
    for secret in secrets:
        assert verify(signed(secret), secrets=secrets, now=NOW) == Verified(HASH)
    assert verify(signed("another"), secrets=secrets, now=NOW) is Refusal.MISMATCH
    assert verify(signed("one"), secrets=(), now=NOW) is Refusal.MISMATCH


@pytest.mark.parametrize("signed_with", ["one", "two", "three", "another"])
def test_time_does_not_tell_which_secret_matched_nor_where_a_signature_differs(
    monkeypatch: pytest.MonkeyPatch, signed_with: str
) -> None:
    """Every live secret is compared, a match or not, and by the one function whose time does not depend on what it compares."""
    compared: list[tuple[bytes, bytes]] = []

    def compare(given: bytes, expected: bytes) -> bool:
        compared.append((given, expected))
        return given == expected

    monkeypatch.setattr("bst_domain.ingest._signing.compare_digest", compare)
    verify(signed(signed_with), secrets=["one", "two", "three"], now=NOW)
    assert [(len(given), len(expected)) for given, expected in compared] == [(32, 32)] * 3


@given(st.integers(1, 9))
def test_a_timestamp_may_have_nine_digits_of_a_second(digits: int) -> None:
    timestamp = f"2026-03-01T10:00:00.{'1' * digits}Z"
    assert verify(signed("one", timestamp), secrets=["one"], now=NOW) == Verified(HASH)
    longer = f"2026-03-01T10:00:00.{'1' * 10}Z"
    assert verify(signed("one", longer), secrets=["one"], now=NOW) is Refusal.INVALID_TIMESTAMP


@given(st.binary(max_size=64))
def test_another_body_is_another_signature(body: bytes) -> None:
    if body != BODY:
        assert verify(evolve(signed("one"), body=body), secrets=["one"], now=NOW) is Refusal.MISMATCH


@given(st.text(max_size=80))
def test_no_text_but_the_signature_lets_in(text: str) -> None:
    request = signed("one")
    verdict = verify(evolve(request, signature=text), secrets=["one"], now=NOW)
    right = text.lower() == request.signature and text.isascii()
    assert (verdict == Verified(HASH)) == right
