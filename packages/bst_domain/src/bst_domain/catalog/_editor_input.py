"""Items, variants and rates as an editor sends them: checked, and in the one spelling that is kept.

Source of the rules: predecessor, "catalog editor", the table of fields with its codes; where it answered 500, or wrote what it
should not, the code is ours. A member that nobody knows is ignored. In a new thing null is absent; in a change, only what may be
null is null.
"""

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from attrs import frozen

from bst_domain.catalog._editor_texts import (
    NAME_LENGTH,
    Flawed,
    Notes,
    code_of,
    currency_of,
    line_of,
    lines_of,
    price_of,
    slug_of,
    whole_of,
)
from bst_domain.values import TravellerType

#: The path of the featured items lies where this slug's would.
RESERVED_SLUGS = frozenset({"featured"})
DEFAULT_CURRENCY = "USD"

#: Attribute -> new value, of an item, a variant or a rate.
Changes = Mapping[str, Any]


@frozen(kw_only=True)
class NewRate:
    """A rate that is to be made."""

    traveller: str
    currency: str
    price: Decimal
    min_quantity: int | None
    max_quantity: int | None
    is_active: bool


@frozen(kw_only=True)
class NewVariant:
    """A variant that is to be made, with its first rates."""

    code: str
    name: str
    duration_days: int
    currency: str
    is_default: bool
    is_active: bool
    rates: tuple[NewRate, ...]


@frozen(kw_only=True)
class NewItem:
    """A product that is to be made, with its first variants."""

    slug: str
    name: str
    description: str | None
    is_active: bool
    is_featured: bool
    thumbnail_url: str | None
    variants: tuple[NewVariant, ...]


def read_new_item(body: Mapping[str, Any]) -> NewItem | Flawed:
    """The body that makes a product."""
    notes = Notes()
    item = NewItem(
        slug=_slug(notes, "slug", body.get("slug")),
        name=_name(notes, "name", body.get("name"), "CATALOG_ITEM_NAME_REQUIRED"),
        description=_description(notes, "description", body.get("description")),
        thumbnail_url=_thumbnail(notes, "thumbnailUrl", body.get("thumbnailUrl")),
        is_active=_or(True, notes, body, "isActive", _flag("CATALOG_ITEM")),
        is_featured=_or(False, notes, body, "isFeatured", _flag("CATALOG_ITEM")),
        variants=tuple(
            _variant(notes, entry, f"{path}.")
            for path, entry in notes.objects("variants", body.get("variants"), "CATALOG_ITEM_VARIANTS_INVALID")
        ),
    )
    if sum(variant.is_default for variant in item.variants) > 1:
        notes.wrong("variants", "CATALOG_VARIANT_DEFAULT_CONFLICT", "must have at most one default variant")
    return notes.result() or item


def read_new_variant(body: Mapping[str, Any]) -> NewVariant | Flawed:
    """The body that makes a variant."""
    notes = Notes()
    variant = _variant(notes, body, "")
    return notes.result() or variant


def read_new_rate(body: Mapping[str, Any]) -> NewRate | Flawed:
    """The body that makes a rate."""
    notes = Notes()
    rate = _rate(notes, body, "")
    return notes.result() or rate


def read_item_changes(body: Mapping[str, Any]) -> Changes | Flawed:
    """The body that changes an item's own members."""
    return _changes(body, _ITEM_MEMBERS, "CATALOG_ITEM_PATCH_EMPTY")


def read_variant_changes(body: Mapping[str, Any]) -> Changes | Flawed:
    """The body that changes a variant."""
    return _changes(body, _VARIANT_MEMBERS, "CATALOG_VARIANT_PATCH_EMPTY")


def read_rate_changes(body: Mapping[str, Any]) -> Changes | Flawed:
    """The body that changes a rate. Its quantities are still to be compared with what is stored: ``quantity_flaw``."""
    changes = _changes(body, _RATE_MEMBERS, "CATALOG_RATE_PATCH_EMPTY")
    if isinstance(changes, Flawed):
        return changes
    return quantity_flaw(changes.get("min_quantity"), changes.get("max_quantity")) or changes


def quantity_flaw(least: int | None, most: int | None) -> Flawed | None:
    """Whether the numbers end before they begin. Null is open."""
    notes = Notes()
    _check_range(notes, "", least, most)
    return notes.result()


_Reader = Callable[[Notes, str, Any], Any]


def _slug(notes: Notes, path: str, value: object) -> str:
    slug = slug_of(value) if isinstance(value, str) else ""
    if not slug:
        notes.wrong(path, "CATALOG_ITEM_SLUG_REQUIRED", "must have letters or digits")
    if slug in RESERVED_SLUGS:
        notes.wrong(path, "CATALOG_ITEM_SLUG_RESERVED", f"must not be {slug!r}: that is a path of its own")
    return slug


def _name(notes: Notes, path: str, value: object, code: str) -> str:
    return line_of(notes.required(path, value, code), NAME_LENGTH)


def _description(notes: Notes, path: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        notes.wrong(path, "CATALOG_ITEM_DESCRIPTION_INVALID", "must be a text or null")
    return (lines_of(value) or None) if isinstance(value, str) else None


def _thumbnail(notes: Notes, path: str, value: object) -> str | None:
    if value is not None and not isinstance(value, str):
        notes.wrong(path, "CATALOG_ITEM_THUMBNAIL_URL_INVALID", "must be a text or null")
    return (value.strip() or None) if isinstance(value, str) else None


def _flag(of: str) -> _Reader:
    def read(notes: Notes, path: str, value: object) -> bool:
        name = path.rpartition(".")[2]
        code = {"isActive": "IS_ACTIVE", "isFeatured": "IS_FEATURED", "isDefault": "IS_DEFAULT"}[name]
        return notes.flag(path, value, f"{of}_{code}_INVALID")

    return read


def _code(notes: Notes, path: str, value: object) -> str:
    return code_of(notes.required(path, value, "CATALOG_VARIANT_CODE_REQUIRED"))


def _days(notes: Notes, path: str, value: object) -> int:
    return notes.whole(path, value, "CATALOG_VARIANT_DURATION_DAYS_INVALID", least=1)


def _currency(notes: Notes, path: str, value: object) -> str:
    code = currency_of(value) if isinstance(value, str) else None
    if code is None:
        notes.wrong(path, "CATALOG_CURRENCY_CODE_INVALID", "must begin with a currency code of three letters")
    return code or DEFAULT_CURRENCY


def _traveller(notes: Notes, path: str, value: object) -> str:
    word = value.strip().upper() if isinstance(value, str) else ""
    if word not in set(TravellerType):
        notes.wrong(path, "CATALOG_TRAVELER_TYPE_INVALID", f"must be one of {', '.join(TravellerType)}")
    return word


def _price(notes: Notes, path: str, value: object) -> Decimal:
    price = price_of(value)
    if price is None:
        notes.wrong(path, "CATALOG_RATE_PRICE_INVALID", "must be a number from 0 to below 10000000000")
    return price or Decimal("0.00")


def _quantity(code: str) -> _Reader:
    def read(notes: Notes, path: str, value: object) -> int | None:
        number = whole_of(value, least=1)
        if value is not None and number is None:
            notes.wrong(path, code, "must be null or a whole number from 1 on")
        return number

    return read


_least, _most = (_quantity(f"CATALOG_RATE_{end}_QUANTITY_INVALID") for end in ("MIN", "MAX"))


def _check_range(notes: Notes, prefix: str, least: int | None, most: int | None) -> None:
    if least is not None and most is not None and most < least:
        notes.wrong(f"{prefix}maxQuantity", "CATALOG_RATE_QUANTITY_RANGE_INVALID", "must not be below minQuantity")


#: Member -> attribute and reader, in the order in which flaws are told.
_ITEM_MEMBERS: Mapping[str, tuple[str, _Reader]] = {
    "slug": ("slug", _slug),
    "name": ("name", lambda notes, path, value: _name(notes, path, value, "CATALOG_ITEM_NAME_REQUIRED")),
    "description": ("description", _description),
    "thumbnailUrl": ("thumbnail_url", _thumbnail),
    "isActive": ("is_active", _flag("CATALOG_ITEM")),
    "isFeatured": ("is_featured", _flag("CATALOG_ITEM")),
}
_VARIANT_MEMBERS: Mapping[str, tuple[str, _Reader]] = {
    "code": ("code", _code),
    "name": ("name", lambda notes, path, value: _name(notes, path, value, "CATALOG_VARIANT_NAME_REQUIRED")),
    "durationDays": ("duration_days", _days),
    "currencyCode": ("currency", _currency),
    "isDefault": ("is_default", _flag("CATALOG_VARIANT")),
    "isActive": ("is_active", _flag("CATALOG_VARIANT")),
}
_RATE_MEMBERS: Mapping[str, tuple[str, _Reader]] = {
    "travelerType": ("traveller", _traveller),
    "currencyCode": ("currency", _currency),
    "price": ("price", _price),
    "minQuantity": ("min_quantity", _least),
    "maxQuantity": ("max_quantity", _most),
    "isActive": ("is_active", _flag("CATALOG_RATE")),
}


def _changes(body: Mapping[str, Any], members: Mapping[str, tuple[str, _Reader]], empty: str) -> Changes | Flawed:
    notes = Notes()
    changes = {attribute: read(notes, name, body[name]) for name, (attribute, read) in members.items() if name in body}
    if not changes:
        notes.wrong("", empty, f"must have one of {', '.join(members)}")
    return notes.result() or changes


def _or(default: Any, notes: Notes, body: Mapping[str, Any], name: str, read: _Reader, *, prefix: str = "") -> Any:
    """What is absent, or null, is the default."""
    value = body.get(name)
    return default if value is None else read(notes, f"{prefix}{name}", value)


def _variant(notes: Notes, body: Mapping[str, Any], prefix: str) -> NewVariant:
    return NewVariant(
        code=_code(notes, f"{prefix}code", body.get("code")),
        name=_name(notes, f"{prefix}name", body.get("name"), "CATALOG_VARIANT_NAME_REQUIRED"),
        duration_days=_or(1, notes, body, "durationDays", _days, prefix=prefix),
        currency=_or(DEFAULT_CURRENCY, notes, body, "currencyCode", _currency, prefix=prefix),
        is_default=_or(False, notes, body, "isDefault", _flag("CATALOG_VARIANT"), prefix=prefix),
        is_active=_or(True, notes, body, "isActive", _flag("CATALOG_VARIANT"), prefix=prefix),
        rates=tuple(
            _rate(notes, entry, f"{path}.")
            for path, entry in notes.objects(f"{prefix}rates", body.get("rates"), "CATALOG_VARIANT_RATES_INVALID")
        ),
    )


def _rate(notes: Notes, body: Mapping[str, Any], prefix: str) -> NewRate:
    rate = NewRate(
        traveller=_traveller(notes, f"{prefix}travelerType", body.get("travelerType")),
        currency=_or(DEFAULT_CURRENCY, notes, body, "currencyCode", _currency, prefix=prefix),
        price=_price(notes, f"{prefix}price", body.get("price")),
        min_quantity=_least(notes, f"{prefix}minQuantity", body.get("minQuantity")),
        max_quantity=_most(notes, f"{prefix}maxQuantity", body.get("maxQuantity")),
        is_active=_or(True, notes, body, "isActive", _flag("CATALOG_RATE"), prefix=prefix),
    )
    _check_range(notes, prefix, rate.min_quantity, rate.max_quantity)
    return rate
