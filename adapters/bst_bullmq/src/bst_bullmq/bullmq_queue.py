"""BullMQ as BST's job queue, whatever the broker behind it.

The broker may be away, hang, or come back empty at any time. Nobody who enqueues or counts waits longer than a second for it; an
outage is remembered for a moment, so that a thousand callers do not each find out for themselves.
"""

import asyncio
import json
import logging
from asyncio import Event
from collections.abc import Awaitable, Callable, Coroutine
from time import monotonic
from typing import Any, Protocol, TypeVar
from uuid import UUID

from attrs import define, field
from bullmq import Job as BullJob
from bullmq import Queue, Worker

from bst_application.errors import Unavailable
from bst_application.ports.queue import Job, JobHandler, QueueCounts
from bst_application.ports.tracing import trace_context
from bst_domain.ingest import RETENTION, Kept
from bst_domain.values import EventId

_log = logging.getLogger(__name__)

JOB_NAME = "booking-events"
#: No caller waits longer for the broker than this, all in all.
ANSWER_WITHIN_S = 0.9
#: After a failure, calls fail at once for this long.
OUTAGE_REMEMBERED_S = 1.0
RECONNECT_AFTER_S = 0.5
#: How long a job stays with a consumer that says nothing more. One that lives says so twice in that time.
LEASE_S = 30.0
#: On stop: how long the jobs in hand, and then the goodbye to the broker, may take.
JOBS_IN_HAND_S = 25.0
GOODBYE_S = 2.0

JOB_OPTIONS: dict[str, Any] = {
    "attempts": 1,  # the log knows what is still to do; the broker is not asked to try again
    "removeOnComplete": {"age": int(RETENTION[Kept.SUCCEEDED_JOB].period.total_seconds())},
    "removeOnFail": {"age": int(RETENTION[Kept.FAILED_JOB].period.total_seconds())},
}
#: What uvloop says, as a RuntimeError, of writing to a connection that was reset meanwhile; asyncio's own loop says OSError.
_UVLOOP_LOST = "the handler is closed"
#: Where BullMQ keeps the telemetry of a job: a JSON text of what a propagator injects. Workers for Node read it, too.
TRACE_OPTION = "tm"
_STATES = ("waiting", "active", "delayed", "completed", "failed", "paused")

T = TypeVar("T")


class Broker(Protocol):
    """How to reach BullMQ's data: options for its Queue and Worker, with fresh connections each time."""

    @property
    def failure(self) -> type[Exception]:
        """What the broker's client raises when the broker is away; OSError and TimeoutError go without saying."""
        ...

    def queue_options(self) -> dict[str, Any]:
        """For a client that asks and leaves."""
        ...

    def worker_options(self) -> dict[str, Any]:
        """For a client that blocks until there is work."""
        ...

    async def prepare(self, worker: Worker) -> None:
        """What must happen before a worker runs."""
        ...


@define(eq=False)
class _Line:
    """One client of the broker, with the questions that are under way on it."""

    queue: Queue
    asked: set[asyncio.Task[Any]] = field(factory=set, init=False)

    def ask(self, question: Callable[[Queue], Coroutine[Any, Any, T]]) -> asyncio.Task[T]:
        task = asyncio.create_task(question(self.queue))
        self.asked.add(task)
        task.add_done_callback(self._answered)
        return task

    def _answered(self, task: asyncio.Task[Any]) -> None:
        """Whoever asked may have been cancelled in the very turn that the answer came: an error then has no other reader."""
        self.asked.discard(task)
        if not task.cancelled():
            task.exception()

    async def hang_up(self) -> None:
        """After the last answer: a question that waits its turn on a closed client connects it again, and nobody closes that."""
        if self.asked:
            await asyncio.wait(set(self.asked))
        await self.queue.close()


class BullMQJobQueue:
    """JobQueue on BullMQ. Constructing it connects to nothing."""

    def __init__(self, broker: Broker, name: str, *, lease_s: float) -> None:
        self._broker = broker
        self._lease_ms = round(lease_s * 1000)
        self._name = name
        self._line: _Line | None = None
        self._down_until = 0.0
        self._goodbyes: set[asyncio.Task[None]] = set()

    @property
    def name(self) -> str:
        return self._name

    async def enqueue(self, job: Job) -> None:
        data = {"eventIds": [str(event_id) for event_id in job.event_ids]}
        options = {**JOB_OPTIONS, "jobId": job.id}
        if job.trace_context is not None:
            options[TRACE_OPTION] = json.dumps({"traceparent": job.trace_context})
        await self._ask(lambda queue: queue.add(JOB_NAME, data, options))

    async def counts(self) -> QueueCounts:
        found = await self._ask(lambda queue: queue.getJobCounts(*_STATES))
        return QueueCounts(**{state: int(found.get(state, 0)) for state in _STATES})

    async def consume(self, handler: JobHandler, *, concurrency: int, stop: Event) -> None:
        async def run(bull_job: BullJob, _token: str) -> None:
            await handler(_job(bull_job))

        down = False
        while not stop.is_set():
            worker = _Worker(
                self._name,
                run,
                {
                    **self._broker.worker_options(),
                    "concurrency": concurrency,
                    "autorun": False,
                    "runRetryDelay": 500,
                    "lockDuration": self._lease_ms,
                    "stalledInterval": self._lease_ms,
                },
            )
            worker.on("error", _note_error)  # plain functions only: BullMQ does not await listeners
            try:
                await self._broker.prepare(worker)
            except (self._broker.failure, OSError, TimeoutError) as error:
                if not down:
                    _log.warning("the queue %s is away (%s); waiting for it", self._name, type(error).__name__)
                down = True
                self._leave(worker.close(force=True))
                await _pause(stop, RECONNECT_AFTER_S)
                continue
            if down:
                _log.info("the queue %s is back", self._name)
            down = False
            await self._run_worker(worker, stop)
            if not stop.is_set():  # it ended by itself, and the next one may, too
                await _pause(stop, RECONNECT_AFTER_S)
        await self._said_goodbye()

    async def close(self) -> None:
        self._hang_up()
        await self._said_goodbye()

    async def _run_worker(self, worker: Worker, stop: Event) -> None:
        running = asyncio.ensure_future(worker.run())
        stopping = asyncio.ensure_future(stop.wait())
        try:
            await asyncio.wait({running, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if running.done() and running.exception() is not None:
                _log.warning("the queue worker ended (%s); starting another", type(running.exception()).__name__)
            await _finish(worker)
        finally:
            stopping.cancel()
            if not running.done():
                running.cancel()
            await asyncio.gather(running, stopping, return_exceptions=True)

    async def _ask(self, question: Callable[[Queue], Coroutine[Any, Any, T]]) -> T:
        """One question to the broker. Raises Unavailable within a second."""
        if monotonic() < self._down_until:
            raise Unavailable(f"the queue {self._name} did not answer a moment ago")
        if self._line is None:
            self._line = _Line(Queue(self._name, self._broker.queue_options()))
        asked = self._line.ask(question)
        try:
            done, _ = await asyncio.wait({asked}, timeout=ANSWER_WITHIN_S)
        finally:
            if not asked.done():  # too late, or whoever asked was cancelled
                asked.cancel()
                self._leave(_settle(asked, GOODBYE_S))
        if not done:
            raise self._lost("TimeoutError")
        try:
            return asked.result()
        except (self._broker.failure, OSError, TimeoutError) as error:
            raise self._lost(type(error).__name__) from error
        except RuntimeError as error:
            if _UVLOOP_LOST not in str(error):
                raise
            raise self._lost("the connection was reset") from error

    def _lost(self, why: str) -> Unavailable:
        """A connection that failed is not used again: half of an answer may still be on its way."""
        self._down_until = monotonic() + OUTAGE_REMEMBERED_S
        self._hang_up()
        return Unavailable(f"the queue {self._name} does not answer: {why}")

    def _hang_up(self) -> None:
        if self._line is not None:
            self._leave(self._line.hang_up())
            self._line = None

    def _leave(self, goodbye: Coroutine[Any, Any, Any]) -> None:
        """Closes something in the background: a broker that hangs must not hold up whoever found out."""
        task = asyncio.create_task(_settle(goodbye, GOODBYE_S))
        self._goodbyes.add(task)
        task.add_done_callback(self._goodbyes.discard)

    async def _said_goodbye(self) -> None:
        if self._goodbyes:
            await asyncio.wait(set(self._goodbyes), timeout=GOODBYE_S)


class _Worker(Worker):  # type: ignore[misc]  # the library has no types
    """BullMQ's worker, with one fetch at a time.

    Its own asks for as many jobs at once as it has room for, each time that one comes: forty questions a job with room for
    sixteen, nearly all of them for nothing.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._fetching = asyncio.Lock()

    async def getNextJob(self, token: str) -> BullJob | None:  # noqa: N802 - the library's name
        async with self._fetching:
            if self.closing or self.paused:  # who waited for his turn until then must not take a job any more
                return None
            return await super().getNextJob(token)


def _job(bull_job: BullJob) -> Job:
    """Raises ValueError for a job that BST did not make; BullMQ then keeps it as failed."""
    try:
        event_ids = tuple(EventId(UUID(event_id)) for event_id in bull_job.data["eventIds"])
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        _log.error("job %s is not one of ours: data.eventIds must be a list of UUIDs", bull_job.id)
        raise ValueError("data.eventIds must be a list of UUIDs") from error
    return Job(str(bull_job.id), event_ids, _trace_context(bull_job.opts))


def _trace_context(options: Any) -> str | None:
    """What it was enqueued for; whatever cannot be read is no reason not to do the job."""
    try:
        carried = json.loads(options[TRACE_OPTION])["traceparent"]
    except (KeyError, TypeError, ValueError):
        return None
    return trace_context(carried) if isinstance(carried, str) else None


def _note_error(error: Exception, *_: Any) -> None:
    _log.warning("queue worker: %s", type(error).__name__)


async def _finish(worker: Worker) -> None:
    """Takes no more jobs, lets those in hand end, and closes.

    The worker's own gentle close waits for its fetches, too, and those try again for ever while the broker is away. So the
    jobs are waited for here, and the rest is cut off.
    """
    await _settle(worker.pause(do_not_wait_active=True), GOODBYE_S)
    deadline = monotonic() + JOBS_IN_HAND_S
    while worker.jobs and monotonic() < deadline:  # noqa: ASYNC110 - BullMQ has no event for it
        await asyncio.sleep(0.01)
    await _settle(worker.close(force=True), GOODBYE_S)


async def _settle(work: Awaitable[Any], within_s: float) -> None:
    """Waits for the end of something whose outcome no longer matters."""
    task = asyncio.ensure_future(work)
    done, _ = await asyncio.wait({task}, timeout=within_s)
    if not done:
        task.cancel()
    elif not task.cancelled() and task.exception() is not None:
        _log.debug("while closing: %s", type(task.exception()).__name__)


async def _pause(stop: Event, seconds: float) -> None:
    try:
        await asyncio.wait_for(stop.wait(), seconds)
    except TimeoutError:
        return
