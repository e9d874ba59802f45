"""Signed publish requests: the ingest door's own rules under the names that publishing has always used.

Order of checks: headers, algorithm, timestamp, signature, and only then the nonce, which is used up whatever becomes of the rest.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import sha256

from attrs import frozen

from bst_application.ports.publishing import KeyedRequest, PublishingDesk
from bst_application.publish_settings import PublishSettings
from bst_domain.ingest import Refusal, SignedRequest, verify
from bst_litestar.problems import Refused, invalid_input
from bst_litestar.requests import AnyRequest

#: Total over Refusal: status and machine string.
REFUSALS: Mapping[Refusal, tuple[int, str]] = {
    Refusal.MISSING_HEADERS: (401, "CATALOG_PUBLISH_SIGNATURE_HEADERS_REQUIRED"),
    Refusal.INVALID_NONCE: (400, "CATALOG_PUBLISH_NONCE_INVALID"),
    Refusal.INVALID_KEY: (400, "CATALOG_PUBLISH_IDEMPOTENCY_KEY_INVALID"),
    Refusal.UNSUPPORTED_ALGORITHM: (401, "CATALOG_PUBLISH_SIGNATURE_ALGORITHM_INVALID"),
    Refusal.INVALID_TIMESTAMP: (400, "CATALOG_PUBLISH_TIMESTAMP_INVALID"),
    Refusal.DRIFT: (401, "CATALOG_PUBLISH_TIMESTAMP_DRIFT_EXCEEDED"),
    Refusal.MISMATCH: (401, "CATALOG_PUBLISH_SIGNATURE_MISMATCH"),
}
#: What callers sign, and may leave out, where there is nothing to say.
NOTHING_SAID = b"{}"


@frozen(kw_only=True)
class PublishSignature:
    """Looks at a request before its body is believed."""

    settings: PublishSettings
    desk: PublishingDesk
    now: Callable[[], datetime]

    async def require(self, request: AnyRequest) -> None:
        """Raises Refused unless the request is signed, where that is asked for. Raises Unavailable and Conflict."""
        if not self.settings.signature_required:
            return
        if not self.settings.secrets:
            raise Refused(401, "CATALOG_PUBLISH_SIGNATURE_SECRET_MISSING")
        headers, now = request.headers, self.now()
        raw_path: bytes = request.scope.get("raw_path") or request.scope["path"].encode()
        signed = SignedRequest(
            method=request.method,
            path=raw_path.partition(b"?")[0].decode("latin-1"),
            timestamp=headers.get("x-timestamp", ""),
            nonce=headers.get("x-nonce", ""),
            idempotency_key=headers.get("x-idempotency-key", ""),
            body=await _said(request),
            algorithm=headers.get("x-signature-algorithm", ""),
            signature=headers.get("x-signature", ""),
        )
        verdict = verify(signed, secrets=self.settings.secrets, now=now, max_drift=self.settings.max_drift)
        if isinstance(verdict, Refusal):
            status, message = REFUSALS[verdict]
            raise Refused(status, message) if status != 400 else invalid_input("", message, verdict.value)
        if not await self.desk.take_nonce(signed.nonce, now=now, ttl=self.settings.nonce_ttl):
            raise Refused(401, "CATALOG_PUBLISH_NONCE_REUSED")

    async def keyed(self, request: AnyRequest, path: str, subject: object) -> KeyedRequest | None:
        """The request under the idempotency key that was signed with it. ``path``: what is done to what, in our own spelling.

        None where nothing is signed: callers know that a key says nothing there.
        """
        if not self.settings.signature_required:
            return None
        key = request.headers["x-idempotency-key"]
        return KeyedRequest(
            key=key, path=path, body_hash=sha256(await _said(request)).hexdigest(), subject=str(subject)
        )


async def _said(request: AnyRequest) -> bytes:
    return await request.body() or NOTHING_SAID
