"""What every reader of the legacy databases must do."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import pytest

from bst_application.errors import LegacyUnreadable
from bst_application.ports.legacy import FinanceName, LegacyDatabases
from bst_domain.migration import KeyRange, LegacyBooking, LegacyPaid, LegacySystem, StoredPayment, money_alone
from bst_domain.values import BookingIdentity, ExternalRef
from bst_testing.legacy_rows import AT, legacy_booking, legacy_finance, legacy_item, legacy_paid

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

    async def test_payments_come_by_id_with_what_their_booking_is_called(self, making: Making) -> None:
        async with making(ROWS, LEFT_BEHIND).snapshot() as snapshot:
            rows = [row async for group in snapshot.payments() for row in group]
            later = [row async for group in snapshot.payments(AT + timedelta(seconds=1)) for row in group]
            at_once = [row async for group in snapshot.payments(AT) for row in group]
        assert [(row.payment_id, row.booking_id, row.booking_ref, row.has_booking) for row in rows] == [
            (21, 1, " bst-1 ", True),
            (22, 99, None, False),
        ]
        assert (rows[0].paid_at, rows[0].amount, rows[0].currency) == (AT, Decimal("150.00"), "USD")
        assert (rows[0].payment_ref, rows[0].capture_id, rows[0].order_id) == ("PAY-21", "C-21", "O-21")
        assert (later, at_once) == ([], rows)

    @pytest.mark.parametrize(
        ("name", "expected"),
        [
            ({"payment_ref": "PAY-21"}, [21]),
            ({"capture_id": "C-21"}, [21]),
            ({"order_id": "O-22"}, [22]),
            ({"shop_ids": frozenset({1, 3})}, [21]),
            ({}, []),
        ],
    )
    async def test_payments_are_found_by_any_name_or_by_their_booking(
        self, making: Making, name: dict[str, Any], expected: list[int]
    ) -> None:
        nameless: dict[str, Any] = {
            "shop_ids": frozenset(),
            **dict.fromkeys(("payment_ref", "capture_id", "order_id")),
        }
        wanted = StoredPayment(
            key=UUID(int=1),
            booking=BookingIdentity("DIRECT", ExternalRef("X")),
            paid_at=AT,
            amount=Decimal(1),
            currency="USD",
            **{**nameless, **name},
        )
        async with making(ROWS, LEFT_BEHIND).snapshot() as snapshot:
            assert [row.payment_id for row in await snapshot.payments_like([wanted])] == expected

    async def test_finances_come_with_their_booking(self, making: Making) -> None:
        async with making(ROWS, LEFT_BEHIND).snapshot() as snapshot:
            assert [name async for group in snapshot.finances() for name in group] == [FinanceName(31, 2)]

    async def test_an_empty_catalog_is_a_catalog(self, making: Making) -> None:
        async with making((), ()).snapshot() as snapshot:
            catalog = await snapshot.catalog()
        assert not any((catalog.products, catalog.variants, catalog.rates, catalog.packages))

    async def test_a_digest_says_everything_about_a_row_and_what_is_below_it(self, making: Making) -> None:
        async with making(ROWS, LEFT_BEHIND).snapshot() as snapshot:
            whole = KeyRange(0, 100)
            before = {system: await snapshot.digests(system).rows([whole]) for system in (SHOP, ADMIN)}
            lines = b"".join([block async for block in snapshot.digest_lines(SHOP)]).splitlines()
        assert {system: set(rows) for system, rows in before.items()} == {SHOP: {1, 3}, ADMIN: {2, 5}}
        assert {int(key): int(digest, 2) for key, digest in map(bytes.split, lines)} == before[SHOP]
        assert len({digest for rows in before.values() for digest in rows.values()}) == len(ROWS)

    async def test_every_row_says_its_word_and_every_payment_its_booking(self, making: Making) -> None:
        async with making(ROWS, LEFT_BEHIND).snapshot() as snapshot:
            words = {
                system: b"".join([block async for block in snapshot.word_lines(system)]).decode().splitlines()
                for system in (SHOP, ADMIN)
            }
            payments = [pair async for group in snapshot.payment_ids() for pair in group]
        assert "3\tDRAFT" in words[SHOP]
        assert sorted(words[ADMIN]) == ["2\tNEW", "5\tCANCELLED"]
        assert payments == [(21, 1), (22, 99)]

    async def test_the_same_seed_draws_the_same_rows(self, making: Making) -> None:
        many = [legacy_booking(ADMIN, at, f"R-{at}") for at in range(1, 40)]
        async with making(many, ()).snapshot() as snapshot:
            drawn = [await snapshot.sample(ADMIN, seed, 10) for seed in (1, 1, 2)]
            assert await snapshot.sample(SHOP, 1, 10) == []
            assert len(await snapshot.sample(ADMIN, 1, 100)) == 39
        assert drawn[0] == drawn[1] != drawn[2]
        assert [len(set(rows)) for rows in drawn] == [10, 10, 10]

    async def test_what_lacks_something_cannot_be_opened(self, unreadable: LegacyDatabases) -> None:
        with pytest.raises(LegacyUnreadable, match="is missing"):
            async with unreadable.snapshot():
                pass
