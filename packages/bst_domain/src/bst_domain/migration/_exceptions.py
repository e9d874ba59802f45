"""What is listed by name after a batch, because a person should look at it.

Source of the rules: semantics 9, the legacy data's truth_exceptions.csv.
"""

from collections.abc import Iterable, Sequence
from enum import StrEnum

from attrs import frozen

from bst_domain.migration._backfill import BackfilledRefs, LegacySystem, Rejection, backfilled_refs
from bst_domain.migration._legacy_case import LegacyCase, party_and_total, reading_of, row_of
from bst_domain.migration._legacy_money import raw_status
from bst_domain.migration._legacy_rows import LegacyBooking, LegacyPaid, SourceRow
from bst_domain.migration._rejecting import active_items, is_sane_amount
from bst_domain.values import FulfilmentStatus, PaymentStatus


class ExceptionKind(StrEnum):
    """What is listed by name after a batch, so that a person can look at it."""

    REJECTED_ROW = "REJECTED_ROW"
    ORPHAN_PAYMENT = "ORPHAN_PAYMENT"
    STORED_DONE_UNSETTLED = "STORED_DONE_UNSETTLED"
    PAX_MISMATCH = "PAX_MISMATCH"
    DONE_NOT_PAID = "DONE_NOT_PAID"
    UNKNOWN_PAYMENT_WORD = "UNKNOWN_PAYMENT_WORD"
    CONTENT_CUT = "CONTENT_CUT"


class Orphaned(StrEnum):
    """Why a payment has no booking."""

    BOOKING_DELETED = "BOOKING_DELETED"
    BOOKING_REJECTED = "BOOKING_REJECTED"


@frozen(kw_only=True)
class MigrationException:
    """One line of an exception list. ``ref`` is normalised and no longer than a person wants to read."""

    kind: ExceptionKind
    row: SourceRow
    channel: str
    ref: str
    detail: str


_SHOWN_REF = 140


def rejected_exceptions(row: LegacyBooking, why: Rejection) -> list[MigrationException]:
    """The rejected row, and the payments that lose their booking with it."""
    ref = shown_ref(row)
    orphans = [orphan(paid, Orphaned.BOOKING_REJECTED, channel=row.channel, ref=ref) for paid in row.payments]
    return [_exception(ExceptionKind.REJECTED_ROW, row, why.value, ref), *orphans]


def orphan(paid: LegacyPaid, why: Orphaned, *, channel: str = "", ref: str = "") -> MigrationException:
    """A payment without a booking. It is queued, too, so that somebody links it."""
    return MigrationException(
        kind=ExceptionKind.ORPHAN_PAYMENT,
        row=SourceRow(LegacySystem.SHOP, "Payment", paid.payment_id),
        channel=channel,
        ref=ref,
        detail=why.value,
    )


def stored_done_exceptions(row: LegacyBooking) -> list[MigrationException]:
    """The old admin calls it DONE though its suppliers are not settled."""
    finance = row.finance
    if row.ops_status != "DONE" or (finance is not None and 0 < finance.items <= finance.items_paid):
        return []
    detail = "NO_FINANCE" if finance is None else "PENDING"
    ref = "" if row.ref is None else "".join(row.ref.split()).upper()
    return [_exception(ExceptionKind.STORED_DONE_UNSETTLED, row, detail, ref)]


def case_exceptions(case: LegacyCase) -> list[MigrationException]:
    """A surviving row whose items count other travellers than its header."""
    row = case.survivor
    active = active_items(row)
    adult, child, _, _ = party_and_total(row, active)
    if not active or (adult, child) == (row.adult, row.child or 0):
        return []
    detail = f"booking {row.adult}+{row.child or 0} items {adult}+{child}"
    return [_exception(ExceptionKind.PAX_MISMATCH, row, detail, case.identity.ref)]


def rejected_payments(row: LegacyBooking) -> list[MigrationException]:
    """Payments of an amount that is none: they are not counted, and somebody should look at them."""
    return [
        MigrationException(
            kind=ExceptionKind.REJECTED_ROW,
            row=SourceRow(LegacySystem.SHOP, "Payment", paid.payment_id),
            channel=row.channel,
            ref=shown_ref(row),
            detail=Rejection.AMOUNT_OUT_OF_RANGE.value,
        )
        for paid in row.payments
        if not is_sane_amount(paid.amount)
    ]


def unknown_word_exceptions(row: LegacyBooking) -> list[MigrationException]:
    """Payments whose word nobody has mapped: read as pending."""
    return [
        MigrationException(
            kind=ExceptionKind.UNKNOWN_PAYMENT_WORD,
            row=SourceRow(LegacySystem.SHOP, "Payment", paid.payment_id),
            channel=row.channel,
            ref=shown_ref(row),
            detail=raw_status(paid),
        )
        for paid in row.payments
        if not reading_of(paid).known
    ]


Rejected = Sequence[tuple[LegacyBooking, Rejection]]


def booking_exceptions(
    rows: Iterable[LegacyBooking], cases: Iterable[LegacyCase], rejected: Rejected
) -> list[MigrationException]:
    """Everything that batch D lists of these rows."""
    found = [each for row, why in rejected for each in rejected_exceptions(row, why)]
    found += [each for row in rows if row.system is LegacySystem.ADMIN for each in stored_done_exceptions(row)]
    return [*found, *(each for case in cases for each in case_exceptions(case))]


def orphaned_by_rejection(rejected: Rejected) -> list[MigrationException]:
    """The payments of rejected bookings."""
    return [each for row, why in rejected for each in rejected_exceptions(row, why)[1:]]


def money_exceptions(rows: Sequence[LegacyBooking], rejected: Rejected) -> list[MigrationException]:
    """What batch E lists of these rows, whatever their bookings come to."""
    found = [*orphaned_by_rejection(rejected), *(each for row in rows for each in unknown_word_exceptions(row))]
    return [*found, *(each for row in rows for each in rejected_payments(row))]


def rows_to_name(row: LegacyBooking) -> list[SourceRow]:
    """Every row that a list may name because of this one: itself, and its payments."""
    return [row_of(row), *(SourceRow(LegacySystem.SHOP, "Payment", paid.payment_id) for paid in row.payments)]


def shown_ref(row: LegacyBooking) -> str:
    """The normalised reference, cut where it is over-long; the made one where it is blank."""
    ref = "".join((row.ref or "").split()).upper()
    if ref:
        return ref[:_SHOWN_REF]
    made = backfilled_refs(row.system, row.row_id, None)
    return made.ref if isinstance(made, BackfilledRefs) else ""


def _exception(kind: ExceptionKind, row: LegacyBooking, detail: str, ref: str) -> MigrationException:
    return MigrationException(kind=kind, row=row_of(row), channel=row.channel, ref=ref, detail=detail)


def is_done_not_paid(fulfilment: FulfilmentStatus, payment: PaymentStatus) -> bool:
    """Whether a booking with these statuses is to be listed."""
    return fulfilment is FulfilmentStatus.DONE and payment is not PaymentStatus.PAID


def done_not_paid(case: LegacyCase, payment: PaymentStatus) -> MigrationException:
    """The suppliers are settled and the guest has not paid."""
    return _exception(ExceptionKind.DONE_NOT_PAID, case.survivor, payment.value, case.identity.ref)
