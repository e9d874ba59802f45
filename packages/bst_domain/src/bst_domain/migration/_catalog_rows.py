"""What the catalog bridge reads of the two legacy databases: one value a row."""

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal

from attrs import frozen

from bst_domain.migration._backfill import LegacySystem


@frozen(kw_only=True)
class LegacyProduct:
    """A row of the shop's TourProduct."""

    product_id: int
    legacy_package_id: int | None
    name: str
    slug: str
    short_description: str | None = None
    description: str | None = None
    category: str | None = None
    country: str | None = None
    region: str | None = None
    meeting_point: str | None = None
    featured: bool = False
    active: bool = True
    thumbnail: str | None = None
    colour: str | None = None
    priority: int | None = None


@frozen(kw_only=True)
class LegacyVariant:
    """A row of the shop's TourVariant."""

    variant_id: int
    product_id: int
    legacy_package_id: int | None
    code: str
    name: str
    service_type: str
    days: int
    nights: int | None
    min_pax: int
    max_pax: int | None
    currency: str
    default: bool
    active: bool
    cutoff_hours: int
    cancellation_policy: str | None


@frozen(kw_only=True)
class LegacyRate:
    """A row of the shop's VariantRatePlan."""

    rate_id: int
    variant_id: int
    traveller: str
    price: Decimal
    currency: str
    min_quantity: int | None = None
    max_quantity: int | None = None
    valid_from: datetime | None = None
    valid_to: datetime | None = None
    active: bool = True


@frozen(kw_only=True)
class LegacyPackage:
    """A row of the shop's TourPackage or of the old admin's tour_packages. A null price is none."""

    system: LegacySystem
    package_id: int
    name: str
    slug: str
    price: Decimal | None
    child_price: Decimal | None
    currency: str = "USD"


@frozen(kw_only=True)
class LegacyPicture:
    """A row of the shop's TourProductMedia, or of TourVariantMedia (then with a variant)."""

    product_id: int
    variant_id: int | None
    url: str
    alt_text: str | None
    sort_order: int
    cover: bool


@frozen(kw_only=True)
class LegacyStep:
    """A row of the shop's VariantItinerary. Times are HH:MM."""

    variant_id: int
    day: int
    sort_order: int
    title: str
    description: str | None
    location: str | None
    start_time: str | None
    end_time: str | None


@frozen(kw_only=True)
class LegacyLine:
    """A line of one of the shop's five lists of a variant. ``part`` is the content document's name of the list."""

    variant_id: int
    part: str
    text: str


@frozen(kw_only=True)
class LegacyCatalog:
    """Both catalogs, whole: they are small. What is told about variants is in its order within each of them."""

    products: Sequence[LegacyProduct]
    variants: Sequence[LegacyVariant]
    rates: Sequence[LegacyRate]
    packages: Sequence[LegacyPackage]
    pictures: Sequence[LegacyPicture] = ()
    steps: Sequence[LegacyStep] = ()
    lines: Sequence[LegacyLine] = ()
