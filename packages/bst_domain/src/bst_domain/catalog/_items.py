"""Catalog item v1: what the public catalog serves of a product, with the aliases that older callers read.

Source of the rules: predecessor rules 14, "catalog item v1 with legacy aliases". The aliases leave in v2.
"""

from datetime import datetime
from decimal import Decimal
from typing import Any
from uuid import UUID

from attrs import frozen

from bst_domain.catalog._rates import Rate, child_price, lead_price
from bst_domain.values import TravellerType

JsonObject = dict[str, Any]


@frozen(kw_only=True)
class Media:
    """A picture; ``sort_order`` ascending."""

    url: str
    is_cover: bool
    sort_order: int


@frozen(kw_only=True)
class Variant:
    """A way to book a product. ``duration_days`` is at least 1; ``currency`` is that of its rates."""

    key: UUID
    name: str
    duration_days: int
    currency: str
    is_default: bool
    is_active: bool
    rates: tuple[Rate, ...]


@frozen(kw_only=True)
class Product:
    """A product with everything that an item shows. ``legacy_package_id`` is null for what no legacy system knew."""

    key: UUID
    slug: str
    name: str
    description: str | None
    short_description: str | None
    is_active: bool
    is_featured: bool
    legacy_package_id: int | None
    variants: tuple[Variant, ...]
    media: tuple[Media, ...]


def json_number(amount: Decimal) -> int | float:
    """A price as JSON has it: 55 and 20.5, as callers have always read them, and not 55.0."""
    return int(amount) if amount == amount.to_integral_value() else float(amount)


def lead_variant(product: Product) -> Variant | None:
    """The active variant that stands for the product: the default one, else the first by name."""
    active = [variant for variant in product.variants if variant.is_active]
    return min(active, key=lambda variant: (not variant.is_default, variant.name, variant.key), default=None)


def item_v1(product: Product, at: datetime) -> JsonObject:
    """The JSON object of the public catalog: active variants, and the rates that hold at this instant.

    ``price_per_person`` is the lead variant's adult price, ``price_per_child`` its child price, else half of the adult's;
    both null without a rate. ``package_id`` is polymorphic: the legacy id, else the lead variant's, else the product's.
    """
    lead = lead_variant(product)
    adult = None if lead is None else lead_price(lead.rates, TravellerType.ADULT, lead.currency, at)
    child = None if lead is None else lead_price(lead.rates, TravellerType.CHILD, lead.currency, at)
    return {
        "itemId": str(product.key),
        "slug": product.slug,
        "name": product.name,
        "description": product.description or product.short_description or "",
        "isActive": product.is_active,
        "isFeatured": product.is_featured,
        "media": [
            {"url": media.url, "isCover": media.is_cover, "sortOrder": media.sort_order}
            for media in sorted(product.media, key=lambda media: (media.sort_order, media.url))
        ],
        "variants": [_variant(variant, at) for variant in product.variants if variant.is_active],
        "packageRefType": "CATALOG_PRODUCT",
        "packageRefKey": str(product.key),
        "legacyPackageId": product.legacy_package_id,
        "package_id": _polymorphic_id(product, lead),
        "package_name": product.name,
        "price_per_person": None if adult is None else json_number(adult.amount),
        "price_per_child": None if adult is None else json_number(child_price(adult, child).amount),
    }


def _variant(variant: Variant, at: datetime) -> JsonObject:
    return {
        "variantId": str(variant.key),
        "name": variant.name,
        "durationDays": max(1, variant.duration_days),
        "currency": variant.currency,
        "rates": [
            {
                "travelerType": rate.traveller,
                "price": json_number(rate.price.amount),
                "currency": rate.price.currency,
                "minQuantity": rate.min_quantity,
                "maxQuantity": rate.max_quantity,
            }
            for rate in variant.rates
            if rate.holds_at(at) and rate.price.currency == variant.currency
        ],
    }


def _polymorphic_id(product: Product, lead: Variant | None) -> int | str:
    if product.legacy_package_id is not None:
        return product.legacy_package_id
    return str(product.key if lead is None else lead.key)
