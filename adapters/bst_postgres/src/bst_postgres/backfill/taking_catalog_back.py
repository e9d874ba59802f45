"""Takes batch C back: products that the bridge made, whole, where nobody has edited, booked, mapped or published them since."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from attrs import frozen

from bst_application.ports.audit import AuditEntry
from bst_domain.values import shop_product_key
from bst_postgres.audit import append_entries
from bst_postgres.database import Database, DriverConnection, as_uuid_array

#: Who publishes and writes content for the bridge.
BRIDGE = "bst migrate"

_MADE = """
select ref.external_ref, product.product_key, product.slug, product.version = 1 and product.updated_at = product.created_at
  and not exists (select 1 from catalog_product_content content where content.product_key = product.product_key
    and content.updated_by is distinct from %(bridge)s)
from channel_external_refs ref join catalog_product product on product.product_key = ref.entity_key
where ref.entity_type = 'CATALOG_PRODUCT' and ref.external_ref_kind = 'BALISNAP_PRODUCT_ID' and ref.source_system = 'balisnap'
order by product.slug for update of product
"""
# Product -> why it must stay. A mapping by a person has another key than the bridge gives, or has been written since.
_USED = """
with variant as (select variant_key, product_key from catalog_variant where product_key = any (%(keys)s::uuid[])),
entity as (select product_key as key, product_key from catalog_product where product_key = any (%(keys)s::uuid[])
  union all select variant_key, product_key from variant)
select distinct on (product_key) product_key, why from (
  select entity.product_key, 'booked by ' || core.channel_code || ':' || core.external_booking_ref as why
  from booking_core core join entity on entity.key = core.package_ref_key
  union all
  select variant.product_key, 'booked by an item of ' || core.channel_code || ':' || core.external_booking_ref
  from booking_item_snapshot item join variant on variant.variant_key = item.variant_key
  join booking_core core on core.booking_key = item.booking_key
  union all
  select entity.product_key, 'mapped by a person: ' || ref.channel_code || ' ' || ref.external_ref_kind || ' '
    || ref.external_ref
  from channel_external_refs ref join entity on entity.key = ref.entity_key
  where ref.updated_at <> ref.created_at or ref.source_system not in ('balisnap', 'bstadmin')
) used order by product_key, why
"""
_QUEUED = """
delete from unmapped_queue where status = 'OPEN' and source_system in ('balisnap', 'bstadmin')
  and queue_type in ('PRODUCT_MAPPING', 'VARIANT_MAPPING', 'CATALOG_EXTENDED_METADATA')
"""
_PUBLISHED = """
select event.version, event.previous_version, event.actor from catalog_publication publication
join catalog_publish_event event on event.sequence = publication.last_sequence where publication.version is not null
"""


@frozen(kw_only=True)
class CatalogTaken:
    """What a rollback of batch C has come to."""

    products: int
    rows: int
    in_the_way: Sequence[tuple[str, str]]


async def take_catalog_back(
    database: Database, *, by: str, reason: str, now: datetime, dry_run: bool, keep_changed: bool
) -> CatalogTaken:
    """One commit. Without ``keep_changed`` nothing is written where anything stands in the way."""
    async with database.transaction(brief=False) as connection:
        found = await (await connection.execute(_MADE, {"bridge": BRIDGE})).fetchall()
        ours = [(key, slug, plain) for ref, key, slug, plain in found if key == shop_product_key(int(ref))]
        used = await _used(connection, [key for key, _, _ in ours])
        in_the_way = [
            (f"product {slug}", used.get(key, "it was edited here"))
            for key, slug, plain in ours
            if key in used or not plain
        ]
        version, published = await _publication(connection)
        if published is not None:
            in_the_way.insert(0, (f"catalog version {version}", published))
        gone = [key for key, _, plain in ours if plain and key not in used]
        if dry_run or (in_the_way and not keep_changed):
            return CatalogTaken(products=len(gone), rows=0, in_the_way=in_the_way)
        rows = await _remove(connection, gone)
        if version is not None and published is None:
            rows += await _withdraw(connection, version, by, reason, now)
    return CatalogTaken(products=len(gone), rows=rows, in_the_way=in_the_way)


async def _used(connection: DriverConnection, keys: Sequence[UUID]) -> Mapping[UUID, str]:
    rows = await (await connection.execute(_USED, {"keys": as_uuid_array(keys)})).fetchall()
    return dict(rows)


async def _publication(connection: DriverConnection) -> tuple[int | None, str | None]:
    """The current version, and why it must stay."""
    await connection.execute("select 1 from catalog_publication for update")
    row = await (await connection.execute(_PUBLISHED)).fetchone()
    if row is None:
        return None, None
    version, before, actor = row
    if actor != BRIDGE:
        return version, f"published by {actor}"
    return version, None if before is None else f"version {before} was there before; roll back to it first"


async def _remove(connection: DriverConnection, keys: Sequence[UUID]) -> int:
    given = (as_uuid_array(keys),)
    variants = "(select variant_key from catalog_variant where product_key = any (%s::uuid[]))"
    statements = (
        f"delete from catalog_variant_rate where variant_key in {variants}",
        f"delete from channel_external_refs where entity_type = 'CATALOG_VARIANT' and entity_key in {variants}",
        "delete from channel_external_refs where entity_type = 'CATALOG_PRODUCT' and entity_key = any (%s::uuid[])",
        "delete from catalog_variant where product_key = any (%s::uuid[])",
        """delete from migration_written where batch_code = 'C' and table_name = 'catalog_product_content'
           and row_key in (select key::text from unnest(%s::uuid[]) as key)""",
        "delete from catalog_product_content where product_key = any (%s::uuid[])",
        "delete from catalog_product where product_key = any (%s::uuid[])",
    )
    removed = sum([(await connection.execute(each.encode(), given)).rowcount for each in statements])
    removed += (await connection.execute("delete from migration_exception where batch_code = 'C'")).rowcount
    return removed + (await connection.execute(_QUEUED)).rowcount


async def _withdraw(connection: DriverConnection, version: int, by: str, reason: str, now: datetime) -> int:
    """Nothing is published any more, as before batch C; what was frozen stays for the record."""
    await connection.execute("update catalog_publication set version = null")
    entry = AuditEntry(
        event_type="CATALOG_WITHDRAWN",
        actor=by,
        resource_type="CATALOG_VERSION",
        resource_id=str(version),
        metadata={"version": version, "reason": reason},
        at=now,
    )
    await append_entries(connection, [entry])
    return 1
