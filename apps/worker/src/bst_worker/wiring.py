"""The worker's wiring: consumes the queue, relays staged jobs, sweeps what is due, turns the day."""

import asyncio
import logging
from asyncio import Event
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from time import perf_counter

from attrs import evolve, frozen

from bst_application.errors import Conflict, Unavailable
from bst_application.flags import REFRESH_EVERY_S, Flag, FlagBoard
from bst_application.ids import uuid7
from bst_application.log_fields import bound, fields
from bst_application.periodically import periodically, while_on
from bst_application.ports.queue import Job, JobHandler, JobQueue
from bst_application.ports.tracing import NO_TRACING, Attributes, SpanKind, Tracing, trace_id
from bst_application.settings import Settings
from bst_application.this_process import this_process
from bst_application.use_cases.process import ProcessEvents
from bst_application.use_cases.process_jobs import ProcessJobs
from bst_application.use_cases.recompute import RecomputeTurning
from bst_application.use_cases.refold_packages import RefoldPackages
from bst_application.use_cases.relay import SWEEP_LIMIT, RelayStagedJobs, SweepDueEvents
from bst_application.use_cases.repair import ReplayEvent, TakeBackStuckReplays
from bst_application.use_cases.replay_jobs import RunReplayJobs
from bst_application.use_cases.retention import AnotherRuns, RunRetention, retention_periods
from bst_bullmq.postgres_queue import PostgresJobQueue
from bst_bullmq.redis_queue import RedisJobQueue
from bst_postgres.bookings import PostgresBookingStore
from bst_postgres.database import Database
from bst_postgres.event_log import PostgresEventLog
from bst_postgres.flags import PostgresFlagStore
from bst_postgres.mappings import PostgresMappingDesk
from bst_postgres.repair import PostgresRepairDesk
from bst_postgres.replay_jobs import PostgresReplayJobs
from bst_postgres.retention import PostgresRetentionStore
from bst_telemetry.instruments import (
    HandOverInstruments,
    PoolUse,
    WorkerInstruments,
    WorkInstruments,
    process_registry,
)
from bst_telemetry.metrics_door import metrics_door

_log = logging.getLogger(__name__)

RELAY_EVERY_S = 1.0
SWEEP_EVERY_S = 1.0
JOBS_EVERY_S = 1.0
RECOMPUTE_EVERY_S = 60.0
REFOLD_EVERY_S = 5.0
FORGET_NONCES_EVERY_S = 300.0
LEASES_EVERY_S = 30.0
#: How much later than it could a booking may be seen, so that events of the same moment share a commit.
GROUPS_APART_S = 0.05
#: One connection for the queue's jobs; the loops beside them run one statement now and then.
POOL_SIZE = 8
#: Whoever waits for one booking holds up a whole group; the booking's events come again in half a minute.
LOCK_TIMEOUT_MS = 1_000


def now() -> datetime:
    """The clock of this process."""
    return datetime.now(UTC)


async def work(
    settings: Settings, stop: Event, tracing: Tracing = NO_TRACING, *, now: Callable[[], datetime] = now
) -> None:
    """Works by this clock until ``stop`` is set, through every outage of database and queue. Raises BadSettings at the start."""
    assert settings.ops_db_url is not None
    database = Database(
        settings.ops_db_url,
        pool_size=POOL_SIZE,
        application_name="bst-worker",
        by_index=True,
        lock_timeout_ms=LOCK_TIMEOUT_MS,
    )
    registry = process_registry("worker", lambda: PoolUse(in_use=database.pool_use[0], size=database.pool_use[1]))
    with metrics_door(registry, host=settings.worker_metrics_host, port=settings.worker_metrics_port) as port:
        if port is not None:
            _log.info("metrics for Prometheus on http://%s:%d/metrics", settings.worker_metrics_host, port)
        figures = _Figures(
            worker=WorkerInstruments(registry, retention=settings.retention_enabled),
            work=WorkInstruments(registry),
            handed_over=HandOverInstruments(registry),
        )
        await _work(settings, stop, database=database, figures=figures, tracing=tracing, now=now)


@frozen(kw_only=True)
class _Figures:
    """What is counted."""

    worker: WorkerInstruments
    work: WorkInstruments
    handed_over: HandOverInstruments


async def _work(
    settings: Settings,
    stop: Event,
    *,
    database: Database,
    figures: _Figures,
    tracing: Tracing,
    now: Callable[[], datetime],
) -> None:
    assert settings.ops_db_url is not None
    queue: JobQueue = (
        PostgresJobQueue(settings.ops_db_url, settings.queue_name)
        if settings.redis_url is None
        else RedisJobQueue(settings.redis_url, settings.queue_name)
    )
    store, log = PostgresBookingStore(database), PostgresEventLog(database)
    process = ProcessEvents(store=store, now=now, new_id=uuid7, tracing=tracing, watch=figures.work)
    together = ProcessJobs(process, tracing, apart_s=GROUPS_APART_S, crowd=settings.worker_concurrency)
    sweep = SweepDueEvents(store=store, process=process, now=now)
    desk = PostgresRepairDesk(database)
    refold = RefoldPackages(desk=PostgresMappingDesk(database), store=store, now=now)
    ttl = timedelta(minutes=settings.nonce_ttl_minutes)

    async def forget_nonces() -> int:
        return await log.forget_nonces(before=now() - ttl)

    def every(name: str, task: Callable[[], Awaitable[int]], seconds: float, full: int = 1 << 62) -> Awaitable[None]:
        return periodically(name, task, every_s=seconds, stop=stop, busy=lambda done: done >= full)

    loops: list[Awaitable[None]] = [
        every("the recompute of the day", RecomputeTurning(store=store, now=now), RECOMPUTE_EVERY_S),
        every("mapped packages", refold, REFOLD_EVERY_S, full=1),
        every("the leases of replays", TakeBackStuckReplays(desk=desk, now=now), LEASES_EVERY_S),
        every("the nonce clean-up", forget_nonces, FORGET_NONCES_EVERY_S),
    ]
    if settings.retention_enabled:
        run = RunRetention(store=PostgresRetentionStore(database), now=now, periods=retention_periods(settings))

        loops.append(
            periodically(
                "retention",
                partial(_keep_within_bounds, run, figures.worker),
                every_s=settings.retention_interval_ms / 1000,
                stop=stop,
                at_once=settings.retention_on_start,
            )
        )
    board = FlagBoard(settings.flags, PostgresFlagStore(database), this_process("worker", now))
    await board.first_look()

    def queue_on() -> bool:
        return board.is_on(Flag.QUEUE)

    async def sweep_if_wanted() -> int:
        return await sweep() if queue_on() or settings.sync_fallback_enabled else 0

    async def relay_if_wanted() -> int:
        handed = await relay() if queue_on() else 0
        figures.handed_over.from_relay(handed)
        return handed

    replay = ReplayEvent(desk=desk, now=now, new_id=uuid7, stages_job=queue_on)
    run_jobs = RunReplayJobs(
        jobs=PostgresReplayJobs(database), desk=desk, replay=replay, now=now, at_once=settings.replays_per_s
    )

    async def jobs_if_wanted() -> int:
        return await run_jobs() if board.is_on(Flag.REPLAY) else 0

    async def consume(until: Event) -> None:
        with figures.worker.consuming():
            await queue.consume(
                _handler(queue, together, figures.worker, tracing), concurrency=settings.worker_concurrency, stop=until
            )

    relay = RelayStagedJobs(staged_jobs=log, queue=queue, now=now, tracing=tracing)
    loops += [
        every("reading the flags", board.refresh, REFRESH_EVERY_S),
        every("the relay", relay_if_wanted, RELAY_EVERY_S),
        every("the replay jobs", jobs_if_wanted, JOBS_EVERY_S),
        every("the sweep", sweep_if_wanted, SWEEP_EVERY_S, full=SWEEP_LIMIT),
        while_on("the queue", queue_on, consume, stop=stop),
    ]
    _log.info("the worker works; the queue runs on %s", "PostgreSQL" if settings.redis_url is None else "Redis")
    try:
        async with asyncio.TaskGroup() as group:
            for loop in loops:
                group.create_task(_as_coroutine(loop))
    finally:
        await queue.close()
        await database.close()


async def _as_coroutine(loop: Awaitable[None]) -> None:
    await loop


def _handler(queue: JobQueue, process: ProcessJobs, figures: WorkerInstruments, tracing: Tracing) -> JobHandler:
    async def handle(job: Job) -> None:
        figures.took_job()
        attributes: Attributes = {
            "messaging.system": "bullmq",
            "messaging.destination.name": queue.name,
            "messaging.message.id": job.id,
            "messaging.batch.message_count": len(job.event_ids),
        }
        with (
            tracing.span(
                "process job", kind=SpanKind.CONSUMER, parent=job.trace_context, detached=True, attributes=attributes
            ) as span,
            bound(jobId=job.id, traceId=trace_id(span.context)),
        ):
            await process(evolve(job, trace_context=span.context))

    return handle


async def _keep_within_bounds(run: RunRetention, figures: WorkerInstruments) -> int:
    """One run of retention. Raises Unavailable and Conflict."""
    began = perf_counter()
    try:
        report = await run()
    except (Unavailable, Conflict):
        figures.retention_ran("failed", {})
        raise
    if isinstance(report, AnotherRuns):
        figures.retention_ran("skipped", {})
        return 0
    forgotten = {kept.value: count for kept, count in report.forgotten.items()}
    figures.retention_ran("done", forgotten)
    said = fields(outcome="DONE", count=report.total, durationMs=round((perf_counter() - began) * 1000, 1))
    _log.info("retention forgot %s", forgotten, extra=said)
    return 0
