"""What every reader of the legacy databases must do."""

from collections.abc import Callable, Sequence

import pytest

from bst_application.errors import LegacyUnreadable
from bst_application.ports.legacy import LegacyDatabases
from bst_domain.migration import LegacyBooking, LegacyPaid, LegacySystem, money_alone
from bst_testing.legacy_rows import legacy_booking, legacy_finance, legacy_item, legacy_paid

SHOP, ADMIN = LegacySystem.SHOP, LegacySystem.ADMIN
ROWS = (
    legacy_booking(
        SHOP, 1, " bst-1 ", items=(legacy_item(11), legacy_item(12, cancelled=True)), payments=(legacy_paid(21, 1),)
    ),
    legacy_booking(SHOP, 3, None, status="Waiting", status_v2="DRAFT", child=1),
    legacy_booking(
        ADMIN, 2, "BST-1", is_paid=True, driver_id=7, tour_time="06:30", finance=legacy_finance(31, items=2)
    ),
    legacy_booking(ADMIN, 5, "GYG1", channel="GYG", ops_status="CANCELLED", pickup_location="Villa, Seminyak"),
)
LEFT_BEHIND = (legacy_paid(22, 99, capture_id=None),)
#: Makes databases with these bookings, and payments without one.
Making = Callable[[Sequence[LegacyBooking], Sequence[LegacyPaid]], LegacyDatabases]


class LegacyConformance:
    """A subclass gives ``making``, and ``unreadable``: databases of which something is missing."""

    async def test_names_come_shop_before_admin_by_id(self, making: Making) -> None:
        async with making(ROWS, LEFT_BEHIND).snapshot() as snapshot:
            names = [name async for group in snapshot.names() for name in group]
        assert [(name.system, name.row_id, name.channel, name.ref) for name in names] == [
            (row.system, row.row_id, row.channel, row.ref) for row in ROWS
        ]

    async def test_rows_come_with_everything_below_them(self, making: Making) -> None:
        async with making(ROWS, LEFT_BEHIND).snapshot() as snapshot:
            assert tuple(await snapshot.bookings(SHOP, [3, 1])) == ROWS[:2]
            assert tuple(await snapshot.bookings(ADMIN, [5, 2])) == ROWS[2:]

    async def test_money_comes_without_guests(self, making: Making) -> None:
        async with making(ROWS, LEFT_BEHIND).snapshot() as snapshot:
            assert tuple(await snapshot.money(SHOP, [3, 1])) == tuple(map(money_alone, ROWS[:2]))
            assert tuple(await snapshot.money(ADMIN, [5, 2])) == tuple(map(money_alone, ROWS[2:]))
            assert tuple(await snapshot.money(ADMIN, [])) == ()

    async def test_an_id_without_a_row_is_left_out(self, making: Making) -> None:
        async with making(ROWS, LEFT_BEHIND).snapshot() as snapshot:
            assert tuple(await snapshot.bookings(SHOP, [1, 2])) == ROWS[:1]
            assert tuple(await snapshot.bookings(ADMIN, [])) == ()

    async def test_payments_without_a_booking_are_found(self, making: Making) -> None:
        async with making(ROWS, LEFT_BEHIND).snapshot() as snapshot:
            assert tuple(await snapshot.payments_without_booking()) == LEFT_BEHIND

    async def test_an_empty_catalog_is_a_catalog(self, making: Making) -> None:
        async with making((), ()).snapshot() as snapshot:
            catalog = await snapshot.catalog()
        assert not any((catalog.products, catalog.variants, catalog.rates, catalog.packages))

    async def test_what_lacks_something_cannot_be_opened(self, unreadable: LegacyDatabases) -> None:
        with pytest.raises(LegacyUnreadable, match="is missing"):
            async with unreadable.snapshot():
                pass
