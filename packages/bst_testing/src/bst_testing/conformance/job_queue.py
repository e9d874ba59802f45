"""What every job queue must do."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from time import monotonic
from typing import Any

import pytest

from bst_application.errors import Unavailable
from bst_application.ids import uuid7
from bst_application.ports.queue import Job, JobHandler, JobQueue
from bst_domain.values import EventId

#: Brokers poll and notify at their own pace; a condition that has not come by then will not come.
WITHIN_S = 20.0
#: The port promises a second; the rest is the test machine.
A_SECOND = 1.3
#: A consumer without a job has nothing to wait for but its broker's goodbye.
IDLE_STOP_S = 4.0


def job(events: int = 1) -> Job:
    return Job(str(uuid7()), tuple(EventId(uuid7()) for _ in range(events)))


async def until(condition: Callable[[], Awaitable[bool]]) -> None:
    """Waits for a condition of the outside world; fails when it does not come."""
    async with asyncio.timeout(WITHIN_S):
        while not await condition():  # noqa: ASYNC110 - a broker has no event to wait for
            await asyncio.sleep(0.02)


@asynccontextmanager
async def consuming(queue: JobQueue, handler: JobHandler, *, concurrency: int = 1) -> Any:
    """A consumer for the time of the block."""
    stop = asyncio.Event()
    task = asyncio.create_task(queue.consume(handler, concurrency=concurrency, stop=stop))
    try:
        yield stop
    finally:
        stop.set()
        async with asyncio.timeout(WITHIN_S):
            await task


class JobQueueConformance:
    """Subclass it, and give a ``queue`` fixture with an empty queue, and the ways to break it."""

    @pytest.fixture
    def queue(self) -> JobQueue:
        raise NotImplementedError("a subclass gives the queue")

    async def take_away(self, queue: JobQueue) -> None:
        """Makes the broker unreachable, with everything in it."""
        raise NotImplementedError("a subclass takes its broker away")

    async def bring_back(self, queue: JobQueue) -> None:
        """The broker can be reached again."""
        raise NotImplementedError("a subclass brings its broker back")

    async def die_with_a_job(self, queue: JobQueue) -> JobQueue:
        """A consumer takes the one job that waits and dies with it, as a process dies by kill -9.

        Returns a queue of the same jobs for which the dead consumer's time runs out soon, or has run out.
        """
        raise NotImplementedError("a subclass kills a consumer")

    async def test_jobs_are_delivered_in_order_with_their_events(self, queue: JobQueue) -> None:
        jobs = [job(events) for events in (1, 3, 100)]
        for one in jobs:
            await queue.enqueue(one)
        seen: list[Job] = []

        async def handler(one: Job) -> None:
            seen.append(one)

        async with consuming(queue, handler):
            await until(lambda: _is(len(seen) == len(jobs)))
        assert seen == jobs

    async def test_the_same_id_twice_is_one_job(self, queue: JobQueue) -> None:
        one, last = job(), job()
        for each in (one, one, last, one):
            await queue.enqueue(each)
        seen: list[Job] = []

        async def handler(each: Job) -> None:
            seen.append(each)

        async with consuming(queue, handler):
            await until(lambda: _is(last in seen))
        assert seen == [one, last]

    async def test_a_job_that_is_done_is_not_done_again(self, queue: JobQueue) -> None:
        first, last = job(), job()
        seen: list[Job] = []

        async def handler(each: Job) -> None:
            seen.append(each)

        async def completed() -> bool:
            return (await queue.counts()).completed == 1

        await queue.enqueue(first)
        async with consuming(queue, handler):
            await until(completed)
            for each in (first, last):
                await queue.enqueue(each)
            await until(lambda: _is(last in seen))
        assert seen == [first, last]

    async def test_an_idle_consumer_hears_of_new_work(self, queue: JobQueue) -> None:
        first, second = job(), job()
        seen: list[Job] = []

        async def handler(each: Job) -> None:
            seen.append(each)

        async with consuming(queue, handler):
            await queue.enqueue(first)
            await until(lambda: _is(len(seen) == 1))
            await asyncio.sleep(0.5)  # no queue says that a consumer waits; the slowest has begun to by then
            await queue.enqueue(second)
            await until(lambda: _is(len(seen) > 1))
        assert seen == [first, second]

    async def test_a_handler_that_raises_stops_nobody_and_is_counted(self, queue: JobQueue) -> None:
        bad, good = job(), job()
        await queue.enqueue(bad)
        await queue.enqueue(good)
        seen: list[Job] = []

        async def handler(each: Job) -> None:
            seen.append(each)
            if each == bad:
                raise RuntimeError("this one breaks")

        async def counted() -> bool:
            counts = await queue.counts()
            return counts.failed == 1 and counts.completed == 1

        async with consuming(queue, handler):
            await until(counted)
        assert seen == [bad, good]

    async def test_counts_say_what_waits(self, queue: JobQueue) -> None:
        assert (await queue.counts()).waiting == 0
        for _ in range(3):
            await queue.enqueue(job())
        counts = await queue.counts()
        assert (counts.waiting, counts.active, counts.completed, counts.failed) == (3, 0, 0, 0)

    async def test_stopping_waits_for_the_job_in_hand(self, queue: JobQueue) -> None:
        begun, released = asyncio.Event(), asyncio.Event()
        finished: list[Job] = []

        async def handler(each: Job) -> None:
            begun.set()
            await released.wait()
            finished.append(each)

        await queue.enqueue(job())
        async with consuming(queue, handler) as stop:
            async with asyncio.timeout(WITHIN_S):
                await begun.wait()
            stop.set()
            asyncio.get_running_loop().call_later(0.05, released.set)
        assert len(finished) == 1

    async def test_many_jobs_at_once_are_all_delivered(self, queue: JobQueue) -> None:
        jobs = {each.id: each for each in (job() for _ in range(200))}
        seen: set[str] = set()

        async def handler(each: Job) -> None:
            seen.add(each.id)

        async with consuming(queue, handler, concurrency=8):
            # Two hundred in a second may be too many for a busy machine; who hears Unavailable asks again.
            await asyncio.gather(*(until(partial(accepts, queue, each)) for each in jobs.values()))
            await until(lambda: _is(seen == jobs.keys()))

    async def test_several_consumers_share_the_work_and_do_each_job_once(self, queue: JobQueue) -> None:
        jobs = [job() for _ in range(60)]
        seen: list[list[str]] = [[], [], []]
        both = asyncio.Event()

        def handler(number: int) -> JobHandler:
            async def handle(each: Job) -> None:
                seen[number].append(each.id)
                if sum(map(bool, seen)) > 1:
                    both.set()
                await both.wait()  # nobody does it all alone

            return handle

        async with AsyncExitStack() as consumers:
            for number in range(len(seen)):
                await consumers.enter_async_context(consuming(queue, handler(number), concurrency=2))
            for each in jobs:
                await queue.enqueue(each)
            await until(lambda: _is(sum(map(len, seen)) >= len(jobs)))
        assert sorted(each for some in seen for each in some) == sorted(each.id for each in jobs)

    async def test_a_broker_that_is_gone_is_unavailable_within_a_second(self, queue: JobQueue) -> None:
        await queue.enqueue(job())
        await self.take_away(queue)
        for ask in (lambda: queue.enqueue(job()), queue.counts):
            begun = monotonic()
            with pytest.raises(Unavailable):
                await ask()
            assert monotonic() - begun < A_SECOND
        await self.bring_back(queue)
        last = job()
        await until(lambda: accepts(queue, last))

    async def test_a_consumer_outlives_its_broker(self, queue: JobQueue) -> None:
        seen: list[Job] = []

        async def handler(each: Job) -> None:
            seen.append(each)

        first, second = job(), job()
        async with consuming(queue, handler):
            await queue.enqueue(first)
            await until(lambda: _is(first in seen))
            await self.take_away(queue)
            with pytest.raises(Unavailable):
                await queue.enqueue(second)
            await self.bring_back(queue)
            await until(lambda: accepts(queue, second))
            await until(lambda: _is(second in seen))

    async def test_the_job_of_a_consumer_that_died_comes_again(self, queue: JobQueue) -> None:
        one = job(3)
        await queue.enqueue(one)
        later = await self.die_with_a_job(queue)
        seen: list[Job] = []

        async def handler(each: Job) -> None:
            seen.append(each)

        async with consuming(later, handler):
            await until(lambda: _is(bool(seen)))
        await later.close()
        assert seen == [one]

    async def test_stopping_an_idle_consumer_is_quick(self, queue: JobQueue) -> None:
        seen: list[Job] = []

        async def handler(each: Job) -> None:
            seen.append(each)

        async def is_idle() -> bool:
            counts = await queue.counts()
            return (counts.waiting, counts.active, counts.completed) == (0, 0, 1)

        await queue.enqueue(job())
        async with consuming(queue, handler) as stop:
            await until(is_idle)  # so it is up, has worked, and looks for more
            begun = monotonic()
            stop.set()
        assert monotonic() - begun < IDLE_STOP_S
        assert len(seen) == 1

    async def test_closing_twice_is_harmless(self, queue: JobQueue) -> None:
        await queue.enqueue(job())
        await queue.close()
        await queue.close()


async def accepts(queue: JobQueue, one: Job) -> bool:
    """Whether the queue takes the job now."""
    try:
        await queue.enqueue(one)
    except Unavailable:
        return False
    return True


async def _is(value: bool) -> bool:
    return value
