"""Both catalogs, whole: they are small."""

from collections.abc import Mapping

from bst_domain.migration import (
    LegacyCatalog,
    LegacyPackage,
    LegacyProduct,
    LegacyRate,
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
    )
