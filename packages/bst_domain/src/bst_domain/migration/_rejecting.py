"""Which legacy rows are not moved in, and why: each is reported by name.

Source of the rules: semantics 9, the legacy data's readings 1 to 4; the legacy columns hold more than ours do.
"""

from decimal import Decimal

from bst_domain.migration._backfill import BackfilledRefs, Rejection, backfilled_refs
from bst_domain.migration._legacy_rows import LegacyBooking, LegacyItem
from bst_domain.values import AMOUNT_LIMIT, Source


def active_items(row: LegacyBooking) -> list[LegacyItem]:
    """Those that are not cancelled, the lowest id first."""
    if not row.items:
        return []
    return sorted((item for item in row.items if not item.cancelled), key=lambda item: item.item_id)


_CHANNELS = frozenset(Source)


def identify(row: LegacyBooking) -> BackfilledRefs | Rejection:
    """What the row's booking is called, or why it is not moved in: an amount that is none, a negative total, a channel that
    nobody knows, then an over-long reference."""
    if not _has_sane_amounts(row):
        return Rejection.AMOUNT_OUT_OF_RANGE
    if row.total < 0:
        return Rejection.NEGATIVE_TOTAL
    if row.channel not in _CHANNELS:
        return Rejection.UNKNOWN_CHANNEL
    return backfilled_refs(row.system, row.row_id, row.ref)


def is_sane_amount(amount: Decimal) -> bool:
    """A number that numeric(12,2) holds. The legacy columns hold greater ones, and NaN."""
    return amount.is_finite() and abs(amount) < AMOUNT_LIMIT


def _has_sane_amounts(row: LegacyBooking) -> bool:
    if not is_sane_amount(row.total):
        return False
    if not row.items:
        return True
    active = active_items(row)
    parts = [
        amount
        for item in active
        for amount in (item.total, item.adult_unit_price, item.child_unit_price, item.discount, item.tax)
    ]
    return all(map(is_sane_amount, parts)) and is_sane_amount(sum((item.total for item in active), Decimal(0)))
