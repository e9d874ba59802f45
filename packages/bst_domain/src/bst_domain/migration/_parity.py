"""Whether core and the old admin show the same booking, field by field.

Source of the rules: predecessor gates BG-01, with defect 99 closed: matched on channel and reference, and note, payment and
dates compared, too. The old admin's status is what its own rule makes of its row today (predecessor rules 1a): a status that
only nobody has synchronised yet is no disagreement between the systems.
"""

from collections.abc import Mapping
from datetime import date
from enum import StrEnum

from attrs import frozen

from bst_domain.migration._legacy_rows import LegacyBooking
from bst_domain.values import FulfilmentStatus, PaymentStatus, bali_day, is_clock_time


class ParityField(StrEnum):
    """What is compared."""

    STATUS = "status"
    SOURCE = "source"
    MEETING_POINT = "meetingPoint"
    DRIVER = "driver"
    NOTE = "note"
    PAYMENT = "payment"
    TOUR_DATE = "tourDate"
    TOUR_TIME = "tourTime"


#: Those that make a row of BG-01's list differ for callers of the predecessor; the others are compared and reported beside them.
LIST_FIELDS = frozenset({ParityField.STATUS, ParityField.SOURCE, ParityField.MEETING_POINT, ParityField.DRIVER})


@frozen(kw_only=True)
class SeenBooking:
    """A booking as core answers it, as far as it is compared."""

    channel: str
    ref: str
    status: str
    payment: str
    driver_id: int | None
    meeting_point: str | None
    note: str | None
    tour_date: date | None
    tour_time: str | None  # HH:MM


@frozen(kw_only=True)
class Differing:
    """A field in which they differ, as texts for people."""

    about: ParityField
    core: str
    legacy: str


def parity_differences(core: SeenBooking, legacy: LegacyBooking, today: date) -> tuple[Differing, ...]:
    """In the order of the fields. ``today`` is the day in Bali. What the old admin leaves blank says nothing (semantics 3)."""
    ours = {
        ParityField.STATUS: core.status,
        ParityField.SOURCE: core.channel,
        ParityField.MEETING_POINT: _text(core.meeting_point),
        ParityField.DRIVER: _text(core.driver_id),
        ParityField.NOTE: _text(core.note),
        ParityField.PAYMENT: core.payment,
        ParityField.TOUR_DATE: _text(core.tour_date),
        ParityField.TOUR_TIME: _text(core.tour_time),
    }
    theirs = _legacy(legacy, core, today)
    return tuple(
        Differing(about=about, core=ours[about], legacy=theirs[about])
        for about in ParityField
        if about in theirs and theirs[about] != ours[about]
    )


def _legacy(row: LegacyBooking, core: SeenBooking, today: date) -> Mapping[ParityField, str]:
    """What the old admin states; a field that it does not state is left out."""
    clock = (row.tour_time or "").strip()
    stated = {
        ParityField.STATUS: legacy_status(row, today).value,
        ParityField.SOURCE: row.channel,
        ParityField.MEETING_POINT: _text(row.meeting_point),
        ParityField.DRIVER: _text(row.driver_id),
        ParityField.NOTE: _text(row.note),
        ParityField.PAYMENT: _payment(row, core.payment),
        ParityField.TOUR_DATE: bali_day(row.tour_at).isoformat(),
        ParityField.TOUR_TIME: clock if is_clock_time(clock) else "",
    }
    return {about: text for about, text in stated.items() if text or about is ParityField.DRIVER}


def _payment(row: LegacyBooking, core: str) -> str:
    """is_paid of a channel is the customer's payment; of a direct booking the shop's payments decide, and is_paid only proves
    that there was one: what core shows stands where that does not contradict it."""
    if row.is_paid:
        return core if core in {PaymentStatus.PAID, PaymentStatus.REFUNDED} else PaymentStatus.PAID.value
    if row.channel == "DIRECT":
        return ""
    return PaymentStatus.PENDING_PAYMENT.value


def legacy_status(row: LegacyBooking, today: date) -> FulfilmentStatus:
    """The old admin's own rule on its own row. First match wins; DONE needs an item."""
    status, finance = FulfilmentStatus, row.finance
    if row.ops_status in {status.CANCELLED, status.NO_SHOW}:
        return status(row.ops_status)
    if finance is not None and finance.items and finance.items_paid == finance.items:
        return status.DONE
    if finance is not None and finance.validated_at is not None:
        return status.COMPLETED
    if bali_day(row.tour_at) <= today:
        return status.ATTENTION
    if row.ops_status == status.UPDATED:
        return status.UPDATED
    staffed = row.driver_id is not None and finance is not None and finance.pattern_id is not None
    return status.READY if staffed else status.NEW


def _text(value: object) -> str:
    return "" if value is None else " ".join(str(value).split())
