"""POST /v1/ingest/bookings/events as a plain ASGI application: the one route where every microsecond is paid for.

Order of checks: flag, token, rate, size, signature, JSON, body, source, and then the log, which knows the nonces. A body that is
refused still uses up its nonce, so the answer waits for the commit that says so.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from time import perf_counter
from typing import Any, assert_never
from uuid import UUID

from attrs import frozen
from litestar.types import Receive, Scope, Send

from bst_application.access import AccessBoard, Sender
from bst_application.errors import Conflict, Unavailable
from bst_application.rate_limits import Buckets
from bst_application.use_cases.accept import BodyRefused, Delivery
from bst_application.use_cases.ingest import IngestDoor, Receipt, new_event
from bst_domain.ingest import (
    Accepted,
    BookingEvent,
    ChannelNotRegistered,
    InvalidJson,
    KeyReused,
    NonceReused,
    Problem,
    Refusal,
    Replayed,
    SignedRequest,
    Verified,
    decode,
    parse_event,
    verify,
)
from bst_litestar.auth import bearer
from bst_litestar.envelope import encode, failure, request_id, success
from bst_litestar.problems import REFUSAL_STATUS, Refused, rate_limited, store_unavailable
from bst_litestar.requests import MAX_BODY_BYTES, states_too_much

_log = logging.getLogger(__name__)

PATH = "/v1/ingest/bookings/events"


#: ACCEPTED, REPLAYED, or the machine string of a refusal; the status; seconds from the delivery to its answer.
NoteOutcome = Callable[[str, int, float], None]


@frozen(kw_only=True)
class IngestEndpoint:
    """The ASGI application."""

    door: IngestDoor
    enabled: Callable[[], bool]
    board: AccessBoard
    rates: Buckets  # by the producer's name
    max_drift: timedelta
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    note_outcome: NoteOutcome

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        state: dict[str, Any] = scope.setdefault("state", {})
        request: str = state.get("request_id") or request_id(headers.get("x-request-id"))
        began = perf_counter()
        extra: Mapping[str, str] = {}
        try:
            data = await self._answer(scope, headers, receive)
            status, answer = 202, success(data, request)
            outcome = "REPLAYED" if data["idempotentReplay"] else "ACCEPTED"
            state["event_id"] = data["eventId"]
        except Refused as refused:
            status, extra = refused.status, refused.headers
            # What follows a colon is the sender's own word, and there is no end of those.
            outcome = "METHOD_NOT_ALLOWED" if status == 405 else refused.message.partition(":")[0]
            answer = failure(status, refused.message, request, refused.details)
        except Exception:
            _log.exception("a request failed")
            status, answer = 500, failure(500, "INTERNAL_ERROR", request)
            outcome = "INTERNAL_ERROR"
        state["outcome"] = outcome
        self.note_outcome(outcome, status, perf_counter() - began)
        body = encode(answer)
        await send(
            {
                "type": "http.response.start",
                "status": status,
                "headers": [
                    (b"content-type", b"application/json; charset=utf-8"),
                    (b"content-length", str(len(body)).encode()),
                    (b"x-request-id", request.encode()),
                    *((name.encode(), value.encode()) for name, value in extra.items()),
                ],
            }
        )
        await send({"type": "http.response.body", "body": body, "more_body": False})

    async def _answer(self, scope: Scope, headers: Mapping[str, str], receive: Receive) -> dict[str, Any]:
        method: str = scope["method"]  # type: ignore[typeddict-item]  # HTTP is all that comes here
        if method != "POST":
            raise Refused(405, f"Cannot {method} {PATH}", headers={"allow": "POST"})
        if not self.enabled():
            raise Refused(503, "INGEST_WEBHOOK_DISABLED", headers={"retry-after": "60"})
        token = bearer(headers.get("authorization"))
        if token is None:
            raise Refused(401, "MISSING_OR_INVALID_AUTHORIZATION")
        sender = self.board.sender(token)
        if sender is None:
            if (
                not self.board.is_read
            ):  # it may be a producer's, and nobody here can know: its event must not be given up
                raise store_unavailable("INGEST_STORE_UNAVAILABLE")
            raise Refused(401, "INVALID_SERVICE_TOKEN")
        scope["state"]["producer"] = sender.name or "(environment)"
        if wait_s := self.rates.take(sender.name):
            raise rate_limited(wait_s)
        if self.door.is_full:
            raise store_unavailable("INGEST_OVERLOADED")
        raw = await _read_body(headers, receive)
        signed = SignedRequest(
            method=method,
            path=(scope.get("raw_path") or scope["path"].encode()).partition(b"?")[0].decode("latin-1"),
            timestamp=headers.get("x-timestamp", ""),
            nonce=headers.get("x-nonce", ""),
            idempotency_key=headers.get("x-idempotency-key", ""),
            body=raw,
            algorithm=headers.get("x-signature-algorithm", ""),
            signature=headers.get("x-signature", ""),
        )
        now = self.now()
        verdict = verify(signed, secrets=sender.secrets, now=now, max_drift=self.max_drift)
        if verdict is Refusal.MISMATCH and not sender.all_open:  # it may be right, and we cannot tell
            raise Refused(503, "INGEST_SECRETS_UNAVAILABLE", headers={"retry-after": "60"})
        if isinstance(verdict, Refusal):
            raise Refused(REFUSAL_STATUS[verdict], verdict.value)
        delivery, refusal = self._delivery(signed, verdict, sender, now, scope["state"])
        try:
            receipt = await self.door(delivery)
        except (Unavailable, Conflict) as error:
            scope["state"]["reason"] = str(
                error
            )  # in the request's own line, of which there are so many a second at most
            raise store_unavailable("INGEST_STORE_UNAVAILABLE") from error
        return _data(receipt, refusal)

    def _delivery(
        self, signed: SignedRequest, verified: Verified, sender: Sender, now: datetime, state: dict[str, Any]
    ) -> tuple[Delivery, Refused | None]:
        nonce = sender.own_nonce(signed.nonce)
        body = decode(signed.body)
        if isinstance(body, InvalidJson):
            return Delivery(nonce=nonce, event=None), _bad_body(Problem("", "INVALID_JSON", body.why))
        event = parse_event(body, now=now)
        if not isinstance(event, BookingEvent):
            return Delivery(nonce=nonce, event=None), _bad_body(*event)
        source = event.identity.channel
        if source not in sender.sources:
            return Delivery(nonce=nonce, event=None), _not_allowed(source, sender)
        row = new_event(
            event=event,
            body=body,
            idempotency_key=sender.own_key(signed.idempotency_key),
            nonce=signed.nonce,
            payload_hash=verified.payload_hash,
            now=now,
            new_id=self.new_id,
            trace_context=state.get("trace_context"),
        )
        state["booking"] = f"{event.identity.channel}:{event.identity.ref}"
        return Delivery(nonce=nonce, event=row), None


def _bad_body(first: Problem, *others: Problem) -> Refused:
    errors = [{"path": p.path, "code": p.code, "message": p.message} for p in (first, *others)]
    return Refused(400, first.code, details={"errors": errors})


def _not_allowed(source: str, sender: Sender) -> Refused:
    details = {"producer": sender.name, "source": source, "allowed": sorted(sender.sources)}
    return Refused(403, f"SOURCE_NOT_ALLOWED:{source}", details=details)


def _data(receipt: Receipt, refusal: Refused | None) -> dict[str, Any]:
    match receipt.outcome:
        case Accepted(event_id):
            status, replay = "RECEIVED", False
        case Replayed(event_id, status):
            replay = True
        case KeyReused(first):
            raise Refused(409, "IDEMPOTENCY_KEY_REUSED", details={"firstEventId": str(first)})
        case NonceReused():
            raise Refused(401, "NONCE_REUSED")
        case ChannelNotRegistered():
            raise _bad_body(Problem("source", "CHANNEL_NOT_REGISTERED", "this channel is not registered here"))
        case BodyRefused():
            assert refusal is not None
            raise refusal
        case _:
            assert_never(receipt.outcome)
    return {
        "eventId": str(event_id),
        "processStatus": status,
        "idempotentReplay": replay,
        "queued": receipt.queued,
        "processedInline": receipt.processed_inline,
    }


async def _read_body(headers: Mapping[str, str], receive: Receive) -> bytes:
    """The raw body, as it came. Raises Refused above 1 MiB, as soon as that is certain."""
    if states_too_much(headers.get("content-length", "")):
        raise Refused(413, "BODY_TOO_LARGE", headers={"connection": "close"})
    chunks: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise Refused(400, "REQUEST_ABORTED")
        chunk: bytes = message.get("body", b"")  # type: ignore[assignment]  # of the two kinds of message it is the request
        size += len(chunk)
        if size > MAX_BODY_BYTES:
            raise Refused(413, "BODY_TOO_LARGE", headers={"connection": "close"})
        chunks.append(chunk)
        if not message.get("more_body", False):
            return b"".join(chunks)
