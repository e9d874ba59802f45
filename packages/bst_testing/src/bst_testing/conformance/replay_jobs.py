"""What every store of replay jobs must do, told through the use cases."""

from datetime import timedelta
from typing import Any, Protocol

import pytest

from bst_application.ids import uuid7
from bst_application.ports.audit import AuditEntry
from bst_application.ports.reading import LetterFilter
from bst_application.ports.replay_jobs import ReplayJob, ReplayJobs
from bst_application.use_cases.repair import Author
from bst_application.use_cases.replay_jobs import BeginReplayJob, RunReplayJobs
from bst_domain.lifecycles import ProcessStatus
from bst_testing.conformance.booking_store import accept, processing
from bst_testing.conformance.repair import (
    BROKEN,
    LATER,
    RepairStorage,
    S,
    change,
    letters,
    made_ready,
    mark,
    replay,
    status,
)
from bst_testing.deliveries import NOW, body

PUTU = Author(actor="putu", request_id="request-7", proof={"principal": {"role": "ADMIN"}})
EVERYTHING = LetterFilter()


class ReplayJobStorage(RepairStorage, ReplayJobs, Protocol):
    """Replay jobs beside the repair desk, the log and the bookings."""


async def begin(storage: ReplayJobs, wanted: LetterFilter = EVERYTHING, at: timedelta = LATER) -> ReplayJob:
    start = BeginReplayJob(jobs=storage, now=lambda: NOW + at, new_id=uuid7)
    return await start(wanted, {"source": "GYG"}, reason="the mapping is mended", by=PUTU)


def runner(storage: ReplayJobStorage, at: timedelta = 2 * LATER, at_once: int = 50) -> RunReplayJobs:
    return RunReplayJobs(jobs=storage, desk=storage, replay=replay(storage, at), now=lambda: NOW + at, at_once=at_once)


class ReplayJobsConformance:
    """Subclass it, and give a ``storage`` fixture with nothing in it, and ``audited``."""

    @pytest.fixture
    def storage(self) -> ReplayJobStorage:
        raise NotImplementedError("a subclass gives the storage")

    async def audited(self, storage: ReplayJobStorage) -> list[AuditEntry]:
        """The audit trail, oldest first."""
        raise NotImplementedError("a subclass reads it")

    async def test_a_job_replays_what_was_chosen_when_it_began(self, storage: ReplayJobStorage) -> None:
        first, second, third = await accept(storage, body(ref="WEB-1"), body(ref="WEB-2"), body(ref="WEB-3"))
        for event in (first, second, third):
            await processing(storage)([event])
        await mark(storage)(first, BROKEN, by=PUTU)
        await made_ready(storage, second)
        job = await begin(storage)
        assert (job.total, job.pending, job.finished_at) == (2, 2, None)
        assert (job.asked, job.actor, job.reason) == ({"source": "GYG"}, "putu", "the mapping is mended")
        await mark(storage)(third, BROKEN, by=PUTU)  # too late for this job
        assert await runner(storage)() == 2
        assert await status(storage, first) is await status(storage, second) is ProcessStatus.RECEIVED
        assert await status(storage, third) is ProcessStatus.FAILED
        now = await storage.job(job.key)
        assert now is not None
        assert (now.pending, now.finished_at) == (0, NOW + 2 * LATER)
        assert dict(now.outcomes) == {"STARTED": 2}
        assert dict(now.letters) == {"REPLAYING": 2}
        await processing(storage, at=NOW + 3 * LATER)([first, second])
        ended = await storage.job(job.key)
        assert ended is not None
        assert dict(ended.letters) == {"SUCCEEDED": 2}
        assert await runner(storage)() == 0

    async def test_every_step_is_audited_with_the_one_who_asked(self, storage: ReplayJobStorage) -> None:
        (event,) = await accept(storage, body())
        letter = await mark(storage)(event, BROKEN, by=Author(actor="system"))
        before = len(await self.audited(storage))
        job = await begin(storage)
        await runner(storage)()
        trail = (await self.audited(storage))[before:]
        assert [entry.event_type for entry in trail] == [
            "DEAD_LETTER_REPLAY_JOB_CREATED",
            "INGEST_DEAD_LETTER_STATUS_UPDATED",
            "INGEST_REPLAY_REQUESTED",
        ]
        assert {(entry.actor, entry.request_id) for entry in trail} == {("putu", "request-7")}
        assert {str(entry.metadata["principal"]) for entry in trail} == {"{'role': 'ADMIN'}"}
        assert {entry.metadata["jobId"] for entry in trail if entry.resource_type != "REPLAY_JOB"} == {str(job.key)}
        assert trail[0].metadata == {"filter": {"source": "GYG"}, "reason": "the mapping is mended", **PUTU.proof}
        assert trail[0].resource_id == str(job.key)
        assert trail[1].metadata is not None
        assert trail[1].metadata["jobId"] == str(job.key)
        assert trail[1].resource_id == str(getattr(letter, "key", None))
        assert trail[2].metadata is not None
        assert trail[2].metadata["reason"] == "the mapping is mended"

    async def test_what_somebody_settled_meanwhile_is_refused_and_said(self, storage: ReplayJobStorage) -> None:
        first, second = await accept(storage, body(ref="WEB-1"), body(ref="WEB-2"))
        await mark(storage)(first, BROKEN, by=PUTU)
        await made_ready(storage, second)
        job = await begin(storage)
        closed = (await letters(storage, first))[0]
        await change(storage)(closed.key, S.CLOSED, by=PUTU)
        await replay(storage)(second, reason="by hand", by=PUTU)
        await runner(storage)()
        now = await storage.job(job.key)
        assert now is not None
        assert dict(now.outcomes) == {
            "DEAD_LETTER_NOT_READY_FOR_REPLAY:CLOSED": 1,
            "DEAD_LETTER_NOT_READY_FOR_REPLAY:REPLAYING": 1,
        }
        assert (await letters(storage, second))[0].replay_count == 1
        assert now.finished_at is not None

    async def test_a_round_takes_so_many_and_no_more(self, storage: ReplayJobStorage) -> None:
        for event in await accept(storage, *(body(ref=f"WEB-{number}") for number in range(3))):
            await mark(storage)(event, BROKEN, by=PUTU)
        job = await begin(storage)
        rounds = [await runner(storage, at_once=2)() for _ in range(3)]
        assert rounds == [2, 1, 0]
        now = await storage.job(job.key)
        assert now is not None
        assert now.pending == 0

    async def test_an_item_is_settled_once(self, storage: ReplayJobStorage) -> None:
        (event,) = await accept(storage, body())
        await mark(storage)(event, BROKEN, by=PUTU)
        job = await begin(storage)
        stale = list(await storage.pending(limit=10))
        assert await runner(storage)() == 1

        class Late:
            """A runner that looked before the other one was done."""

            def __getattr__(self, name: str) -> object:
                return getattr(storage, name)

            async def pending(self, *, limit: int) -> list[object]:
                return list(stale[:limit])

        jobs: Any = Late()  # a ReplayJobs by what it hands on, which no type says
        late = RunReplayJobs(jobs=jobs, desk=storage, replay=replay(storage), now=lambda: NOW + LATER, at_once=50)
        assert await late() == 0
        now = await storage.job(job.key)
        assert now is not None
        assert dict(now.outcomes) == {"STARTED": 1}
        assert (await letters(storage, event))[0].replay_count == 1

    async def test_the_filter_chooses_and_the_sample_shows(self, storage: ReplayJobStorage) -> None:
        web, other = await accept(storage, body(ref="WEB-1"), body(ref="GYG-1", source="GYG"))
        await mark(storage)(web, BROKEN, by=PUTU)
        await mark(storage, at=2 * LATER)(other, BROKEN, by=PUTU)
        total, sample = await storage.choose(EVERYTHING, sample=1)
        assert (total, [letter.event_id for letter in sample]) == (2, [other])
        for wanted, expected in (
            (LetterFilter(source="GYG"), [other]),
            (LetterFilter(ref="WEB-1"), [web]),
            (LetterFilter(reason_code="BY_HAND"), [other, web]),
            (LetterFilter(reason_code="ELSE"), []),
            (LetterFilter(status="READY"), []),
            (LetterFilter(failed_from=NOW + 2 * LATER), [other]),
            (LetterFilter(failed_to=NOW + 2 * LATER), [web]),
        ):
            total, sample = await storage.choose(wanted, sample=10)
            assert [letter.event_id for letter in sample] == expected
            assert total == len(expected)
            job = await begin(storage, wanted)
            assert job.total == len(expected)
            assert (job.finished_at is None) == bool(expected)

    async def test_an_event_with_several_letters_is_replayed_once(self, storage: ReplayJobStorage) -> None:
        (event,) = await accept(storage, body())
        settled = await made_ready(storage, event)
        await change(storage)(settled.key, S.REPLAYING, by=PUTU)
        await change(storage)(settled.key, S.SUCCEEDED, by=PUTU)
        await mark(storage, at=2 * LATER)(event, BROKEN, by=PUTU)
        job = await begin(storage, at=3 * LATER)
        assert job.total == 1
        await runner(storage, at=4 * LATER)()
        newest, older = await letters(storage, event)
        assert (newest.status, newest.replay_count) == (S.REPLAYING, 1)
        assert (older.status, older.replay_count) == (S.SUCCEEDED, 0)

    async def test_a_job_that_is_not_there_is_none(self, storage: ReplayJobStorage) -> None:
        assert await storage.job(uuid7()) is None
        assert list(await storage.pending(limit=10)) == []
