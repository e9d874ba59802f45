"""A product as its editors see it: with everything that is switched off, its content, and the order in which it is shown.

Source of the rules: predecessor, "catalog editor" (shapes and orders) and rules 14. ``editor_json`` is the one spelling of it.
"""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from attrs import evolve, field, frozen

from bst_domain.catalog._items import Media, Product, Variant
from bst_domain.catalog._rates import Rate
from bst_domain.values import Money

#: A legacy package's variant has this before its number; see ``admin_variant_key``.
LEGACY_CODE_PREFIX = "PKG-"


class EndedWith(StrEnum):
    """What a variant or a rate was switched off together with. With that it comes back."""

    ITEM = "ITEM"
    VARIANT = "VARIANT"


@frozen(kw_only=True)
class Slide:
    """A picture of the content; of several, one is the cover."""

    url: str
    alt_text: str | None = None
    is_cover: bool = False
    sort_order: int = 1


@frozen(kw_only=True)
class ItineraryStep:
    """What happens on a day. Times are free text. Without a variant it holds for all of them."""

    title: str
    variant: str | None = None
    day: int = 1
    sort_order: int = 1
    description: str | None = None
    location: str | None = None
    start_time: str | None = None
    end_time: str | None = None


@frozen(kw_only=True)
class Faq:
    """A question that guests ask, and its answer."""

    question: str
    answer: str


@frozen(kw_only=True)
class Content:
    """What is told about a product, in eight parts. Slides are in their order, steps by day and order."""

    slides: tuple[Slide, ...] = ()
    itinerary: tuple[ItineraryStep, ...] = ()
    highlights: tuple[str, ...] = ()
    inclusions: tuple[str, ...] = ()
    exclusions: tuple[str, ...] = ()
    additional_info: tuple[str, ...] = ()
    optional_features: tuple[str, ...] = ()
    faqs: tuple[Faq, ...] = ()


@frozen(kw_only=True)
class EditorRate:
    """A price a head, two decimals. ``traveller`` is ADULT, CHILD or INFANT, or an older row's own word."""

    key: UUID
    traveller: str
    currency: str
    price: Decimal
    min_quantity: int | None = None
    max_quantity: int | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    is_active: bool = True
    ended_with: EndedWith | None = None

    def as_rate(self) -> Rate:
        """What it costs, for whom, how many and when."""
        return Rate(
            traveller=self.traveller,
            price=Money(self.currency, self.price),
            min_quantity=self.min_quantity,
            max_quantity=self.max_quantity,
            valid_from=self.valid_from,
            valid_to=self.valid_to,
            is_active=self.is_active,
        )


@frozen(kw_only=True)
class EditorVariant:
    """A way to book a product. ``was_default``: it was, when it was switched off together with the product."""

    key: UUID
    code: str
    name: str
    duration_days: int
    currency: str
    is_default: bool
    is_active: bool
    updated_at: datetime
    rates: tuple[EditorRate, ...] = ()
    ended_with: EndedWith | None = None
    was_default: bool = False


@frozen(kw_only=True)
class EditorItem:
    """A product with its variants, rates and content. ``version`` counts the writes of all of it, from 1.

    ``legacy_package_ref`` is what another system's reference says; ``legacy_package_id`` is what counts.
    """

    key: UUID
    slug: str
    name: str
    description: str | None
    is_active: bool
    is_featured: bool
    created_at: datetime
    updated_at: datetime
    short_description: str | None = None
    thumbnail_url: str | None = None
    priority: int | None = None
    content: Content = field(factory=Content)
    variants: tuple[EditorVariant, ...] = ()
    version: int = 1
    legacy_package_ref: int | None = None

    @property
    def shown_description(self) -> str:
        """The description; an older product may have a short one only. Empty when it has neither."""
        return self.description or self.short_description or ""

    @property
    def legacy_package_id(self) -> int | None:
        """The old admin's number: as another system refers to it, else as the code of its variant has it; null for a new one."""
        return self.legacy_package_ref if self.legacy_package_ref is not None else _number_in_codes(self.variants)

    def variant(self, key: UUID) -> EditorVariant | None:
        """One of its variants."""
        return next((variant for variant in self.variants if variant.key == key), None)

    def variant_of_rate(self, key: UUID) -> EditorVariant | None:
        """The variant that has this rate."""
        return next((one for one in self.variants if any(rate.key == key for rate in one.rates)), None)


def arranged(item: EditorItem) -> EditorItem:
    """The order in which editors see it: the default variant first, then the newest change, then the name; rates by traveller,
    numbers and price, an open number last."""
    variants = [evolve(variant, rates=tuple(sorted(variant.rates, key=_rate_order))) for variant in item.variants]
    variants.sort(key=lambda one: (not one.is_default, -one.updated_at.timestamp(), one.name, one.key))
    return evolve(item, variants=tuple(variants))


def active_part(item: EditorItem) -> EditorItem:
    """The item with its active variants and their active rates alone: what is offered, and what is published."""
    variants = tuple(
        evolve(variant, rates=tuple(rate for rate in variant.rates if rate.is_active))
        for variant in item.variants
        if variant.is_active
    )
    return evolve(item, variants=variants)


def as_product(item: EditorItem) -> Product:
    """The item for ``item_v1``: its slides are its pictures; without one, its thumbnail is."""
    slides = [Media(url=one.url, is_cover=one.is_cover, sort_order=one.sort_order) for one in item.content.slides]
    thumbnail = [Media(url=item.thumbnail_url, is_cover=True, sort_order=1)] if item.thumbnail_url else []
    return Product(
        key=item.key,
        slug=item.slug,
        name=item.name,
        description=item.description,
        short_description=item.short_description,
        is_active=item.is_active,
        is_featured=item.is_featured,
        legacy_package_id=item.legacy_package_id,
        variants=tuple(_as_variant(variant) for variant in item.variants),
        media=tuple(slides or thumbnail),
    )


def _as_variant(variant: EditorVariant) -> Variant:
    return Variant(
        key=variant.key,
        name=variant.name,
        duration_days=variant.duration_days,
        currency=variant.currency,
        is_default=variant.is_default,
        is_active=variant.is_active,
        rates=tuple(rate.as_rate() for rate in variant.rates),
    )


def _rate_order(rate: EditorRate) -> tuple[str, float, float, Decimal, UUID]:
    return (
        rate.traveller,
        float("inf") if rate.min_quantity is None else rate.min_quantity,
        float("inf") if rate.max_quantity is None else rate.max_quantity,
        rate.price,
        rate.key,
    )


def _number_in_codes(variants: tuple[EditorVariant, ...]) -> int | None:
    """Of several, the default variant's counts first, then the lowest."""
    found = [
        (not variant.is_default, int(digits))
        for variant in variants
        if variant.code.startswith(LEGACY_CODE_PREFIX)
        and (digits := variant.code.removeprefix(LEGACY_CODE_PREFIX)).isascii()
        and digits.isdigit()
    ]
    return min(found, default=(True, None), key=lambda pair: (pair[0], pair[1] or 0))[1]
