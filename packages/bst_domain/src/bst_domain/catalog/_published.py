"""The catalog that everybody reads: entries of a frozen payload or of the editor's state, and what is shown at an instant.

A frozen item is the editor's item as JSON, its active part alone, with what the public catalog needs besides: when rates hold,
and the legacy number. So a payload says by itself what is served, whatever the editor does later.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from attrs import frozen

from bst_domain.catalog._editor import EditorItem, active_part, as_product
from bst_domain.catalog._editor_json import content_json, editor_json
from bst_domain.catalog._items import JsonObject, Media, Product, Variant, item_v1
from bst_domain.catalog._rates import Rate
from bst_domain.values import CENT, Money


@frozen(kw_only=True)
class CatalogEntry:
    """A product as the catalog knows it; ``content`` is the editor's document of eight parts."""

    product: Product
    thumbnail_url: str | None
    content: JsonObject

    @property
    def description(self) -> str:
        """As it is shown: the short one where there is no other."""
        return self.product.description or self.product.short_description or ""


def frozen_json(item: EditorItem) -> JsonObject:
    """The item as a payload has it."""
    part = active_part(item)
    made = editor_json(part)
    for variant, shown in zip(part.variants, made["variants"], strict=True):
        for rate, row in zip(variant.rates, shown["rates"], strict=True):
            row |= {"validFrom": _instant(rate.valid_from), "validTo": _instant(rate.valid_to)}
    return {**made, "legacyPackageId": item.legacy_package_id}


def entry_of(item: EditorItem) -> CatalogEntry:
    """An item of the editor's."""
    return CatalogEntry(product=as_product(item), thumbnail_url=item.thumbnail_url, content=content_json(item.content))


def entry_from(item: JsonObject) -> CatalogEntry:
    """An item that ``frozen_json`` made."""
    slides = [
        Media(url=one["url"], is_cover=one["isCover"], sort_order=one["sortOrder"]) for one in item["content"]["slides"]
    ]
    thumbnail = [Media(url=item["thumbnailUrl"], is_cover=True, sort_order=1)] if item["thumbnailUrl"] else []
    product = Product(
        key=UUID(item["itemId"]),
        slug=item["slug"],
        name=item["name"],
        description=item["description"],
        short_description=None,
        is_active=item["isActive"],
        is_featured=item["isFeatured"],
        legacy_package_id=item["legacyPackageId"],
        variants=tuple(_variant(one) for one in item["variants"]),
        media=tuple(slides or thumbnail),
    )
    return CatalogEntry(product=product, thumbnail_url=item["thumbnailUrl"], content=item["content"])


def entry_json(entry: CatalogEntry, at: datetime, *, with_content: bool) -> JsonObject:
    """What the public catalog serves of an entry at this instant; lists go without the content."""
    made = {**item_v1(entry.product, at), "thumbnailUrl": entry.thumbnail_url}
    return {**made, "content": entry.content} if with_content else made


def finds(entry: CatalogEntry, text: str) -> bool:
    """Whether the text is a part of name, slug or description, in any letter case; no sign is special."""
    wanted = text.casefold()
    return any(wanted in said.casefold() for said in (entry.product.name, entry.product.slug, entry.description))


def turning_points(entries: Iterable[CatalogEntry]) -> Sequence[datetime]:
    """The instants at which a rate begins or ceases to hold, ascending: between two of them nothing that is served changes."""
    found = {
        at
        for entry in entries
        for variant in entry.product.variants
        for rate in variant.rates
        for at in (rate.valid_from, rate.valid_to)
        if at is not None
    }
    return sorted(found)


def _variant(one: JsonObject) -> Variant:
    return Variant(
        key=UUID(one["variantId"]),
        name=one["name"],
        duration_days=one["durationDays"],
        currency=one["currencyCode"],
        is_default=one["isDefault"],
        is_active=one["isActive"],
        rates=tuple(_rate(rate) for rate in one["rates"]),
    )


def _rate(one: JsonObject) -> Rate:
    return Rate(
        traveller=one["travelerType"],
        price=Money(one["currencyCode"], Decimal(str(one["price"])).quantize(CENT)),
        min_quantity=one["minQuantity"],
        max_quantity=one["maxQuantity"],
        valid_from=_parsed(one["validFrom"]),
        valid_to=_parsed(one["validTo"]),
        is_active=one["isActive"],
    )


def _instant(at: datetime | None) -> str | None:
    """With all of its digits: milliseconds alone would move the end of a rate."""
    return None if at is None else at.isoformat()


def _parsed(text: str | None) -> datetime | None:
    return None if text is None else datetime.fromisoformat(text)
