"""After the commit: hand the staged job to the queue, without anybody waiting for it."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterator, Sequence

from attrs import evolve

from bst_application.errors import Conflict, Unavailable
from bst_application.ports.event_log import StagedJobs
from bst_application.ports.queue import Job, JobQueue
from bst_application.ports.tracing import NO_TRACING, SpanKind, Tracing
from bst_application.use_cases.process import GROUP_SIZE

_log = logging.getLogger(__name__)

#: More than this many jobs are left to the relay: the queue is down, and the log has them all.
PENDING_LIMIT = 1000


async def enqueue(queue: JobQueue, job: Job, tracing: Tracing, origins: Sequence[str | None] = ()) -> None:
    """One job to the queue, with its trace or with links to all that it came from. Raises Unavailable."""
    attributes = {
        "messaging.system": "bullmq",
        "messaging.destination.name": queue.name,
        "messaging.message.id": job.id,
    }
    with tracing.span(
        "enqueue", kind=SpanKind.PRODUCER, parent=job.trace_context, detached=True, attributes=attributes
    ) as span:
        span.link(origins)
        await queue.enqueue(job if span.context is None else evolve(job, trace_context=span.context))


def combined(jobs: Sequence[Job]) -> Job:
    """One job for the events of all. Its id is its own: the relay may hand over any of them again under theirs."""
    if len(jobs) == 1:
        return jobs[0]
    return Job(f"{jobs[0].id}+{len(jobs) - 1}", tuple(event_id for job in jobs for event_id in job.event_ids))


class HandOver:
    """Takes jobs as they are committed and enqueues them in the background, in order.

    ``run`` and ``unstaging`` are its two loops. Nobody waits for either, so both let company come: jobs of the same moment
    become one job of the queue, and are forgotten in one commit. Whoever is killed in between leaves staged jobs to the relay,
    which hands them over again, and that is harmless.
    """

    def __init__(
        self,
        *,
        queue: JobQueue,
        staged_jobs: StagedJobs,
        tracing: Tracing = NO_TRACING,
        note_handed_over: Callable[[int], None] | None = None,
    ) -> None:
        self._tracing = tracing
        self._note_handed_over = note_handed_over
        self._queue = queue
        self._staged_jobs = staged_jobs
        self._pending: asyncio.Queue[Job] = asyncio.Queue(PENDING_LIMIT)
        self._handed: list[str] = []
        self._has_handed = asyncio.Event()
        self._reachable = True

    def offer(self, job: Job) -> None:
        """Never waits, never fails: what is not handed over here stays staged and the relay finds it."""
        try:
            self._pending.put_nowait(job)
        except asyncio.QueueFull:
            self._note(False)

    async def run(self, pause: Callable[[], Awaitable[object]]) -> None:
        """Runs until cancelled: hands over what came during a pause. The pause also lets senders have their answers first."""
        while True:
            jobs = [await self._pending.get()]
            try:
                await pause()
                while not self._pending.empty():
                    jobs.append(self._pending.get_nowait())
                await self.hand_over(jobs)
            except Exception:  # a bug here must not leave every later job to the relay
                _log.exception("handing over failed; it goes on")

    async def unstaging(self, pause: Callable[[], Awaitable[object]]) -> None:
        """Runs until cancelled: forgets what was handed over, and then awaits a pause in which more comes together."""
        while True:
            await self._has_handed.wait()
            try:
                await pause()
                await self.unstage()
            except Exception:  # as above
                _log.exception("forgetting jobs that were handed over failed; it goes on")

    async def hand_over(self, jobs: Sequence[Job]) -> None:
        """Enqueues jobs until the queue refuses one."""
        for group in in_groups(jobs):
            origins = [job.trace_context for job in group] if len(group) > 1 else []
            try:
                await enqueue(self._queue, combined(group), self._tracing, origins)
            except Unavailable:
                self._note(False)
                break
            self._note(True)
            self._handed += [job.id for job in group]
            self._has_handed.set()
            if self._note_handed_over is not None:
                self._note_handed_over(len(group))

    async def unstage(self) -> None:
        """Forgets in one commit every job that was handed over."""
        handed, self._handed = self._handed, []
        self._has_handed.clear()
        if not handed:
            return
        try:
            await self._staged_jobs.unstage(handed)
        except (Unavailable, Conflict):  # the relay may be deleting the same rows in another order
            _log.warning("handed over %d jobs, but could not unstage them; the relay will repeat them", len(handed))

    def _note(self, reachable: bool) -> None:
        """Says once when the queue goes and once when it comes back."""
        if reachable != self._reachable:
            self._reachable = reachable
            _log.log(
                logging.INFO if reachable else logging.WARNING,
                "the queue takes jobs again"
                if reachable
                else "the queue takes no jobs; the log keeps them, the sweep works",
            )


def in_groups(jobs: Sequence[Job]) -> Iterator[list[Job]]:
    """Jobs whose events a worker commits together; a larger one goes alone."""
    group: list[Job] = []
    events = 0
    for job in jobs:
        events += len(job.event_ids)
        if group and events > GROUP_SIZE:
            yield group
            group, events = [], len(job.event_ids)
        group.append(job)
    if group:
        yield group
