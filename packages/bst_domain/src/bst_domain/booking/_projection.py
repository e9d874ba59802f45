"""The booking that everybody sees: what the facts come to, as flat values.

``project`` is a pure function of the facts, the inputs of operations and finance, and the day in Bali. Storage writes its
result; nothing else decides what a booking is.
"""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal

from attrs import frozen

from bst_domain.booking._facts import BookingFacts, Evidence, Fact, FactValue, Field, PackageRef, shown
from bst_domain.booking._fulfilment import OpsInputs, Reason, status_with_reasons
from bst_domain.booking._packages import shown_package
from bst_domain.booking._payments import (
    PaymentFact,
    balance_of_distinct,
    distinct,
    payment_names,
    payment_status,
    reference_status,
)
from bst_domain.values import EmailKind, FulfilmentStatus, Money, PaymentKind, PaymentStatus, Quality, phone_e164


@frozen(kw_only=True)
class Contact:
    """Whom to meet and where. The flags are true for anything below a personal value."""

    name: str | None
    email: str | None
    phone: str | None
    phone_e164: str | None
    email_kind: EmailKind
    is_placeholder_name: bool
    is_placeholder_email: bool
    pickup_location: str | None
    meeting_point: str | None


@frozen(kw_only=True)
class Payment:
    """One payment reference, as its facts come to. ``latest`` is the fact that was true last."""

    status: PaymentStatus
    latest: PaymentFact
    currency: str | None


@frozen(kw_only=True)
class Booking:
    """A folded booking. Null means that nobody has said it yet, or that somebody blanked it."""

    payment_status: PaymentStatus
    fulfilment_status: FulfilmentStatus
    reasons: tuple[Reason, ...]
    booked_at: datetime  # the earliest event time
    tour_date: date | None
    tour_time: time | None
    adult: int | None
    child: int | None
    infant: int | None
    total: Money | None
    note: str | None
    package: PackageRef | None
    contact: Contact
    payments: tuple[Payment, ...]
    paid_at: datetime | None  # the earliest capture, else what the old admin noted, and only when PAID
    provenance: Mapping[str, Evidence]


def project(facts: BookingFacts, ops: OpsInputs, today: date) -> Booking:
    """What the facts come to on this day in Bali. ``facts`` must hold at least one event's."""
    if facts.first is None:
        raise ValueError("a booking needs at least one event")
    registers = shown(facts)
    said = {name: fact.value for name, fact in registers.items()}
    total = said.get(Field.TOTAL_PRICE)
    assert total is None or isinstance(total, Money)
    currency = None if total is None else total.currency
    payments = distinct(facts.payments.values())
    sums = balance_of_distinct(payments, currency)
    legacy = said.get(Field.LEGACY_PAYMENT)
    paid = payment_status(sums, None if legacy is None else PaymentStatus(str(legacy)))
    fulfilment, reasons = status_with_reasons(facts, ops, today, payment=paid, total=sums)
    return Booking(
        payment_status=paid,
        fulfilment_status=fulfilment,
        reasons=reasons,
        booked_at=facts.first.event_time,
        tour_date=_day(said.get(Field.TOUR_DATE)),
        tour_time=_clock(said.get(Field.TOUR_TIME)),
        adult=_count(said.get(Field.ADULT)),
        child=_count(said.get(Field.CHILD)),
        infant=_count(said.get(Field.INFANT)),
        total=total,
        note=_text(said.get(Field.NOTE)),
        package=shown_package(said.get(Field.PACKAGE), ops.package),
        contact=_contact(registers, said),
        payments=_payments(payments, currency, payment_names(facts.payments.values())),
        paid_at=_paid_at(payments, said.get(Field.LEGACY_PAID_AT)) if paid is PaymentStatus.PAID else None,
        provenance={name: fact.evidence for name, fact in registers.items()},
    )


def item_unit_price(booking: Booking) -> Decimal | None:
    """What one traveller pays where the channel states a total only: the total over adults and children, two decimals."""
    if booking.total is None:
        return None
    heads = max(1, (booking.adult or 0) + (booking.child or 0))
    return (booking.total.amount / heads).quantize(Decimal("0.01"))


#: An e-mail's quality was decided when it was said; it is not read again.
_EMAIL_KINDS: Mapping[int, EmailKind] = {
    Quality.PERSONAL: EmailKind.PERSONAL,
    Quality.RELAY: EmailKind.RELAY,
    Quality.PLACEHOLDER: EmailKind.PLACEHOLDER,
}


def _contact(registers: Mapping[Field, Fact], said: Mapping[Field, FactValue]) -> Contact:
    name, email = registers.get(Field.NAME), registers.get(Field.EMAIL)
    address, phone = _text(said.get(Field.EMAIL)), _text(said.get(Field.PHONE))
    return Contact(
        name=_text(said.get(Field.NAME)),
        email=address,
        phone=phone,
        phone_e164=phone_e164(phone),
        email_kind=EmailKind.ABSENT if email is None or address is None else _EMAIL_KINDS[email.quality],
        is_placeholder_name=name is None or name.quality < Quality.PERSONAL,
        is_placeholder_email=email is None or email.quality < Quality.PERSONAL,
        pickup_location=_text(said.get(Field.PICKUP_LOCATION)),
        meeting_point=_text(said.get(Field.MEETING_POINT)),
    )


def _payments(
    known: Sequence[PaymentFact], booking_currency: str | None, names: Mapping[str, tuple[str, str]]
) -> tuple[Payment, ...]:
    """One a payment, ordered by its reference. What a legacy header claims is no payment that anybody could look up."""
    by_reference: dict[tuple[str, str], list[PaymentFact]] = {}
    for fact in known:
        if fact.weak:
            continue
        by_reference.setdefault(names.get(fact.reference, (fact.provider, fact.reference)), []).append(fact)
    return tuple(
        Payment(
            status=reference_status(group, booking_currency),
            latest=(latest := max(group, key=_truth_of)),
            currency=latest.currency or booking_currency,
        )
        for _, group in sorted(by_reference.items())
    )


def _truth_of(fact: PaymentFact) -> tuple[int, datetime, datetime, int]:
    """What live events report shows a payment, whatever back-fill has brought of it."""
    return (fact.origin, fact.instant, fact.event_time, fact.event_id.int)


def _paid_at(known: Sequence[PaymentFact], noted: FactValue) -> datetime | None:
    """The earliest capture, else what the old admin noted."""
    captures = [fact.instant for fact in known if fact.kind is PaymentKind.CAPTURED and not fact.weak]
    if captures:
        return min(captures)
    return None if noted is None else datetime.fromisoformat(str(noted))


def _day(value: FactValue) -> date | None:
    return None if value is None else date.fromisoformat(str(value))


def _clock(value: FactValue) -> time | None:
    return None if value is None else time.fromisoformat(str(value))


def _count(value: FactValue) -> int | None:
    return value if isinstance(value, int) else None


def _text(value: FactValue) -> str | None:
    return value if isinstance(value, str) else None
