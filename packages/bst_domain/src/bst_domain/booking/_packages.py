"""Packages that a channel names in its own words, and what a channel mapping makes of them.

A mapping is no fact about a booking: it says what a channel's word stands for, for all its bookings, whenever they come. So facts
keep the channel's word, and the mapping is looked at when a booking is shown. Source of the rules: semantics 5 (UNMAPPED_PACKAGE)
and 8; a variant says more than its product.
"""

from typing import Final

from bst_domain.booking._facts import BookingFacts, FactValue, Field, PackageRef, PackageRefType, shown
from bst_domain.values import ChannelReference

#: The kind under which channel mappings hold packages that are named by a number of the old systems.
PACKAGE_REF_KIND: Final = "LEGACY_PACKAGE_ID"
#: What a package may be mapped to; the first that is mapped holds.
PACKAGE_ENTITIES: Final = (PackageRefType.CATALOG_VARIANT, PackageRefType.CATALOG_PRODUCT)


def package_reference(channel: str, facts: BookingFacts) -> ChannelReference | None:
    """What a mapping of the booking's package is looked up by; None where the package names an entity itself, or nothing."""
    said = shown(facts).get(Field.PACKAGE)
    if said is None or not isinstance(said.value, PackageRef):
        return None
    if said.value.key is not None or said.value.legacy_id is None:
        return None
    return ChannelReference(channel, PACKAGE_REF_KIND, str(said.value.legacy_id))


def shown_package(said: FactValue, mapped: PackageRef | None) -> PackageRef | None:
    """The package that everybody sees. ``mapped`` counts for the number that it was looked up by, and for no other."""
    if not isinstance(said, PackageRef):
        return None
    if mapped is None or said.key is not None or said.legacy_id != mapped.legacy_id:
        return said
    return mapped
