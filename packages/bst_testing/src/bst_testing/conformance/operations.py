"""What every ops desk must do, told through the use cases. Source of the rules: semantics 2, 5 and 10."""

import asyncio
from datetime import timedelta
from decimal import Decimal
from typing import Protocol
from uuid import UUID, uuid4

import pytest

from bst_application.ids import uuid7
from bst_application.ports.audit import AuditEntry
from bst_application.ports.bookings import StoredBooking
from bst_application.ports.crew import CrewKind, CrewRegister
from bst_application.ports.operations import Assignment, ConflictRecord, OpsDesk
from bst_application.use_cases.assign_crew import AssignCrew, EnterCrew, UnassignCrew, UnknownCrew, WantedCrew
from bst_application.use_cases.booking_conflicts import (
    ChoiceNotPossible,
    ConflictMissing,
    ConflictSettled,
    NoConflict,
    RaiseConflict,
    ResolveConflict,
)
from bst_application.use_cases.edit_booking import BookingEdit, EditBooking, Edited, PackageEdit, PackageMisfit
from bst_application.use_cases.judge_booking import (
    AcknowledgeBooking,
    OverrideStatus,
    StatusDecision,
    SyncStatus,
    VersionAhead,
)
from bst_application.use_cases.operate import BookingMissing, StaleVersion, Written
from bst_application.use_cases.repair import Author
from bst_domain.booking import Field, PackageRef, PackageRefType, Reason, TerminalStands, TerminalStatus, shown
from bst_domain.migration import Choice
from bst_domain.values import BookingIdentity, ExternalRef, FulfilmentStatus, Money
from bst_testing.conformance.booking_store import WEB_1, BookingStorage, accept, loaded, processing
from bst_testing.deliveries import NOW, body

AYU = Author(actor="ayu@ops.example.org", request_id="request-1", proof={"principal": {"role": "ADMIN"}})
LATER = NOW + timedelta(minutes=1)
NOBODY = BookingIdentity("DIRECT", ExternalRef("NOBODY"))
LOBBY = BookingEdit(values={Field.MEETING_POINT: "Lobby", Field.NOTE: "vegetarian"})
DRIVER_8 = WantedCrew(driver=8)
READY = StatusDecision(status=FulfilmentStatus.READY, reason="the driver called")
MOVED = body("UPDATED", at="2026-03-02T00:00:00Z", booking={"adult": 3})


class OpsStorage(BookingStorage, OpsDesk, CrewRegister, Protocol):
    """An ops desk beside the log, the bookings and the crew."""


def editing(storage: OpsDesk) -> EditBooking:
    return EditBooking(desk=storage, now=lambda: LATER, new_id=uuid7)


def assigning(storage: OpsDesk) -> AssignCrew:
    return AssignCrew(desk=storage, now=lambda: LATER, new_id=uuid7)


def unassigning(storage: OpsDesk) -> UnassignCrew:
    return UnassignCrew(desk=storage, now=lambda: LATER + timedelta(minutes=1))


def syncing(storage: OpsDesk, after: timedelta = timedelta(0)) -> SyncStatus:
    return SyncStatus(desk=storage, now=lambda: LATER + after)


def acknowledging(storage: OpsDesk) -> AcknowledgeBooking:
    return AcknowledgeBooking(desk=storage, now=lambda: LATER)


def overriding(storage: OpsDesk) -> OverrideStatus:
    return OverrideStatus(desk=storage, now=lambda: LATER, new_id=uuid7)


def raising(storage: OpsDesk) -> RaiseConflict:
    return RaiseConflict(desk=storage, now=lambda: LATER, new_id=uuid7)


def resolving(storage: OpsDesk) -> ResolveConflict:
    return ResolveConflict(desk=storage, now=lambda: LATER, new_id=uuid7)


async def assigned(storage: OpsDesk) -> Assignment | None:
    async with storage.operating() as tx:
        stored = await tx.load(WEB_1)
        assert stored is not None
        return await tx.assignment(stored.key)


async def disputed(storage: OpsStorage) -> ConflictRecord:
    """A booking that the other system has on another day."""
    await processing(storage)(await accept(storage, body()))
    raised = await raising(storage)(WEB_1, {"tour_date": "2031-05-02"}, legacy_at=LATER, by=AYU)
    assert isinstance(raised, ConflictRecord)
    return raised


def day_of(booking: StoredBooking) -> object:
    return shown(booking.facts)[Field.TOUR_DATE].value


class OpsDeskConformance:
    """Subclass it, and give a ``storage`` fixture with nothing in it, ``audited`` and ``add_to_catalog``."""

    @pytest.fixture
    def storage(self) -> OpsStorage:
        raise NotImplementedError("a subclass gives the storage")

    async def audited(self, storage: OpsStorage) -> list[AuditEntry]:
        """The audit trail, oldest first."""
        raise NotImplementedError("a subclass reads it")

    async def add_to_catalog(self, storage: OpsStorage, product: UUID, variant: UUID) -> None:
        """A product with one variant."""
        raise NotImplementedError("a subclass fills the catalog")

    async def test_an_edit_is_kept_and_a_later_event_wins(self, storage: OpsStorage) -> None:
        await processing(storage)(await accept(storage, body()))
        done = await editing(storage)(WEB_1, LOBBY, expected=frozenset({1}), by=AYU)
        assert isinstance(done, Edited)
        assert done.written.version == 2
        booking = await loaded(storage)
        fact = booking.facts.registers[Field.MEETING_POINT]
        assert (fact.value, fact.evidence.source, fact.evidence.event_time) == ("Lobby", "OPERATOR", LATER)
        assert booking.statuses.fulfilment is FulfilmentStatus.NEW
        older = body("UPDATED", at="2026-03-02T00:00:00Z", booking={"meetingPoint": "Gate"})
        newer = body("UPDATED", at="2026-06-01T05:00:00Z", booking={"note": "vegan"})
        await processing(storage)(await accept(storage, older, newer))
        registers = (await loaded(storage)).facts.registers
        assert (registers[Field.MEETING_POINT].value, registers[Field.NOTE].value) == ("Lobby", "vegan")

    async def test_what_is_shown_already_is_not_said_again(self, storage: OpsStorage) -> None:
        await processing(storage)(await accept(storage, body(booking={**body()["booking"], "note": "vegan"})))
        same = BookingEdit(values={Field.NOTE: "vegan", Field.MEETING_POINT: None}, package=PackageEdit())
        done = await editing(storage)(WEB_1, same, expected=None, by=AYU)
        assert isinstance(done, Edited)
        assert done.written.version == 1
        assert (await loaded(storage)).facts.registers[Field.NOTE].evidence.source == "DIRECT"
        cleared = await editing(storage)(WEB_1, BookingEdit(values={Field.NOTE: None}), expected=None, by=AYU)
        assert isinstance(cleared, Edited)
        assert cleared.written.version == 2
        assert (await loaded(storage)).facts.registers[Field.NOTE].value is None

    async def test_a_package_must_be_in_the_catalog_and_of_its_type(self, storage: OpsStorage) -> None:
        product, variant = uuid4(), uuid4()
        await self.add_to_catalog(storage, product, variant)
        legacy = {**body()["booking"], "legacyPackageId": 7}
        await processing(storage)(await accept(storage, body(booking=legacy)))

        async def edited(package: PackageEdit) -> Edited | PackageMisfit:
            done = await editing(storage)(WEB_1, BookingEdit(package=package), expected=None, by=AYU)
            assert isinstance(done, Edited | PackageMisfit)
            return done

        kinds = PackageRefType
        for kind, key, fits in (
            (kinds.CATALOG_VARIANT, product, False),
            (kinds.CATALOG_PRODUCT, variant, False),
            (kinds.LEGACY_PACKAGE, uuid4(), False),
            (kinds.LEGACY_PACKAGE, variant, True),
            (kinds.CATALOG_PRODUCT, product, True),
            (kinds.CATALOG_VARIANT, variant, True),
        ):
            done = await edited(PackageEdit(type=kind, key=key, states_key=True))
            wanted = PackageRef(kind, key, 7)
            assert done == (Edited(done.written, wanted) if isinstance(done, Edited) else PackageMisfit(wanted))
            assert isinstance(done, Edited) is fits
        # The type alone must fit the key that is there; a cleared key fits every type.
        assert isinstance(await edited(PackageEdit(type=kinds.CATALOG_PRODUCT)), PackageMisfit)
        cleared = await edited(PackageEdit(states_key=True))
        assert isinstance(cleared, Edited)
        assert cleared.package == PackageRef(kinds.CATALOG_VARIANT, None, 7)
        assert isinstance(await edited(PackageEdit(type=kinds.CATALOG_PRODUCT)), Edited)
        assert Reason.UNMAPPED_PACKAGE in (await loaded(storage)).statuses.reasons

    async def test_a_stale_version_and_a_missing_booking_change_nothing(self, storage: OpsStorage) -> None:
        await processing(storage)(await accept(storage, body()))
        before = await loaded(storage)
        old = frozenset({0, 2})
        for outcome in (
            await editing(storage)(WEB_1, LOBBY, expected=old, by=AYU),
            await assigning(storage)(WEB_1, DRIVER_8, expected=old, by=AYU),
            await unassigning(storage)(WEB_1, expected=old, by=AYU),
            await syncing(storage)(WEB_1, expected=old, by=AYU),
            await acknowledging(storage)(WEB_1, None, expected=old, by=AYU),
            await overriding(storage)(WEB_1, READY, expected=old, by=AYU),
            await resolving(storage)(WEB_1, uuid4(), Choice.CORE, reason="r", expected=old, by=AYU),
        ):
            assert outcome == StaleVersion(1)
        for missing in (
            await editing(storage)(NOBODY, LOBBY, expected=None, by=AYU),
            await assigning(storage)(NOBODY, DRIVER_8, expected=None, by=AYU),
            await unassigning(storage)(NOBODY, expected=None, by=AYU),
            await syncing(storage)(NOBODY, expected=None, by=AYU),
            await acknowledging(storage)(NOBODY, None, expected=None, by=AYU),
            await overriding(storage)(NOBODY, READY, expected=None, by=AYU),
            await raising(storage)(NOBODY, {}, legacy_at=LATER, by=AYU),
            await resolving(storage)(NOBODY, uuid4(), Choice.CORE, reason="r", expected=None, by=AYU),
        ):
            assert missing == BookingMissing()
        assert await loaded(storage) == before
        assert await self.audited(storage) == []

    async def test_a_second_assignment_ends_the_first(self, storage: OpsStorage) -> None:
        await processing(storage)(await accept(storage, body()))
        first = await assigning(storage)(
            WEB_1, WantedCrew(driver=7, partner=3, states_partner=True), expected=None, by=AYU
        )
        assert isinstance(first, Written)
        assert first.version == 2
        assert (await loaded(storage)).ops.driver_assigned
        again = await assigning(storage)(WEB_1, WantedCrew(driver=7), expected=None, by=AYU)
        assert isinstance(again, Written)
        assert again.version == 2  # nothing is new
        second = await assigning(storage)(WEB_1, DRIVER_8, expected=frozenset({2}), by=AYU)
        assert isinstance(second, Written)
        assert second.version == 3
        now = await assigned(storage)
        assert now is not None
        assert (now.driver, now.partner) == (8, 3)
        ended = await unassigning(storage)(WEB_1, expected=None, by=AYU)
        assert isinstance(ended, Written)
        assert ended.version == 4
        assert await assigned(storage) is None
        assert not (await loaded(storage)).ops.driver_assigned
        harmless = await unassigning(storage)(WEB_1, expected=None, by=AYU)
        assert isinstance(harmless, Written)
        assert harmless.version == 4

    async def test_whoever_is_managed_must_be_known_and_active(self, storage: OpsStorage) -> None:
        await processing(storage)(await accept(storage, body()))
        enter = EnterCrew(register=storage, now=lambda: LATER)
        with_partner = WantedCrew(driver=8, partner=3, states_partner=True)
        await enter(CrewKind.DRIVER, 8, name="Wayan", is_active=True, by=AYU)
        assert await assigning(storage)(WEB_1, WantedCrew(driver=9), expected=None, by=AYU) == UnknownCrew(
            CrewKind.DRIVER, 9
        )
        assert isinstance(await assigning(storage)(WEB_1, with_partner, expected=None, by=AYU), Written)
        await enter(CrewKind.PARTNER, 4, name="Ubud Trans", is_active=True, by=AYU)
        other = WantedCrew(driver=8, partner=5, states_partner=True)
        assert await assigning(storage)(WEB_1, other, expected=None, by=AYU) == UnknownCrew(CrewKind.PARTNER, 5)
        await unassigning(storage)(WEB_1, expected=None, by=AYU)
        await enter(CrewKind.DRIVER, 8, name="Wayan", is_active=False, by=AYU)
        refused = await assigning(storage)(WEB_1, DRIVER_8, expected=None, by=AYU)
        assert refused == UnknownCrew(CrewKind.DRIVER, 8)

    async def test_twenty_assigners_at_once_leave_one_assignment(self, storage: OpsStorage) -> None:
        await processing(storage)(await accept(storage, body()))
        wanted = [WantedCrew(driver=number) for number in range(1, 21)]
        done = await asyncio.gather(
            *(assigning(storage)(WEB_1, one, expected=frozenset({1}), by=AYU) for one in wanted)
        )
        assert sum(isinstance(one, Written) for one in done) == 1
        assert done.count(StaleVersion(2)) == 19
        done = await asyncio.gather(*(assigning(storage)(WEB_1, one, expected=None, by=AYU) for one in wanted))
        last = max((one for one in done if isinstance(one, Written)), key=lambda one: one.version)
        now = await assigned(storage)
        assert now is not None
        assert wanted[done.index(last)].driver == now.driver
        assert (await loaded(storage)).version == last.version

    async def test_an_acknowledgement_covers_the_version_that_it_names(self, storage: OpsStorage) -> None:
        await processing(storage)(await accept(storage, body()))
        await processing(storage)(await accept(storage, MOVED))
        later = body("UPDATED", at="2026-03-01T11:00:00Z", booking={"pickupLocation": "Kuta"})
        await processing(storage)(await accept(storage, later))
        assert await acknowledging(storage)(WEB_1, 4, expected=None, by=AYU) == VersionAhead(3)
        old = await acknowledging(storage)(WEB_1, 2, expected=None, by=AYU)
        assert isinstance(old, Written)
        assert (await loaded(storage)).statuses.fulfilment is FulfilmentStatus.UPDATED
        assert (await loaded(storage)).facts.acknowledged.keys() >= {Field.ADULT, Field.TOUR_DATE}
        assert Field.PICKUP_LOCATION not in (await loaded(storage)).facts.acknowledged
        await acknowledging(storage)(WEB_1, None, expected=None, by=AYU)
        assert (await loaded(storage)).statuses.fulfilment is FulfilmentStatus.NEW

    async def test_a_status_by_hand_holds_and_a_terminal_one_is_lifted_by_name_only(self, storage: OpsStorage) -> None:
        await processing(storage)(await accept(storage, body(), MOVED))
        await overriding(storage)(WEB_1, READY, expected=None, by=AYU)
        booking = await loaded(storage)
        assert booking.statuses.fulfilment is FulfilmentStatus.READY
        assert Reason.MANUAL_OVERRIDE in booking.statuses.reasons
        await processing(storage)(await accept(storage, body("CANCELLED", at="2026-03-05T00:00:00Z")))
        stands = TerminalStands(TerminalStatus.CANCELLED)
        assert await overriding(storage)(WEB_1, READY, expected=None, by=AYU) == stands
        lifting = StatusDecision(status=FulfilmentStatus.READY, reason="the guest came back", reinstate=True)
        assert isinstance(await overriding(storage)(WEB_1, lifting, expected=None, by=AYU), Written)
        assert (await loaded(storage)).statuses.fulfilment is FulfilmentStatus.READY
        no_show = StatusDecision(status=FulfilmentStatus.NO_SHOW, reason="nobody came")
        await overriding(storage)(WEB_1, no_show, expected=None, by=AYU)
        assert (await loaded(storage)).statuses.fulfilment is FulfilmentStatus.NO_SHOW
        reasons = [e.metadata["reason"] for e in await self.audited(storage)]
        assert reasons == ["the driver called", "the guest came back", "nobody came"]
        assert [e.metadata["reinstatedFrom"] for e in await self.audited(storage)] == [None, "CANCELLED", None]

    async def test_time_that_passed_is_caught_up_with(self, storage: OpsStorage) -> None:
        await processing(storage)(await accept(storage, body(booking={**body()["booking"], "tourDate": "2026-06-02"})))
        assert isinstance(await syncing(storage)(WEB_1, expected=None, by=AYU), Written)
        assert (await loaded(storage)).version == 1
        await syncing(storage, timedelta(days=1))(WEB_1, expected=None, by=AYU)
        booking = await loaded(storage)
        assert (booking.version, booking.statuses.fulfilment) == (2, FulfilmentStatus.ATTENTION)

    async def test_a_dispute_waits_for_a_person_and_facts_go_on(self, storage: OpsStorage) -> None:
        conflict = await disputed(storage)
        assert (conflict.fields, conflict.shown, conflict.legacy) == (
            ("tour_date",),
            {"tour_date": "2031-05-01"},
            {"tour_date": "2031-05-02"},
        )
        assert conflict.due_at == LATER + timedelta(minutes=30)
        assert Reason.REVIEW_REQUIRED in (await loaded(storage)).statuses.reasons
        moved = body("UPDATED", at="2026-03-02T00:00:00Z", booking={"tourDate": "2031-06-01", "adult": 5})
        await processing(storage)(await accept(storage, moved))
        booking = await loaded(storage)
        assert day_of(booking) == "2031-05-01"
        assert shown(booking.facts)[Field.ADULT].value == 5
        assert await raising(storage)(WEB_1, {"tour_date": "2031-05-02"}, legacy_at=LATER, by=AYU) == conflict
        agreed = await raising(storage)(WEB_1, {"tour_date": "2031-06-01"}, legacy_at=LATER, by=AYU)
        assert agreed == NoConflict()
        done = await resolving(storage)(WEB_1, conflict.key, Choice.CORE, reason="asked", expected=None, by=AYU)
        assert isinstance(done, Written)
        booking = await loaded(storage)
        assert day_of(booking) == "2031-06-01"
        assert Reason.REVIEW_REQUIRED not in booking.statuses.reasons
        again = await resolving(storage)(WEB_1, conflict.key, Choice.LEGACY, reason="r", expected=None, by=AYU)
        assert again == ConflictSettled(Choice.CORE)
        missing = await resolving(storage)(WEB_1, uuid4(), Choice.CORE, reason="r", expected=None, by=AYU)
        assert missing == ConflictMissing()

    @pytest.mark.parametrize(("choice", "day"), [(Choice.LEGACY, "2031-05-02"), (Choice.SHOWN, "2031-05-01")])
    async def test_a_choice_against_the_core_is_an_operators_fact(
        self, storage: OpsStorage, choice: Choice, day: str
    ) -> None:
        conflict = await disputed(storage)
        moved = body("UPDATED", at="2026-03-02T00:00:00Z", booking={"tourDate": "2031-06-01"})
        await processing(storage)(await accept(storage, moved))
        await resolving(storage)(WEB_1, conflict.key, choice, reason="asked", expected=None, by=AYU)
        booking = await loaded(storage)
        assert day_of(booking) == day
        assert booking.facts.registers[Field.TOUR_DATE].evidence.source == "OPERATOR"
        assert booking.statuses.fulfilment is FulfilmentStatus.NEW

    async def test_a_dispute_about_the_channel_or_the_price(self, storage: OpsStorage) -> None:
        await processing(storage)(await accept(storage, body()))
        price = Money("USD", Decimal("99.50"))
        raised = await raising(storage)(WEB_1, {"channel_code": "GYG", "total_price": price}, legacy_at=LATER, by=AYU)
        assert isinstance(raised, ConflictRecord)
        assert raised.fields == ("channel_code", "total_price")
        async with storage.operating() as tx:
            booking = await tx.load(WEB_1)
            assert booking is not None
            assert await tx.conflicts(booking.key) == [raised]
        refused = await resolving(storage)(WEB_1, raised.key, Choice.LEGACY, reason="r", expected=None, by=AYU)
        assert refused == ChoiceNotPossible()
        await resolving(storage)(WEB_1, raised.key, Choice.SHOWN, reason="r", expected=None, by=AYU)
        assert (await loaded(storage)).facts.registers[Field.TOTAL_PRICE].value == Money("USD", Decimal("150.00"))

    async def test_one_of_twenty_judges_decides(self, storage: OpsStorage) -> None:
        conflict = await disputed(storage)
        done = await asyncio.gather(
            *(
                resolving(storage)(WEB_1, conflict.key, Choice.LEGACY, reason=str(n), expected=None, by=AYU)
                for n in range(20)
            )
        )
        assert sum(isinstance(one, Written) for one in done) == 1
        assert done.count(ConflictSettled(Choice.LEGACY)) == 19

    async def test_every_act_is_audited_in_its_commit_without_guest_data(self, storage: OpsStorage) -> None:
        conflict = await disputed(storage)
        await editing(storage)(WEB_1, LOBBY, expected=None, by=AYU)
        await assigning(storage)(WEB_1, DRIVER_8, expected=None, by=AYU)
        await unassigning(storage)(WEB_1, expected=None, by=AYU)
        await syncing(storage)(WEB_1, expected=None, by=AYU)
        await acknowledging(storage)(WEB_1, None, expected=None, by=AYU)
        await overriding(storage)(WEB_1, READY, expected=None, by=AYU)
        await resolving(storage)(WEB_1, conflict.key, Choice.CORE, reason="r", expected=None, by=AYU)
        trail = await self.audited(storage)
        assert [entry.event_type for entry in trail] == [
            "BOOKING_CONFLICT_RAISED",
            "BOOKING_UPDATED",
            "BOOKING_ASSIGNED",
            "BOOKING_UNASSIGNED",
            "BOOKING_STATUS_SYNCED",
            "BOOKING_ACKNOWLEDGED",
            "BOOKING_STATUS_OVERRIDDEN",
            "BOOKING_CONFLICT_RESOLVED",
        ]
        key = str((await loaded(storage)).key)
        assert {(e.actor, e.request_id, e.resource_type, e.resource_id) for e in trail} == {
            ("ayu@ops.example.org", "request-1", "BOOKING", key)
        }
        assert all(e.metadata["principal"] == {"role": "ADMIN"} for e in trail)
        versions = [(e.metadata["before"]["version"], e.metadata["after"]["version"]) for e in trail]
        assert all(after in {before, before + 1} for before, after in versions)
        assert [before for before, _ in versions[1:]] == [after for _, after in versions[:-1]]
        assert trail[1].metadata["changedFields"] == ["meetingPoint", "note"]
        assert "vegetarian" not in repr(trail)


class CrewRegisterConformance:
    """Subclass it, and give a ``storage`` fixture with nothing in it, and ``audited``."""

    @pytest.fixture
    def storage(self) -> OpsStorage:
        raise NotImplementedError("a subclass gives the storage")

    async def audited(self, storage: OpsStorage) -> list[AuditEntry]:
        """The audit trail, oldest first."""
        raise NotImplementedError("a subclass reads it")

    async def test_members_are_entered_changed_and_audited(self, storage: OpsStorage) -> None:
        enter = EnterCrew(register=storage, now=lambda: LATER)
        nine = await enter(CrewKind.DRIVER, 9, name="Wayan", is_active=True, by=AYU)
        eight = await enter(CrewKind.DRIVER, 8, name="Made", is_active=True, by=AYU)
        partner = await enter(CrewKind.PARTNER, 8, name="Ubud Trans", is_active=True, by=AYU)
        assert await storage.members(CrewKind.DRIVER) == [eight, nine]
        assert await storage.members(CrewKind.PARTNER) == [partner]
        gone = await enter(CrewKind.DRIVER, 9, name="Wayan A.", is_active=False, by=AYU)
        assert await storage.members(CrewKind.DRIVER) == [eight, gone]
        trail = await self.audited(storage)
        assert [(e.event_type, e.resource_type, e.resource_id) for e in trail] == [
            ("OPS_DRIVER_ENTERED", "OPS_DRIVER", "9"),
            ("OPS_DRIVER_ENTERED", "OPS_DRIVER", "8"),
            ("OPS_PARTNER_ENTERED", "OPS_PARTNER", "8"),
            ("OPS_DRIVER_ENTERED", "OPS_DRIVER", "9"),
        ]
        assert trail[-1].metadata["isActive"] is False
