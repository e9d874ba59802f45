"""The mapping desk in PostgreSQL: one transaction that is alone with a reference, and snapshots for lists."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import text

from bst_application.ports.audit import AuditEntry
from bst_application.ports.mappings import (
    ChannelMapping,
    Entity,
    MappingFilter,
    MappingTransaction,
    Refold,
    UnmappedEntry,
    UnmappedFilter,
)
from bst_application.ports.reading import Position
from bst_domain.values import BookingIdentity, BookingKey, ChannelReference, ExternalRef
from bst_postgres.audit import append_entries
from bst_postgres.bookings.rows import package_name
from bst_postgres.conditions import Conditions
from bst_postgres.database import Database, DriverConnection, as_json
from bst_postgres.mapping_rows import (
    ENTRY_COLUMNS,
    MAPPING_COLUMNS,
    entry_of,
    entry_row,
    mapping_of,
    mapping_row,
    refold_of,
)

# In number order, as everybody takes such locks: nobody waits in a circle.
_ALONE = """
select pg_advisory_xact_lock(number) from (
  select number from json_array_elements_text(%s::json) as given (number_text),
    lateral (select number_text::bigint as number) cast_to order by number) ordered
"""
_WRITE = """
insert into channel_external_refs (external_ref_key, entity_type, channel_code, external_ref_kind, external_ref, entity_key,
  mapping_status, source_system, source_table, source_pk, created_at, updated_at)
values (%(key)s, %(entity_type)s, %(channel)s, %(kind)s, %(ref)s, %(entity_key)s, %(status)s, %(system)s, %(table)s, %(pk)s,
  %(created_at)s, %(updated_at)s)
on conflict (external_ref_key) do update set entity_type = excluded.entity_type, channel_code = excluded.channel_code,
  external_ref_kind = excluded.external_ref_kind, external_ref = excluded.external_ref, entity_key = excluded.entity_key,
  mapping_status = excluded.mapping_status, source_system = excluded.source_system, source_table = excluded.source_table,
  source_pk = excluded.source_pk, updated_at = excluded.updated_at
"""
_PUT = """
insert into unmapped_queue (queue_key, queue_type, channel_code, source_system, source_table, source_pk, reason_code,
  reason_detail, status, entity_type, external_ref_kind, external_ref, resolved_by, resolved_at, resolution, created_at,
  updated_at)
values (%(key)s, %(type)s, %(channel)s, %(system)s, %(table)s, %(pk)s, %(reason)s, %(detail)s, %(status)s, %(entity_type)s,
  %(kind)s, %(ref)s, %(resolved_by)s, %(resolved_at)s, %(resolution)s, %(created_at)s, %(updated_at)s)
on conflict (queue_key) do update set status = excluded.status, resolved_by = excluded.resolved_by,
  resolved_at = excluded.resolved_at, resolution = excluded.resolution, updated_at = excluded.updated_at
"""
_WAITING = f"""
select {ENTRY_COLUMNS} from unmapped_queue
where queue_type = 'CHANNEL_MAPPING' and status in ('OPEN', 'IN_REVIEW') and channel_code = %s and external_ref_kind = %s
  and external_ref = %s
order by created_at, queue_key for update
"""
_ENTITIES: Mapping[Entity, str] = {
    Entity.BOOKING: "select 1 from booking_core where booking_key = %s",
    Entity.CATALOG_PRODUCT: "select 1 from catalog_product where product_key = %s",
    Entity.CATALOG_VARIANT: "select 1 from catalog_variant where variant_key = %s",
}
_ASK = """
insert into package_refold (channel_code, external_ref_kind, external_ref, asked_at) values (%s, %s, %s, %s)
on conflict (channel_code, external_ref_kind, external_ref) do update
set asked_at = greatest(excluded.asked_at, package_refold.asked_at + interval '1 microsecond'), behind = null
"""
_REFOLDS = "select channel_code, external_ref_kind, external_ref, asked_at, behind from package_refold"
_THIS_REFOLD = "channel_code = %s and external_ref_kind = %s and external_ref = %s and asked_at = %s"
_NAMED_BY = """
select booking_key, channel_code, external_booking_ref from booking_core
where channel_code = %(channel)s and package_external_ref = %(ref)s and package_external_ref is not null
  and booking_key > %(behind)s
order by booking_key limit %(limit)s
"""
_FIRST = UUID(int=0)


class PostgresMappingDesk:
    """MappingDesk on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def mapping_change(self) -> AsyncIterator[MappingTransaction]:
        async with self._database.transaction() as connection:
            yield _Changing(connection)

    async def mappings(self, wanted: MappingFilter, *, after: Position | None, limit: int) -> list[ChannelMapping]:
        given: Mapping[str, Any] = {"entity_type = :entity_type": wanted.entity_type}
        conditions, channel = Conditions(given), Conditions({"channel_code = :channel": wanted.channel})
        behind = "true"
        if after is not None:  # creation is between the two that a position has
            behind = """(updated_at, created_at, external_ref_key) < (:after_at,
              coalesce((select created_at from channel_external_refs where external_ref_key = :after_key), :after_at),
              :after_key)"""
            conditions.values |= {"after_at": after.at, "after_key": after.key}
        conditions.values |= channel.values
        # Each channel is a stream of mappings; a page is made of the heads of some.
        query = f"""select newest.* from (select channel_code as code from channel_registry where {channel.sql}) registry
            cross join lateral (
              select {MAPPING_COLUMNS} from channel_external_refs
              where channel_code = registry.code and {conditions.sql} and {behind}
              order by updated_at desc, created_at desc, external_ref_key desc limit :limit) newest
            order by updated_at desc, created_at desc, external_ref_key desc limit :limit"""
        return [mapping_of(row) for row in await self._rows(query, {**conditions.values, "limit": limit})]

    async def mapping_with(self, key: UUID) -> ChannelMapping | None:
        rows = await self._rows(
            f"select {MAPPING_COLUMNS} from channel_external_refs where external_ref_key = :key", {"key": key}
        )
        return mapping_of(rows[0]) if rows else None

    async def entries(self, wanted: UnmappedFilter, *, after: Position | None, limit: int) -> list[UnmappedEntry]:
        conditions = _entry_conditions(wanted)
        conditions.behind(after, "created_at", "queue_key")
        query = f"""select {ENTRY_COLUMNS} from unmapped_queue where {conditions.sql}
            order by created_at desc, queue_key desc limit :limit"""
        return [entry_of(row) for row in await self._rows(query, {**conditions.values, "limit": limit})]

    async def count_entries(self, wanted: UnmappedFilter) -> int:
        conditions = _entry_conditions(wanted)
        [(count,)] = await self._rows(f"select count(*) from unmapped_queue where {conditions.sql}", conditions.values)
        return int(count)

    async def entry_with(self, key: UUID) -> UnmappedEntry | None:
        rows = await self._rows(f"select {ENTRY_COLUMNS} from unmapped_queue where queue_key = :key", {"key": key})
        return entry_of(rows[0]) if rows else None

    async def refolds(self, *, limit: int) -> list[Refold]:
        return [
            refold_of(row) for row in await self._rows(f"{_REFOLDS} order by asked_at limit :limit", {"limit": limit})
        ]

    async def refold_of(self, package: ChannelReference) -> Refold | None:
        rows = await self._rows(
            f"{_REFOLDS} where channel_code = :channel and external_ref_kind = :kind and external_ref = :ref",
            {"channel": package.channel, "kind": package.kind, "ref": package.ref},
        )
        return refold_of(rows[0]) if rows else None

    async def named_by(
        self, package: ChannelReference, *, behind: UUID | None, limit: int
    ) -> list[tuple[BookingKey, BookingIdentity]]:
        given = {"channel": package.channel, "ref": package_name(package), "behind": behind or _FIRST, "limit": limit}
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_NAMED_BY, given)).fetchall()
        return [(BookingKey(key), BookingIdentity(channel, ExternalRef(ref))) for key, channel, ref in rows]

    async def advance(self, refold: Refold, *, behind: UUID | None) -> None:
        package = refold.package
        this = (package.channel, package.kind, package.ref, refold.asked_at)
        async with self._database.transaction() as connection:
            if behind is None:
                await connection.execute(f"delete from package_refold where {_THIS_REFOLD}".encode(), this)
            else:
                await connection.execute(
                    f"update package_refold set behind = %s where {_THIS_REFOLD}".encode(), (behind, *this)
                )

    async def _rows(self, query: str, values: Mapping[str, Any]) -> Sequence[Sequence[Any]]:
        async with self._database.reading() as connection:
            return (await connection.execute(text(query), dict(values))).all()


def _entry_conditions(wanted: UnmappedFilter) -> Conditions:
    return Conditions(
        {
            "status = :status": None if wanted.status is None else wanted.status.value,
            "queue_type = :type": wanted.type,
            "channel_code = :channel": wanted.channel,
            "reason_code = :reason_code": wanted.reason_code,
            "external_ref_kind = :ref_kind": wanted.ref_kind,
            "external_ref = :ref": wanted.ref,
            "(status in ('OPEN', 'IN_REVIEW')) = :waiting": wanted.waiting,
        }
    )


class _Changing:
    """One transaction that changes mappings."""

    def __init__(self, connection: DriverConnection) -> None:
        self._connection = connection

    async def moving(self, key: UUID) -> ChannelMapping | None:
        # Not the row: whoever is alone with its reference may hold that.
        await self._connection.execute("select pg_advisory_xact_lock(hashtextextended(%s, 0))", (f"mapping {key}",))
        return await self.mapping(key, held=False)

    async def alone_with(self, references: Sequence[ChannelReference]) -> None:
        numbers = sorted({reference.lock_number() for reference in references})
        await self._connection.execute(_ALONE, (as_json([str(number) for number in numbers]),))

    async def mapping(self, key: UUID, *, held: bool = True) -> ChannelMapping | None:
        query = f"select {MAPPING_COLUMNS} from channel_external_refs where external_ref_key = %s"
        row = await self._one(f"{query} for update" if held else query, key)
        return None if row is None else mapping_of(row)

    async def mapping_of(self, entity_type: str, reference: ChannelReference) -> ChannelMapping | None:
        row = await self._one(
            f"""select {MAPPING_COLUMNS} from channel_external_refs where entity_type = %s and channel_code = %s
              and external_ref_kind = %s and external_ref = %s for update""",
            entity_type,
            reference.channel,
            reference.kind,
            reference.ref,
        )
        return None if row is None else mapping_of(row)

    async def write(self, mapping: ChannelMapping) -> None:
        await self._connection.execute(_WRITE, mapping_row(mapping))

    async def has_channel(self, code: str) -> bool:
        found = await self._one("select 1 from channel_registry where channel_code = %s for key share", code)
        return found is not None

    async def has_entity(self, kind: Entity, key: UUID) -> bool:
        return await self._one(_ENTITIES[kind], key) is not None

    async def entry(self, key: UUID) -> UnmappedEntry | None:
        row = await self._one(f"select {ENTRY_COLUMNS} from unmapped_queue where queue_key = %s for update", key)
        return None if row is None else entry_of(row)

    async def waiting_for(self, reference: ChannelReference) -> list[UnmappedEntry]:
        named = (reference.channel, reference.kind, reference.ref)
        rows = await (await self._connection.execute(_WAITING.encode(), named)).fetchall()
        return [entry_of(row) for row in rows]

    async def is_named(self, package: ChannelReference) -> bool:
        given = {"channel": package.channel, "ref": package_name(package), "behind": _FIRST, "limit": 1}
        return await (await self._connection.execute(_NAMED_BY, given)).fetchone() is not None

    async def put(self, entry: UnmappedEntry) -> None:
        await self._connection.execute(_PUT, entry_row(entry))

    async def ask_to_refold(self, package: ChannelReference, *, now: datetime) -> None:
        await self._connection.execute(_ASK, (package.channel, package.kind, package.ref, now))

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        await append_entries(self._connection, entries)

    async def _one(self, query: str, *values: object) -> Sequence[Any] | None:
        return await (await self._connection.execute(query.encode(), values)).fetchone()
