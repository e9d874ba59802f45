"""What every desk of dual writes must do, told through the use cases. Source of the rules: semantics 10."""

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Protocol

import pytest
from attrs import evolve

from bst_application.ids import uuid7
from bst_application.ports.audit import AuditEntry
from bst_application.ports.cutover import DualWriteDesk
from bst_application.ports.legacy import ChangedRow
from bst_application.use_cases.booking_conflicts import ChoiceNotPossible
from bst_application.use_cases.compare_legacy import Compared, CompareLegacyRow
from bst_application.use_cases.operate import Written
from bst_domain.booking import Field, Reason, shown
from bst_domain.migration import Choice, LegacyBooking, LegacySystem, Module, Severity
from bst_domain.values import BookingKey, FulfilmentStatus, Money
from bst_testing.conformance.booking_store import WEB_1, accept, loaded, processing
from bst_testing.deliveries import body
from bst_testing.legacy_rows import AT, legacy_booking, legacy_finance
from bst_testing.ops_acts import AYU, DRIVER_8, LATER, OpsStorage, assigning, day_of, resolving, unassigning

ADMIN = LegacySystem.ADMIN
#: What the old admin has of the booking that the events make.
SAME: dict[str, Any] = {"tour_at": datetime(2031, 5, 1, 0, tzinfo=UTC), "ops_status": "NEW", "updated_at": LATER}


class DualWriteStorage(OpsStorage, DualWriteDesk, Protocol):
    """A desk of dual writes beside the log, the bookings and the operators' desk."""


def row(**more: Any) -> LegacyBooking:
    return legacy_booking(ADMIN, 7, "web-1 ", **{**SAME, **more})


async def compared(storage: DualWriteDesk, booking: LegacyBooking, at: datetime = LATER) -> Compared:
    compare = CompareLegacyRow(desk=storage, now=lambda: LATER, new_id=uuid7)
    return await compare(ChangedRow(booking=booking, changed_at=at))


class DualWriteConformance:
    """Subclass it, and give a ``storage`` fixture with nothing in it, and ``audited``."""

    @pytest.fixture
    def storage(self) -> DualWriteStorage:
        raise NotImplementedError("a subclass gives the storage")

    async def audited(self, storage: DualWriteStorage) -> list[AuditEntry]:
        """The audit trail, oldest first."""
        raise NotImplementedError("a subclass reads it")

    async def told(self, storage: DualWriteStorage) -> list[str]:
        return [entry.event_type for entry in await self.audited(storage)]

    async def test_two_that_agree_leave_no_trace(self, storage: DualWriteStorage) -> None:
        await processing(storage)(await accept(storage, body()))
        assert await compared(storage, row()) == Compared()
        assert await compared(storage, row()) == Compared(seen=True)
        assert (await loaded(storage)).version == 1
        assert await self.audited(storage) == []

    async def test_another_day_waits_for_review_and_is_raised_once(self, storage: DualWriteStorage) -> None:
        await processing(storage)(await accept(storage, body()))
        moved = row(tour_at=datetime(2031, 5, 2, 0, tzinfo=UTC), total=Decimal("99.00"))
        first = await compared(storage, moved)
        assert first.played == {Module.BOOKING_CORE}
        [record] = first.opened
        assert (record.fields, record.severity) == (("total_price", "tour_date"), Severity.HIGH)
        assert (record.opened_at, record.due_at) == (LATER, LATER + timedelta(minutes=30))
        assert record.legacy == {"tour_date": "2031-05-02", "total_price": Money("USD", Decimal("99.00"))}
        booking = await loaded(storage)
        assert day_of(booking) == "2031-05-01"
        assert Reason.REVIEW_REQUIRED in booking.statuses.reasons
        assert await compared(storage, moved) == Compared(seen=True)
        again = await compared(storage, moved, LATER + timedelta(seconds=1))  # written again, and says the same
        assert again == Compared()
        assert await self.told(storage) == ["BOOKING_CONFLICT_RAISED"]

    @pytest.mark.parametrize("choice", list(Choice))
    async def test_what_somebody_decided_is_not_asked_again(self, storage: DualWriteStorage, choice: Choice) -> None:
        await processing(storage)(await accept(storage, body()))
        moved = row(tour_at=datetime(2031, 5, 2, 0, tzinfo=UTC))
        [record] = (await compared(storage, moved)).opened
        done = await resolving(storage)(WEB_1, record.key, choice, reason="asked", expected=None, by=AYU)
        assert isinstance(done, Written)
        again = await compared(storage, moved, LATER + timedelta(seconds=1))
        assert again.opened == ()
        other = row(tour_at=datetime(2031, 5, 3, 0, tzinfo=UTC))
        assert len((await compared(storage, other, LATER + timedelta(seconds=2))).opened) == 1

    async def test_what_core_never_heard_of_is_not_contradicted(self, storage: DualWriteStorage) -> None:
        await processing(storage)(await accept(storage, body("UPDATED", booking={"adult": 3})))
        assert (await compared(storage, row(adult=3))).opened == ()

    async def test_drivers_of_the_same_minutes_are_only_put_on_record(self, storage: DualWriteStorage) -> None:
        await processing(storage)(await accept(storage, body()))
        await assigning(storage)(WEB_1, DRIVER_8, expected=None, by=AYU)
        version = (await loaded(storage)).version
        near = row(driver_id=9, assigned_at=LATER + timedelta(minutes=4))
        assert (await compared(storage, near)).played == {Module.OPS_ASSIGNMENT}
        assert (await compared(storage, near)).seen
        assert (await loaded(storage)).version == version
        [entry] = [e for e in await self.audited(storage) if e.event_type == "DUAL_WRITE_ASSIGNMENT_KEPT"]
        assert (entry.metadata["coreDriverId"], entry.metadata["legacyDriverId"]) == (8, 9)
        far = row(driver_id=9, assigned_at=LATER + timedelta(minutes=6))
        assert (await compared(storage, far)).played == set()

    async def test_a_driver_that_core_took_off_is_cores_word(self, storage: DualWriteStorage) -> None:
        await processing(storage)(await accept(storage, body()))
        await assigning(storage)(WEB_1, DRIVER_8, expected=None, by=AYU)
        await unassigning(storage)(WEB_1, expected=None, by=AYU)
        still = row(driver_id=8, assigned_at=LATER)
        assert (await compared(storage, still)).played == {Module.OPS_ASSIGNMENT}

    async def test_another_status_is_recomputed_and_audited(self, storage: DualWriteStorage) -> None:
        await processing(storage)(await accept(storage, body()))
        assert (await compared(storage, row(ops_status="READY"))).played == {Module.OPS_BOOKING_STATE}
        assert (await compared(storage, row(ops_status="READY"))).seen
        assert (await loaded(storage)).statuses.fulfilment is FulfilmentStatus.NEW
        assert await self.told(storage) == ["DUAL_WRITE_STATUS_RECOMPUTED"]

    async def test_finance_is_the_old_admins_until_it_is_cut_over(self, storage: DualWriteStorage) -> None:
        await processing(storage)(await accept(storage, body()))
        fresh = legacy_finance(31, items=2, items_paid=1, validated_at=None, locked=False)
        first = await compared(storage, row(finance=fresh))
        assert first == Compared(played=frozenset({Module.OPS_FINANCE_BRIDGE}))
        validated = evolve(fresh, validated_at=AT, locked=True)
        second = await compared(storage, row(finance=validated), LATER + timedelta(seconds=1))
        [ticket] = second.opened
        assert (ticket.module, ticket.fields) == (Module.OPS_FINANCE_BRIDGE, ("is_locked", "validated_at"))
        assert (ticket.severity, ticket.due_at) == (Severity.MEDIUM, LATER + timedelta(hours=4))
        assert (ticket.core["is_locked"], ticket.legacy["is_locked"], ticket.shown["is_locked"]) == (False, True, True)
        booking = await loaded(storage)
        assert booking.statuses.fulfilment is FulfilmentStatus.COMPLETED
        assert Reason.REVIEW_REQUIRED not in booking.statuses.reasons
        assert (await compared(storage, row(finance=validated), LATER + timedelta(seconds=2))).opened == ()
        paid = evolve(validated, items_paid=2)
        third = await compared(storage, row(finance=paid), LATER + timedelta(seconds=3))
        assert (Module.OPS_FINANCE_BRIDGE in third.played, third.opened) == (True, ())
        assert (await loaded(storage)).statuses.fulfilment is FulfilmentStatus.DONE

    async def test_a_ticket_about_finance_is_closed_not_undone(self, storage: DualWriteStorage) -> None:
        await processing(storage)(await accept(storage, body()))
        await compared(storage, row(finance=legacy_finance(31, validated_at=None, locked=False, items=0)))
        [ticket] = (
            await compared(storage, row(finance=legacy_finance(31, items=0)), LATER + timedelta(seconds=1))
        ).opened
        refused = await resolving(storage)(WEB_1, ticket.key, Choice.CORE, reason="r", expected=None, by=AYU)
        assert refused == ChoiceNotPossible()
        done = await resolving(storage)(WEB_1, ticket.key, Choice.LEGACY, reason="seen", expected=None, by=AYU)
        assert isinstance(done, Written)
        booking = await loaded(storage)
        assert booking.statuses.fulfilment is FulfilmentStatus.COMPLETED
        assert shown(booking.facts)[Field.TOUR_DATE].value == "2031-05-01"

    async def test_everything_at_once_is_one_new_version(self, storage: DualWriteStorage) -> None:
        await processing(storage)(await accept(storage, body()))
        told = row(tour_at=datetime(2031, 5, 2, 0, tzinfo=UTC), ops_status="DONE", finance=legacy_finance(31))
        done = await compared(storage, told)
        assert done.played == {Module.BOOKING_CORE, Module.OPS_FINANCE_BRIDGE, Module.OPS_BOOKING_STATE}
        assert (await loaded(storage)).version == 2
        assert sorted(await self.told(storage)) == [
            "BOOKING_CONFLICT_RAISED",
            "DUAL_WRITE_FINANCE_TAKEN",
            "DUAL_WRITE_STATUS_RECOMPUTED",
        ]

    async def test_a_row_without_a_booking_is_missing_until_it_comes(self, storage: DualWriteStorage) -> None:
        assert await compared(storage, row()) == Compared(missing=True)
        assert await compared(storage, row(total=Decimal(-1))) == Compared(rejected=True)
        assert await compared(storage, row()) == Compared(missing=True)
        await processing(storage)(await accept(storage, body()))
        assert await compared(storage, row()) == Compared()
        assert await compared(storage, row()) == Compared(seen=True)

    async def test_twenty_that_read_the_same_row_raise_one_conflict(self, storage: DualWriteStorage) -> None:
        await processing(storage)(await accept(storage, body()))
        moved = row(tour_at=datetime(2031, 5, 2, 0, tzinfo=UTC))
        done = await asyncio.gather(*(compared(storage, moved) for _ in range(20)))
        assert sum(len(one.opened) for one in done) == 1
        assert await self.told(storage) == ["BOOKING_CONFLICT_RAISED"]
        async with storage.operating() as tx:
            booking = await tx.load(WEB_1)
            assert booking is not None
            assert len(await tx.conflicts(BookingKey(booking.key))) == 1
