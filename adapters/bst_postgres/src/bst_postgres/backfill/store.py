"""BackfillStore on the operational database."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from bst_application.ports.backfill import (
    AnotherRuns,
    Assigned,
    BackfillTransaction,
    BookingMove,
    MoneyMove,
    Position,
    Run,
    SavedCatalog,
)
from bst_application.ports.bookings import StoredBooking
from bst_domain.booking import PackageRef, PackageRefType
from bst_domain.gates import Override
from bst_domain.migration import CatalogBridge, LegacySystem, MigrationException, PackageMap, SourceRow, ToQueue
from bst_domain.values import BookingIdentity, BookingKey, ChannelReference, unmapped_key
from bst_postgres.backfill.bookings import save_bookings
from bst_postgres.backfill.catalog import save_catalog
from bst_postgres.backfill.loading import load_for_money
from bst_postgres.backfill.money import save_money
from bst_postgres.backfill.runs import Runs
from bst_postgres.bookings.loading import load_bookings, load_packages, lock_bookings
from bst_postgres.database import Database, DriverConnection, as_json, as_uuid_array

_ASSIGNED = """
select state.booking_key, state.assigned_driver_id,
  exists (select 1 from ops_assignment a where a.booking_key = state.booking_key and a.assignment_source <> 'BACKFILL')
from ops_booking_state state where state.booking_key = any (%s::uuid[])
"""
_OFF_THE_LIST = """
delete from migration_exception listed using json_to_recordset(%(rows)s::json) as given (system text, "table" text, pk text)
where listed.batch_code = %(batch)s and listed.source_system = given.system and listed.source_table = given."table"
  and listed.source_pk = given.pk
  and not exists (select 1 from json_to_recordset(%(kept)s::json) as kept (exception text, system text, "table" text, pk text)
    where kept.exception = listed.exception and kept.system = listed.source_system and kept."table" = listed.source_table
      and kept.pk = listed.source_pk)
"""
_LISTED = "select distinct source_system, source_table, source_pk from migration_exception where batch_code = %s"
_LIST = """
insert into migration_exception (batch_code, exception, source_system, source_table, source_pk, channel_code,
  external_booking_ref, detail)
select %(batch)s, exception, system, "table", pk, channel, ref, detail
from json_to_recordset(%(kept)s::json) as given (exception text, system text, "table" text, pk text, channel text, ref text,
  detail text)
on conflict (batch_code, exception, source_system, source_table, source_pk) do update
set channel_code = excluded.channel_code, external_booking_ref = excluded.external_booking_ref, detail = excluded.detail
where (migration_exception.channel_code, migration_exception.external_booking_ref, migration_exception.detail)
  is distinct from (excluded.channel_code, excluded.external_booking_ref, excluded.detail)
"""
_QUEUE = """
insert into unmapped_queue (queue_key, queue_type, source_system, source_table, source_pk, reason_code, reason_detail,
  status, payload)
select queue_key, queue_type, system, "table", pk, reason, detail, 'OPEN', payload
from json_to_recordset(%s::json) as given (queue_key uuid, queue_type text, system text, "table" text, pk text, reason text,
  detail text, payload jsonb)
on conflict (queue_key) do nothing
"""
_PACKAGES = """
select external_ref_kind, external_ref, entity_type, entity_key from channel_external_refs
where entity_type in ('CATALOG_PRODUCT', 'CATALOG_VARIANT')
  and external_ref_kind in ('BALISNAP_VARIANT_ID', 'BALISNAP_PACKAGE_ID', 'BSTADMIN_PACKAGE_ID')
  and channel_code = case external_ref_kind when 'BSTADMIN_PACKAGE_ID' then 'MANUAL' else 'DIRECT' end
  and mapping_status = 'MAPPED' and external_ref ~ '^[0-9]{1,9}$'
  and (exists (select 1 from catalog_variant where entity_type = 'CATALOG_VARIANT' and variant_key = entity_key)
    or exists (select 1 from catalog_product where entity_type = 'CATALOG_PRODUCT' and product_key = entity_key))
order by entity_type -- a variant says more than its product
"""
_PACKAGE_KINDS = {"BALISNAP_PACKAGE_ID": LegacySystem.SHOP, "BSTADMIN_PACKAGE_ID": LegacySystem.ADMIN}


class PostgresBackfillStore(Runs):
    """One database; nothing is shared between runs but what it holds."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self._variants: Mapping[int, UUID] = {}
        self._listed: dict[str, set[SourceRow]] = {}

    @asynccontextmanager
    async def running(
        self,
        batch: str,
        *,
        now: datetime,
        script: str,
        checksum: str,
        holds_the_day: bool = False,
        afresh: bool = False,
        override: Override | None = None,
    ) -> AsyncIterator[Run]:
        run_of = super().running(
            batch,
            now=now,
            script=script,
            checksum=checksum,
            holds_the_day=holds_the_day,
            afresh=afresh,
            override=override,
        )
        async with run_of as run:
            self._listed.pop(batch, None)  # an earlier run may have listed more since
            yield run

    @asynccontextmanager
    async def moving(self) -> AsyncIterator[BackfillTransaction]:
        async with self._database.transaction(brief=False) as connection:
            yield _Moving(connection, self._variants, self._listed)

    async def packages(self) -> PackageMap:
        async with self._database.transaction() as connection:
            packages = await read_packages(connection)
        self._variants = packages.variants
        return packages


async def read_packages(connection: DriverConnection) -> PackageMap:
    """What the catalog bridge has moved in, by the legacy ids."""
    packages: dict[tuple[LegacySystem, int], PackageRef] = {}
    variants: dict[int, UUID] = {}
    for kind, ref, entity, key in await (await connection.execute(_PACKAGES)).fetchall():
        if kind == "BALISNAP_VARIANT_ID":
            if entity == PackageRefType.CATALOG_VARIANT:
                variants[int(ref)] = key
        else:
            packages[_PACKAGE_KINDS[kind], int(ref)] = PackageRef(PackageRefType(entity), key, int(ref))
    return PackageMap(packages=packages, variants=variants)


class _Moving:
    """One transaction of a run."""

    def __init__(
        self, connection: DriverConnection, variants: Mapping[int, UUID], listed: dict[str, set[SourceRow]]
    ) -> None:
        self._connection = connection
        self._variants = variants
        self._listed = listed

    async def load(self, identities: Sequence[BookingIdentity]) -> Mapping[BookingIdentity, StoredBooking]:
        await lock_bookings(self._connection, identities)
        return await load_bookings(self._connection, identities)

    async def load_for_money(self, identities: Sequence[BookingIdentity]) -> Mapping[BookingIdentity, StoredBooking]:
        return await load_for_money(self._connection, identities)

    async def assigned(self, keys: Sequence[BookingKey]) -> Mapping[BookingKey, Assigned]:
        if not keys:
            return {}
        rows = await (await self._connection.execute(_ASSIGNED, (as_uuid_array(keys),))).fetchall()
        return {BookingKey(key): Assigned(driver_id=driver, by_core=by_core) for key, driver, by_core in rows}

    async def mapped_packages(self, named: Sequence[ChannelReference]) -> Mapping[ChannelReference, PackageRef]:
        return await load_packages(self._connection, named)

    async def save_bookings(self, moves: Sequence[BookingMove], *, now: datetime) -> int:
        return await save_bookings(self._connection, moves, self._variants, now)

    async def save_money(self, moves: Sequence[MoneyMove], *, now: datetime) -> int:
        return await save_money(self._connection, moves, now)

    async def list_exceptions(
        self, batch: str, rows: Sequence[SourceRow], exceptions: Sequence[MigrationException]
    ) -> None:
        listed = await self._listed_before(batch)
        again = [_place(row) for row in rows if row in listed] if listed else []
        kept = [
            {"exception": e.kind, **_place(e.row), "channel": e.channel[:32], "ref": e.ref, "detail": e.detail}
            for e in exceptions
        ]
        given = {"batch": batch, "rows": as_json(again), "kept": as_json(kept)}
        if again:
            await self._connection.execute(_OFF_THE_LIST, given)
        if kept:
            await self._connection.execute(_LIST, given)
            listed |= {each.row for each in exceptions}

    async def listed(self, batch: str) -> frozenset[SourceRow]:
        return frozenset(await self._listed_before(batch))

    async def _listed_before(self, batch: str) -> set[SourceRow]:
        """The rows that the batch's list may name: nobody but the run that asks puts any there."""
        if batch not in self._listed:
            rows = await (await self._connection.execute(_LISTED, (batch,))).fetchall()
            self._listed[batch] = {SourceRow(LegacySystem(system), table, int(pk)) for system, table, pk in rows}
        return self._listed[batch]

    async def queue(self, entries: Sequence[ToQueue], *, now: datetime) -> int:  # noqa: ARG002 - created_at is the database's
        if not entries:
            return 0
        rows = [
            {
                **_place(entry.row),
                "queue_key": unmapped_key(
                    queue_type=entry.type,
                    source_system=entry.row.system,
                    source_table=entry.row.table,
                    source_pk=str(entry.row.row_id),
                    reason=entry.reason,
                ),
                "queue_type": entry.type,
                "reason": entry.reason,
                "detail": entry.detail,
                "payload": {"candidates": entry.candidates} if entry.candidates else None,
            }
            for entry in entries
        ]
        return (await self._connection.execute(_QUEUE, (as_json(rows),))).rowcount

    async def save_catalog(self, bridge: CatalogBridge, *, now: datetime) -> SavedCatalog:
        return await save_catalog(self._connection, bridge, now)

    async def come_to(self, run: Run, position: Position) -> None:
        moved = await self._connection.execute(
            "update migration_checkpoint set source_system = %s, last_row_id = %s, rows_done = %s, updated_at = now()"
            " where batch_code = %s and run_key = %s",
            (position.system.value, position.row_id, position.done, run.batch, run.key),
        )
        if moved.rowcount != 1:
            raise AnotherRuns(f"another run of batch {run.batch} took over; this one stops")


def _place(row: SourceRow) -> dict[str, str]:
    return {"system": row.system.value, "table": row.table, "pk": str(row.row_id)}
