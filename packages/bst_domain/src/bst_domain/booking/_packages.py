"""Packages that a channel names in its own words, and what a channel mapping makes of them.

A mapping is no fact about a booking: it says what a channel's word stands for, for all its bookings, whenever they come. So facts
keep the channel's word, and the mapping is looked at when a booking is shown. Source of the rules: semantics 5 (UNMAPPED_PACKAGE)
and 8; a variant says more than its product. The two old systems number their packages each on its own (predecessor defect 88):
the shop's numbers are those of the channel DIRECT, the old admin's those of every other channel and of its own rows.
"""

from typing import Final

from bst_domain.booking._facts import BookingFacts, FactValue, Field, PackageRef, PackageRefType, shown
from bst_domain.values import ChannelReference, Source

#: The kind under which channel mappings hold packages that a channel names by a number of the old systems.
PACKAGE_REF_KIND: Final = "LEGACY_PACKAGE_ID"
#: What the catalog bridge maps for a whole system, whatever the channel; and the channel that such a mapping stands under.
SHOP_PACKAGE_KIND: Final = "BALISNAP_PACKAGE_ID"
SHOP_VARIANT_KIND: Final = "BALISNAP_VARIANT_ID"
ADMIN_PACKAGE_KIND: Final = "BSTADMIN_PACKAGE_ID"
SHOP_CHANNEL: Final = Source.DIRECT.value
ADMIN_CHANNEL: Final = Source.MANUAL.value
PACKAGE_KINDS: Final = frozenset({PACKAGE_REF_KIND, SHOP_PACKAGE_KIND, SHOP_VARIANT_KIND, ADMIN_PACKAGE_KIND})
#: What a package may be mapped to; the first that is mapped holds.
PACKAGE_ENTITIES: Final = (PackageRefType.CATALOG_VARIANT, PackageRefType.CATALOG_PRODUCT)


def package_reference(channel: str, facts: BookingFacts) -> ChannelReference | None:
    """What a mapping of the booking's package is looked up by; None where the package names an entity itself, or nothing."""
    said = shown(facts).get(Field.PACKAGE)
    if said is None or not isinstance(said.value, PackageRef) or said.value.key is not None:
        return None
    if said.value.named is not None:
        kind, _, ref = said.value.named.partition(":")
        return ChannelReference(channel, kind, ref)
    return (
        None if said.value.legacy_id is None else ChannelReference(channel, PACKAGE_REF_KIND, str(said.value.legacy_id))
    )


def looked_up_as(package: ChannelReference) -> tuple[ChannelReference, ...]:
    """The mappings that may say what it is, the first that is mapped holds: the channel's own before the whole system's."""
    own = ChannelReference(package.channel, PACKAGE_REF_KIND, package.ref)
    shop = ChannelReference(SHOP_CHANNEL, SHOP_PACKAGE_KIND, package.ref)
    admin = ChannelReference(ADMIN_CHANNEL, ADMIN_PACKAGE_KIND, package.ref)
    speaks_shop = package.channel == SHOP_CHANNEL
    names: dict[str, tuple[ChannelReference, ...]] = {
        PACKAGE_REF_KIND: (own, shop if speaks_shop else admin),
        SHOP_PACKAGE_KIND: (own, shop) if speaks_shop else (shop,),
        ADMIN_PACKAGE_KIND: (admin,) if speaks_shop else (own, admin),
        SHOP_VARIANT_KIND: (ChannelReference(SHOP_CHANNEL, SHOP_VARIANT_KIND, package.ref),),
    }
    return tuple(dict.fromkeys((*names.get(package.kind, ()), package)))


def shown_through(mapping: ChannelReference) -> tuple[ChannelReference, ...]:
    """The packages of bookings that a mapping of this may change, itself first."""
    if mapping.kind not in PACKAGE_KINDS:
        return ()
    packages = (ChannelReference(channel, kind, mapping.ref) for channel in Source for kind in sorted(PACKAGE_KINDS))
    return tuple(dict.fromkeys((mapping, *(package for package in packages if mapping in looked_up_as(package)))))


def shown_package(said: FactValue, mapped: PackageRef | None) -> PackageRef | None:
    """The package that everybody sees. ``mapped`` counts for the number that it was looked up by, and for no other."""
    if not isinstance(said, PackageRef):
        return None
    if mapped is None or said.key is not None or said.legacy_id != mapped.legacy_id:
        return said
    return mapped
