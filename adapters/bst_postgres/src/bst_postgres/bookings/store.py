"""The processing transaction: claim, lock, load, save, finish."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any

from bst_application.ids import uuid7
from bst_application.ports.audit import AuditEntry
from bst_application.ports.bookings import (
    BookingChange,
    ClaimedEvent,
    FailedEvent,
    ProcessingTransaction,
    SettledReplay,
    StoredBooking,
)
from bst_domain.booking import PackageRef
from bst_domain.ingest import DeadLetter
from bst_domain.values import BookingIdentity, ChannelReference, EventId, ExternalRef
from bst_postgres.audit import append_entries
from bst_postgres.bookings.loading import load_bookings, load_packages, lock_bookings
from bst_postgres.bookings.saving import save_bookings
from bst_postgres.database import Database, DriverConnection, as_json, as_uuid_array

# Skipping what another transaction holds is what makes a job that arrives twice harmless. One event after the other by its
# key: with a backlog, the index on the status would find all of it, each time; the empty text keeps it out of the plan.
_CLAIM = """
select log.* from unnest(%(ids)s::uuid[]) as given (event_key)
cross join lateral (
  select event_key, channel_code, external_booking_ref, raw_payload, request_received_at, attempt_count,
    (select executions_before from ingest_dead_letter letter where letter.event_key = given.event_key
       and letter.status = 'REPLAYING' limit 1) as before_replay, trace_context
  from ingest_event_log where ingest_event_log.event_key = given.event_key and process_status || '' = 'RECEIVED'
    and (next_retry_at is null or next_retry_at <= %(now)s)
  for update skip locked) log
"""

_FINISH = """
update ingest_event_log
set process_status = 'DONE', attempt_count = attempt_count + 1, next_retry_at = null, error_message = null,
  processed_at = coalesce(processed_at, %(now)s)
where event_key = any(%(ids)s::uuid[])
"""

_FAIL = """
update ingest_event_log log
set process_status = given.status, attempt_count = attempt_count + 1, next_retry_at = given.retry_at,
  error_message = given.detail
from json_to_recordset(%s::json) as given (event_key uuid, status text, retry_at timestamptz, detail text)
where log.event_key = given.event_key
"""

_DEAD_LETTER = """
insert into ingest_dead_letter (dead_letter_key, event_key, reason_code, reason_detail, poison_message, status,
  first_failed_at, last_failed_at, raw_payload)
select given.dead_letter_key, given.event_key, given.reason_code, given.detail, true, 'OPEN', %(now)s, %(now)s,
  log.raw_payload
from json_to_recordset(%(rows)s::json) as given (dead_letter_key uuid, event_key uuid, reason_code text, detail text)
join ingest_event_log log on log.event_key = given.event_key
"""

# A replay ends with the commit that ends its event; who asked for it and why is told to the audit trail.
_SUCCEEDED = """
update ingest_dead_letter set status = 'SUCCEEDED', lease_until = null, updated_at = %(now)s
where event_key = any(%(ids)s::uuid[]) and status = 'REPLAYING'
returning event_key, dead_letter_key, replay_actor, replay_reason, replay_request_id, replay_proof
"""

_FAILED = """
update ingest_dead_letter letter
set status = 'FAILED', lease_until = null, reason_code = given.reason_code, reason_detail = given.detail,
  poison_message = true, last_failed_at = %(now)s, updated_at = %(now)s
from json_to_recordset(%(rows)s::json) as given (event_key uuid, reason_code text, detail text)
where letter.event_key = given.event_key and letter.status = 'REPLAYING'
returning letter.event_key, letter.dead_letter_key, letter.replay_actor, letter.replay_reason,
  letter.replay_request_id, letter.replay_proof
"""

_PROLONG = """
update ingest_dead_letter letter set lease_until = given.retry_at + %(lease)s
from json_to_recordset(%(rows)s::json) as given (event_key uuid, retry_at timestamptz)
where letter.event_key = given.event_key and letter.status = 'REPLAYING'
"""

# What waits without a retry is taken as the index has it, which is about by age: to sort it would read the whole backlog.
_DUE = """
(select event_key, next_retry_at as since from ingest_event_log
 where process_status = 'RECEIVED' and next_retry_at <= %(now)s order by next_retry_at limit %(limit)s)
union all
(select event_key, request_received_at from ingest_event_log
 where process_status = 'RECEIVED' and next_retry_at is null and request_received_at < %(accepted_before)s
 limit %(limit)s)
order by since limit %(limit)s
"""

_TURNING = """
select channel_code, external_booking_ref from booking_core
where tour_date <= %s::date and ops_fulfillment_status in ('NEW', 'UPDATED', 'READY')
  and fold -> 'override' is null
order by tour_date limit %s
"""


#: Shared by runs that say which day it is; whoever lets the day turn is alone. "bst turn" as a number.
TURNING_LOCK = int.from_bytes(b"bst turn", "big", signed=True)


class PostgresBookingStore:
    """BookingStore on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def processing(self) -> AsyncIterator[ProcessingTransaction]:
        async with self._database.transaction(pipelined=True) as connection:
            yield _Processing(connection)

    async def due(self, *, now: datetime, accepted_before: datetime, limit: int) -> list[EventId]:
        async with self._database.transaction() as connection:
            given = {"now": now, "accepted_before": accepted_before, "limit": limit}
            rows = await (await connection.execute(_DUE, given)).fetchall()
        return [EventId(event_key) for event_key, _ in rows]

    async def turning(self, *, today: str, limit: int) -> list[BookingIdentity]:
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_TURNING, (today, limit))).fetchall()
        return [BookingIdentity(channel, ExternalRef(ref)) for channel, ref in rows]


class _Processing:
    """One processing transaction."""

    def __init__(self, connection: DriverConnection) -> None:
        self._connection = connection

    async def may_turn(self) -> bool:
        row = await (await self._connection.execute("select pg_try_advisory_xact_lock(%s)", (TURNING_LOCK,))).fetchone()
        return row == (True,)

    async def claim(self, event_ids: Sequence[EventId], *, now: datetime) -> list[ClaimedEvent]:
        rows = await (await self._connection.execute(_CLAIM, {"ids": as_uuid_array(event_ids), "now": now})).fetchall()
        claimed = {
            event_key: ClaimedEvent(
                event_id=EventId(event_key),
                identity=BookingIdentity(channel, ExternalRef(ref)),
                payload=payload,
                received_at=received_at,
                executions=attempts,
                before_replay=before_replay,
                trace_context=trace_context,
            )
            for event_key, channel, ref, payload, received_at, attempts, before_replay, trace_context in rows
        }
        return [claimed[event_id] for event_id in dict.fromkeys(event_ids) if event_id in claimed]

    async def load(self, identities: Sequence[BookingIdentity]) -> Mapping[BookingIdentity, StoredBooking]:
        await lock_bookings(self._connection, identities)
        return await load_bookings(self._connection, identities)

    async def mapped_packages(self, named: Sequence[ChannelReference]) -> Mapping[ChannelReference, PackageRef]:
        return await load_packages(self._connection, named)

    async def save(self, changes: Sequence[BookingChange], *, now: datetime) -> None:
        await save_bookings(self._connection, changes, now)

    async def finish(self, events: Sequence[ClaimedEvent], *, now: datetime) -> list[SettledReplay]:
        ids = as_uuid_array([event.event_id for event in events])
        await self._connection.execute(_FINISH, {"ids": ids, "now": now})
        if all(event.before_replay is None for event in events):
            return []
        rows = await (await self._connection.execute(_SUCCEEDED, {"ids": ids, "now": now})).fetchall()
        return [_settled(row, succeeded=True) for row in rows]

    async def fail(self, events: Sequence[FailedEvent], *, now: datetime, lease: timedelta) -> list[SettledReplay]:
        rows = []
        letters = []
        for failed in events:
            event_key, detail = failed.event.event_id, failed.detail
            if isinstance(failed.then, DeadLetter):
                rows.append({"event_key": event_key, "status": "FAILED", "retry_at": None, "detail": detail})
                letters.append(
                    {
                        "dead_letter_key": uuid7(),
                        "event_key": event_key,
                        "reason_code": failed.then.failure.code.value,
                        "detail": detail,
                    }
                )
            else:
                rows.append(
                    {"event_key": event_key, "status": "RECEIVED", "retry_at": failed.then.at, "detail": detail}
                )
        await self._connection.execute(_FAIL, (as_json(rows),))
        replays: list[SettledReplay] = []
        if any(failed.event.before_replay is not None for failed in events):
            waiting = {"rows": as_json([row for row in rows if row["retry_at"] is not None]), "lease": lease}
            await self._connection.execute(_PROLONG, waiting)
            settled = await self._connection.execute(_FAILED, {"rows": as_json(letters), "now": now})
            replays = [_settled(row, succeeded=False) for row in await settled.fetchall()]
            replayed = {replay.event_id for replay in replays}
            letters = [letter for letter in letters if letter["event_key"] not in replayed]
        if letters:
            await self._connection.execute(_DEAD_LETTER, {"rows": as_json(letters), "now": now})
        return replays

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        await append_entries(self._connection, entries)


def _settled(row: Sequence[Any], *, succeeded: bool) -> SettledReplay:
    event_key, letter, actor, reason, request_id, proof = row
    return SettledReplay(
        event_id=EventId(event_key),
        letter=letter,
        succeeded=succeeded,
        actor=actor or "system",
        reason=reason,
        request_id=request_id,
        proof=proof,
    )
