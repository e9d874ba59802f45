"""Products and variants: matching legacy rows, and the item that callers are served."""

from bst_domain.catalog._editor import (
    LEGACY_CODE_PREFIX,
    Content,
    EditorItem,
    EditorRate,
    EditorVariant,
    EndedWith,
    Faq,
    ItineraryStep,
    Slide,
    active_part,
    arranged,
    as_product,
)
from bst_domain.catalog._editor_json import content_json, editor_json
from bst_domain.catalog._items import JsonObject, Media, Product, Variant, item_v1, lead_variant
from bst_domain.catalog._matching import (
    CatalogRow,
    Matched,
    MatchRule,
    ProductIndex,
    Unmatched,
    UnmatchedReason,
    invalid_because,
)
from bst_domain.catalog._normalising import MARKETING_SUFFIXES, normalise_name, slugify
from bst_domain.catalog._rates import PackagePrice, Rate, child_price, fallback_rates, lead_price, overlap, overlapping

__all__ = [
    "LEGACY_CODE_PREFIX",
    "MARKETING_SUFFIXES",
    "CatalogRow",
    "Content",
    "EditorItem",
    "EditorRate",
    "EditorVariant",
    "EndedWith",
    "Faq",
    "ItineraryStep",
    "JsonObject",
    "MatchRule",
    "Matched",
    "Media",
    "PackagePrice",
    "Product",
    "ProductIndex",
    "Rate",
    "Slide",
    "Unmatched",
    "UnmatchedReason",
    "Variant",
    "active_part",
    "arranged",
    "as_product",
    "child_price",
    "content_json",
    "editor_json",
    "fallback_rates",
    "invalid_because",
    "item_v1",
    "lead_price",
    "lead_variant",
    "normalise_name",
    "overlap",
    "overlapping",
    "slugify",
]
