"""The publishing desk in PostgreSQL: one transaction that holds the job, and the row that says what is current."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

from bst_application.ports.audit import AuditEntry
from bst_application.ports.publishing import (
    KeyedRequest,
    Publication,
    PublishEvent,
    PublishJob,
    PublishTransaction,
    Snapshot,
    SnapshotHead,
)
from bst_domain.catalog import EditorItem
from bst_postgres.audit import append_entries
from bst_postgres.catalog_rows import ITEMS, ORDER, item_of
from bst_postgres.database import Database, DriverConnection, as_uuid_array
from bst_postgres.publishing_rows import EVENT_COLUMNS, HEAD_COLUMNS, JOB_COLUMNS, event_of, head_of, job_of

#: Whoever listens hears the version that is current now; the events say the rest.
CHANNEL = "catalog_published"
#: A caller's repeat of a keyed request is known for as long as one of ingest's is.
KEYS_LIVE = timedelta(days=35)

_JOBS = f"""
select {JOB_COLUMNS} from catalog_publish_job job left join catalog_snapshot snapshot on snapshot.version = job.version
"""
_SAVE_JOB = """
insert into catalog_publish_job (job_key, status, item_keys, item_count, note, version, created_by, reviewed_by,
  published_by, published_at, failure_reason, created_at, updated_at)
values (%(key)s, %(status)s, %(item_keys)s::uuid[], %(item_count)s, %(note)s, %(version)s, %(created_by)s, %(reviewed_by)s,
  %(published_by)s, %(published_at)s, %(failure_reason)s, %(created_at)s, %(updated_at)s)
on conflict (job_key) do update set status = excluded.status, item_count = excluded.item_count, version = excluded.version,
  reviewed_by = excluded.reviewed_by, published_by = excluded.published_by, published_at = excluded.published_at,
  failure_reason = excluded.failure_reason, updated_at = excluded.updated_at
"""
_PUBLICATION = "select version, newest_version, last_version, last_sequence from catalog_publication"
_FREEZE = """
with frozen as (
  insert into catalog_snapshot (version, job_key, payload, checksum, item_count, frozen_at, frozen_by)
  values (%(version)s, %(job)s, %(payload)s, %(checksum)s, %(item_count)s, %(frozen_at)s, %(frozen_by)s))
update catalog_publication set last_version = %(version)s
"""
_MAKE_CURRENT = """
with first as (
  update catalog_snapshot set published_at = %(at)s, published_by = %(actor)s
  where version = %(version)s and published_at is null),
event as (
  insert into catalog_publish_event (sequence, kind, version, previous_version, job_key, checksum, item_count, actor,
    reason, created_at)
  values (%(sequence)s, %(kind)s, %(version)s, %(previous_version)s, %(job)s, %(checksum)s, %(item_count)s, %(actor)s,
    %(reason)s, %(at)s)),
told as (select pg_notify(%(channel)s, %(version)s::text))
update catalog_publication set version = %(version)s, newest_version = greatest(newest_version, %(version)s),
  last_sequence = %(sequence)s
from told
"""
_CLAIM = """
insert into catalog_publish_request (idempotency_key, path, body_hash, subject, created_at)
values (%(key)s, %(path)s, %(body_hash)s, %(subject)s, %(now)s)
on conflict (idempotency_key, path) do update
set body_hash = excluded.body_hash, subject = excluded.subject, created_at = excluded.created_at
where catalog_publish_request.created_at < %(stale)s
"""
_EARLIER = "select body_hash, subject from catalog_publish_request where idempotency_key = %s and path = %s"
_TAKE_NONCE = """
insert into catalog_publish_nonce (nonce, seen_at) values (%(nonce)s, %(now)s)
on conflict (nonce) do update set seen_at = excluded.seen_at where catalog_publish_nonce.seen_at < %(stale)s
returning nonce
"""
# What is old goes when something new comes. Nobody waits for it: what somebody else holds is left for the next.
_FORGET_NONCES = """
delete from catalog_publish_nonce where nonce in (
  select nonce from catalog_publish_nonce where seen_at < %s limit 1000 for update skip locked)
"""
_FORGET_REQUESTS = """
delete from catalog_publish_request where (idempotency_key, path) in (
  select idempotency_key, path from catalog_publish_request where created_at < %s limit 1000 for update skip locked)
"""


class PostgresPublishingDesk:
    """PublishingDesk on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def publishing(self) -> AsyncIterator[PublishTransaction]:
        async with self._database.transaction() as connection:
            yield _Publishing(connection)

    async def take_nonce(self, nonce: str, *, now: datetime, ttl: timedelta) -> bool:
        given = {"nonce": nonce, "now": now, "stale": now - ttl}
        async with self._database.committing_each() as connection:
            taken = await (await connection.execute(_TAKE_NONCE, given)).fetchone() is not None
            if taken:
                await connection.execute(_FORGET_NONCES, (now - ttl,))
        return taken

    async def job(self, key: UUID) -> PublishJob | None:
        async with self._database.committing_each() as connection:
            row = await (await connection.execute(f"{_JOBS} where job.job_key = %s".encode(), (key,))).fetchone()
        return None if row is None else job_of(row)

    async def jobs(self, *, limit: int) -> list[PublishJob]:
        newest = f"{_JOBS} order by job.updated_at desc, job.job_key desc limit %s"
        async with self._database.committing_each() as connection:
            rows = await (await connection.execute(newest.encode(), (limit,))).fetchall()
        return [job_of(row) for row in rows]

    async def publication(self) -> Publication:
        async with self._database.committing_each() as connection:
            return await _publication(connection, _PUBLICATION)

    async def versions(self, *, limit: int) -> list[SnapshotHead]:
        newest = f"""select {HEAD_COLUMNS} from catalog_snapshot snapshot where published_at is not null
            order by version desc limit %s"""
        async with self._database.committing_each() as connection:
            rows = await (await connection.execute(newest.encode(), (limit,))).fetchall()
        return [head_of(row) for row in rows]

    async def read_snapshot(self, version: int) -> Snapshot | None:
        async with self._database.committing_each() as connection:
            return await _snapshot(connection, version)

    async def events(self, *, after: int, limit: int) -> list[PublishEvent]:
        behind = f"select {EVENT_COLUMNS} from catalog_publish_event where sequence > %s order by sequence limit %s"
        async with self._database.committing_each() as connection:
            rows = await (await connection.execute(behind.encode(), (after, limit))).fetchall()
        return [event_of(row) for row in rows]


class _Publishing:
    """One publishing transaction."""

    def __init__(self, connection: DriverConnection) -> None:
        self._connection = connection

    async def claim(self, request: KeyedRequest, *, now: datetime) -> KeyedRequest | None:
        stale = now - KEYS_LIVE
        given = {
            "key": request.key,
            "path": request.path,
            "body_hash": request.body_hash,
            "subject": request.subject,
            "now": now,
            "stale": stale,
        }
        if (await self._connection.execute(_CLAIM, given)).rowcount == 1:
            await self._connection.execute(_FORGET_REQUESTS, (stale,))
            return None
        row = await (await self._connection.execute(_EARLIER, (request.key, request.path))).fetchone()
        assert row is not None, "what kept the key from being claimed is there"
        return KeyedRequest(key=request.key, path=request.path, body_hash=row[0], subject=row[1])

    async def give_back(self, request: KeyedRequest) -> None:
        await self._connection.execute(
            "delete from catalog_publish_request where idempotency_key = %s and path = %s", (request.key, request.path)
        )

    async def lock_job(self, key: UUID) -> PublishJob | None:
        held = f"{_JOBS} where job.job_key = %s for update of job"
        row = await (await self._connection.execute(held.encode(), (key,))).fetchone()
        return None if row is None else job_of(row)

    async def lock_publication(self) -> Publication:
        return await _publication(self._connection, f"{_PUBLICATION} for update")

    async def items(self, keys: Sequence[UUID] | None) -> list[EditorItem]:
        where = "where is_active" if keys is None else "where product_key = any(%(keys)s::uuid[])"
        given = {} if keys is None else {"keys": as_uuid_array(keys)}
        rows = await self._connection.execute(f"{ITEMS} {where} order by {ORDER}".encode(), given)
        return [item_of(row) for row in await rows.fetchall()]

    async def save_job(self, job: PublishJob) -> None:
        given = {
            "key": job.key,
            "status": job.status.value,
            "item_keys": as_uuid_array(job.item_keys),
            "item_count": job.item_count,
            "note": job.note,
            "version": None if job.reviewed is None else job.reviewed.version,
            "created_by": job.created_by,
            "reviewed_by": job.reviewed_by,
            "published_by": job.published_by,
            "published_at": job.published_at,
            "failure_reason": job.failure_reason,
            "created_at": job.created_at,
            "updated_at": job.updated_at,
        }
        await self._connection.execute(_SAVE_JOB, given)

    async def freeze(self, snapshot: Snapshot) -> None:
        head = snapshot.head
        given = {
            "version": head.version,
            "job": head.job,
            "payload": snapshot.payload,
            "checksum": head.checksum,
            "item_count": head.item_count,
            "frozen_at": head.frozen_at,
            "frozen_by": head.frozen_by,
        }
        await self._connection.execute(_FREEZE, given)

    async def snapshot(self, version: int) -> Snapshot | None:
        return await _snapshot(self._connection, version)

    async def make_current(self, event: PublishEvent) -> None:
        given = {
            "sequence": event.sequence,
            "kind": event.kind.value,
            "version": event.version,
            "previous_version": event.previous_version,
            "job": event.job,
            "checksum": event.checksum,
            "item_count": event.item_count,
            "actor": event.actor,
            "reason": event.reason,
            "at": event.at,
            "channel": CHANNEL,
        }
        await self._connection.execute(_MAKE_CURRENT, given)

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        await append_entries(self._connection, entries)


async def _publication(connection: DriverConnection, query: str) -> Publication:
    row = await (await connection.execute(query.encode())).fetchone()
    assert row is not None, "the migration makes the row, and nothing takes it away"
    return Publication(version=row[0], newest_version=row[1], last_version=row[2], last_sequence=row[3])


async def _snapshot(connection: DriverConnection, version: int) -> Snapshot | None:
    query = f"select {HEAD_COLUMNS}, payload from catalog_snapshot snapshot where version = %s"
    row = await (await connection.execute(query.encode(), (version,))).fetchone()
    return None if row is None else Snapshot(head=head_of(row), payload=row[-1])
