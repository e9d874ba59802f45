"""Retention in PostgreSQL: small deletes, one runner at a time by an advisory lock."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Final

from attrs import frozen

from bst_application.ports.audit import AuditEntry
from bst_domain.ingest import RETENTION, Kept
from bst_postgres.audit import append_entries
from bst_postgres.database import Database

#: A number of our own among a database's advisory locks.
ADVISORY_LOCK: Final = 0x425354_52455401


@frozen
class _Place:
    """Where something is kept, and since when it counts. ``key``: its columns."""

    table: str
    key: Sequence[str]
    since: str
    status: str | None = None
    unless: str = "true"


_PLACES: Mapping[Kept, _Place] = {
    Kept.NONCE: _Place("ingest_nonce", ["nonce"], "seen_at"),
    Kept.EVENT: _Place(
        "ingest_event_log",
        ["event_key"],
        "request_received_at",
        "process_status",
        "not exists (select 1 from ingest_dead_letter letter where letter.event_key = old.event_key)",
    ),
    Kept.DEAD_LETTER: _Place("ingest_dead_letter", ["dead_letter_key"], "updated_at", "status"),
    Kept.UNMAPPED: _Place("unmapped_queue", ["queue_key"], "coalesce(old.resolved_at, old.updated_at)", "status"),
    Kept.COMPARED_ROW: _Place(
        "cutover_seen",
        ["source_system", "source_table", "source_pk"],
        "seen_at",
        unless="(old.booking_key is not null or old.note is not null)",
    ),
    Kept.DUAL_WRITE: _Place("cutover_write", ["write_id"], "reported_at"),
    Kept.SHADOW_TALLY: _Place("shadow_tally", ["hour", "field"], "hour"),
}


def _expired(kept: Kept) -> str:
    place = _PLACES[kept]
    since = place.since if "(" in place.since else f"old.{place.since}"
    statuses = "true" if place.status is None else f"old.{place.status} = any(%(statuses)s)"
    return f"from {place.table} old where {since} < %(before)s and {statuses} and {place.unless}"


class PostgresRetentionStore:
    """RetentionStore on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[bool]:
        async with self._database.transaction(
            brief=False
        ) as connection:  # the lock ends with it, whatever happens to this process
            row = await (await connection.execute("select pg_try_advisory_xact_lock(%s)", (ADVISORY_LOCK,))).fetchone()
            assert row is not None
            await connection.execute("set local idle_in_transaction_session_timeout = 0")
            yield row[0]

    async def expired(self, kept: Kept, *, before: datetime) -> int:
        async with self._database.transaction() as connection:
            query = f"select count(*) {_expired(kept)}"
            row = await (await connection.execute(query.encode(), self._given(kept, before))).fetchone()
        assert row is not None
        return int(row[0])

    async def forget(self, kept: Kept, *, before: datetime, limit: int) -> int:
        place = _PLACES[kept]
        since = place.since if "(" in place.since else f"old.{place.since}"
        key, of_old = ", ".join(place.key), ", ".join(f"old.{column}" for column in place.key)
        query = f"""delete from {place.table} where ({key}) in (
            select {of_old} {_expired(kept)} order by {since} limit %(limit)s for update skip locked)"""
        async with self._database.transaction() as connection:
            given = {**self._given(kept, before), "limit": limit}
            return (await connection.execute(query.encode(), given)).rowcount

    async def note(self, entry: AuditEntry) -> None:
        async with self._database.transaction() as connection:
            await append_entries(connection, [entry])

    @staticmethod
    def _given(kept: Kept, before: datetime) -> dict[str, object]:
        statuses = RETENTION[kept].statuses
        return {"before": before, "statuses": sorted(map(str, statuses or ()))}
