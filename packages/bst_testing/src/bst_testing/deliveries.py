"""Deliveries for tests: bodies with sensible defaults, as the door would hand them on."""

from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import Any

from bst_application.ids import uuid7
from bst_application.ports.event_log import NewEvent
from bst_application.use_cases.accept import Delivery
from bst_application.use_cases.ingest import new_event
from bst_domain.ingest import BookingEvent, canonical_text, decode, parse_event

#: When tests accept events, unless they say otherwise.
NOW = datetime(2026, 6, 1, 4, 0, tzinfo=UTC)


def body(
    kind: str = "CREATED", ref: str = "WEB-1", at: str = "2026-03-01T10:00:00.000Z", source: str = "DIRECT", **more: Any
) -> dict[str, Any]:
    """A valid body; ``booking``, ``customer`` and other members replace the defaults."""
    created = {"tourDate": "2031-05-01", "tourTime": "08:00", "adult": 2, "currency": "USD", "totalPrice": 150}
    defaults: dict[str, Any] = {
        "payloadVersion": "v1",
        "eventType": kind,
        "eventTime": at,
        "source": source,
        "externalBookingRef": ref,
        "booking": created if kind == "CREATED" else {},
    }
    return {**defaults, **more}


def paid(reference: str, status: str = "COMPLETED", amount: float = 150, **more: Any) -> dict[str, Any]:
    """The ``raw`` member of a shop event that states a payment."""
    payload = {"paymentRef": reference, "paymentStatus": status, "capturedAmount": amount, "currency": "USD", **more}
    return {"providerPayload": payload}


def event_of(said: dict[str, Any], key: str, *, nonce: str | None = None, now: datetime = NOW) -> NewEvent:
    """The row that the door would make of a body under an idempotency key."""
    raw = canonical_text(said).encode()
    decoded = decode(raw)
    event = parse_event(decoded, now=now + timedelta(days=3650))
    assert isinstance(event, BookingEvent), event
    return new_event(
        event=event,
        body=decoded,
        idempotency_key=key,
        nonce=nonce or str(uuid7()),
        payload_hash=sha256(raw).hexdigest(),
        now=now,
        new_id=uuid7,
    )


def delivery(said: dict[str, Any], key: str, *, nonce: str | None = None, now: datetime = NOW) -> Delivery:
    """A delivery with a fresh nonce unless one is given."""
    event = event_of(said, key, nonce=nonce, now=now)
    return Delivery(nonce=event.nonce, event=event)
