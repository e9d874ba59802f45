"""A booking's row that no event stands behind: the predecessor's own, brought in as it stood.

Source of the rules: semantics 1, 5 and 9. Meeting such a row is a merge, and what it says is what a back-filled row says: facts
of origin 0 that count as CREATED, with the payment status as the header's word; UPDATED is a change that nobody has seen yet.
Without them the first event, or the first edit, would leave nothing of the row.
"""

from collections.abc import Callable
from datetime import date, datetime, time
from uuid import UUID

from attrs import evolve, frozen

from bst_domain.booking._facts import (
    NOTHING,
    BookingFacts,
    Evidence,
    Fact,
    FactValue,
    Field,
    PackageRef,
    TerminalStatus,
)
from bst_domain.values import (
    EventType,
    FulfilmentStatus,
    Money,
    PaymentStatus,
    email_quality,
    name_quality,
    phone_quality,
)


@frozen(kw_only=True)
class TakenOverRow:
    """What such a row holds; null where it holds nothing."""

    key: UUID
    channel: str
    booked_at: datetime
    payment_status: PaymentStatus
    fulfilment_status: FulfilmentStatus
    tour_date: date | None = None
    tour_time: time | None = None
    adult: int | None = None
    child: int | None = None
    infant: int | None = None
    total: Money | None = None
    note: str | None = None
    package: PackageRef | None = None
    name: str | None = None
    email: str | None = None
    phone: str | None = None
    pickup_location: str | None = None
    meeting_point: str | None = None


_RANKS: dict[Field, Callable[[str], int]] = {
    Field.NAME: name_quality,
    Field.EMAIL: email_quality,
    Field.PHONE: phone_quality,
}


def facts_of_row(row: TakenOverRow) -> BookingFacts:
    """The same facts each time that the row is read: the booking's key stands for the event that nobody has."""
    evidence = Evidence(
        event_id=row.key, event_time=row.booked_at, source=row.channel, event_type=EventType.CREATED, origin=0
    )
    said: dict[Field, FactValue] = {
        Field.TOUR_DATE: None if row.tour_date is None else row.tour_date.isoformat(),
        Field.TOUR_TIME: None if row.tour_time is None else f"{row.tour_time:%H:%M}",
        Field.ADULT: row.adult,
        Field.CHILD: row.child,
        Field.INFANT: row.infant,
        Field.TOTAL_PRICE: row.total,
        Field.NOTE: row.note,
        Field.PACKAGE: row.package,
        Field.NAME: row.name,
        Field.EMAIL: row.email,
        Field.PHONE: row.phone,
        Field.PICKUP_LOCATION: row.pickup_location,
        Field.MEETING_POINT: row.meeting_point,
        Field.LEGACY_PAYMENT: row.payment_status.value,
    }
    registers = {
        about: Fact(value, _RANKS[about](str(value)) if about in _RANKS else 0, evidence)
        for about, value in said.items()
        if value not in {None, ""}
    }
    facts = evolve(NOTHING, registers=registers, created=registers, first=evidence, creation=evidence)
    if (terminal := row.fulfilment_status.value) in set(TerminalStatus):
        return evolve(facts, terminals={row.key: (TerminalStatus(terminal), evidence)})
    if row.fulfilment_status is FulfilmentStatus.UPDATED:
        change = Fact(row.fulfilment_status.value, 0, evolve(evidence, event_type=EventType.UPDATED))
        return evolve(facts, registers={**registers, Field.LEGACY_CHANGE: change})
    return facts
