"""The API's wiring: plain constructor calls, from settings to an ASGI application."""

import asyncio
import logging
from asyncio import Event
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from functools import partial

from litestar import Litestar

from bst_application.access import REFRESH_EVERY_S as ACCESS_EVERY_S
from bst_application.access import AccessBoard, Sender
from bst_application.errors import Conflict, Unavailable
from bst_application.flags import REFRESH_EVERY_S, Flag, FlagBoard, FlagKind, kind_of
from bst_application.ids import uuid7
from bst_application.periodically import periodically
from bst_application.ports.audit import AuditEntry
from bst_application.ports.queue import JobQueue
from bst_application.ports.tracing import NO_TRACING, Tracing
from bst_application.rate_limits import Buckets
from bst_application.settings import Settings
from bst_application.this_process import this_process
from bst_application.use_cases.accept import AcceptDeliveries
from bst_application.use_cases.hand_over import HandOver
from bst_application.use_cases.ingest import IngestDoor
from bst_application.use_cases.process import ProcessEvents
from bst_application.use_cases.relay import SweepDueEvents
from bst_application.use_cases.repair import ChangeDeadLetterStatus, MarkEventFailed, ReplayEvent, TakeBackStuckReplays
from bst_application.use_cases.replay_jobs import BeginReplayJob, RunReplayJobs
from bst_application.use_cases.retention import retention_policy
from bst_application.use_cases.turn_flag import TurnFlag
from bst_bullmq.postgres_queue import PostgresJobQueue
from bst_bullmq.redis_queue import RedisJobQueue
from bst_core_api.cutover import cutover_from
from bst_core_api.mappings import mapping_parts
from bst_core_api.operations import crew_parts, ops_writes
from bst_core_api.publishing import catalog_area
from bst_core_api.reading import reading_from
from bst_domain.values import Source
from bst_litestar.app import ApiParts, build_api
from bst_litestar.auth import Tokens
from bst_litestar.guard import Guard
from bst_litestar.ingest_door import IngestEndpoint
from bst_litestar.routes.flags import FlagParts
from bst_litestar.routes.reconciliation import ReconciliationParts
from bst_litestar.routes.repairs import RepairParts
from bst_litestar.routes.replay_jobs import ReplayJobParts
from bst_postgres.access import PostgresAccessStore
from bst_postgres.audit import PostgresAuditTrail
from bst_postgres.bookings import PostgresBookingStore
from bst_postgres.channel import ChannelProbe
from bst_postgres.database import Database
from bst_postgres.event_log import PostgresEventLog
from bst_postgres.flags import PostgresFlagStore
from bst_postgres.probe import PostgresProbe
from bst_postgres.repair import PostgresRepairDesk
from bst_postgres.replay_jobs import PostgresReplayJobs
from bst_postgres.secret_cipher import SecretCipher
from bst_postgres.timeline import PostgresBookingTimeline
from bst_telemetry.instruments import (
    DoorInstruments,
    HandOverInstruments,
    PoolUse,
    ReadInstruments,
    WorkInstruments,
    process_registry,
)
from bst_telemetry.scrape import Scrape
from bst_telemetry.shadow import ShadowInstruments

_log = logging.getLogger(__name__)

SWEEP_EVERY_S = 1.0
#: How long background work may take to end its round when the API stops.
STOP_WITHIN_S = 5.0
LEASES_EVERY_S = 30.0
#: How much later than it could a booking may be seen, so that events of the same moment become one job.
HAND_OVER_AFTER_S = 0.05
#: How long jobs that the queue has may stay staged; well below the time after which the relay takes them for forgotten.
UNSTAGE_AFTER_S = 0.2
#: Everything that the API does takes milliseconds; whoever sent a delivery waits no longer than this for a dead connection.
HANG_UP_AFTER_S = 15.0


def now() -> datetime:
    """The clock of this process."""
    return datetime.now(UTC)


def build(settings: Settings, tracing: Tracing = NO_TRACING, *, now: Callable[[], datetime] = now) -> Litestar:
    """The API of these settings and this clock. Connects to nothing until it is started."""
    assert settings.ops_db_url is not None
    database = Database(settings.ops_db_url, application_name="bst-api", hang_up_after_s=HANG_UP_AFTER_S)
    channel = ChannelProbe(settings.channel_db_url)
    queue: JobQueue = (
        PostgresJobQueue(settings.ops_db_url, settings.queue_name)
        if settings.redis_url is None
        else RedisJobQueue(settings.redis_url, settings.queue_name)
    )
    log = PostgresEventLog(database)
    registry = process_registry("api", lambda: PoolUse(in_use=database.pool_use[0], size=database.pool_use[1]))
    instruments = DoorInstruments(registry)
    reading = reading_from(settings, database, ReadInstruments(registry), HANG_UP_AFTER_S)
    hand_over = HandOver(
        queue=queue, staged_jobs=log, tracing=tracing, note_handed_over=HandOverInstruments(registry).from_door
    )
    # Without a queue and with the fallback, this process does the worker's part, sweep included.
    store = PostgresBookingStore(database)
    board = FlagBoard(settings.flags, flag_store := PostgresFlagStore(database), this_process("api", now))
    cutover = cutover_from(settings, database, board, reading.bookings, figures=ShadowInstruments(registry), now=now)
    access = AccessBoard(
        PostgresAccessStore(database, SecretCipher(settings.secrets_keys)),
        settings.service_token,
        Sender(name=None, secrets=settings.service_secrets, sources=frozenset(Source)),
    )

    def queue_on() -> bool:
        return board.is_on(Flag.QUEUE)

    process = ProcessEvents(store=store, now=now, new_id=uuid7, tracing=tracing, watch=WorkInstruments(registry))
    door = IngestDoor(
        accept=AcceptDeliveries(
            log=log,
            now=now,
            new_id=uuid7,
            nonce_ttl=timedelta(minutes=settings.nonce_ttl_minutes),
            stages_jobs=queue_on,
        ),
        hand_over=hand_over,
        inline=process if settings.sync_fallback_enabled else None,
        tracing=tracing,
    )
    audit = PostgresAuditTrail(database)
    desk, replay_jobs = PostgresRepairDesk(database), PostgresReplayJobs(database)
    replay = ReplayEvent(desk=desk, now=now, new_id=uuid7, stages_job=queue_on)
    mappings = mapping_parts(database, store, now)

    @asynccontextmanager
    async def lifespan(_app: Litestar) -> AsyncIterator[None]:
        stop = Event()
        handing_over = [
            asyncio.create_task(hand_over.run(partial(asyncio.sleep, HAND_OVER_AFTER_S))),
            asyncio.create_task(hand_over.unstaging(partial(asyncio.sleep, UNSTAGE_AFTER_S))),
        ]
        await board.first_look()
        await access.first_look()
        tasks = [
            asyncio.create_task(
                periodically("reading principals and producers", access.refresh, every_s=ACCESS_EVERY_S, stop=stop)
            ),
            asyncio.create_task(_note_start(audit)),
            asyncio.create_task(reading.keep_watch(stop)),
            asyncio.create_task(cutover.keep_comparing(stop)),
            asyncio.create_task(periodically("reading the flags", board.refresh, every_s=REFRESH_EVERY_S, stop=stop)),
        ]
        if settings.sync_fallback_enabled:
            sweep_all = SweepDueEvents(store=store, process=process, now=now)
            run_jobs = RunReplayJobs(
                jobs=replay_jobs, desk=desk, replay=replay, now=now, at_once=settings.replays_per_s
            )

            async def sweep() -> int:
                return 0 if queue_on() else await sweep_all()

            async def jobs() -> int:
                return await run_jobs() if board.is_on(Flag.REPLAY) else 0

            tasks += [
                asyncio.create_task(periodically("the sweep", sweep, every_s=SWEEP_EVERY_S, stop=stop)),
                asyncio.create_task(
                    periodically("the replay jobs", jobs, every_s=SWEEP_EVERY_S, stop=stop, busy=lambda _: False)
                ),
                asyncio.create_task(
                    periodically(
                        "the leases of replays",
                        TakeBackStuckReplays(desk=desk, now=now),
                        every_s=LEASES_EVERY_S,
                        stop=stop,
                    )
                ),
                asyncio.create_task(periodically("mapped packages", mappings.refold, every_s=SWEEP_EVERY_S, stop=stop)),
            ]
        try:
            yield
        finally:
            stop.set()
            await door.close()
            # A task that is cancelled while it connects leaves a connection behind, so each may end its round first.
            await asyncio.wait(tasks, timeout=STOP_WITHIN_S)
            for task in (*handing_over, *tasks):
                task.cancel()
            await asyncio.gather(*handing_over, *tasks, return_exceptions=True)
            await hand_over.unstage()
            await queue.close()
            await reading.close()
            await database.close()
            await channel.close()

    probe = PostgresProbe("ops_db", database)
    catalog = catalog_area(settings, database, now)
    parts = ApiParts(
        ingest=IngestEndpoint(
            door=door,
            enabled=lambda: board.is_on(Flag.WEBHOOK),
            board=access,
            rates=Buckets(settings.producer_per_minute, slots=None),
            max_drift=timedelta(minutes=settings.timestamp_drift_minutes),
            now=now,
            new_id=uuid7,
            note_outcome=instruments.delivery,
        ),
        bookings=cutover.bookings,
        timeline=PostgresBookingTimeline(database),
        operations=ops_writes(database, now),
        crew=crew_parts(database, now),
        events=reading.events,
        repair=RepairParts(
            mark_failed=MarkEventFailed(desk=desk, now=now, new_id=uuid7),
            change_status=ChangeDeadLetterStatus(desk=desk, now=now),
            replay=replay,
            hand_over=hand_over,
            inline=process if settings.sync_fallback_enabled else None,
            enabled=lambda: board.is_on(Flag.REPLAY),
        ),
        replay_jobs=ReplayJobParts(jobs=replay_jobs, begin=BeginReplayJob(jobs=replay_jobs, now=now, new_id=uuid7)),
        catalog=catalog.editing,
        publishing=catalog.publishing,
        public_catalog=catalog.public,
        mappings=mappings,
        audit=audit,
        queue=queue,
        probes=[probe, channel],
        replica=reading.replica,
        writers=reading.writers,
        tokens=Tokens(admin=settings.admin_token, board=access, admin_required=settings.admin_auth_enabled),
        guard=Guard(
            addresses=Buckets(settings.address_per_minute),
            refused=Buckets(settings.refused_per_minute),
            trusted=settings.trusted_proxies,
            production=settings.production,
        ),
        queue_enabled=queue_on,
        flags=FlagParts(board=board, turn=TurnFlag(store=flag_store, board=board, now=now)),
        cutover=cutover.parts,
        reconciliation=ReconciliationParts(
            reader=reading.reconciliation,
            limits=settings.reconciliation,
            retention=retention_policy(settings),
        ),
        scrape=Scrape(
            registry=registry,
            events=reading.events,
            conflicts=cutover.conflicts,
            queue=queue,
            probe=probe,
            flags=lambda: ((flag.value, board.is_on(flag)) for flag in Flag if kind_of(flag) is FlagKind.SWITCH),
            now=now,
        ),
        note_answer=instruments.answered,
        tracing=tracing,
        now=now,
    )
    return build_api(parts, lifespan=lifespan)


async def _note_start(audit: PostgresAuditTrail) -> None:
    """The audit trail begins with the start; a database that is away must not keep the API from starting."""
    entry = AuditEntry(
        event_type="SYSTEM_BOOTSTRAP",
        actor="system",
        resource_type=None,
        resource_id=None,
        metadata={"source": "core-api"},
        at=now(),
    )
    try:
        await audit.append(entry)
    except (Unavailable, Conflict) as error:
        _log.warning("the start is not in the audit trail: %s", error)
    except Exception:
        _log.exception("the start is not in the audit trail")
