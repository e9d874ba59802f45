"""What every storage of back-fill must do, told through the use cases. Source of the rules: semantics 9."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from decimal import Decimal
from uuid import UUID

import pytest

from bst_application.ports.backfill import AnotherRuns, BackfillStore, Position, Run
from bst_application.ports.bookings import StoredBooking
from bst_application.use_cases.backfill import Backfill, Tally
from bst_application.use_cases.move_bookings import MoveBookings
from bst_application.use_cases.move_money import MoveMoney
from bst_domain.booking import PACKAGE_REF_KIND, PackageRef, PackageRefType, Reason
from bst_domain.migration import (
    ExceptionKind,
    LegacyBooking,
    LegacySystem,
    MigrationException,
    PackageMap,
    QueueType,
    SourceRow,
    ToQueue,
)
from bst_domain.values import BookingIdentity, ChannelReference, ExternalRef, FulfilmentStatus, PaymentStatus
from bst_testing.fakes.legacy import MemoryLegacy
from bst_testing.legacy_rows import legacy_booking, legacy_finance, legacy_paid

NOW = datetime(2026, 3, 1, tzinfo=UTC)
SHOP, ADMIN = LegacySystem.SHOP, LegacySystem.ADMIN
BST_1 = BookingIdentity("DIRECT", ExternalRef("BST-1"))
ROWS = (
    legacy_booking(SHOP, 1, "bst-1", payments=(legacy_paid(21, 1),)),
    legacy_booking(SHOP, 2, None),
    legacy_booking(ADMIN, 1, "BST-1", driver_id=7, finance=legacy_finance(31)),
    legacy_booking(ADMIN, 2, "GYG1", channel="GYG", total=Decimal("-1.00")),
)
ORPHAN = ToQueue(
    type=QueueType.PAYMENT_LINKAGE, row=SourceRow(SHOP, "Payment", 5), reason="BOOKING_DELETED", detail="gone"
)


async def move(store: BackfillStore, *rows: LegacyBooking, run: Run | None) -> Tally:
    """Batch D, on as many runs as there are chunks of two rows."""
    work = MoveBookings(packages=PackageMap(), as_of=NOW, now=NOW)
    async with MemoryLegacy(rows=rows).snapshot() as snapshot:
        return await Backfill(store=store, work=work, chunk_rows=2)(snapshot, run)


async def moved(store: BackfillStore, *rows: LegacyBooking) -> tuple[Tally, Tally]:
    """Batches D and E, each to its end."""
    tallies = []
    for batch, work in (
        ("D", MoveBookings(packages=PackageMap(), as_of=NOW, now=NOW)),
        ("E", MoveMoney(as_of=NOW, now=NOW)),
    ):
        async with (
            MemoryLegacy(rows=rows).snapshot() as snapshot,
            store.running(batch, now=NOW, script="suite", checksum="0") as run,
        ):
            tallies.append(await Backfill(store=store, work=work, chunk_rows=2)(snapshot, run))
            await store.finish(run, rows=0)
    return tallies[0], tallies[1]


async def stored(store: BackfillStore, identity: BookingIdentity) -> StoredBooking | None:
    async with store.moving() as tx:
        return (await tx.load([identity])).get(identity)


#: A package of the old admin that the catalog bridge could not map.
NAMED = ChannelReference("GYG", PACKAGE_REF_KIND, "7")
OF_A_PACKAGE = legacy_booking(ADMIN, 5, "GYG5", channel="GYG", package_id=7)
GYG_5 = BookingIdentity("GYG", ExternalRef("GYG5"))
#: Writes a mapping of a package to a product, and returns the product's key.
MappingIt = Callable[[ChannelReference], Awaitable[UUID]]


class BackfillConformance:
    """A subclass gives ``store`` and ``map_it``."""

    async def test_what_a_person_has_mapped_holds_for_moved_bookings_too(
        self, store: BackfillStore, map_it: MappingIt
    ) -> None:
        product = await map_it(NAMED)
        await moved(store, OF_A_PACKAGE)
        booking = await stored(store, GYG_5)
        assert booking is not None
        assert booking.ops.package == PackageRef(PackageRefType.CATALOG_PRODUCT, product, 7)
        assert Reason.UNMAPPED_PACKAGE not in booking.statuses.reasons
        again, _ = await moved(store, OF_A_PACKAGE)
        assert (again.changed, again.written) == (0, 0)

    async def test_what_is_mapped_later_is_met_by_the_next_run(self, store: BackfillStore, map_it: MappingIt) -> None:
        await moved(store, OF_A_PACKAGE)
        await map_it(NAMED)
        again, _ = await moved(store, OF_A_PACKAGE)
        assert again.changed == 1
        booking = await stored(store, GYG_5)
        assert booking is not None
        assert Reason.UNMAPPED_PACKAGE not in booking.statuses.reasons

    async def test_what_was_moved_in_is_found(self, store: BackfillStore) -> None:
        bookings, _ = await moved(store, *ROWS)
        assert (bookings.created, bookings.rejected) == (2, 1)
        booking = await stored(store, BST_1)
        assert booking is not None
        assert booking.statuses.payment is PaymentStatus.PAID
        assert booking.statuses.fulfilment is FulfilmentStatus.DONE
        assert booking.ops.driver_assigned
        assert {fact.reference for fact in booking.facts.payments.values()} == {"C-21"}
        assert await stored(store, BookingIdentity("GYG", ExternalRef("GYG1"))) is None

    async def test_a_second_run_writes_nothing(self, store: BackfillStore) -> None:
        await moved(store, *ROWS)
        again = await moved(store, *ROWS)
        assert [(tally.created, tally.changed, tally.written) for tally in again] == [(0, 0, 0), (0, 0, 0)]

    async def test_a_blank_reference_has_another_name(self, store: BackfillStore) -> None:
        await moved(store, *ROWS)
        own = await stored(store, BookingIdentity("DIRECT", ExternalRef("BS-2")))
        alias = await stored(store, BookingIdentity("DIRECT", ExternalRef("DIRECT-2")))
        assert own is not None
        assert alias == own

    async def test_a_transaction_that_fails_leaves_nothing(self, store: BackfillStore) -> None:
        with pytest.raises(RuntimeError, match="in the middle"):
            async with store.moving() as tx:
                assert await tx.queue([ORPHAN], now=NOW) == 1
                raise RuntimeError("in the middle")
        async with store.moving() as tx:
            assert await tx.queue([ORPHAN], now=NOW) == 1

    async def test_what_is_queued_is_queued_once(self, store: BackfillStore) -> None:
        async with store.moving() as tx:
            assert await tx.queue([ORPHAN], now=NOW) == 1
        async with store.moving() as tx:
            assert await tx.queue([ORPHAN], now=NOW) == 0

    async def test_exceptions_may_be_listed_and_taken_off(self, store: BackfillStore) -> None:
        row = SourceRow(SHOP, "Booking", 1)
        said = MigrationException(kind=ExceptionKind.REJECTED_ROW, row=row, channel="DIRECT", ref="X", detail="why")
        for exceptions in ([said], [said], []):
            async with store.moving() as tx:
                await tx.list_exceptions("D", [row], exceptions)
            async with store.moving() as tx:
                assert await tx.listed("D") >= {each.row for each in exceptions}
                assert await tx.listed("E") == frozenset()

    async def test_one_runner_of_a_batch_at_a_time(self, store: BackfillStore) -> None:
        async with store.running("D", now=NOW, script="suite", checksum="0"):
            with pytest.raises(AnotherRuns):
                async with store.running("D", now=NOW, script="suite", checksum="0"):
                    pass
            async with store.running("E", now=NOW, script="suite", checksum="0"):
                pass

    async def test_a_run_that_failed_is_gone_on_with(self, store: BackfillStore) -> None:
        here = Position(system=ADMIN, row_id=17, done=40)
        with pytest.raises(RuntimeError, match="stopped"):
            async with store.running("D", now=NOW, script="suite", checksum="0") as run:
                assert run.resumed_at is None
                async with store.moving() as tx:
                    await tx.come_to(run, here)
                raise RuntimeError("stopped")
        async with store.running("D", now=NOW, script="suite", checksum="0") as again:
            assert again.resumed_at == here
            async with store.moving() as tx:
                with pytest.raises(AnotherRuns):
                    await tx.come_to(run, here)
            await store.finish(again, rows=0)
        async with store.running("D", now=NOW, script="suite", checksum="0") as fresh:
            assert fresh.resumed_at is None

    async def test_nobody_goes_on_where_a_run_was_that_is_taken_back(self, store: BackfillStore) -> None:
        with pytest.raises(RuntimeError, match="stopped"):
            async with store.running("D", now=NOW, script="suite", checksum="0") as run:
                async with store.moving() as tx:
                    await tx.come_to(run, Position(system=ADMIN, row_id=17, done=40))
                raise RuntimeError("stopped")
        with pytest.raises(RuntimeError, match="halfway back"):
            async with store.running("D", now=NOW, script="rollback", checksum="0", afresh=True) as back:
                assert back.resumed_at is None
                raise RuntimeError("halfway back")
        async with store.running("D", now=NOW, script="suite", checksum="0") as again:
            assert again.resumed_at is None

    async def test_a_dry_run_decides_and_writes_nothing(self, store: BackfillStore) -> None:
        tally = await move(store, *ROWS, run=None)
        assert (tally.created, tally.written) == (2, 0)
        assert await stored(store, BST_1) is None
