"""The repair desk in PostgreSQL: one transaction that holds the event and its dead letters."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from bst_application.ports.audit import AuditEntry
from bst_application.ports.queue import Job
from bst_application.ports.repair import DeadLetterRecord, LetterChange, LetterReason, RepairTransaction
from bst_domain.lifecycles import DeadLetterStatus, ProcessStatus
from bst_domain.values import EventId
from bst_postgres.audit import append_entries
from bst_postgres.database import Database, DriverConnection, as_json
from bst_postgres.event_log import stage_job

LETTER_COLUMNS = """letter.dead_letter_key, letter.event_key, letter.status, letter.reason_code, letter.reason_detail,
  letter.poison_message, letter.replay_count, letter.first_failed_at, letter.last_failed_at, letter.next_replay_at,
  log.source_enum, log.channel_code, log.external_booking_ref, log.event_type"""

_LETTERS = f"""
select {LETTER_COLUMNS}
from ingest_dead_letter letter join ingest_event_log log on log.event_key = letter.event_key
where letter.event_key = %s
order by letter.first_failed_at desc, letter.dead_letter_key desc
for update of letter
"""

_MOVE = """
update ingest_dead_letter
set status = %(status)s, replay_count = replay_count + %(counts)s, next_replay_at = %(next_replay_at)s,
  lease_until = %(lease_until)s, replay_actor = %(actor)s, replay_reason = %(reason)s,
  replay_request_id = %(request_id)s, replay_proof = %(proof)s::jsonb, updated_at = %(now)s,
  executions_before = case when %(replays)s then (select attempt_count from ingest_event_log log
    where log.event_key = ingest_dead_letter.event_key) else 0 end
where dead_letter_key = %(key)s
"""

_REWORD = """
update ingest_dead_letter
set reason_code = %s, reason_detail = %s, poison_message = %s, last_failed_at = %s, updated_at = %s
where dead_letter_key = %s
"""

_OPEN = """
insert into ingest_dead_letter (dead_letter_key, event_key, reason_code, reason_detail, poison_message, status,
  first_failed_at, last_failed_at, raw_payload, created_at, updated_at)
select %(key)s, event_key, %(code)s, %(detail)s, %(poison)s, 'OPEN', %(now)s, %(now)s, raw_payload, %(now)s, %(now)s
from ingest_event_log where event_key = %(event)s
"""

_LEASES = """
select event_key from ingest_dead_letter
where status = 'REPLAYING' and lease_until < %s order by lease_until limit %s
"""


def letter_of(row: Sequence[Any]) -> DeadLetterRecord:
    """A row of LETTER_COLUMNS."""
    return DeadLetterRecord(
        key=row[0],
        event_id=EventId(row[1]),
        status=DeadLetterStatus(row[2]),
        reason_code=row[3],
        reason_detail=row[4],
        poison=row[5],
        replay_count=row[6],
        first_failed_at=row[7],
        last_failed_at=row[8],
        next_replay_at=row[9],
        source=row[10],
        channel=row[11],
        ref=row[12],
        event_type=row[13],
    )


class PostgresRepairDesk:
    """RepairDesk on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def repairing(self) -> AsyncIterator[RepairTransaction]:
        async with self._database.transaction() as connection:
            yield _Repairing(connection)

    async def expired_leases(self, *, now: datetime, limit: int) -> list[EventId]:
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_LEASES, (now, limit))).fetchall()
        return [EventId(event_key) for (event_key,) in rows]


class _Repairing:
    """One repair transaction."""

    def __init__(self, connection: DriverConnection) -> None:
        self._connection = connection

    async def lock_event(self, event_id: UUID) -> ProcessStatus | None:
        row = await (
            await self._connection.execute(
                "select process_status from ingest_event_log where event_key = %s for update", (event_id,)
            )
        ).fetchone()
        return None if row is None else ProcessStatus(row[0])

    async def letters(self, event_id: UUID) -> list[DeadLetterRecord]:
        rows = await (await self._connection.execute(_LETTERS.encode(), (event_id,))).fetchall()
        return [letter_of(row) for row in rows]

    async def event_of(self, letter: UUID) -> EventId | None:
        row = await (
            await self._connection.execute(
                "select event_key from ingest_dead_letter where dead_letter_key = %s", (letter,)
            )
        ).fetchone()
        return None if row is None else EventId(row[0])

    async def move(self, change: LetterChange, *, now: datetime) -> None:
        given = {
            "key": change.key,
            "status": change.status.value,
            "counts": int(change.counts_replay),
            "replays": change.status is DeadLetterStatus.REPLAYING,
            "next_replay_at": change.next_replay_at,
            "lease_until": change.lease_until,
            "actor": change.actor,
            "reason": change.reason,
            "request_id": change.request_id,
            "proof": as_json(dict(change.proof)),
            "now": now,
        }
        await self._connection.execute(_MOVE, given)

    async def reword(self, letter: UUID, reason: LetterReason, *, now: datetime) -> None:
        await self._connection.execute(_REWORD, (reason.code, reason.detail, reason.poison, now, now, letter))

    async def open_letter(self, key: UUID, event_id: EventId, reason: LetterReason, *, now: datetime) -> None:
        given = {
            "key": key,
            "event": event_id,
            "code": reason.code,
            "detail": reason.detail,
            "poison": reason.poison,
            "now": now,
        }
        await self._connection.execute(_OPEN, given)

    async def mark_failed(self, event_id: EventId, detail: str) -> None:
        await self._connection.execute(
            "update ingest_event_log set process_status = 'FAILED', next_retry_at = null, error_message = %s"
            " where event_key = %s",
            (detail, event_id),
        )

    async def reopen(self, event_id: EventId) -> None:
        await self._connection.execute(
            "update ingest_event_log set process_status = 'RECEIVED', next_retry_at = null where event_key = %s",
            (event_id,),
        )

    async def stage(self, job: Job, *, now: datetime) -> None:
        await stage_job(self._connection, job, now)

    async def settle_item(self, job: UUID, event_id: EventId, outcome: str, *, now: datetime) -> bool:
        done = await self._connection.execute(
            "update replay_job_item set outcome = %s, settled_at = %s"
            " where job_key = %s and event_key = %s and outcome is null",
            (outcome, now, job, event_id),
        )
        return done.rowcount == 1

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        await append_entries(self._connection, entries)
