"""WatchLedger: how far the watcher is, what it found nobody for, and what waits for a decision."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from bst_application.ports.backfill import AnotherRuns
from bst_application.ports.cutover import ConflictCounts, QueuedConflict, SeenRow, WatchMark
from bst_domain.cutover import BLOCKS_AFTER
from bst_domain.migration import LegacySystem, SourceRow
from bst_domain.values import BookingIdentity, ExternalRef
from bst_postgres.backfill.states import NEWEST_FIRST, ROLLBACK
from bst_postgres.conflicts import CONFLICT_COLUMNS, conflict_of
from bst_postgres.database import Database

#: Any number, as long as every watcher of every version takes the same one.
LOCK = 0x42_53_54_57
_MARK = "select changed_at, row_id from cutover_mark where source_system = %s"
_COME = """
insert into cutover_mark (source_system, changed_at, row_id) values (%s, %s, %s)
on conflict (source_system) do update set changed_at = excluded.changed_at, row_id = excluded.row_id, updated_at = now()
where (cutover_mark.changed_at, cutover_mark.row_id) < (excluded.changed_at, excluded.row_id)
"""
_UNREACHED = """
select source_system, source_table, source_pk, changed_at, digest from cutover_seen
where booking_key is null and note is null order by seen_at, changed_at, source_system, source_pk limit %s
"""
# What a run went on from was read when the interrupted ones before it began.
_MOVED_IN = f"""
with run as (select * from migration_run_log where batch_code = 'D' and script_name not like '{ROLLBACK}%'),
  newest as (select created_at from run where run_status = 'SUCCEEDED' {NEWEST_FIRST} limit 1)
select min(run.started_at) from run join newest on run.created_at <= newest.created_at
where not exists (select from migration_run_log ended where ended.batch_code = 'D' and ended.run_status = 'SUCCEEDED'
  and ended.created_at >= run.created_at and ended.created_at < newest.created_at)
"""
_CONFLICTS = f"""
select core.channel_code, core.external_booking_ref, {CONFLICT_COLUMNS}
from booking_conflict conflict join booking_core core using (booking_key)
where conflict.settled_at is null order by conflict.due_at, conflict.conflict_key limit %s
"""
_COUNTS = """
select count(*), count(*) filter (where due_at < %(now)s), count(*) filter (where opened_at < %(now)s - %(blocks)s)
from booking_conflict where settled_at is null
"""


class PostgresWatchLedger:
    """WatchLedger on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        """The lock ends with the process, however that ends."""
        async with self._database.transaction(brief=False) as connection:
            await connection.execute("set local idle_in_transaction_session_timeout = 0")
            got = await (await connection.execute("select pg_try_advisory_xact_lock(%s)", (LOCK,))).fetchone()
            if got != (True,):
                raise AnotherRuns("the legacy systems are being watched by somebody else")
            yield

    async def mark(self, system: LegacySystem) -> WatchMark | None:
        async with self._database.transaction() as connection:
            found = await (await connection.execute(_MARK, (system.value,))).fetchone()
        return None if found is None else WatchMark(at=found[0], row_id=found[1])

    async def come_to(self, system: LegacySystem, mark: WatchMark) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(_COME, (system.value, mark.at, mark.row_id))

    async def looked(self, system: LegacySystem, *, now: datetime) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(
                "update cutover_mark set updated_at = %s where source_system = %s", (now, system.value)
            )

    async def looked_at(self, system: LegacySystem) -> datetime | None:
        query = "select updated_at from cutover_mark where source_system = %s"
        async with self._database.transaction() as connection:
            found = await (await connection.execute(query, (system.value,))).fetchone()
        at: datetime | None = None if found is None else found[0]
        return at

    async def unreached(self, *, limit: int) -> list[SeenRow]:
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_UNREACHED, (limit,))).fetchall()
        return [
            SeenRow(
                row=SourceRow(LegacySystem(system), table, row_id), changed_at=changed_at, digest=digest, booking=None
            )
            for system, table, row_id, changed_at, digest in rows
        ]

    async def moved_in_at(self) -> datetime | None:
        async with self._database.transaction() as connection:
            found = await (await connection.execute(_MOVED_IN.encode())).fetchone()
        at: datetime | None = None if found is None else found[0]
        return at

    async def conflicts(self, *, limit: int) -> list[QueuedConflict]:
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_CONFLICTS.encode(), (limit,))).fetchall()
        return [
            QueuedConflict(record=conflict_of(row), identity=BookingIdentity(channel, ExternalRef(ref)))
            for channel, ref, *row in rows
        ]

    async def conflict_counts(self, *, now: datetime) -> ConflictCounts:
        async with self._database.transaction() as connection:
            found = await (await connection.execute(_COUNTS, {"now": now, "blocks": BLOCKS_AFTER})).fetchone()
        assert found is not None
        return ConflictCounts(open=found[0], overdue=found[1], blocking=found[2])
