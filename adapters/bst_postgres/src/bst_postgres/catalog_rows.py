"""The rows of a product as one value, and the rows of a value: one statement reads all of it, so that it is of one moment."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from bst_domain.catalog import EditorItem, EditorRate, EditorVariant, EndedWith, arranged, stored_content

#: How another system's package refers to a product; the reference is its number.
LEGACY_REF = ("CATALOG_PRODUCT", "LEGACY_PACKAGE_ID")

#: Prices as text: a JSON number would pass through a float. The numbers of the old systems are joined, not asked for one by one:
#: no index finds a reference by what it stands for, so each product would read them all.
_ITEMS = f"""
select product.product_key, product.slug, product.name, product.description, product.short_description,
  product.is_active, product.is_featured, product.thumbnail_url, product.priority, product.version,
  product.created_at, product.updated_at,
  {{content}},
  legacy.number,
  coalesce((select json_agg(json_build_object('key', variant_key, 'code', code, 'name', name,
      'duration_days', duration_days, 'currency', currency_code, 'is_default', is_default, 'is_active', is_active,
      'ended_with', ended_with, 'was_default', was_default, 'updated_at', variant.updated_at,
      'rates', coalesce((select json_agg(json_build_object('key', variant_rate_key, 'traveller', traveler_type,
          'currency', currency_code, 'price', price::text, 'min_quantity', min_quantity, 'max_quantity', max_quantity,
          'valid_from', valid_from, 'valid_to', valid_to, 'is_active', is_active, 'ended_with', ended_with))
        from catalog_variant_rate rate where rate.variant_key = variant.variant_key), '[]'::json)))
    from catalog_variant variant where variant.product_key = product.product_key), '[]'::json)
from catalog_product product
left join (
  select entity_key, min(external_ref::bigint) as number from channel_external_refs
  where entity_type = '{LEGACY_REF[0]}' and external_ref_kind = '{LEGACY_REF[1]}' and mapping_status = 'MAPPED'
    and external_ref ~ '^[0-9]{{{{1,18}}}}$'
  group by entity_key) legacy on legacy.entity_key = product.product_key
"""
ITEMS = _ITEMS.format(
    content="(select payload from catalog_product_content content where content.product_key = product.product_key)"
)
#: The same where that table, the youngest of them, is not there.
ITEMS_WITHOUT_CONTENT = _ITEMS.format(content="null::jsonb")
#: What an editor's list begins with.
ORDER = "is_featured desc, priority asc nulls last, updated_at desc, name, product_key"

Row = Mapping[str, Any]


def item_of(row: Sequence[Any]) -> EditorItem:
    """A row of ITEMS."""
    return arranged(
        EditorItem(
            key=row[0],
            slug=row[1],
            name=row[2],
            description=row[3],
            short_description=row[4],
            is_active=row[5],
            is_featured=row[6],
            thumbnail_url=row[7],
            priority=row[8],
            version=row[9],
            created_at=row[10],
            updated_at=row[11],
            content=stored_content(row[12]),
            legacy_package_ref=row[13],
            variants=tuple(_variant(given) for given in row[14]),
        )
    )


def product_row(item: EditorItem) -> dict[str, Any]:
    """The columns of an item that its editors write."""
    return {
        "product_key": item.key,
        "slug": item.slug,
        "name": item.name,
        "description": item.description,
        "is_active": item.is_active,
        "is_featured": item.is_featured,
        "thumbnail_url": item.thumbnail_url,
        "version": item.version,
        "created_at": item.created_at,
        "updated_at": item.updated_at,
    }


def variant_row(item: EditorItem, variant: EditorVariant) -> Row:
    return {
        "variant_key": variant.key,
        "product_key": item.key,
        "code": variant.code,
        "name": variant.name,
        "duration_days": variant.duration_days,
        "currency_code": variant.currency,
        "is_default": variant.is_default,
        "is_active": variant.is_active,
        "ended_with": variant.ended_with,
        "was_default": variant.was_default,
        "updated_at": variant.updated_at,
    }


def rate_row(item: EditorItem, variant: EditorVariant, rate: EditorRate) -> Row:
    """``updated_at`` is the item's: a rate is only written when it has changed."""
    return {
        "variant_rate_key": rate.key,
        "variant_key": variant.key,
        "traveler_type": rate.traveller,
        "currency_code": rate.currency,
        "price": str(rate.price),
        "min_quantity": rate.min_quantity,
        "max_quantity": rate.max_quantity,
        "is_active": rate.is_active,
        "ended_with": rate.ended_with,
        "updated_at": item.updated_at,
    }


def _variant(given: Row) -> EditorVariant:
    return EditorVariant(
        key=UUID(given["key"]),
        code=given["code"],
        name=given["name"],
        duration_days=given["duration_days"],
        currency=given["currency"],
        is_default=given["is_default"],
        is_active=given["is_active"],
        ended_with=_ended_with(given),
        was_default=given["was_default"],
        updated_at=datetime.fromisoformat(given["updated_at"]),
        rates=tuple(_rate(rate) for rate in given["rates"]),
    )


def _rate(given: Row) -> EditorRate:
    return EditorRate(
        key=UUID(given["key"]),
        traveller=given["traveller"],
        currency=given["currency"],
        price=Decimal(given["price"]),
        min_quantity=given["min_quantity"],
        max_quantity=given["max_quantity"],
        valid_from=_instant(given["valid_from"]),
        valid_to=_instant(given["valid_to"]),
        is_active=given["is_active"],
        ended_with=_ended_with(given),
    )


def _ended_with(given: Row) -> EndedWith | None:
    return None if given["ended_with"] is None else EndedWith(given["ended_with"])


def _instant(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
