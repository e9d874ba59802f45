"""The worked example keeps the port's promises: the whole suite, then what only this adapter can break."""

import asyncio
import shutil
import signal
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from datetime import timedelta
from pathlib import Path
from subprocess import PIPE, Popen
from time import monotonic, time

import pytest

from bst_application.errors import Unavailable
from bst_application.ids import uuid7
from bst_application.ports.queue import Job, JobQueue
from bst_application.use_cases.hand_over import HandOver
from bst_application.use_cases.process import ProcessEvents
from bst_application.use_cases.relay import SWEEP_AFTER, SweepDueEvents
from bst_testing.conformance.event_log import accepting
from bst_testing.conformance.job_queue import JobQueueConformance, consuming, job, until
from bst_testing.deliveries import NOW, body, delivery
from bst_testing.fakes.storage import MemoryStorage
from tests.adapters_example.sqlite_queue import KEPT_S, LEASE_S, SqliteJobQueue

ROOT = Path(__file__).parents[2]
#: The port promises a second; the rest is the test machine.
A_SECOND = 1.3


class TestSqliteJobQueue(JobQueueConformance):
    @pytest.fixture
    def queue(self, tmp_path: Path) -> SqliteJobQueue:
        (tmp_path / "here").mkdir()
        self.path = tmp_path / "here" / "events.sqlite"
        return SqliteJobQueue(self.path)

    async def take_away(self, queue: JobQueue) -> None:
        self.path.parent.rename(self.path.parent.with_name("gone"))

    async def bring_back(self, queue: JobQueue) -> None:
        self.path.parent.with_name("gone").rename(self.path.parent)

    async def die_with_a_job(self, queue: JobQueue) -> JobQueue:
        with another_process(self.path, "await asyncio.Event().wait()") as process:
            await asyncio.to_thread(told, process)
        return SqliteJobQueue(self.path, clock=lambda: time() + LEASE_S)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "events.sqlite"


@pytest.fixture
def junk(path: Path) -> Path:
    path.write_text("not a database, but longer than the header of one. " * 20)
    return path


@contextmanager
def another_process(path: Path, then: str) -> Iterator[Popen[str]]:
    """A consumer of the file; it tells each job's id on a line of its own, and then does something."""
    script = f"""
import asyncio, sys
from pathlib import Path
from tests.adapters_example.sqlite_queue import SqliteJobQueue

async def handler(job):
    print(job.id, flush=True)
    {then}

asyncio.run(SqliteJobQueue(Path(sys.argv[1])).consume(handler, concurrency=1, stop=asyncio.Event()))
"""
    with Popen([sys.executable, "-c", script, str(path)], cwd=ROOT, stdout=PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()


def told(process: Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


class Seen(list[Job]):
    """A handler that remembers."""

    async def __call__(self, one: Job) -> None:
        self.append(one)

    async def reached(self, count: int) -> bool:
        return len(self) >= count


async def completed(queue: SqliteJobQueue, count: int) -> bool:
    return (await queue.counts()).completed == count


async def test_two_processes_share_the_file_and_no_job_is_done_twice(path: Path) -> None:
    queue, seen = SqliteJobQueue(path), Seen()
    jobs = [job() for _ in range(100)]
    with another_process(path, "pass") as process:
        await queue.enqueue(jobs[0])
        elsewhere = {await asyncio.to_thread(told, process)}  # it lives and works
        await asyncio.gather(*(queue.enqueue(one) for one in jobs))
        async with consuming(queue, seen):
            await until(lambda: completed(queue, len(jobs)))
        process.kill()
        assert process.stdout is not None
        elsewhere |= {line.strip() for line in process.stdout}
    here = [one.id for one in seen]
    assert len(here) == len(set(here))
    assert elsewhere.isdisjoint(here)
    assert elsewhere | set(here) == {one.id for one in jobs}


async def test_the_job_of_a_killed_process_comes_again_when_its_lease_is_over(path: Path) -> None:
    queue, one = SqliteJobQueue(path), job(3)
    await queue.enqueue(one)
    with another_process(path, "await asyncio.Event().wait()") as process:
        assert await asyncio.to_thread(told, process) == one.id
        process.send_signal(signal.SIGKILL)
        process.wait()
    counts = await queue.counts()
    assert (counts.waiting, counts.active) == (0, 1)
    later, seen = SqliteJobQueue(path, clock=lambda: time() + LEASE_S), Seen()
    assert (await later.counts()).waiting == 1
    async with consuming(later, seen):
        await until(lambda: seen.reached(1))
    assert seen == [one]


async def test_a_long_job_keeps_its_lease(path: Path) -> None:
    now = [1000.0]
    queue, other = (SqliteJobQueue(path, clock=lambda: now[0]) for _ in range(2))
    late = SqliteJobQueue(path, clock=lambda: now[0] + 0.9 * LEASE_S)
    begun, released, seen = asyncio.Event(), asyncio.Event(), Seen()

    async def slow(_: Job) -> None:
        begun.set()
        await released.wait()

    async def renewed() -> bool:
        return (await late.counts()).active == 1

    await queue.enqueue(job())
    async with consuming(queue, slow):
        await begun.wait()
        async with consuming(other, seen):
            for _ in range(4):
                now[0] += 0.6 * LEASE_S
                await until(renewed)
        released.set()
    assert seen == []
    assert (await queue.counts()).completed == 1


async def test_a_job_that_failed_is_not_run_again(path: Path) -> None:
    queue, later = SqliteJobQueue(path), SqliteJobQueue(path, clock=lambda: time() + 2 * LEASE_S)
    bad, good, seen = job(), job(), Seen()

    async def broken(_: Job) -> None:
        raise RuntimeError("this one breaks")

    async def failed() -> bool:
        return (await queue.counts()).failed == 1

    await queue.enqueue(bad)
    async with consuming(queue, broken):
        await until(failed)
    await queue.enqueue(bad)
    await later.enqueue(good)
    async with consuming(later, seen):
        await until(lambda: seen.reached(1))
    assert seen == [good]


async def test_what_ended_is_forgotten_in_its_time(path: Path) -> None:
    queue, seen = SqliteJobQueue(path), Seen()
    later = SqliteJobQueue(path, clock=lambda: time() + KEPT_S["completed"] + LEASE_S)
    await queue.enqueue(job())
    async with consuming(queue, seen):
        await until(lambda: completed(queue, 1))
    async with consuming(later, seen):
        await until(lambda: completed(later, 0))
    assert len(seen) == 1


async def test_a_file_that_cannot_be_written_is_unavailable_within_a_second(path: Path) -> None:
    queue = SqliteJobQueue(path)
    await queue.enqueue(job())
    with closing(sqlite3.connect(path, isolation_level=None)) as hog:
        hog.execute("begin exclusive")
        begun = monotonic()
        answers = await asyncio.gather(
            *(queue.enqueue(job()) for _ in range(20)), queue.counts(), return_exceptions=True
        )
        assert monotonic() - begun < A_SECOND
    assert {type(answer) for answer in answers} == {Unavailable}
    last = job()
    await queue.enqueue(last)


@pytest.mark.parametrize("name", ["missing/events.sqlite", "."])
async def test_a_file_that_cannot_be_opened_is_unavailable(tmp_path: Path, name: str) -> None:
    with pytest.raises(Unavailable):
        await SqliteJobQueue(tmp_path / name).enqueue(job())


async def test_what_is_no_database_is_unavailable(junk: Path) -> None:
    with pytest.raises(Unavailable):
        await SqliteJobQueue(junk).counts()


async def test_a_consumer_waits_for_its_file_and_finds_one_that_was_replaced(path: Path) -> None:
    folder = path.parent / "later"
    queue, seen = SqliteJobQueue(folder / "events.sqlite"), Seen()
    async with consuming(queue, seen):
        with pytest.raises(Unavailable):
            await queue.counts()
        folder.mkdir()
        await queue.enqueue(job())
        await until(lambda: completed(queue, 1))
        shutil.move(folder / "events.sqlite", path)
        await queue.enqueue(job())
        await until(lambda: seen.reached(2))


async def test_a_consumer_stops_while_its_file_is_away(path: Path) -> None:
    async with asyncio.timeout(4), consuming(SqliteJobQueue(path.parent / "missing" / "events.sqlite"), Seen()):
        pass


async def test_an_idle_consumer_hears_of_work_and_of_the_end(path: Path) -> None:
    queue, seen = SqliteJobQueue(path), Seen()
    await queue.enqueue(job())
    async with consuming(queue, seen) as stop:
        await until(lambda: completed(queue, 1))
        for _ in range(3):  # whatever it does when there is no work, it does it now
            await queue.counts()
        await queue.enqueue(job())
        await until(lambda: completed(queue, 2))
        for _ in range(3):
            await queue.counts()
        begun = monotonic()
        stop.set()
    assert monotonic() - begun < A_SECOND


async def test_a_queue_that_loses_everything_loses_nothing(path: Path) -> None:
    storage, queue = MemoryStorage(), SqliteJobQueue(path)
    _, staged = await accepting(storage)([delivery(body(), "k1")])
    assert staged is not None
    await HandOver(queue=queue, staged_jobs=storage).hand_over([staged])
    assert (await queue.counts()).waiting == 1
    shutil.move(path, path.with_name("lost"))
    later = NOW + SWEEP_AFTER + timedelta(seconds=1)
    process = ProcessEvents(store=storage, now=lambda: later, new_id=uuid7)
    assert await SweepDueEvents(store=storage, process=process, now=lambda: later)() == 1
    await queue.enqueue(staged)  # and the job, should it come after all, does nothing
    seen = Seen()
    async with consuming(queue, seen):
        await until(lambda: seen.reached(1))
    assert await process(seen[0].event_ids) == 0
