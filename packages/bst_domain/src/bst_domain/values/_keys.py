"""The UUIDv5 keys of rows that come from somewhere else: the same source row has the same key in every run.

Source of the rules: the target schema's identifier policy. Names are spelled exactly as it has them, and the namespaces are
literal constants of the data model, never recomputed. Rows that are born here have a UUIDv7 instead.
"""

from enum import StrEnum
from hashlib import sha1
from uuid import UUID

from bst_domain.values._identity import BookingIdentity, BookingKey

NS_BOOKING = UUID("1396788e-dfe4-558e-977f-cbac85111c4c")
NS_CATALOG_PRODUCT = UUID("1b2c8dda-1d99-57f5-bdc1-b9fb772d8186")
NS_CATALOG_VARIANT = UUID("6b647a19-b987-5dd4-8c1e-94bceb859370")
NS_PAYMENT = UUID("2dfcb1f0-47c5-5823-9bc3-c281e0fd702f")


_NAMESPACES = {
    namespace: namespace.bytes for namespace in (NS_BOOKING, NS_CATALOG_PRODUCT, NS_CATALOG_VARIANT, NS_PAYMENT)
}
_HIGH = ((1 << 128) - 1) ^ (0xF000 << 64) ^ (0xC000 << 48)


def uuid5(namespace: UUID, name: str) -> UUID:
    """The standard library's, for our namespaces and several times quicker: a back-fill makes millions."""
    digest = sha1(_NAMESPACES[namespace] + name.encode(), usedforsecurity=False).digest()
    return UUID(int=int.from_bytes(digest[:16], "big") & _HIGH | (0x5000 << 64) | (0x8000 << 48))


class TravellerType(StrEnum):
    """Who a rate is for."""

    ADULT = "ADULT"
    CHILD = "CHILD"
    INFANT = "INFANT"


def backfilled_booking_key(identity: BookingIdentity) -> BookingKey:
    """The key of a booking row that back-fill makes: over the identity, so that it survives a change of the winning row."""
    return BookingKey(uuid5(NS_BOOKING, f"canonical:booking_identity:{identity.channel}:{identity.ref}"))


def shop_item_key(booking_item_id: int) -> UUID:
    """The key of one of the shop's booking items."""
    return uuid5(NS_BOOKING, f"balisnap:BookingItem:{booking_item_id}")


def synthetic_item_key(source: str, key: object) -> UUID:
    """The key of the one item that stands for a booking whose source states none: ``{source}:{key}:synthetic``."""
    return uuid5(NS_BOOKING, f"{source}:{key}:synthetic")


def external_ref_key(kind: str, channel: str, ref: str) -> UUID:
    """The key of another system's reference to a booking; ``kind`` is BOOKING_REF, BALISNAP_BOOKING_ID, ..."""
    return uuid5(NS_BOOKING, f"{kind}:{channel}:{ref}")


def finance_key(booking_finance_id: int) -> UUID:
    """The key of a finance row. The predecessor had a second name for the same row; one row has one key here."""
    return uuid5(NS_BOOKING, f"finance:{booking_finance_id}")


def shop_payment_key(payment_id: int) -> UUID:
    """The key of one of the shop's payment rows."""
    return uuid5(NS_PAYMENT, f"balisnap:Payment:{payment_id}")


def payment_row_key(booking: BookingKey, provider: str, reference: str) -> UUID:
    """The key of the projected row of one payment reference within a booking."""
    return uuid5(NS_PAYMENT, f"{booking}:{provider}:{reference}")


def shop_product_key(product_id: int) -> UUID:
    """The key of a product that the shop sells."""
    return uuid5(NS_CATALOG_PRODUCT, f"balisnap:TourProduct:{product_id}")


def admin_product_key(package_id: int) -> UUID:
    """The key of a product that only the old admin knows, as a package."""
    return uuid5(NS_CATALOG_PRODUCT, f"bstadmin:tour_packages:{package_id}")


def shop_variant_key(variant_id: int) -> UUID:
    """The key of a variant that the shop sells."""
    return uuid5(NS_CATALOG_VARIANT, f"balisnap:TourVariant:{variant_id}")


def admin_variant_key(package_id: int) -> UUID:
    """The key of the variant that stands for an old admin's package."""
    return uuid5(NS_CATALOG_VARIANT, f"bstadmin:tour_packages:{package_id}")


def shop_rate_key(rate_plan_id: int) -> UUID:
    """The key of one of the shop's rates."""
    return uuid5(NS_CATALOG_VARIANT, f"balisnap:VariantRatePlan:{rate_plan_id}")


def fallback_rate_key(traveller: TravellerType, variant: UUID) -> UUID:
    """The key of the rate that a variant without an active one gets from its package's price."""
    return uuid5(NS_CATALOG_VARIANT, f"fallback:{traveller.lower()}:{variant}")


def unmapped_key(*, queue_type: str, source_system: str, source_table: str, source_pk: str, reason: str) -> UUID:
    """The key of an entry in the unmapped queue: one a source row and reason, however often a run meets it."""
    return uuid5(NS_CATALOG_VARIANT, f"unmapped:{queue_type}:{source_system}:{source_table}:{source_pk}:{reason}")
