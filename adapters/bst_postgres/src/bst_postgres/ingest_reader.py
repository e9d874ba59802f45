"""The ingest side for the API: event records, and counts for the metrics."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from bst_application.ports.reading import (
    Backlog,
    EventFilter,
    EventRecord,
    LetterFilter,
    LetterGroup,
    Position,
    ProcessingCounts,
    RetryCounts,
)
from bst_application.ports.repair import DeadLetterRecord
from bst_domain.ingest import RETRYABLE
from bst_domain.values import EventId
from bst_postgres.conditions import Conditions
from bst_postgres.database import Database
from bst_postgres.repair import LETTER_COLUMNS, letter_of

_EVENT = text("""
select log.*, coalesce((select max(letter.replay_count) from ingest_dead_letter letter
  where letter.event_key = log.event_key), 0) as replay_count
from ingest_event_log log where log.event_key = :event_key
""")

# A latency is of what happened once: processed_at is that of the first success, whatever was replayed later. An event that
# was given up before it succeeded waited for people; that time says nothing of how fast events are processed. Two processes
# wrote the two times; where the worker's clock is behind the API's, nothing took less than no time.
_PROCESSING = text("""
with seen as materialized (
  select process_status,
    case when process_status = 'DONE' and not exists (select from ingest_dead_letter letter
        where letter.event_key = log.event_key and letter.first_failed_at < log.processed_at)
      then greatest(extract(epoch from processed_at - request_received_at) * 1000, 0) end as latency_ms
  from ingest_event_log log where created_at >= :since - interval '1 day' and request_received_at >= :since)
select count(*) as received,
  count(*) filter (where process_status = 'DONE') as done,
  count(*) filter (where process_status = 'FAILED') as failed,
  count(*) filter (where process_status = 'PROCESSING') as processing,
  count(*) filter (where process_status = 'RECEIVED') as pending,
  count(latency_ms) as samples,
  coalesce(round((percentile_cont(0.5) within group (order by latency_ms))::numeric), 0) as median,
  coalesce(round((percentile_cont(0.95) within group (order by latency_ms))::numeric), 0) as p95,
  coalesce(round(max(latency_ms)), 0) as longest
from seen
""")

#: What ends in a dead letter only after every retry.
RETRIED = [code.value for code, retryable in RETRYABLE.items() if retryable]

_RETRIES = text("""
select count(*) filter (where process_status = 'RECEIVED' and next_retry_at is not null) as pending,
  count(*) filter (where process_status = 'RECEIVED' and next_retry_at <= :now) as due,
  count(*) filter (where process_status = 'PROCESSING' and attempt_count > 0) as processing,
  count(*) filter (where process_status = 'RECEIVED' and next_retry_at is null and attempt_count > 0) as queued,
  count(*) filter (where process_status = 'FAILED' and (select reason_code from ingest_dead_letter letter
    where letter.event_key = log.event_key order by last_failed_at desc limit 1) = any(:retryable)) as exhausted,
  min(next_retry_at) filter (where process_status = 'RECEIVED') as earliest,
  max(next_retry_at) filter (where process_status = 'RECEIVED') as latest
from ingest_event_log log where process_status <> 'DONE'
""")

_BACKLOG = text("""
select count(*) as waiting,
  count(*) filter (where coalesce(next_retry_at, request_received_at) <= :now) as due,
  count(*) filter (where next_retry_at > :now) as delayed,
  (select count(*) from ingest_staged_job) as staged_jobs,
  min(request_received_at) as oldest_receipt,
  min(coalesce(next_retry_at, request_received_at)) filter (where coalesce(next_retry_at, request_received_at) <= :now)
    as oldest_due
from ingest_event_log where process_status = 'RECEIVED'
""")

_ATTEMPTS = text("select attempt_count, count(*) from ingest_event_log where attempt_count > 0 group by attempt_count")


_REPLAYS = """coalesce((select max(letter.replay_count) from ingest_dead_letter letter
  where letter.event_key = log.event_key), 0)"""
_LETTERS = "ingest_dead_letter letter join ingest_event_log log on log.event_key = letter.event_key"

_GROUPS = text(f"""
select letter.reason_code, log.source_enum, letter.status, count(*) as letters, max(letter.last_failed_at) as newest
from {_LETTERS} group by letter.reason_code, log.source_enum, letter.status
""")


def _event(row: Any, *, payload: Any) -> EventRecord:
    return EventRecord(
        event_id=EventId(row.event_key),
        idempotency_key=row.idempotency_key,
        nonce=row.nonce,
        process_status=row.process_status,
        source=row.source_enum,
        channel=row.channel_code,
        ref=row.external_booking_ref,
        event_type=row.event_type,
        event_time=row.event_time,
        event_time_normalized=row.event_time_normalized,
        payload_hash=row.payload_hash,
        payload=payload,
        error_message=row.error_message,
        attempts=row.attempt_count,
        next_retry_at=row.next_retry_at,
        replay_count=row.replay_count,
        received_at=row.request_received_at,
        processed_at=row.processed_at,
    )


def letter_conditions(wanted: LetterFilter) -> Conditions:
    """For a query of ``ingest_dead_letter letter`` with ``ingest_event_log log``."""
    return Conditions(
        {
            "letter.status = :status": wanted.status,
            "letter.reason_code = :reason_code": wanted.reason_code,
            "log.source_enum = :source": wanted.source,
            "log.external_booking_ref = :ref": wanted.ref,
            "letter.last_failed_at >= :failed_from": wanted.failed_from,
            "letter.last_failed_at < :failed_to": wanted.failed_to,
        }
    )


class PostgresIngestReader:
    """IngestReader on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def event(self, event_id: UUID) -> EventRecord | None:
        async with self._database.reading() as connection:
            row = (await connection.execute(_EVENT, {"event_key": event_id})).one_or_none()
        return None if row is None else _event(row, payload=row.raw_payload)

    async def events(self, wanted: EventFilter, *, after: Position | None, limit: int) -> list[EventRecord]:
        conditions = Conditions(
            {
                "log.process_status = :status": wanted.status,
                "log.source_enum = :source": wanted.source,
                "log.external_booking_ref = :ref": wanted.ref,
                "log.event_type = :event_type": wanted.event_type,
                "log.request_received_at >= :received_from": wanted.received_from,
                "log.request_received_at < :received_to": wanted.received_to,
            }
        )
        conditions.behind(after, "log.request_received_at", "log.event_key")
        query = f"""select log.*, {_REPLAYS} as replay_count from ingest_event_log log where {conditions.sql}
            order by log.request_received_at desc, log.event_key desc limit :limit"""
        async with self._database.reading() as connection:
            rows = (await connection.execute(text(query), {**conditions.values, "limit": limit})).all()
        return [_event(row, payload=None) for row in rows]

    async def dead_letter(self, key: UUID) -> DeadLetterRecord | None:
        query = f"select {LETTER_COLUMNS} from {_LETTERS} where letter.dead_letter_key = :key"
        async with self._database.reading() as connection:
            row = (await connection.execute(text(query), {"key": key})).one_or_none()
        return None if row is None else letter_of(row)

    async def dead_letters(self, wanted: LetterFilter, *, after: Position | None, limit: int) -> list[DeadLetterRecord]:
        conditions = letter_conditions(wanted)
        conditions.behind(after, "letter.last_failed_at", "letter.dead_letter_key")
        query = f"""select {LETTER_COLUMNS} from {_LETTERS} where {conditions.sql}
            order by letter.last_failed_at desc, letter.dead_letter_key desc limit :limit"""
        async with self._database.reading() as connection:
            rows = (await connection.execute(text(query), {**conditions.values, "limit": limit})).all()
        return [letter_of(row) for row in rows]

    async def dead_letter_groups(self) -> list[LetterGroup]:
        groups: dict[tuple[str, str], list[Any]] = {}
        async with self._database.reading() as connection:
            for row in (await connection.execute(_GROUPS)).all():
                groups.setdefault((row.reason_code, row.source_enum), []).append(row)
        made = [
            LetterGroup(
                reason_code=reason,
                source=source,
                by_status={row.status: row.letters for row in rows},
                newest_failure=max(row.newest for row in rows),
            )
            for (reason, source), rows in groups.items()
        ]
        return sorted(made, key=lambda group: (-sum(group.by_status.values()), group.reason_code, group.source))

    async def processing_counts(self, *, since: datetime) -> ProcessingCounts:
        async with self._database.reading() as connection:
            row = (await connection.execute(_PROCESSING, {"since": since})).one()
        return ProcessingCounts(
            received=row.received,
            done=row.done,
            failed=row.failed,
            processing=row.processing,
            pending=row.pending,
            latency_samples=row.samples,
            latency_median_ms=int(row.median),
            latency_p95_ms=int(row.p95),
            latency_max_ms=int(row.longest),
        )

    async def retry_counts(self, *, now: datetime) -> RetryCounts:
        async with self._database.reading() as connection:
            row = (await connection.execute(_RETRIES, {"now": now, "retryable": RETRIED})).one()
            attempts = dict(map(tuple, (await connection.execute(_ATTEMPTS)).all()))
        return RetryCounts(
            pending=row.pending,
            due=row.due,
            processing=row.processing,
            queued=row.queued,
            exhausted=row.exhausted,
            with_attempt=sum(attempts.values()),
            earliest=row.earliest,
            latest=row.latest,
            attempts=attempts,
        )

    async def backlog(self, *, now: datetime) -> Backlog:
        async with self._database.reading() as connection:
            row = (await connection.execute(_BACKLOG, {"now": now})).one()
        return Backlog(**row._mapping)

    async def dead_letter_counts(self) -> Mapping[str, int]:
        query = text("select status, count(*) from ingest_dead_letter group by status")
        async with self._database.reading() as connection:
            return dict(map(tuple, (await connection.execute(query)).all()))
