"""What every ops desk must do, told through the use cases. Source of the rules: semantics 2, 5 and 10."""

import asyncio
from uuid import UUID, uuid4

import pytest

from bst_application.ports.audit import AuditEntry
from bst_application.ports.crew import CrewKind
from bst_application.use_cases.assign_crew import EnterCrew, UnknownCrew, WantedCrew
from bst_application.use_cases.edit_booking import BookingEdit, Edited, PackageEdit, PackageMisfit
from bst_application.use_cases.operate import BookingMissing, StaleVersion, Written
from bst_domain.booking import Field, PackageRef, PackageRefType, Reason
from bst_domain.cutover import Choice
from bst_domain.values import FulfilmentStatus
from bst_testing.conformance.booking_store import WEB_1, accept, loaded, processing
from bst_testing.conformance.ops_judging import OpsJudging
from bst_testing.deliveries import body
from bst_testing.ops_acts import (
    AYU,
    DRIVER_8,
    LATER,
    LOBBY,
    NOBODY,
    READY,
    OpsStorage,
    acknowledging,
    assigned,
    assigning,
    disputed,
    editing,
    overriding,
    raising,
    resolving,
    syncing,
    unassigning,
)


class OpsDeskConformance(OpsJudging):
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
