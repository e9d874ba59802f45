"""The job queue in memory. It can be down, and it can lose everything."""

import asyncio
from asyncio import Event
from collections import deque

from bst_application.errors import Unavailable
from bst_application.ports.queue import Job, JobHandler, QueueCounts


class MemoryJobQueue:
    """JobQueue. Jobs are kept by id for ever, so that the same id twice is one job."""

    name = "memory"

    def __init__(self) -> None:
        self.down = False
        self._waiting: deque[Job] = deque()
        self._known: set[str] = set()
        self._active = self._completed = self._failed = 0
        self._arrival = asyncio.Condition()

    async def enqueue(self, job: Job) -> None:
        if self.down:
            raise Unavailable("the queue is down")
        if job.id not in self._known:
            self._known.add(job.id)
            self._waiting.append(job)
        async with self._arrival:
            self._arrival.notify_all()

    async def counts(self) -> QueueCounts:
        if self.down:
            raise Unavailable("the queue is down")
        return QueueCounts(
            waiting=len(self._waiting),
            active=self._active,
            delayed=0,
            completed=self._completed,
            failed=self._failed,
            paused=0,
        )

    def take(self) -> Job:
        """What a consumer does that dies at once: the job is out of the queue, and nobody works on it."""
        self._active += 1
        return self._waiting.popleft()

    async def give_back(self, job: Job) -> None:
        """The time of a consumer that died has run out."""
        self._active -= 1
        self._waiting.appendleft(job)
        async with self._arrival:
            self._arrival.notify_all()

    def lose_everything(self) -> None:
        """What happens to a broker without persistence."""
        self._waiting.clear()
        self._known.clear()

    async def consume(self, handler: JobHandler, *, concurrency: int, stop: Event) -> None:
        stopper = asyncio.create_task(self._wake_on(stop))
        await asyncio.gather(*(self._work(handler, stop) for _ in range(concurrency)))
        await stopper

    async def close(self) -> None:
        """Nothing to release."""

    async def _wake_on(self, stop: Event) -> None:
        await stop.wait()
        async with self._arrival:
            self._arrival.notify_all()

    async def _work(self, handler: JobHandler, stop: Event) -> None:
        while not stop.is_set():
            if not self._waiting:
                async with self._arrival:
                    await self._arrival.wait_for(lambda: bool(self._waiting) or stop.is_set())
                continue
            job = self._waiting.popleft()
            self._active += 1
            try:
                await handler(job)
            except Exception:
                self._failed += 1
            else:
                self._completed += 1
            finally:
                self._active -= 1
