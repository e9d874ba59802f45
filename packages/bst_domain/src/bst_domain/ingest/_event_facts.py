"""What an event says: from a checked body to facts.

Source of the rules: semantics 2 to 4, event-v1 "payment of a shop event". An absent member says nothing; null blanks.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

from attrs import frozen

from bst_domain.booking import OPS_RELEVANT, BookingFacts, Evidence, Fact, FactValue, Field, PaymentFact, TerminalStatus
from bst_domain.ingest._event_members import PaymentReport
from bst_domain.ingest._event_v1 import BookingEvent
from bst_domain.values import (
    CENT,
    MAX_REF_LENGTH,
    EventType,
    Quality,
    email_quality,
    money_problem,
    name_quality,
    normalise_ref,
    parse_instant,
    phone_quality,
)
from bst_domain.vocabulary import PARTIAL_RETURN_WORDS, UnknownPaymentWord, payment_kind


@frozen
class SchemaMismatch:
    """The event was accepted, but what it says has no meaning here: a dead letter, never a guess."""

    detail: str


_CONTACT: Mapping[str, tuple[Field, Callable[[str | None], Quality]]] = {
    "name": (Field.NAME, name_quality),
    "email": (Field.EMAIL, email_quality),
    "phone": (Field.PHONE, phone_quality),
}


#: The members of ``booking`` that are registers by themselves, by their name on the wire.
_FIELDS: Mapping[str, Field] = {about.value: about for about in Field}


def facts_of(event: BookingEvent, event_id: UUID) -> BookingFacts | SchemaMismatch:
    """The facts of one event. Merging them into a booking's facts is all that processing an event means."""
    evidence = Evidence(
        event_id=event_id,
        event_time=event.event_time,
        source=event.identity.channel,
        event_type=event.event_type,
    )
    registers: dict[Field, Fact] = {
        _FIELDS[name]: Fact(_blank_is_null(value), 0, evidence) for name, value in event.booking.items()
    }
    if event.money is not None:
        registers[Field.TOTAL_PRICE] = Fact(event.money, 0, evidence)
    if event.package is not None:
        registers[Field.PACKAGE] = Fact(event.package, 0, evidence)
    for name, text in event.customer.items():
        about, quality = _CONTACT[name]
        registers[about] = Fact(_blank_is_null(text), quality(text), evidence)
    payment = _payment_fact(event, event_id)
    if isinstance(payment, SchemaMismatch):
        return payment
    created = event.event_type is EventType.CREATED
    return BookingFacts(
        registers=registers,
        created={about: fact for about, fact in registers.items() if about in OPS_RELEVANT} if created else {},
        first=evidence,
        creation=evidence if created else None,
        terminals={event_id: (TerminalStatus.CANCELLED, evidence)} if event.event_type is EventType.CANCELLED else {},
        payments={} if payment is None else {payment.key: payment},
    )


def _blank_is_null(value: str | int | None) -> FactValue:
    return None if value == "" else value


def _payment_fact(event: BookingEvent, event_id: UUID) -> PaymentFact | SchemaMismatch | None:
    stated = event.payment or _shop_report(event)
    if stated is None or isinstance(stated, SchemaMismatch):
        return stated
    kind = payment_kind(stated.provider, stated.status)
    if isinstance(kind, UnknownPaymentWord):
        return SchemaMismatch(str(kind))
    return PaymentFact(
        provider=stated.provider,
        kind=kind,
        reference=stated.reference,
        order_id=stated.order_id,
        amount=stated.amount,
        currency=stated.currency,
        instant=stated.instant,
        raw_status=stated.status,
        partially_returned=(stated.provider, stated.status.upper()) in PARTIAL_RETURN_WORDS,
        event_id=event_id,
        event_time=event.event_time,
    )


def _shop_report(event: BookingEvent) -> PaymentReport | SchemaMismatch | None:
    """The payment that the shop's own payload states, where it has a paymentRef. Its currency may be left to the booking."""
    payload = event.provider_payload
    if not isinstance(payload, dict) or payload.get("paymentRef") is None:
        return None
    reference = _short_text(payload, "paymentRef", 128)
    status = _short_text(payload, "paymentStatus", 64)
    if reference is None or status is None:
        return SchemaMismatch("raw.providerPayload: paymentRef and paymentStatus must be short, non-empty strings")
    currency = payload.get("currency")
    if currency is None:
        currency = None if event.money is None else event.money.currency
    else:
        currency = currency.strip().upper() if isinstance(currency, str) else ""
    amount = _decimal(payload.get("capturedAmount"))
    if amount is None:
        return SchemaMismatch("raw.providerPayload: capturedAmount must be a number")
    problem = money_problem("USD" if currency is None else currency, amount)  # USD: the general bounds of an amount
    if problem is not None:
        return SchemaMismatch(f"raw.providerPayload: {problem}")
    return PaymentReport(
        provider="PAYPAL",
        reference=reference,
        order_id=_short_text(payload, "orderId", 128),
        status=status,
        amount=amount.quantize(CENT),
        currency=currency,
        instant=_provider_instant(payload.get("capturePayload")) or event.event_time,
    )


@frozen
class ExternalReference:
    """Another system's name for the booking: it finds the booking, but does not make one."""

    kind: str
    ref: str


def external_references(event: BookingEvent) -> tuple[ExternalReference, ...]:
    """The shop's own booking id, where its payload states one."""
    payload = event.provider_payload
    stated = payload.get("bookingId") if isinstance(payload, dict) else None
    if isinstance(stated, bool) or not isinstance(stated, int | str):
        return ()
    ref = normalise_ref(str(stated))
    return (ExternalReference("BALISNAP_BOOKING_ID", ref),) if 0 < len(ref) <= MAX_REF_LENGTH else ()


def _short_text(payload: Mapping[str, Any], name: str, limit: int) -> str | None:
    value = payload.get(name)
    text = value.strip() if isinstance(value, str) else ""
    return text if 0 < len(text) <= limit else None


def _decimal(value: Any) -> Decimal | None:
    """A number, or a text that PayPal writes amounts as."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        amount = Decimal(value if isinstance(value, int) else str(value))
    except InvalidOperation:
        return None
    return amount if amount.is_finite() else None


def _provider_instant(payload: Any) -> datetime | None:
    """When the provider says the payment last changed, else when it was made."""
    if not isinstance(payload, dict):
        return None
    for name in ("update_time", "create_time"):
        said = payload.get(name)
        if isinstance(said, str) and (at := parse_instant(said, max_fraction_digits=9)) is not None:
            return at
    return None
