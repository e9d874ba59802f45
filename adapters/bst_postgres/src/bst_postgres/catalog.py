"""The editor's catalog in PostgreSQL: whoever changes a product holds its row until the commit."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from typing import Any
from uuid import UUID

import psycopg
from psycopg.errors import UndefinedTable, UniqueViolation

from bst_application.ports.audit import AuditEntry
from bst_application.ports.catalog import CatalogTransaction, ItemFilter, ItemPage, SlugTaken
from bst_domain.catalog import EditorItem, content_json
from bst_postgres.audit import append_entries
from bst_postgres.catalog_rows import ITEMS, ITEMS_WITHOUT_CONTENT, ORDER, item_of, product_row, rate_row, variant_row
from bst_postgres.database import Database, DriverConnection, as_json, as_uuid_array

_ADD = """
insert into catalog_product (product_key, slug, name, description, is_active, is_featured, thumbnail_url, version,
  created_at, updated_at)
values (%(product_key)s, %(slug)s, %(name)s, %(description)s, %(is_active)s, %(is_featured)s, %(thumbnail_url)s,
  %(version)s, %(created_at)s, %(updated_at)s)
"""
_SAVE = """
update catalog_product
set slug = %(slug)s, name = %(name)s, description = %(description)s, is_active = %(is_active)s,
  is_featured = %(is_featured)s, thumbnail_url = %(thumbnail_url)s, version = %(version)s, updated_at = %(updated_at)s
where product_key = %(product_key)s
"""
# What the editor does not say of a new variant is what the predecessor gave it: private, from one traveller, a day ahead.
_SAVE_VARIANTS = """
insert into catalog_variant (variant_key, product_key, code, name, service_type, duration_days, min_pax, currency_code,
  is_default, is_active, booking_cutoff_hours, ended_with, was_default, created_at, updated_at)
select variant_key, product_key, code, name, 'PRIVATE', duration_days, 1, currency_code, is_default, is_active, 24,
  ended_with, was_default, updated_at, updated_at
from json_to_recordset(%s::json) as given (variant_key uuid, product_key uuid, code text, name text, duration_days int,
  currency_code text, is_default bool, is_active bool, ended_with text, was_default bool, updated_at timestamptz)
on conflict (variant_key) do update
set code = excluded.code, name = excluded.name, duration_days = excluded.duration_days,
  currency_code = excluded.currency_code, is_default = excluded.is_default, is_active = excluded.is_active,
  ended_with = excluded.ended_with, was_default = excluded.was_default, updated_at = excluded.updated_at
"""
_SAVE_RATES = """
insert into catalog_variant_rate (variant_rate_key, variant_key, traveler_type, currency_code, price, min_quantity,
  max_quantity, is_active, ended_with, created_at, updated_at)
select variant_rate_key, variant_key, traveler_type, currency_code, price, min_quantity, max_quantity, is_active,
  ended_with, updated_at, updated_at
from json_to_recordset(%s::json) as given (variant_rate_key uuid, variant_key uuid, traveler_type text,
  currency_code text, price numeric, min_quantity int, max_quantity int, is_active bool, ended_with text,
  updated_at timestamptz)
on conflict (variant_rate_key) do update
set traveler_type = excluded.traveler_type, currency_code = excluded.currency_code, price = excluded.price,
  min_quantity = excluded.min_quantity, max_quantity = excluded.max_quantity, is_active = excluded.is_active,
  ended_with = excluded.ended_with, updated_at = excluded.updated_at
"""
_SAVE_CONTENT = """
insert into catalog_product_content (product_key, payload, updated_by, created_at, updated_at)
values (%(key)s, %(payload)s::jsonb, %(by)s, %(at)s, %(at)s)
on conflict (product_key) do update
set payload = excluded.payload, updated_by = excluded.updated_by, updated_at = excluded.updated_at
"""
_TEXT_FOUND = """(position(lower(%(text)s) in lower(name)) > 0 or position(lower(%(text)s) in lower(slug)) > 0
  or position(lower(%(text)s) in lower(coalesce(nullif(description, ''), short_description, ''))) > 0)"""


class PostgresCatalogEditor:
    """CatalogEditor on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def items(self, keys: Collection[UUID] | None) -> list[EditorItem]:
        if keys is None:
            return await self._read("where is_active", {})
        return await self._read("where product_key = any(%(keys)s::uuid[])", {"keys": as_uuid_array(keys)})

    async def item(self, key: UUID) -> EditorItem | None:
        return next(iter(await self._read("where product_key = %(key)s", {"key": key})), None)

    async def by_slug(self, slug: str) -> EditorItem | None:
        return next(iter(await self._read("where lower(slug) = lower(%(slug)s)", {"slug": slug})), None)

    async def listed(self, wanted: ItemFilter, *, offset: int = 0, limit: int | None = None) -> ItemPage:
        given: dict[str, Any] = {
            "is_featured = %(featured)s": wanted.featured,
            "is_active = %(active)s": wanted.active,
            _TEXT_FOUND: wanted.text,
        }
        conditions = " and ".join(condition for condition, value in given.items() if value is not None) or "true"
        values = {"featured": wanted.featured, "active": wanted.active, "text": wanted.text}
        count = f"select count(*) from catalog_product where {conditions}"
        async with self._reading() as connection:
            counted = await (await connection.execute(count.encode(), values)).fetchone()
            assert counted is not None, "a count has a row"
            found = await _shown(
                connection,
                f"where {conditions}",
                {**values, "offset": offset, "limit": limit},
                "offset %(offset)s limit %(limit)s",
            )
        return ItemPage(items=found, total=counted[0])

    @asynccontextmanager
    async def editing(self) -> AsyncIterator[CatalogTransaction]:
        async with self._database.transaction() as connection:
            yield _Editing(connection)

    async def _read(self, where: str, values: dict[str, Any]) -> list[EditorItem]:
        async with self._reading() as connection:
            return await _shown(connection, where, values)

    @asynccontextmanager
    async def _reading(self) -> AsyncIterator[DriverConnection]:
        async with self._database.reading() as connection:
            raw = (await connection.get_raw_connection()).driver_connection
            assert isinstance(raw, psycopg.AsyncConnection)
            yield raw


class _Editing:
    """One change."""

    def __init__(self, connection: DriverConnection) -> None:
        self._connection = connection
        self._held: dict[UUID, EditorItem] = {}

    async def hold(self, item: UUID) -> EditorItem | None:
        # A statement sees what was committed before it began: what whoever held the row before has written comes with the next.
        lock = "select 1 from catalog_product where product_key = %s for update"
        await self._connection.execute(lock, (item,))
        found = next(iter(await _read(self._connection, "where product_key = %(key)s", {"key": item})), None)
        if found is not None:
            self._held[item] = found
        return found

    async def item_of_variant(self, variant: UUID) -> UUID | None:
        return await self._key("select product_key from catalog_variant where variant_key = %s", variant)

    async def item_of_rate(self, rate: UUID) -> UUID | None:
        query = """select product_key from catalog_variant_rate join catalog_variant using (variant_key)
            where variant_rate_key = %s"""
        return await self._key(query, rate)

    async def add(self, item: EditorItem, *, by: str) -> None:
        await self._write(_ADD, item)
        await self._write_parts(None, item, by)

    async def save(self, item: EditorItem, *, by: str) -> None:
        await self._write(_SAVE, item)
        await self._write_parts(self._held[item.key], item, by)

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        await append_entries(self._connection, entries)

    async def _write(self, statement: str, item: EditorItem) -> None:
        # Two that exchange their slugs would wait for each other in the index; looking first, both see that theirs is taken.
        taken = await self._key(
            "select product_key from catalog_product where slug = %s and product_key <> %s", item.slug, item.key
        )
        if taken is not None:
            raise SlugTaken(item.slug)
        try:
            await self._connection.execute(statement.encode(), product_row(item))
        except UniqueViolation as error:
            raise SlugTaken(item.slug) from error

    async def _write_parts(self, before: EditorItem | None, after: EditorItem, by: str) -> None:
        known = {variant.key: variant for variant in (before.variants if before is not None else ())}
        known_rates = {rate for variant in known.values() for rate in variant.rates}
        variants = [variant_row(after, one) for one in after.variants if known.get(one.key) != one]
        rates = [rate_row(after, one, rate) for one in after.variants for rate in one.rates if rate not in known_rates]
        if variants:
            await self._connection.execute(_SAVE_VARIANTS, (as_json(variants),))
        if rates:
            await self._connection.execute(_SAVE_RATES, (as_json(rates),))
        if before is None or after.content != before.content:
            payload = as_json(content_json(after.content))
            values = {"key": after.key, "payload": payload, "by": by[:191], "at": after.updated_at}
            await self._connection.execute(_SAVE_CONTENT, values)

    async def _key(self, query: str, *values: Any) -> UUID | None:
        row = await (await self._connection.execute(query.encode(), values)).fetchone()
        return None if row is None else row[0]


async def _shown(connection: DriverConnection, where: str, values: dict[str, Any], pages: str = "") -> list[EditorItem]:
    """For whoever only looks: where the contents' table is missing, products have none."""
    try:
        return await _read(connection, where, values, pages)
    except UndefinedTable:
        return await _read(connection, where, values, pages, items=ITEMS_WITHOUT_CONTENT)


async def _read(
    connection: DriverConnection, where: str, values: dict[str, Any], pages: str = "", *, items: str = ITEMS
) -> list[EditorItem]:
    query = f"{items} {where} order by {ORDER} {pages}"
    return [item_of(row) for row in await (await connection.execute(query.encode(), values)).fetchall()]
