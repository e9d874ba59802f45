"""BookingIngestEventV1: the body of an ingest request, checked member by member.

Source of the rules: contracts/booking-ingest-event-v1 (the JSON Schema there says the same). Every problem is found in one
pass, in the order of the contract; the first one's code becomes ``error.message``.
"""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar

from attrs import field, frozen

from bst_domain.booking import PackageRef
from bst_domain.ingest._event_members import Checker, PaymentReport, Problem, read_booking, read_customer, read_payment
from bst_domain.values import (
    MAX_REF_LENGTH,
    BookingIdentity,
    EventType,
    ExternalRef,
    Money,
    Source,
    normalise_ref,
    parse_instant,
)

EARLIEST_EVENT_TIME = datetime(2000, 1, 1, tzinfo=UTC)
MAX_EVENT_LEAD = timedelta(hours=24)


@frozen(kw_only=True)
class BookingEvent:
    """A body that passed. ``customer`` and ``booking`` hold only members that were sent; null is kept as None.

    Prices are under ``money``, the package reference under ``package``, the rest under its wire name.
    """

    event_type: EventType
    event_time: datetime
    identity: BookingIdentity
    customer: Mapping[str, str | None]
    booking: Mapping[str, str | int | None]
    money: Money | None
    package: PackageRef | None
    payment: PaymentReport | None
    provider_payload: Any = field(repr=False)


def parse_event(body: Any, *, now: datetime) -> BookingEvent | tuple[Problem, ...]:
    """Checks a decoded body. ``now`` bounds the event time: at most 24 hours ahead."""
    if not isinstance(body, dict):
        return (Problem("", "INVALID_INGEST_PAYLOAD", "the body must be a JSON object"),)
    check = Checker()
    version = check.word(body, "payloadVersion")
    if version is not None and version != "V1":
        code = f"UNSUPPORTED_PAYLOAD_VERSION:{body['payloadVersion'].strip()[:64]}"
        check.wrong("payloadVersion", "payloadVersion must be v1", code)
    event_type = _member(check, body, "eventType", _EVENT_TYPES, "UNSUPPORTED_EVENT_TYPE")
    event_time = _event_time(check, body, now)
    source = _member(check, body, "source", _SOURCES, "UNSUPPORTED_SOURCE")
    ref = _ref(check, body)
    customer = read_customer(check, body)
    parts, price, package = read_booking(check, body, created=event_type is EventType.CREATED)
    payment = read_payment(check, body)
    raw = body.get("raw", {})
    if not isinstance(raw, dict):
        check.wrong("raw", "raw must be an object")
    if check.problems:
        return tuple(check.problems)
    assert event_type is not None
    assert event_time is not None
    assert source is not None
    return BookingEvent(
        event_type=event_type,
        event_time=event_time,
        identity=BookingIdentity(source.value, ref),
        customer=customer,
        booking=parts,
        money=price,
        package=package,
        payment=payment,
        provider_payload=raw.get("providerPayload"),
    )


_Word = TypeVar("_Word", EventType, Source)
_EVENT_TYPES: Mapping[str, EventType] = {kind.value: kind for kind in EventType}
_SOURCES: Mapping[str, Source] = {source.value: source for source in Source}


def _member(check: Checker, body: Mapping[str, Any], name: str, kinds: Mapping[str, _Word], code: str) -> _Word | None:
    word = check.word(body, name)
    if word is None:
        return None
    known = kinds.get(word)
    if known is None:
        check.wrong(name, f"{name} must be one of {', '.join(kinds)}", f"{code}:{word[:64]}")
    return known


def _event_time(check: Checker, body: Mapping[str, Any], now: datetime) -> datetime | None:
    word = check.word(body, "eventTime")
    if word is None:
        return None
    at = parse_instant(body["eventTime"].strip())
    if at is None:
        check.wrong("eventTime", "eventTime must be an ISO 8601 instant with a zone", "INVALID_EVENT_TIME")
        return None
    if not EARLIEST_EVENT_TIME <= at <= now + MAX_EVENT_LEAD:
        check.wrong(
            "eventTime",
            "eventTime must not be before 2000 or more than 24 hours ahead",
            "EVENT_TIME_OUT_OF_RANGE",
        )
        return None
    return at


def _ref(check: Checker, body: Mapping[str, Any]) -> ExternalRef:
    if check.word(body, "externalBookingRef") is None:
        return ExternalRef("")
    ref = normalise_ref(body["externalBookingRef"])
    if len(ref) > MAX_REF_LENGTH:
        check.wrong("externalBookingRef", f"externalBookingRef must have at most {MAX_REF_LENGTH} characters")
    return ref
