"""Bookings that back-fill made and nobody has touched since: what their tables show is enough to move their money in.

A booking's facts are many times as large as what decides its statuses. As long as nobody but back-fill has said anything, that is
in the columns that show it, and moving money needs no more.
"""

from datetime import UTC, date, datetime
from typing import Final
from uuid import UUID

from attrs import evolve, frozen

from bst_domain.booking import (
    NOTHING,
    BookingFacts,
    Evidence,
    Fact,
    FactValue,
    Field,
    PackageRef,
    Reason,
    TerminalStatus,
)
from bst_domain.values import EventType, FulfilmentStatus, Money, PaymentStatus, Quality


@frozen(kw_only=True)
class Untouched:
    """What is shown of such a booking before it has any payment. ``package`` is what was said, whatever it is mapped to."""

    payment_status: PaymentStatus
    fulfilment_status: FulfilmentStatus
    reasons: tuple[Reason, ...]
    tour_date: date | None
    adult: int | None
    total: Money | None
    package: PackageRef | None
    paid_at: datetime | None


_SOMEBODY: Final = Evidence(
    event_id=UUID(int=0), event_time=datetime(1970, 1, 1, tzinfo=UTC), source="", event_type=EventType.CREATED, origin=0
)
_LATER: Final = evolve(_SOMEBODY, event_time=datetime(1970, 1, 2, tzinfo=UTC))
_CHANGE: Final = {Field.LEGACY_CHANGE: Fact("UPDATED", 0, evolve(_SOMEBODY, event_type=EventType.UPDATED))}
_NOTED_LATER: Final = {Field.NOTE: Fact("", 0, _LATER)}
_CONTACT: Final = {about: Fact("", Quality.PERSONAL, _SOMEBODY) for about in (Field.NAME, Field.EMAIL)}
_PLACEHOLDER: Final = {about: Fact("", Quality.PLACEHOLDER, _SOMEBODY) for about in (Field.NAME, Field.EMAIL)}
_TERMINALS: Final = {FulfilmentStatus(status): {_SOMEBODY.event_id: (status, _SOMEBODY)} for status in TerminalStatus}


def facts_of_untouched(booking: Untouched) -> BookingFacts:
    """Facts that come to the same statuses, payments and time of payment as the booking's own, whatever payments and finance
    are added, on whatever day. For nothing else: names, stamps and most fields are not in it."""
    paid_at = booking.paid_at
    said: dict[Field, FactValue] = {
        Field.LEGACY_PAYMENT: booking.payment_status.value,
        Field.TOUR_DATE: None if booking.tour_date is None else booking.tour_date.isoformat(),
        Field.ADULT: booking.adult,
        Field.TOTAL_PRICE: booking.total,
        Field.PACKAGE: booking.package,
        Field.LEGACY_PAID_AT: None if paid_at is None else paid_at.isoformat(),
    }
    registers = {about: Fact(value, 0, _SOMEBODY) for about, value in said.items() if value is not None}
    registers |= _PLACEHOLDER if Reason.PLACEHOLDER_CONTACT in booking.reasons else _CONTACT
    if Reason.UNACKNOWLEDGED_CHANGE in booking.reasons:
        registers |= _CHANGE
    if Reason.CHANGED_AFTER_CANCEL in booking.reasons:
        registers |= _NOTED_LATER
    terminals = _TERMINALS.get(booking.fulfilment_status, NOTHING.terminals)
    return BookingFacts(registers=registers, first=_SOMEBODY, creation=_SOMEBODY, terminals=terminals)
