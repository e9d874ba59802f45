"""The changes that an editor can ask for: which product it is, how it is decided, and what the audit trail says of it.

Source of the audit events: predecessor, "audit events"; their resources and metadata are kept, odd ones included.
"""

from collections.abc import Awaitable, Callable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import frozen

from bst_application.ports.catalog import CatalogTransaction
from bst_domain.catalog import (
    Changes,
    Content,
    Edited,
    EditorItem,
    NewRate,
    NewVariant,
    add_rate,
    add_variant,
    change_item,
    change_rate,
    change_variant,
    deactivate_item,
    deactivate_rate,
    deactivate_variant,
    json_number,
    replace_content,
)

NewId = Callable[[], UUID]
#: Gives the product of an item's, a variant's or a rate's key.
Find = Callable[[CatalogTransaction], Awaitable[UUID | None]]

_ITEM, _VARIANT, _RATE = "CATALOG_ITEM", "CATALOG_VARIANT", "CATALOG_RATE"


@frozen(kw_only=True)
class Change:
    """A change of one product. ``metadata`` is told of the product as it is then."""

    find: Find
    decide: Callable[[EditorItem, datetime, NewId], Edited]
    event_type: str
    resource: tuple[str, UUID]
    metadata: Callable[[EditorItem], Mapping[str, Any]]


def item_changed(key: UUID, changes: Changes) -> Change:
    """An item's own members."""
    fields = len(changes) + ("description" in changes)  # the predecessor wrote a description twice, and counted so
    return Change(
        find=_item(key),
        decide=lambda item, now, _: change_item(item, changes, now=now),
        event_type="CATALOG_ITEM_UPDATED",
        resource=(_ITEM, key),
        metadata=lambda _: {"fields": fields},
    )


def content_replaced(key: UUID, content: Content) -> Change:
    """The whole content document."""
    return Change(
        find=_item(key),
        decide=lambda item, now, _: replace_content(item, content, now=now),
        event_type="CATALOG_ITEM_CONTENT_UPDATED",
        resource=(_ITEM, key),
        metadata=lambda item: _counts(item.content),
    )


def item_deactivated(key: UUID) -> Change:
    """A product is switched off, with everything in it."""
    return Change(
        find=_item(key),
        decide=lambda item, now, _: deactivate_item(item, now=now),
        event_type="CATALOG_ITEM_DEACTIVATED",
        resource=(_ITEM, key),
        metadata=lambda _: {"isActive": False},
    )


def variant_added(item: UUID, new: NewVariant) -> Change:
    """One more variant."""
    return Change(
        find=_item(item),
        decide=lambda found, now, new_id: add_variant(found, new, new_id=new_id, now=now),
        event_type="CATALOG_VARIANT_CREATED",
        resource=(_ITEM, item),
        metadata=lambda _: {"code": new.code, "rates": len(new.rates)},
    )


def variant_changed(key: UUID, changes: Changes) -> Change:
    """A variant's own members."""
    return Change(
        find=lambda tx: tx.item_of_variant(key),
        decide=lambda item, now, _: change_variant(item, key, changes, now=now),
        event_type="CATALOG_VARIANT_UPDATED",
        resource=(_VARIANT, key),
        metadata=lambda _: {"fields": len(changes)},
    )


def variant_deactivated(key: UUID) -> Change:
    """A variant is switched off, with its rates."""
    return Change(
        find=lambda tx: tx.item_of_variant(key),
        decide=lambda item, now, _: deactivate_variant(item, key, now=now),
        event_type="CATALOG_VARIANT_DEACTIVATED",
        resource=(_VARIANT, key),
        metadata=lambda _: {"isActive": False},
    )


def rate_added(variant: UUID, new: NewRate) -> Change:
    """One more rate of a variant."""
    return Change(
        find=lambda tx: tx.item_of_variant(variant),
        decide=lambda item, now, new_id: add_rate(item, variant, new, new_id=new_id, now=now),
        event_type="CATALOG_RATE_CREATED",
        resource=(_VARIANT, variant),
        metadata=lambda _: {
            "travelerType": new.traveller,
            "price": json_number(new.price),
            "minQuantity": new.min_quantity,
            "maxQuantity": new.max_quantity,
        },
    )


def rate_changed(key: UUID, changes: Changes) -> Change:
    """A rate's own members."""

    def metadata(item: EditorItem) -> Mapping[str, Any]:
        variant = item.variant_of_rate(key)
        assert variant is not None, "a rate that was changed is there"
        rate = next(rate for rate in variant.rates if rate.key == key)
        numbers = {"minQuantity": rate.min_quantity, "maxQuantity": rate.max_quantity}
        return {"variantId": str(variant.key), "fields": len(changes), **numbers}

    return Change(
        find=lambda tx: tx.item_of_rate(key),
        decide=lambda item, now, _: change_rate(item, key, changes, now=now),
        event_type="CATALOG_RATE_UPDATED",
        resource=(_RATE, key),
        metadata=metadata,
    )


def rate_deactivated(key: UUID) -> Change:
    """A rate is switched off."""

    def metadata(item: EditorItem) -> Mapping[str, Any]:
        variant = item.variant_of_rate(key)
        assert variant is not None, "a rate that was switched off is there"
        return {"isActive": False, "variantId": str(variant.key)}

    return Change(
        find=lambda tx: tx.item_of_rate(key),
        decide=lambda item, now, _: deactivate_rate(item, key, now=now),
        event_type="CATALOG_RATE_DEACTIVATED",
        resource=(_RATE, key),
        metadata=metadata,
    )


def _item(key: UUID) -> Find:
    async def find(_tx: CatalogTransaction) -> UUID | None:
        return key

    return find


def _counts(content: Content) -> Mapping[str, Any]:
    return {
        "slides": len(content.slides),
        "itinerary": len(content.itinerary),
        "highlights": len(content.highlights),
        "inclusions": len(content.inclusions),
        "exclusions": len(content.exclusions),
        "additionalInfo": len(content.additional_info),
        "optionalFeatures": len(content.optional_features),
        "faqs": len(content.faqs),
    }
