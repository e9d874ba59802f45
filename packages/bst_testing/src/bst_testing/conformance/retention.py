"""What every retention store must do, told through the use case. Source of the rules: semantics 6 and 7."""

from datetime import datetime, timedelta
from typing import Protocol

import pytest

from bst_application.ports.audit import AuditEntry
from bst_application.ports.repair import DeadLetterRecord
from bst_application.ports.retention import RetentionStore
from bst_application.use_cases.retention import AnotherRuns, RetentionReport, RunRetention
from bst_domain.ingest import Kept
from bst_domain.lifecycles import DeadLetterStatus, ProcessStatus
from bst_testing.conformance.booking_store import accept, loaded, processing
from bst_testing.conformance.repair import AYU, RepairStorage, change, letters, made_ready, replay, status
from bst_testing.deliveries import NOW, body, paid

DAY = timedelta(days=1)


class RetentionStorage(RepairStorage, RetentionStore, Protocol):
    """A retention store beside everything that it may forget."""


async def run(storage: RetentionStore, at: datetime, *, dry_run: bool = False) -> RetentionReport:
    report = await RunRetention(store=storage, now=lambda: at, periods={})(dry_run=dry_run, actor="ayu")
    assert isinstance(report, RetentionReport)
    return report


def counts(report: RetentionReport) -> dict[str, int]:
    return {kept.value: count for kept, count in report.forgotten.items() if count}


class RetentionConformance:
    """Subclass it, and give a ``storage`` fixture with nothing in it, and ``audited``."""

    @pytest.fixture
    def storage(self) -> RetentionStorage:
        raise NotImplementedError("a subclass gives the storage")

    async def audited(self, storage: RetentionStorage) -> list[AuditEntry]:
        """The audit trail, oldest first."""
        raise NotImplementedError("a subclass reads it")

    async def test_an_event_goes_after_its_key_and_its_facts_stay(self, storage: RetentionStorage) -> None:
        [event_id] = await accept(storage, body())
        await processing(storage)([event_id])
        before = await loaded(storage)
        assert counts(await run(storage, NOW + 35 * DAY)) == {"nonce": 1}
        assert counts(await run(storage, NOW + 35 * DAY + timedelta(seconds=1))) == {"event": 1}
        assert await status(storage, event_id) is None
        assert await loaded(storage) == before
        [*_, entry] = await self.audited(storage)
        assert (entry.event_type, entry.actor) == ("RETENTION_RUN", "ayu")
        assert entry.metadata["forgotten"]["event"] == 1

    async def test_what_is_unprocessed_is_never_forgotten(self, storage: RetentionStorage) -> None:
        waiting, broken = await accept(storage, body(), body(ref="WEB-2", raw=paid("P-1", "SOMEHOW")))
        await processing(storage)([broken])
        assert counts(await run(storage, NOW + 10_000 * DAY)) == {"nonce": 2}
        assert await status(storage, waiting) is ProcessStatus.RECEIVED
        assert await status(storage, broken) is ProcessStatus.FAILED
        assert len(await letters(storage, broken)) == 1  # an OPEN dead letter can still be repaired

    async def test_a_dead_letter_goes_thirty_days_after_it_was_settled(self, storage: RetentionStorage) -> None:
        [event_id] = await accept(storage, body())
        ready = await made_ready(storage, event_id)
        await replay(storage)(event_id, reason="x", by=AYU)
        settled = NOW + 20 * DAY
        await processing(storage, settled)([event_id])
        assert (await letters(storage, event_id))[0].status is DeadLetterStatus.SUCCEEDED
        assert counts(await run(storage, NOW + 36 * DAY)) == {"nonce": 1}  # the event waits for its dead letter
        assert counts(await run(storage, settled + 30 * DAY)) == {}
        late = await run(storage, settled + 30 * DAY + timedelta(seconds=1))
        assert counts(late) == {"dead letter": 1, "event": 1}
        assert ready.event_id == event_id

    @pytest.mark.parametrize("kept_for_ever", [DeadLetterStatus.OPEN, DeadLetterStatus.READY])
    async def test_a_letter_that_waits_for_a_person_stays(
        self, storage: RetentionStorage, kept_for_ever: DeadLetterStatus
    ) -> None:
        [event_id] = await accept(storage, body(raw=paid("P-1", "SOMEHOW")))
        await processing(storage)([event_id])
        [letter] = await letters(storage, event_id)
        if kept_for_ever is not DeadLetterStatus.OPEN:
            moved = await change(storage)(letter.key, kept_for_ever, by=AYU)
            assert isinstance(moved, DeadLetterRecord)
        assert "dead letter" not in counts(await run(storage, NOW + 10_000 * DAY))

    async def test_a_dry_run_counts_and_changes_nothing(self, storage: RetentionStorage) -> None:
        [event_id] = await accept(storage, body())
        await processing(storage)([event_id])
        late = NOW + 36 * DAY
        for _ in range(2):
            assert counts(await run(storage, late, dry_run=True)) == {"nonce": 1, "event": 1}
        assert await status(storage, event_id) is ProcessStatus.DONE
        assert await self.audited(storage) == []
        assert counts(await run(storage, late)) == {"nonce": 1, "event": 1}

    async def test_one_runner_at_a_time(self, storage: RetentionStorage) -> None:
        second = RunRetention(store=storage, now=lambda: NOW, periods={})
        async with storage.alone() as alone:
            assert alone
            assert await second() == AnotherRuns()
        assert isinstance(await second(), RetentionReport)

    async def test_periods_can_be_longer(self, storage: RetentionStorage) -> None:
        [event_id] = await accept(storage, body())
        await processing(storage)([event_id])
        keep = RunRetention(store=storage, now=lambda: NOW + 40 * DAY, periods={Kept.EVENT: 50 * DAY})
        report = await keep()
        assert isinstance(report, RetentionReport)
        assert counts(report) == {"nonce": 1}
        assert report.before[Kept.EVENT] == NOW - 10 * DAY
