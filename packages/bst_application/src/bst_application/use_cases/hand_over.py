"""After the commit: hand the staged job to the queue, without anybody waiting for it."""

import asyncio
import logging

from bst_application.errors import Conflict, Unavailable
from bst_application.ports.event_log import StagedJobs
from bst_application.ports.queue import Job, JobQueue

_log = logging.getLogger(__name__)

#: More than this many jobs are left to the relay: the queue is down, and the log has them all.
PENDING_LIMIT = 1000


class HandOver:
    """Takes jobs as they are committed and enqueues them in the background, in order."""

    def __init__(self, *, queue: JobQueue, staged_jobs: StagedJobs) -> None:
        self._queue = queue
        self._staged_jobs = staged_jobs
        self._pending: asyncio.Queue[Job] = asyncio.Queue(PENDING_LIMIT)
        self._reachable = True

    def offer(self, job: Job) -> None:
        """Never waits, never fails: what is not handed over here stays staged and the relay finds it."""
        try:
            self._pending.put_nowait(job)
        except asyncio.QueueFull:
            self._note(False)

    async def run(self) -> None:
        """Runs until cancelled."""
        while True:
            jobs = [await self._pending.get()]
            while not self._pending.empty():
                jobs.append(self._pending.get_nowait())
            try:
                await self.hand_over(jobs)
            except Exception:  # a bug here must not leave every later job to the relay
                _log.exception("handing over failed; it goes on")

    async def hand_over(self, jobs: list[Job]) -> None:
        """Enqueues jobs; those that the queue took are forgotten in one commit."""
        handed: list[str] = []
        for job in jobs:
            try:
                await self._queue.enqueue(job)
            except Unavailable:
                self._note(False)
                break
            self._note(True)
            handed.append(job.id)
        if handed:
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
