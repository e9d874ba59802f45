"""The event log in PostgreSQL: group commits of deliveries, staged jobs, nonces."""

from collections.abc import Sequence, Set
from datetime import datetime
from time import monotonic
from uuid import UUID, uuid5

import psycopg

from bst_application.errors import Conflict
from bst_application.ports.event_log import Group, KeyConflict, NewEvent, Priors, Stored
from bst_application.ports.queue import Job
from bst_domain.ingest import ContentKey, PriorEvent
from bst_domain.values import NS_BOOKING, EventId
from bst_postgres.database import Database, DriverConnection, as_json, as_uuid_array

#: How long a process believes what it read of channel_registry.
CHANNELS_FOR_S = 5.0

# One statement, because at low load every exchange with the database is a fifth of what a delivery costs. Nonces are taken first,
# in their order, then events in theirs: whoever shares some of them waits instead of deadlocking.
_STORE = """
with given as (
  select * from json_to_recordset(%(events)s::json) as given (at int, own_nonce text, event_key uuid, idempotency_key text,
    nonce text, channel text, ref text, event_type text, event_time timestamptz, second timestamptz, payload_hash text,
    fingerprint text, received_at timestamptz, payload jsonb, trace_context text)),
fresh as (
  insert into ingest_nonce (nonce, seen_at)
  select nonce, %(now)s from json_array_elements_text(%(nonces)s::json) as given (nonce)
  on conflict (nonce) do update set seen_at = excluded.seen_at where ingest_nonce.seen_at < %(stale)s
  returning nonce),
stored as (
  insert into ingest_event_log (event_key, idempotency_key, nonce, source_enum, channel_code, external_booking_ref,
    event_type, event_time, event_time_normalized, payload_hash, fingerprint, signature_verified, process_status,
    request_received_at, raw_payload, trace_context)
  select event_key, idempotency_key, nonce, channel, channel, ref, event_type, event_time, second, payload_hash, fingerprint,
    true, 'RECEIVED', received_at, payload, trace_context
  from given where own_nonce in (select nonce from fresh) order by at
  on conflict do nothing
  returning event_key),
staged as (
  insert into ingest_staged_job (job_id, event_keys, staged_at)
  select %(job)s::uuid, array_agg(event_key), %(now)s from stored having count(*) > 0 and %(job)s::uuid is not null)
select (select json_agg(nonce) from fresh), (select array_agg(event_key) from stored)
"""

_FIND = """
with given as (
  select * from json_to_recordset(%s::json) as given (at int, key text, channel text, ref text, event_type text,
    second timestamptz, fingerprint text))
select at, true as by_key, event_key, idempotency_key, log.fingerprint, process_status
from given join ingest_event_log log on log.idempotency_key = given.key
union all
select at, false, event_key, idempotency_key, log.fingerprint, process_status
from given join ingest_event_log log on log.source_enum = given.channel and log.external_booking_ref = given.ref
  and log.event_type = given.event_type and log.event_time_normalized = given.second
  and log.fingerprint = given.fingerprint
"""

_CONFLICTS = """
insert into unmapped_queue (queue_key, queue_type, channel_code, source_system, source_table, source_pk, reason_code,
  reason_detail, status, payload)
select queue_key, 'INGEST_CONFLICT', channel, 'ingest', 'ingest_event_log', source_pk, 'IDEMPOTENCY_KEY_REUSED', detail,
  'OPEN', payload
from json_to_recordset(%s::json) as given (queue_key uuid, channel text, source_pk text, detail text, payload jsonb)
on conflict (queue_key) do nothing
"""


class PostgresEventLog:
    """EventLog and StagedJobs on one database."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._channels: frozenset[str] = frozenset()
        self._channels_until = 0.0

    async def registered_channels(self) -> Set[str]:
        if monotonic() >= self._channels_until:
            async with self._database.committing_each() as connection:
                rows = await (await connection.execute("select channel_code from channel_registry")).fetchall()
            self._channels = frozenset(code for (code,) in rows)
            self._channels_until = monotonic() + CHANNELS_FOR_S
        return self._channels

    async def store(self, group: Group) -> Stored:
        rows = ",".join(_row(at, nonce, event) for at, (nonce, event) in enumerate(group.events))
        given = {
            "events": f"[{rows}]",
            "nonces": as_json(group.nonces),
            "now": group.now,
            "stale": group.now - group.nonce_ttl,
            "job": group.job_id,
        }
        try:
            async with self._database.committing_each() as connection:
                answer = await (await connection.execute(_STORE, given)).fetchone()
        except psycopg.errors.ForeignKeyViolation as error:
            self._channels_until = 0.0
            raise Conflict("a channel is registered no longer") from error
        assert answer is not None
        fresh, stored = answer
        return Stored(nonces=set(fresh or ()), events=set(stored or ()))

    async def find(self, deliveries: Sequence[NewEvent]) -> Priors:
        by_key: dict[str, PriorEvent] = {}
        by_content: dict[ContentKey, PriorEvent] = {}
        given = [
            {
                "at": at,
                "key": delivery.idempotency_key,
                "channel": delivery.content.identity.channel,
                "ref": delivery.content.identity.ref,
                "event_type": delivery.content.event_type,
                "second": delivery.content.second,
                "fingerprint": delivery.content.fingerprint,
            }
            for at, delivery in enumerate(deliveries)
        ]
        async with self._database.committing_each() as connection:
            rows = await (await connection.execute(_FIND, (as_json(given),))).fetchall()
        for at, is_by_key, event_key, key, fingerprint, status in rows:
            prior = PriorEvent(
                event_id=EventId(event_key), idempotency_key=key, fingerprint=fingerprint, process_status=status
            )
            if is_by_key:
                by_key[deliveries[at].idempotency_key] = prior
            else:
                by_content[deliveries[at].content] = prior
        return Priors(by_key=by_key, by_content=by_content)

    async def keep_conflicts(self, conflicts: Sequence[KeyConflict]) -> None:
        rows = [
            as_json(
                {
                    # The same body under the same key again is the same conflict, and a person's answer to it stands.
                    "queue_key": uuid5(
                        NS_BOOKING,
                        f"unmapped:INGEST_CONFLICT:{c.delivery.idempotency_key}:{c.delivery.content.fingerprint}",
                    ),
                    "channel": c.delivery.content.identity.channel,
                    "source_pk": str(c.first),
                    "detail": f"key {c.delivery.idempotency_key} belongs to event {c.first}, which has another body",
                }
            )[:-1]
            + f',"payload":{c.delivery.payload}}}'
            for c in conflicts
        ]
        async with self._database.committing_each() as connection:
            await connection.execute(_CONFLICTS, (f"[{','.join(rows)}]",))

    async def staged(self, *, before: datetime, limit: int) -> list[Job]:
        async with self._database.transaction() as connection:
            rows = await (
                await connection.execute(
                    "select job_id, event_keys from ingest_staged_job where staged_at < %s order by staged_at limit %s",
                    (before, limit),
                )
            ).fetchall()
        return [Job(str(job_id), tuple(map(EventId, events))) for job_id, events in rows]

    async def unstage(self, job_ids: Sequence[str]) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(
                "delete from ingest_staged_job where job_id = any(%s::uuid[])", (as_uuid_array(job_ids),)
            )

    async def forget_nonces(self, *, before: datetime) -> int:
        async with self._database.transaction() as connection:
            return (await connection.execute("delete from ingest_nonce where seen_at < %s", (before,))).rowcount


async def stage_job(connection: DriverConnection, job: Job, now: datetime) -> None:
    """Stages a job within the transaction that it belongs to."""
    await connection.execute(
        "insert into ingest_staged_job (job_id, event_keys, staged_at) values (%s, %s::uuid[], %s)",
        (UUID(job.id), as_uuid_array(job.event_ids), now),
    )


def _row(at: int, own_nonce: str, event: NewEvent) -> str:
    """A row as JSON; the payload is JSON already and goes in as it is."""
    content = event.content
    head = as_json(
        {
            "at": at,
            "own_nonce": own_nonce,
            "event_key": event.event_id,
            "idempotency_key": event.idempotency_key,
            "nonce": event.nonce,
            "channel": content.identity.channel,
            "ref": content.identity.ref,
            "event_type": content.event_type,
            "event_time": event.event_time,
            "second": content.second,
            "payload_hash": event.payload_hash,
            "fingerprint": content.fingerprint,
            "received_at": event.received_at,
            "trace_context": event.trace_context,
        }
    )
    return f'{head[:-1]},"payload":{event.payload}}}'
