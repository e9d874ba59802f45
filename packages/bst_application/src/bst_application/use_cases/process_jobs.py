"""Jobs that wait at the same time are processed together: the dearer a commit, the more events share one."""

from collections.abc import Sequence

from bst_application.grouping import GroupCommit
from bst_application.log_fields import unbound
from bst_application.ports.queue import Job
from bst_application.ports.tracing import NO_TRACING, Tracing
from bst_application.use_cases.process import GROUP_SIZE, ProcessEvents


class ProcessJobs:
    """The queue's handler. A single job is processed at once; jobs that come meanwhile share the next commits.

    One group at a time: two groups of one process would only wait for each other's bookings, which lie close together. Groups
    begin ``apart_s`` apart unless ``crowd`` jobs wait: with some hundred events a second each would else cost a commit, and
    take from the API the processor that its senders wait for.
    """

    def __init__(
        self, process: ProcessEvents, tracing: Tracing = NO_TRACING, *, apart_s: float = 0.0, crowd: int = 1
    ) -> None:
        self._process = process
        self._tracing = tracing
        self._group: GroupCommit[Job, None] = GroupCommit(
            self._flush,
            most=GROUP_SIZE,
            flushers=1,
            weigh=lambda job: len(job.event_ids),
            apart_s=apart_s,
            crowd=crowd,
        )

    async def __call__(self, job: Job) -> None:
        """Returns after the commit. Raises Unavailable when the store is; what was not committed stays due."""
        await self._group(job)

    async def _flush(self, jobs: Sequence[Job]) -> list[None]:
        # The flush runs in the context of whichever job came first; it is the work of all of them.
        alone = jobs[0].trace_context if len(jobs) == 1 else None
        with unbound(), self._tracing.span("process jobs", parent=alone, detached=True) as span:
            if alone is None:
                span.link([job.trace_context for job in jobs])
            await self._process(list(dict.fromkeys(event_id for job in jobs for event_id in job.event_ids)))
        return [None] * len(jobs)
