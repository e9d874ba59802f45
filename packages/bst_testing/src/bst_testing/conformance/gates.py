"""What everybody who keeps what gates said must do."""

from datetime import UTC, datetime, timedelta
from typing import Protocol
from uuid import UUID

import pytest

from bst_application.ports.gates import GateRecords
from bst_application.use_cases.hold_batch import HoldBatch, run_to_judge
from bst_domain.migration import GateRecord, HoldReason, Verdict

NOW = datetime(2026, 3, 1, tzinfo=UTC)


class Records(GateRecords, Protocol):
    """Somebody who keeps them, beside what they are about."""

    async def run(self, batch: str, status: str) -> UUID:
        """Logs a run of a batch, newer than those before, and returns its key."""
        ...

    async def conflict(self, opened_at: datetime, *, settled: bool = False) -> None:
        """Opens a conflict of some booking."""
        ...


async def says(records: Records, gate: str, verdict: Verdict, run: UUID | None, *open_checks: str) -> None:
    said = GateRecord(gate=gate, verdict=verdict, judged_run=run, open_checks=open_checks, report="/reports/x.md")
    await records.record(said, checks=[{"name": name, "verdict": "FAIL"} for name in open_checks], at=NOW)


async def reasons(records: Records, batch: str) -> list[tuple[str, HoldReason]]:
    return [(hold.what, hold.reason) for hold in await HoldBatch(records=records)(batch, now=NOW)]


class GateRecordsConformance:
    """A subclass gives ``records`` with nothing in it."""

    @pytest.fixture
    def records(self) -> Records:
        raise NotImplementedError("a subclass gives it")

    async def test_the_newest_word_counts(self, records: Records) -> None:
        run = await records.run("C", "SUCCEEDED")
        await says(records, "catalog-bridge", Verdict.FAIL, run, "C-02")
        await says(records, "catalog-bridge", Verdict.PASS, run)
        await says(records, "catalog-bridge", Verdict.HOLD, run, "C-01", "C-02")
        found = await records.newest(["catalog-bridge", "schema"])
        assert list(found) == ["catalog-bridge"]
        said = found["catalog-bridge"]
        assert (said.verdict, said.judged_run, said.open_checks) == (Verdict.HOLD, run, ("C-01", "C-02"))
        assert said.report == "/reports/x.md"

    async def test_a_gate_that_passed_frees_the_next_batch_until_its_batch_runs_again(self, records: Records) -> None:
        assert await reasons(records, "D") == [("batch C", HoldReason.UNFINISHED)]
        run = await records.run("C", "SUCCEEDED")
        assert await reasons(records, "D") == [("catalog-bridge", HoldReason.NEVER_RUN)]
        await says(records, "catalog-bridge", Verdict.PASS, run)
        assert await reasons(records, "D") == []
        assert await run_to_judge(records, "C") == run
        again = await records.run("C", "SUCCEEDED")
        assert await reasons(records, "D") == [("catalog-bridge", HoldReason.STALE)]
        await says(records, "catalog-bridge", Verdict.FAIL, again, "C-02")
        assert await reasons(records, "D") == [("catalog-bridge", HoldReason.NOT_PASSED)]

    @pytest.mark.parametrize("status", ["STARTED", "FAILED"])
    async def test_a_run_that_did_not_end_well_is_none_to_judge(self, records: Records, status: str) -> None:
        run = await records.run("C", "SUCCEEDED")
        await says(records, "catalog-bridge", Verdict.PASS, run)
        await records.run("C", status)
        assert await run_to_judge(records, "C") is None
        assert await reasons(records, "D") == [("batch C", HoldReason.UNFINISHED)]

    async def test_a_conflict_that_is_open_for_over_24_hours_holds_the_next_batch(self, records: Records) -> None:
        run = await records.run("C", "SUCCEEDED")
        await says(records, "catalog-bridge", Verdict.PASS, run)
        day = timedelta(hours=24)
        await records.conflict(NOW - day)
        await records.conflict(NOW - 2 * day, settled=True)
        assert await reasons(records, "D") == []
        await records.conflict(NOW - day - timedelta(seconds=1))
        assert await reasons(records, "D") == [("conflicts", HoldReason.CONFLICTS)]
        assert await reasons(records, "A") == []
