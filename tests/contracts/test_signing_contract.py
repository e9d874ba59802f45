"""Every signing vector passes against the code, to accept and to refuse."""

from datetime import datetime
from hashlib import sha256
from typing import Any

import pytest

from bst_contracts import signing_vectors
from bst_domain.ingest import ALGORITHM, Refusal, SignedRequest, Verified, canonical_string, sign, verify

VECTORS = {vector["name"]: vector for vector in signing_vectors()}


@pytest.mark.parametrize("name", VECTORS)
def test_signing_vector(name: str) -> None:
    vector: dict[str, Any] = VECTORS[name]
    sent = vector["request"]
    request = SignedRequest(
        method=sent["method"],
        path=sent["path"],
        timestamp=sent["timestamp"],
        nonce=sent["nonce"],
        idempotency_key=sent["idempotencyKey"],
        body=sent["body"].encode(),
        algorithm=vector["algorithm"],
        signature=vector["signature"],
    )
    verdict = verify(request, secrets=vector["secrets"], now=datetime.fromisoformat(vector["now"]))
    if vector["verdict"] == "accept":
        assert verdict == Verified(sha256(request.body).hexdigest())
    else:
        assert isinstance(verdict, Refusal)
        assert verdict.value == vector["code"]


@pytest.mark.parametrize("name", [name for name, vector in VECTORS.items() if vector["verdict"] == "accept"])
def test_we_sign_as_the_vectors_do(name: str) -> None:
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
