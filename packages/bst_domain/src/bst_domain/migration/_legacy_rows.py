"""What back-fill reads of the two legacy databases: one value a row, times as instants in UTC, amounts with two decimals.

The shop (balisnap) has items and payments, the old admin (bstadmin) has operations and finance; what a system does not know is
left at its default.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import evolve, frozen

from bst_domain.migration._backfill import LegacySystem


@frozen(kw_only=True)
class LegacyItem:
    """A row of the shop's BookingItem. Cancelled ones count for nothing."""

    item_id: int
    variant_id: int
    departure_id: int | None
    cancelled: bool
    currency: str
    adult: int
    child: int
    infant: int
    adult_unit_price: Decimal
    child_unit_price: Decimal
    discount: Decimal
    tax: Decimal
    total: Decimal
    snapshot: Any = None
    travellers: Sequence[Mapping[str, Any]] = ()


@frozen(kw_only=True)
class LegacyPaid:
    """A row of the shop's Payment, as it stands there."""

    payment_id: int
    booking_id: int
    paid_at: datetime  # payment_date: the rows' own order misleads
    amount: Decimal
    currency: str
    method: str
    status: str
    status_v2: str | None
    gateway: str | None = None
    order_id: str | None = None
    capture_id: str | None = None
    payment_ref: str | None = None
    raw: Any = None


@frozen(kw_only=True)
class LegacyFinance:
    """A row of the old admin's booking_finances, with its items counted."""

    finance_id: int
    pattern_id: int | None
    validated_at: datetime | None
    locked: bool
    items: int
    items_paid: int


@frozen(kw_only=True)
class LegacyBooking:
    """A row of the shop's Booking or of the old admin's bookings. ``ref`` is as stored, blank or not."""

    system: LegacySystem
    row_id: int
    channel: str
    ref: str | None
    tour_at: datetime
    created_at: datetime
    updated_at: datetime
    currency: str
    total: Decimal
    adult: int
    child: int | None
    package_id: int | None
    name: str
    email: str
    phone: str
    meeting_point: str
    note: str | None
    # the shop's
    status: str = ""
    status_v2: str | None = None
    items: Sequence[LegacyItem] = ()
    payments: Sequence[LegacyPaid] = ()
    # the old admin's
    ops_status: str = "NEW"
    tour_time: str | None = None
    pickup_location: str = ""
    driver_id: int | None = None
    assigned_at: datetime | None = None
    is_paid: bool = False
    paid_at: datetime | None = None
    finance: LegacyFinance | None = None


def money_alone(row: LegacyBooking) -> LegacyBooking:
    """The row with what its money depends on: no guest, no tour, no travellers. What is left out is blank, or updated_at."""
    return evolve(
        row,
        tour_at=row.updated_at,
        created_at=row.updated_at,
        adult=0,
        child=None,
        package_id=None,
        name="",
        email="",
        phone="",
        meeting_point="",
        note=None,
        items=tuple(evolve(item, snapshot=None, travellers=()) for item in row.items),
        ops_status="NEW",
        tour_time=None,
        pickup_location="",
        driver_id=None,
        assigned_at=None,
    )


@frozen
class SourceRow:
    """Names a row of a legacy database."""

    system: LegacySystem
    table: str
    row_id: int

    def __str__(self) -> str:
        return f"{self.system}:{self.table}:{self.row_id}"
