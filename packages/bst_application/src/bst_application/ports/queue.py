"""The job queue: a wake-up for workers, never the truth. Losing all of it loses nothing; a sweep finds what is due."""

from asyncio import Event
from collections.abc import Awaitable, Callable
from typing import Protocol

from attrs import field, frozen

from bst_domain.values import EventId


@frozen
class Job:
    """Work to wake up for: events that were accepted together. The id is unique; the same id twice is one job.

    That holds while the broker remembers the job: until it is done and then for as long as jobs that ended are kept (RETENTION in
    ``bst_domain.ingest``: 14 days when it completed, 30 when it failed). A broker that lost its data has forgotten its jobs, too;
    then a job may run again, and finds its events done.
    ``trace_context`` goes along where the broker can carry it; what is lost with it is a line in a trace, no more.
    """

    id: str
    event_ids: tuple[EventId, ...]
    trace_context: str | None = field(default=None, eq=False)


@frozen(kw_only=True)
class QueueCounts:
    """Jobs by state, as the broker counts them."""

    waiting: int
    active: int
    delayed: int
    completed: int
    failed: int
    paused: int


JobHandler = Callable[[Job], Awaitable[None]]


class JobQueue(Protocol):
    """At-least-once delivery: handlers take repeats in their stride. Only ``consume`` waits longer than a second.

    ``enqueue`` and ``counts`` may raise Unavailable at any time: the broker is gone, hangs, refuses, is full or loads its
    data. A job of which that was said may have been taken all the same; asking again with the same id does no harm. For a
    second or so after a failure it may be said at once, of calls that did not even ask.
    """

    @property
    def name(self) -> str: ...

    async def enqueue(self, job: Job) -> None:
        """Hands the job over. Raises Unavailable, within a second, when the broker cannot take it."""
        ...

    async def counts(self) -> QueueCounts:
        """Raises Unavailable, within a second, when the broker does not answer."""
        ...

    async def consume(self, handler: JobHandler, *, concurrency: int, stop: Event) -> None:
        """Runs ``handler`` for every job until ``stop`` is set, then waits for the jobs in hand and returns.

        A broker that goes away is waited for; that is no error. A job whose handler raises is marked failed at the broker
        and not run again: the log knows what is still to do. The job of a consumer that died goes to another after a while.
        """
        ...

    async def close(self) -> None:
        """Releases connections; harmless when called twice."""
        ...
