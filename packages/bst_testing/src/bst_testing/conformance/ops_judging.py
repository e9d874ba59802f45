"""What every ops desk must do where operators judge: acknowledge, override, reinstate, settle disputes.

Source of the rules: semantics 5 and 10.
"""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from decimal import Decimal
from uuid import uuid4

import pytest

from bst_application.errors import Conflict
from bst_application.ports.audit import AuditEntry
from bst_application.ports.operations import ConflictRecord, OpsDesk
from bst_application.use_cases.booking_conflicts import (
    ChoiceNotPossible,
    ConflictMissing,
    ConflictSettled,
    NoConflict,
)
from bst_application.use_cases.edit_booking import Edited
from bst_application.use_cases.judge_booking import (
    StatusDecision,
    VersionAhead,
)
from bst_application.use_cases.operate import Written
from bst_domain.booking import Field, Reason, TerminalStands, TerminalStatus, shown
from bst_domain.cutover import Choice
from bst_domain.values import FulfilmentStatus, Money
from bst_testing.conformance.booking_store import WEB_1, accept, loaded, processing
from bst_testing.conformance.failing_save import LosingDesk
from bst_testing.deliveries import body
from bst_testing.ops_acts import (
    AYU,
    DRIVER_8,
    LATER,
    LOBBY,
    MOVED,
    READY,
    OpsStorage,
    acknowledging,
    assigning,
    day_of,
    disputed,
    editing,
    overriding,
    raising,
    resolving,
    syncing,
    unassigning,
)


class OpsJudging:
    """A part of OpsDeskConformance."""

    @pytest.fixture
    def storage(self) -> OpsStorage:
        raise NotImplementedError("a subclass gives the storage")

    async def audited(self, storage: OpsStorage) -> list[AuditEntry]:
        """The audit trail, oldest first."""
        raise NotImplementedError("a subclass reads it")

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

    async def test_an_act_that_loses_a_race_is_done_again_and_once(self, storage: OpsStorage) -> None:
        dispute = await disputed(storage)

        async def twice_beaten(act: Callable[[OpsDesk], Awaitable[object]]) -> object:
            before = await loaded(storage), len(await self.audited(storage))
            done = await act(desk := LosingDesk(storage, losses=2))
            assert desk.losses == 0
            assert (await loaded(storage)).version <= before[0].version + 1
            assert len(await self.audited(storage)) == before[1] + 1
            return done

        assert isinstance(await twice_beaten(lambda desk: editing(desk)(WEB_1, LOBBY, expected=None, by=AYU)), Edited)
        acts: list[Callable[[OpsDesk], Awaitable[object]]] = [
            lambda desk: assigning(desk)(WEB_1, DRIVER_8, expected=None, by=AYU),
            lambda desk: unassigning(desk)(WEB_1, expected=None, by=AYU),
            lambda desk: syncing(desk)(WEB_1, expected=None, by=AYU),
            lambda desk: acknowledging(desk)(WEB_1, None, expected=None, by=AYU),
            lambda desk: overriding(desk)(WEB_1, READY, expected=None, by=AYU),
            lambda desk: resolving(desk)(WEB_1, dispute.key, Choice.CORE, reason="r", expected=None, by=AYU),
        ]
        for act in acts:
            assert isinstance(await twice_beaten(act), Written)
        told = {"tour_date": "2031-05-03"}
        raised = await twice_beaten(lambda desk: raising(desk)(WEB_1, told, legacy_at=LATER, by=AYU))
        assert isinstance(raised, ConflictRecord)
        always = LosingDesk(storage, losses=99)
        with pytest.raises(Conflict):
            await syncing(always)(WEB_1, expected=None, by=AYU)
