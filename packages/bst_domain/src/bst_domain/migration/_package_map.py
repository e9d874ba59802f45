"""What the catalog bridge made of packages and variants, for the bookings that name them.

Source of the rules: the legacy data's reading 21; a number means another package in each of the two systems.
"""

from collections.abc import Mapping, Sequence
from uuid import UUID

from attrs import frozen

from bst_domain.booking import (
    ADMIN_PACKAGE_KIND,
    SHOP_PACKAGE_KIND,
    SHOP_VARIANT_KIND,
    PackageRef,
    PackageRefType,
)
from bst_domain.migration._backfill import LegacySystem
from bst_domain.migration._legacy_rows import LegacyBooking, LegacyItem

#: What mappings of a system's own packages are looked up by.
PACKAGE_KIND: Mapping[LegacySystem, str] = {
    LegacySystem.SHOP: SHOP_PACKAGE_KIND,
    LegacySystem.ADMIN: ADMIN_PACKAGE_KIND,
}


@frozen(kw_only=True)
class PackageMap:
    """What the catalog bridge made of packages and variants; a shop item's variant that is missing here is unmapped."""

    packages: Mapping[tuple[LegacySystem, int], PackageRef] = {}
    variants: Mapping[int, UUID] = {}

    def of(self, row: LegacyBooking, active: Sequence[LegacyItem]) -> PackageRef:
        """The variant of the lowest item that is not cancelled, else the row's package, else a legacy package nobody mapped."""
        if active:
            variant = active[0].variant_id
            key = self.variants.get(variant)
            if key is not None:
                return PackageRef(PackageRefType.CATALOG_VARIANT, key, row.package_id)
            return PackageRef(PackageRefType.LEGACY_PACKAGE, None, row.package_id, f"{SHOP_VARIANT_KIND}:{variant}")
        if row.package_id is None:
            return PackageRef(PackageRefType.LEGACY_PACKAGE, None, None)
        found = self.packages.get((row.system, row.package_id))
        if found is not None and found.key is not None:
            return found
        return PackageRef(
            PackageRefType.LEGACY_PACKAGE, None, row.package_id, f"{PACKAGE_KIND[row.system]}:{row.package_id}"
        )
