"""What every ledger of cutting over must do."""

import asyncio
from datetime import timedelta
from uuid import uuid4

import pytest
from attrs import evolve

from bst_application.ports.audit import AuditEntry
from bst_application.ports.backfill import AnotherRuns
from bst_application.ports.cutover import (
    ShadowCounts,
    ShadowExample,
    ShadowLedger,
    ShadowTally,
    WatchLedger,
    WatchMark,
    WriteLedger,
)
from bst_application.use_cases.once_a_key import KeyReused
from bst_application.use_cases.repair import Author
from bst_application.use_cases.report_write import ReportWrite, WriteTaken
from bst_domain.migration import LegacySystem, ParityField, ReportedWrite
from bst_domain.values import BookingIdentity, BookingKey, ExternalRef
from bst_testing.deliveries import NOW

AYU = Author(actor="ayu", request_id="request-1")
SHOP, ADMIN = LegacySystem.SHOP, LegacySystem.ADMIN
GYG_1 = BookingIdentity("GYG", ExternalRef("GYG1"))
AGREED = ReportedWrite(
    operation="BOOKING_PATCH",
    actor_role="ADMIN",
    booking_id="17",
    core_attempted=True,
    core_success=True,
    core_status=200,
    legacy_attempted=True,
    legacy_success=True,
)


class WatchLedgerConformance:
    """Subclass it, and give a ``ledger`` fixture with nothing in it."""

    async def test_one_watcher_at_a_time(self, ledger: WatchLedger) -> None:
        async with ledger.watching():
            with pytest.raises(AnotherRuns):
                async with ledger.watching():
                    pass
        async with ledger.watching():
            pass

    async def test_a_mark_never_goes_back(self, ledger: WatchLedger) -> None:
        assert await ledger.mark(SHOP) is None
        first, second = WatchMark(at=NOW, row_id=7), WatchMark(at=NOW + timedelta(seconds=1), row_id=2)
        await ledger.come_to(SHOP, first)
        await ledger.come_to(SHOP, second)
        await ledger.come_to(SHOP, first)
        assert await ledger.mark(SHOP) == second
        assert await ledger.mark(ADMIN) is None

    async def test_a_look_that_found_nothing_is_a_look(self, ledger: WatchLedger) -> None:
        assert await ledger.looked_at(SHOP) is None
        await ledger.come_to(SHOP, WatchMark(at=NOW, row_id=7))
        await ledger.looked(SHOP, now=NOW + timedelta(hours=1))
        assert await ledger.looked_at(SHOP) == NOW + timedelta(hours=1)
        assert await ledger.mark(SHOP) == WatchMark(at=NOW, row_id=7)

    async def test_nothing_is_found_where_nothing_is(self, ledger: WatchLedger) -> None:
        assert await ledger.unreached(limit=9) == []
        assert await ledger.conflicts(limit=9) == []
        assert await ledger.moved_in_at() is None
        counts = await ledger.conflict_counts(now=NOW)
        assert (counts.open, counts.overdue, counts.blocking) == (0, 0, 0)


def counts(compared: int, **by_field: int) -> ShadowCounts:
    named = {ParityField(name): number for name, number in by_field.items()}
    examples = [
        ShadowExample(identity=GYG_1, about=about, core="a", legacy=str(compared), at=NOW + timedelta(hours=compared))
        for about in named
    ]
    return ShadowCounts(compared=compared, unmatched=0, by_field=named, examples=examples)


class ShadowLedgerConformance:
    """Subclass it, and give a ``ledger`` fixture with nothing in it."""

    async def test_counts_add_up_by_field(self, ledger: ShadowLedger) -> None:
        await ledger.add(counts(5, status=2), at=NOW)
        await ledger.add(counts(3, status=1, note=1), at=NOW + timedelta(hours=2))
        tallies = {one.about: one for one in await ledger.tallies(since=NOW)}
        assert list(tallies) == list(ParityField)
        assert tallies[ParityField.STATUS] == ShadowTally(about=ParityField.STATUS, compared=8, mismatched=3)
        assert tallies[ParityField.NOTE].mismatched == 1
        later = await ledger.tallies(since=NOW + timedelta(hours=1))
        assert [(one.compared, one.mismatched) for one in later if one.about is ParityField.STATUS] == [(3, 1)]

    async def test_a_booking_has_one_example_a_field(self, ledger: ShadowLedger) -> None:
        assert await ledger.examples(limit=9) == []
        await ledger.add(counts(1, status=1, note=1), at=NOW)
        await ledger.add(counts(2, status=1), at=NOW)
        found = await ledger.examples(limit=9)
        assert [(one.about, one.legacy) for one in found] == [(ParityField.STATUS, "2"), (ParityField.NOTE, "1")]
        assert await ledger.examples(limit=1) == found[:1]

    async def test_a_look_that_matched_nothing_leaves_no_trace(self, ledger: ShadowLedger) -> None:
        await ledger.add(ShadowCounts(compared=0, unmatched=4, by_field={}, examples=()), at=NOW)
        assert await ledger.tallies(since=NOW) == []
        assert await ledger.admin_rows([BookingKey(uuid4())]) == {}


class WriteLedgerConformance:
    """Subclass it, and give a ``ledger`` fixture with nothing in it, and ``audited``."""

    async def audited(self, ledger: WriteLedger) -> list[AuditEntry]:
        """The audit trail, oldest first."""
        raise NotImplementedError("a subclass reads it")

    async def test_a_report_is_kept_and_audited_once(self, ledger: WriteLedger) -> None:
        report = ReportWrite(ledger=ledger, now=lambda: NOW)
        outcomes = await asyncio.gather(*(report("w-1", AGREED, by=AYU) for _ in range(20)))
        assert sorted(outcomes, key=lambda one: getattr(one, "repeated", True)) == [
            WriteTaken(True, False),
            *[WriteTaken(True, True)] * 19,
        ]
        [kept] = await ledger.writes(since=NOW)
        assert (kept.write_id, kept.at, kept.write) == ("w-1", NOW, AGREED)
        [entry] = await self.audited(ledger)
        assert (entry.event_type, entry.actor, entry.metadata["mismatch"]) == ("OPS_WRITE_CUTOVER_EVENT", "ayu", False)
        assert entry.metadata["coreStatus"] == 200

    async def test_an_id_belongs_to_one_report(self, ledger: WriteLedger) -> None:
        report = ReportWrite(ledger=ledger, now=lambda: NOW)
        await report("w-1", AGREED, by=AYU)
        assert await report("w-1", evolve(AGREED, legacy_success=False), by=AYU) == KeyReused()
        assert [one.write for one in await ledger.writes(since=NOW)] == [AGREED]

    async def test_what_core_was_not_asked_is_not_kept(self, ledger: WriteLedger) -> None:
        report = ReportWrite(ledger=ledger, now=lambda: NOW)
        taken = await report("w-1", evolve(AGREED, core_attempted=False), by=AYU)
        assert taken == WriteTaken(recorded=False, repeated=False)
        assert await ledger.writes(since=NOW) == []
        assert await self.audited(ledger) == []

    async def test_a_window_has_the_newest_first(self, ledger: WriteLedger) -> None:
        for number in range(3):
            clock = iter([NOW + timedelta(minutes=number)])
            await ReportWrite(ledger=ledger, now=clock.__next__)(f"w-{number}", AGREED, by=AYU)
        found = await ledger.writes(since=NOW + timedelta(minutes=1))
        assert [one.write_id for one in found] == ["w-2", "w-1"]
