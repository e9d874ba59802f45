"""What is measured: the domain's hot paths on a body of 1 KB, as a shop sends it."""

import json
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from decimal import Decimal
from hashlib import sha256
from uuid import UUID

from bst_domain import (
    NO_OPS,
    NOTHING,
    BookingEvent,
    BookingFacts,
    CatalogRow,
    OpsInputs,
    ProductIndex,
    SignedRequest,
    System,
    Verified,
    canonical_string,
    canonical_text,
    decode,
    facts_of,
    fingerprint,
    map_status,
    merge,
    parse_event,
    project,
    sign,
    verify,
)
from bst_domain.booking import facts_from_document, facts_to_document, fulfilment_status

NOW = datetime(2026, 6, 1, 4, tzinfo=UTC)
TODAY = date(2026, 6, 1)
SECRET = "a secret of sensible length, 40 characters"
PATH = "/v1/ingest/bookings/events"
TIMESTAMP = "2026-06-01T03:59:58.123Z"


def body(kind: str, minute: int, **booking: object) -> bytes:
    """A shop's event with contact, tour, price and a payment; padded to about 1 KB by the provider's payload."""
    said = {
        "payloadVersion": "v1",
        "eventType": kind,
        "eventTime": f"2026-05-01T10:{minute:02d}:00.123Z",
        "source": "DIRECT",
        "externalBookingRef": "WEB-104200",
        "customer": {"name": "Annika Brandstaetter", "email": "annika@mail.example.org", "phone": "+49 170 1234567"},
        "booking": {
            "tourDate": "2026-07-14", "tourTime": "08:00", "adult": 2, "child": 1, "infant": 0, "currency": "USD",
            "totalPrice": 184.0, "pickupLocation": "Alaya Resort Ubud, Jalan Hanoman", "meetingPoint": "Lobby",
            "note": "Two vegetarians, one child seat", "legacyPackageId": 7, **booking,
        },
        "raw": {"providerPayload": {
            "bookingId": 1042, "paymentRef": "3C679366HH908993F", "orderId": "5O190127TN364715T",
            "paymentStatus": "COMPLETED", "capturedAmount": "184.00", "currency": "USD",
            "capturePayload": {"update_time": "2026-05-01T10:00:11Z", "links": ["x" * 60] * 3},
        }},
    }  # fmt: skip
    return json.dumps(said).encode()


def event_of(raw: bytes) -> BookingEvent:
    """The checked event of a body."""
    event = parse_event(decode(raw), now=NOW)
    assert isinstance(event, BookingEvent)
    return event


def said_by(raw: bytes, number: int) -> BookingFacts:
    """The facts of a body."""
    facts = facts_of(event_of(raw), UUID(int=number))
    assert isinstance(facts, BookingFacts)
    return facts


CREATED, UPDATED = body("CREATED", 0), body("UPDATED", 5, adult=3)
STORED = merge(NOTHING, said_by(CREATED, 1))
NEWS = said_by(UPDATED, 2)
EVENT = event_of(UPDATED)
DECODED = decode(UPDATED)
TEXT = canonical_text(DECODED)
DOCUMENT = facts_to_document(merge(STORED, NEWS))
READY = OpsInputs(driver_assigned=True, cost_pattern_set=True)


def request(raw: bytes) -> SignedRequest:
    """The request that carries a body, signed."""
    canonical = canonical_string(
        method="POST", path=PATH, timestamp=TIMESTAMP, nonce="nonce-00001", idempotency_key="key-1",
        body_hash=sha256(raw).hexdigest(),
    )  # fmt: skip
    return SignedRequest(
        method="POST", path=PATH, timestamp=TIMESTAMP, nonce="nonce-00001", idempotency_key="key-1", body=raw,
        algorithm="HMAC-SHA256", signature=sign(SECRET, canonical),
    )  # fmt: skip


REQUEST = request(UPDATED)
INDEX = ProductIndex(
    (UUID(int=number), CatalogRow(name=f"Tour number {number}", slug=f"tour-{number}", price=Decimal(50)))
    for number in range(300)
)
ROW = CatalogRow(
    name="TOUR & Number 299 Full Day Tour", slug="something-else", legacy_package_id=4711, price=Decimal(50)
)


def fold() -> None:
    """One event into a booking: its facts, the merge, and everything that the booking shows."""
    facts = facts_of(EVENT, UUID(int=2))
    assert isinstance(facts, BookingFacts)
    project(merge(STORED, facts), NO_OPS, TODAY)


def let_in() -> None:
    """Signature, decoding and validation of a request; the canonical fingerprint apart."""
    assert isinstance(verify(REQUEST, secrets=[SECRET], now=NOW), Verified)
    assert isinstance(parse_event(decode(REQUEST.body), now=NOW), BookingEvent)


#: Name -> (what runs, goal in microseconds or None). Goals: the project's performance page.
CASES: Mapping[str, tuple[Callable[[], object], float | None]] = {
    "fold an event into a booking": (fold, 60),
    "let a request in: signature, decode, validate": (let_in, 30),
    "  signature alone": (lambda: verify(REQUEST, secrets=[SECRET], now=NOW), None),
    "  decode alone": (lambda: decode(UPDATED), None),
    "  validate alone": (lambda: parse_event(DECODED, now=NOW), None),
    "canonical text and fingerprint": (lambda: fingerprint(canonical_text(DECODED)), None),
    "facts of an event": (lambda: facts_of(EVENT, UUID(int=2)), None),
    "merge": (lambda: merge(STORED, NEWS), None),
    "project": (lambda: project(STORED, NO_OPS, TODAY), None),
    "fulfilment status": (lambda: fulfilment_status(STORED, READY, TODAY), None),
    "facts to document": (lambda: facts_to_document(STORED), None),
    "facts from document": (lambda: facts_from_document(DOCUMENT), None),
    "map a raw status": (lambda: map_status(System.OCTO, "cancellation.refund", "FULL"), None),
    "match a catalog row among 300": (lambda: INDEX.match(ROW), None),
}


def reference() -> None:
    """What everything is compared with: reading the same body with the standard library, and its SHA-256."""
    json.loads(UPDATED)
    sha256(UPDATED).hexdigest()
