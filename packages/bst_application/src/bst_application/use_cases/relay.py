"""From the log to the workers: the relay hands staged jobs to the queue, the sweep needs no queue at all.

Source of the rules: house, "the log is the truth, the queue is only a wake-up".
"""

from collections.abc import Callable
from datetime import datetime, timedelta

from attrs import frozen

from bst_application.errors import Unavailable
from bst_application.ports.bookings import BookingStore
from bst_application.ports.event_log import StagedJobs
from bst_application.ports.queue import JobQueue
from bst_application.ports.tracing import NO_TRACING, Tracing
from bst_application.use_cases.hand_over import enqueue
from bst_application.use_cases.process import ProcessEvents

#: A job that is staged for longer was not handed over by the process that accepted it.
RELAY_AFTER = timedelta(seconds=2)
#: An event that is RECEIVED for longer has lost its job, or the queue is slower than the log.
SWEEP_AFTER = timedelta(seconds=5)
RELAY_LIMIT = 200
SWEEP_LIMIT = 500


@frozen(kw_only=True)
class RelayStagedJobs:
    """Hands over jobs that stayed behind."""

    staged_jobs: StagedJobs
    queue: JobQueue
    now: Callable[[], datetime]
    tracing: Tracing = NO_TRACING

    async def __call__(self) -> int:
        """Returns how many jobs were handed over; stops at the first that the queue cannot take. Raises Unavailable (log)."""
        handed: list[str] = []
        for job in await self.staged_jobs.staged(before=self.now() - RELAY_AFTER, limit=RELAY_LIMIT):
            try:
                await enqueue(self.queue, job, self.tracing)
            except Unavailable:
                break
            handed.append(job.id)
        if handed:
            await self.staged_jobs.unstage(handed)
        return len(handed)


@frozen(kw_only=True)
class SweepDueEvents:
    """Processes what is due and nobody woke up for: retries, lost jobs, the work of a worker that died."""

    store: BookingStore
    process: ProcessEvents
    now: Callable[[], datetime]

    async def __call__(self) -> int:
        """Returns how many events it settled. Raises Unavailable."""
        now = self.now()
        due = await self.store.due(now=now, accepted_before=now - SWEEP_AFTER, limit=SWEEP_LIMIT)
        return await self.process(due)
