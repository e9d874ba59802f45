"""Writes what the catalog bridge came to.

A row that was written here and never touched since (its two times are equal) follows its source; one that somebody has changed
stays. So that back-fill can still tell, it leaves updated_at alone.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from bst_application.ports.backfill import SavedCatalog
from bst_domain.catalog import Content, content_json, slugify
from bst_domain.migration import (
    PACKAGE_TABLE,
    BridgedPackage,
    BridgedRate,
    BridgedVariant,
    CatalogBridge,
    LegacyProduct,
    LegacySystem,
)
from bst_domain.values import external_ref_key
from bst_postgres.backfill.content import save_contents
from bst_postgres.backfill.references import write_references
from bst_postgres.bookings.rows import Row
from bst_postgres.database import DriverConnection, as_json

_PRODUCT = {
    "product_key": "uuid",
    "slug": "text",
    "name": "text",
    "product_category": "text",
    "short_description": "text",
    "description": "text",
    "is_active": "boolean",
    "is_featured": "boolean",
    "thumbnail_url": "text",
    "color_code": "text",
    "priority": "int",
    "country_code": "text",
    "region": "text",
    "base_meeting_point": "text",
}
_VARIANT = {
    "variant_key": "uuid",
    "product_key": "uuid",
    "code": "text",
    "name": "text",
    "service_type": "text",
    "duration_days": "int",
    "duration_nights": "int",
    "min_pax": "int",
    "max_pax": "int",
    "currency_code": "text",
    "is_default": "boolean",
    "is_active": "boolean",
    "booking_cutoff_hours": "int",
    "cancellation_policy": "text",
}
_RATE = {
    "variant_rate_key": "uuid",
    "variant_key": "uuid",
    "traveler_type": "text",
    "currency_code": "text",
    "price": "numeric",
    "min_quantity": "int",
    "max_quantity": "int",
    "valid_from": "timestamptz",
    "valid_to": "timestamptz",
    "is_active": "boolean",
}
#: The channel that a legacy catalog sells through.
CHANNEL = {LegacySystem.SHOP: "DIRECT", LegacySystem.ADMIN: "MANUAL"}
_PRODUCT_ROW = (LegacySystem.SHOP, "PRODUCT", "TourProduct")
_VARIANT_ROW = (LegacySystem.SHOP, "VARIANT", "TourVariant")
_PACKAGE_ROW = {system: (system, "PACKAGE", table) for system, table in PACKAGE_TABLE.items()}


async def save_catalog(connection: DriverConnection, bridge: CatalogBridge, now: datetime) -> SavedCatalog:
    """Writes what differs."""
    products = await _products_here(connection, bridge)
    rows = _unique_slugs([_product(key, row) for key, row in bridge.products.items() if products[key] == key])
    things = await _upsert(connection, "catalog_product", _PRODUCT, rows)
    variants = await _variants_here(connection, bridge, products)
    own = [_variant(each, products[each.product]) for each in bridge.variants if variants[each.key] == each.key]
    things += await _upsert(connection, "catalog_variant", _VARIANT, own)
    told = {products[key]: bridge.contents.get(key, Content()) for key in bridge.products}
    texts = await save_contents(connection, told, now)
    rates = [_rate(each, variants[each.variant]) for each in bridge.rates]
    things += await _upsert(connection, "catalog_variant_rate", _RATE, rates)
    references = [
        *(
            _reference(("CATALOG_PRODUCT", products[key]), _PRODUCT_ROW, row.product_id)
            for key, row in bridge.products.items()
        ),
        *(_reference(("CATALOG_VARIANT", variants[v.key]), _VARIANT_ROW, v.row.variant_id) for v in bridge.variants),
        *(_package(each, {**products, **variants}) for each in bridge.packages if each.ref.key is not None),
    ]
    unmatched = [_named(_PACKAGE_ROW[each.row.system], each.row.package_id) for each in unmatched_packages(bridge)]
    return SavedCatalog(
        things=things, texts=texts, references=await write_references(connection, references, unmatched, now)
    )


def unmatched_packages(bridge: CatalogBridge) -> list[BridgedPackage]:
    """Those that stand for nothing."""
    return [each for each in bridge.packages if each.ref.key is None]


async def _products_here(connection: DriverConnection, bridge: CatalogBridge) -> dict[UUID, UUID]:
    """Our key of each product: its own, or that of one which has its slug already."""
    given = [{"key": key, "slug": slugify(row.slug)[:191]} for key, row in bridge.products.items()]
    query = """
        select given.key, product.product_key from json_to_recordset(%s::json) as given (key uuid, slug text)
        join catalog_product product on product.slug = given.slug
        where not exists (select 1 from catalog_product own where own.product_key = given.key)"""
    taken = await (await connection.execute(query, (as_json(given),))).fetchall()
    known: Mapping[UUID, UUID] = dict(taken)
    return {key: known.get(key, key) for key in bridge.products}


async def _variants_here(
    connection: DriverConnection, bridge: CatalogBridge, products: Mapping[UUID, UUID]
) -> dict[UUID, UUID]:
    """Our key of each variant: its own, or that of one of the same product which has its code already."""
    given = [{"key": v.key, "product": products[v.product], "code": _code(v)} for v in bridge.variants]
    query = """
        select given.key, variant.variant_key
        from json_to_recordset(%s::json) as given (key uuid, product uuid, code text)
        join catalog_variant variant on variant.product_key = given.product and variant.code = given.code
        where not exists (select 1 from catalog_variant own where own.variant_key = given.key)"""
    taken = await (await connection.execute(query, (as_json(given),))).fetchall()
    known: Mapping[UUID, UUID] = dict(taken)
    return {v.key: known.get(v.key, v.key) for v in bridge.variants}


async def _upsert(connection: DriverConnection, table: str, columns: Mapping[str, str], rows: list[Row]) -> int:
    if not rows:
        return 0
    key, *others = columns
    names, typed = ", ".join(columns), ", ".join(f"{name} {kind}" for name, kind in columns.items())
    values = ", ".join(f"excluded.{name}" for name in others)
    statement = (
        f"insert into {table} ({names}) select {names} from json_to_recordset(%s::json) as given ({typed})"
        f" on conflict ({key}) do update set ({', '.join(others)}) = row({values})"
        f" where {table}.updated_at = {table}.created_at"
        f" and ({', '.join(f'{table}.{name}' for name in others)}) is distinct from ({values})"
    )
    return (await connection.execute(statement.encode(), (as_json(rows),))).rowcount


def _product(key: UUID, row: LegacyProduct) -> Row:
    return {
        "product_key": key,
        "slug": slugify(row.slug)[:191],
        "name": " ".join(row.name.split())[:255],
        "product_category": None if row.category is None else row.category[:128],
        "short_description": row.short_description,
        "description": row.description,
        "is_active": row.active,
        "is_featured": row.featured,
        "thumbnail_url": row.thumbnail,
        "color_code": None if row.colour is None else row.colour[:32],
        "priority": row.priority,
        "country_code": (row.country or "ID").strip().upper()[:2] or "ID",
        "region": None if row.region is None else row.region[:128],
        "base_meeting_point": row.meeting_point,
    }


def _unique_slugs(rows: list[Row]) -> list[Row]:
    """Two slugs of the source may be one of ours; the later product gets a part of its key behind it."""
    seen: set[str] = set()
    for row in rows:
        if row["slug"] in seen:
            row["slug"] = f"{row['slug'][:182]}-{str(row['product_key'])[:8]}"
        seen.add(row["slug"])
    return rows


def _code(variant: BridgedVariant) -> str:
    return (variant.row.code.strip().upper() or f"VARIANT-{variant.row.variant_id}")[:64]


def _variant(variant: BridgedVariant, product: UUID) -> Row:
    row = variant.row
    return {
        "variant_key": variant.key,
        "product_key": product,
        "code": _code(variant),
        "name": " ".join(row.name.split())[:255],
        "service_type": row.service_type.upper()[:32],
        "duration_days": max(1, row.days),
        "duration_nights": row.nights,
        "min_pax": max(1, row.min_pax),
        "max_pax": row.max_pax,
        "currency_code": row.currency.strip().upper()[:3],
        "is_default": row.default,
        "is_active": row.active,
        "booking_cutoff_hours": max(0, row.cutoff_hours),
        "cancellation_policy": row.cancellation_policy,
    }


def _rate(bridged: BridgedRate, variant: UUID) -> Row:
    rate = bridged.rate
    return {
        "variant_rate_key": bridged.key,
        "variant_key": variant,
        "traveler_type": rate.traveller,
        "currency_code": rate.price.currency,
        "price": rate.price.amount,
        "min_quantity": rate.min_quantity,
        "max_quantity": rate.max_quantity,
        "valid_from": rate.valid_from,
        "valid_to": rate.valid_to,
        "is_active": rate.is_active,
    }


def _package(package: BridgedPackage, keys: Mapping[UUID, UUID]) -> dict[str, Any]:
    key = package.ref.key
    assert key is not None
    return _reference((package.ref.type.value, keys[key]), _PACKAGE_ROW[package.row.system], package.row.package_id)


def _reference(entity: tuple[str, UUID], source: tuple[LegacySystem, str, str], row_id: int) -> dict[str, Any]:
    system, _, table = source
    return {
        **_named(source, row_id),
        "entity_type": entity[0],
        "entity_key": entity[1],
        "source_system": system.value,
        "source_table": table,
    }


def _named(source: tuple[LegacySystem, str, str], row_id: int) -> dict[str, Any]:
    system, what, _ = source
    kind, channel, ref = f"{system.value.upper()}_{what}_ID", CHANNEL[system], str(row_id)
    return {
        "external_ref_key": external_ref_key(kind, channel, ref),
        "channel_code": channel,
        "external_ref_kind": kind,
        "external_ref": ref,
    }


async def expected_catalog(connection: DriverConnection, bridge: CatalogBridge) -> Mapping[str, list[Row]]:
    """The rows that ``save_catalog`` would have written into an empty catalog, by table; those of products and variants that were
    here before are left out."""
    products = await _products_here(connection, bridge)
    variants = await _variants_here(connection, bridge, products)
    keys = {**products, **variants}
    own = _unique_slugs([_product(key, row) for key, row in bridge.products.items() if products[key] == key])
    packages = [_package(each, keys) for each in bridge.packages if each.ref.key is not None]
    of_products = [
        _reference(("CATALOG_PRODUCT", products[k]), _PRODUCT_ROW, r.product_id) for k, r in bridge.products.items()
    ]
    of_variants = [
        _reference(("CATALOG_VARIANT", variants[v.key]), _VARIANT_ROW, v.row.variant_id) for v in bridge.variants
    ]
    return {
        "catalog_product": own,
        "catalog_variant": [_variant(v, products[v.product]) for v in bridge.variants if variants[v.key] == v.key],
        "catalog_variant_rate": [_rate(each, variants[each.variant]) for each in bridge.rates],
        "channel_external_refs": [*of_products, *of_variants, *packages],
        "catalog_product_content": [
            {"product_key": products[key], "name": row.name, **content_json(bridge.contents.get(key, Content()))}
            for key, row in bridge.products.items()
        ],
    }
