"""Request signing: the canonical string, the signature, and who is refused why.

Source of the rules: contracts/signing.md; its vectors run as tests against this module. The nonce is checked after all of
this and by the store, so that nobody without the secret can fill or probe it.
"""

import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum
from hashlib import sha256
from hmac import compare_digest
from hmac import digest as hmac_digest

from attrs import frozen

from bst_domain.values import parse_instant

ALGORITHM = "HMAC-SHA256"
MAX_DRIFT = timedelta(minutes=5)
_NONCE = re.compile(r"[\x21-\x7e]{8,128}")
_KEY = re.compile(r"[\x21-\x7e]{1,128}")
_HEX = re.compile(r"[0-9a-fA-F]{64}")


class Refusal(StrEnum):
    """Why a request is not let in. The value is the machine string of the answer."""

    MISSING_HEADERS = "MISSING_REQUIRED_INGEST_HEADERS"
    INVALID_NONCE = "INVALID_NONCE"
    INVALID_KEY = "INVALID_IDEMPOTENCY_KEY"
    UNSUPPORTED_ALGORITHM = "UNSUPPORTED_SIGNATURE_ALGORITHM"
    INVALID_TIMESTAMP = "INVALID_TIMESTAMP_FORMAT"
    DRIFT = "TIMESTAMP_DRIFT_EXCEEDED"
    MISMATCH = "SIGNATURE_MISMATCH"


@frozen(kw_only=True)
class SignedRequest:
    """What the signature covers, and the signature. Header values are as sent; an absent one is empty."""

    method: str
    path: str  # as on the request line, without the query string
    timestamp: str
    nonce: str
    idempotency_key: str
    body: bytes
    algorithm: str
    signature: str


@frozen
class Verified:
    """The request is the producer's own; ``payload_hash`` is the lower-case hex SHA-256 of the raw body."""

    payload_hash: str


def canonical_string(
    *, method: str, path: str, timestamp: str, nonce: str, idempotency_key: str, body_hash: str
) -> str:
    """The six lines that are signed, joined by LF, without one at the end."""
    return f"{method.upper()}\n{path}\n{timestamp}\n{nonce}\n{idempotency_key}\n{body_hash}"


def sign(secret: str, canonical: str) -> str:
    """Lower-case hex HMAC-SHA256; the secret counts as its UTF-8 bytes."""
    return hmac_digest(secret.encode(), canonical.encode(), "sha256").hex()


def is_idempotency_key(text: str) -> bool:
    """Whether a key has the form that the contract gives it."""
    return _KEY.fullmatch(text) is not None


def verify(
    request: SignedRequest, *, secrets: Sequence[str], now: datetime, max_drift: timedelta = MAX_DRIFT
) -> Verified | Refusal:
    """Checks in the order of the contract: headers present and well-formed, algorithm, timestamp, drift, signature.

    Any live secret verifies (rotation). Comparison takes the same time whatever the difference.
    """
    refusal = _refuse_headers(request, now, max_drift)
    if refusal is not None:
        return refusal
    if _HEX.fullmatch(request.signature) is None:
        return Refusal.MISMATCH
    body_hash = sha256(request.body).hexdigest()
    canonical = canonical_string(
        method=request.method,
        path=request.path,
        timestamp=request.timestamp,
        nonce=request.nonce,
        idempotency_key=request.idempotency_key,
        body_hash=body_hash,
    ).encode()
    given = bytes.fromhex(request.signature)
    matches = False
    for secret in secrets:  # every secret is tried, so that time does not tell which one matched
        matches |= compare_digest(given, hmac_digest(secret.encode(), canonical, "sha256"))
    return Verified(body_hash) if matches else Refusal.MISMATCH


def _refuse_headers(request: SignedRequest, now: datetime, max_drift: timedelta) -> Refusal | None:
    if not (
        request.signature and request.timestamp and request.nonce and request.idempotency_key and request.algorithm
    ):
        return Refusal.MISSING_HEADERS
    if _NONCE.fullmatch(request.nonce) is None:
        return Refusal.INVALID_NONCE
    if not is_idempotency_key(request.idempotency_key):
        return Refusal.INVALID_KEY
    if request.algorithm != ALGORITHM:
        return Refusal.UNSUPPORTED_ALGORITHM
    at = parse_instant(request.timestamp, max_fraction_digits=9)
    if at is None:
        return Refusal.INVALID_TIMESTAMP
    return Refusal.DRIFT if abs(now - at) > max_drift else None
