"""Both catalogs, whole: they are small."""

from collections.abc import Mapping

from bst_domain.migration import (
    LegacyCatalog,
    LegacyLine,
    LegacyPackage,
    LegacyPicture,
    LegacyProduct,
    LegacyRate,
    LegacyStep,
    LegacySystem,
    LegacyVariant,
)
from bst_legacy.connections import Connection, fetch_named

_PRODUCTS = """
select product_id, legacy_package_id, product_name as name, slug, short_description, description, category,
  country_code as country, region, base_meeting_point as meeting_point, is_featured as featured, is_active as active,
  thumbnail_url as thumbnail, color_code as colour, priority
from "TourProduct" order by product_id
"""
_VARIANTS = """
select variant_id, product_id, legacy_package_id, variant_code as code, variant_name as name,
  service_type::text as service_type, duration_days as days, duration_nights as nights, min_pax, max_pax,
  currency_code as currency, is_default as "default", is_active as active, booking_cutoff_hours as cutoff_hours,
  cancellation_policy
from "TourVariant" order by variant_id
"""
_RATES = """
select rate_plan_id as rate_id, variant_id, traveler_type::text as traveller, round(price, 2) as price,
  currency_code as currency, min_quantity, max_quantity, valid_from at time zone 'UTC' as valid_from,
  valid_to at time zone 'UTC' as valid_to, is_active as active
from "VariantRatePlan" order by rate_plan_id
"""
_PICTURES = """
select product_id, null::int as variant_id, url, alt_text, sort_order, is_cover as cover, media_id from "TourProductMedia"
union all
select variant.product_id, media.variant_id, url, alt_text, sort_order, is_cover, media_id
from "TourVariantMedia" media join "TourVariant" variant on variant.variant_id = media.variant_id
order by sort_order, media_id
"""
_STEPS = """
select variant_id, day, sort_order, title, description, location, to_char(start_time, 'HH24:MI') as start_time,
  to_char(end_time, 'HH24:MI') as end_time
from "VariantItinerary" order by variant_id, day, sort_order, itinerary_id
"""
_LINES = """
select variant_id, part, text from (
  select variant_id, 'highlights' as part, description as text, sort_order, highlight_id as id from "VariantHighlight"
  union all
  select variant_id, 'optionalFeatures', description, sort_order, feature_id from "VariantOptionalFeature"
  union all
  select variant_id, 'additionalInfo', description, sort_order, info_id from "VariantAdditionalInfo"
  union all
  select variant_id, 'inclusions', description || coalesce(' (' || nullif(btrim(note), '') || ')', ''), sort_order,
    inclusion_id from "VariantInclusion" join "Inclusion" using (inclusion_id)
  union all
  select variant_id, 'exclusions', description || coalesce(' (' || nullif(btrim(note), '') || ')', ''), sort_order,
    exclusion_id from "VariantExclusion" join "Exclusion" using (exclusion_id)) told
order by variant_id, part, sort_order nulls last, id
"""
_PACKAGES = {
    LegacySystem.SHOP: """
select package_id, package_name as name, slug, round(price_per_person, 2) as price,
  round(price_per_child, 2) as child_price, 'USD' as currency
from "TourPackage" order by package_id""",
    LegacySystem.ADMIN: """
select package_id, package_name as name, slug, price_per_person as price, price_per_child as child_price,
  base_currency as currency
from tour_packages order by package_id""",
}


async def read_catalog(connections: Mapping[LegacySystem, Connection]) -> LegacyCatalog:
    """Products, variants, rates and packages, each by id."""
    shop, admin = LegacySystem.SHOP, LegacySystem.ADMIN
    return LegacyCatalog(
        products=[LegacyProduct(**row) for row in await fetch_named(shop, connections[shop], _PRODUCTS)],
        variants=[LegacyVariant(**row) for row in await fetch_named(shop, connections[shop], _VARIANTS)],
        rates=[LegacyRate(**row) for row in await fetch_named(shop, connections[shop], _RATES)],
        packages=[
            LegacyPackage(system=system, **row)
            for system in (shop, admin)
            for row in await fetch_named(system, connections[system], _PACKAGES[system])
        ],
        pictures=[
            LegacyPicture(**{name: value for name, value in row.items() if name != "media_id"})
            for row in await fetch_named(shop, connections[shop], _PICTURES)
        ],
        steps=[LegacyStep(**row) for row in await fetch_named(shop, connections[shop], _STEPS)],
        lines=[LegacyLine(**row) for row in await fetch_named(shop, connections[shop], _LINES)],
    )
