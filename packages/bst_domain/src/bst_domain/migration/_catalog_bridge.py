"""What the two legacy catalogs come to: products, variants and rates of ours, what every package stands for, and what is queued.

Source of the rules: semantics 8, the legacy data's readings 18 to 21. Nothing here depends on what a database holds already.
"""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from enum import StrEnum
from uuid import UUID

from attrs import frozen

from bst_domain.booking import PackageRef, PackageRefType
from bst_domain.catalog import (
    CatalogRow,
    Content,
    Matched,
    PackagePrice,
    ProductIndex,
    Rate,
    Unmatched,
    UnmatchedReason,
    fallback_rates,
    invalid_because,
)
from bst_domain.migration._backfill import LegacySystem
from bst_domain.migration._catalog_content import cut_lines, moved_content
from bst_domain.migration._catalog_rows import LegacyCatalog, LegacyPackage, LegacyProduct, LegacyRate, LegacyVariant
from bst_domain.migration._exceptions import MigrationException
from bst_domain.migration._legacy_rows import SourceRow
from bst_domain.migration._package_map import PackageMap
from bst_domain.migration._rejecting import is_sane_amount
from bst_domain.values import (
    CENT,
    Money,
    TravellerType,
    fallback_rate_key,
    shop_product_key,
    shop_rate_key,
    shop_variant_key,
)


class QueueType(StrEnum):
    """queue_type of what the bridge queues."""

    PRODUCT_MAPPING = "PRODUCT_MAPPING"
    VARIANT_MAPPING = "VARIANT_MAPPING"
    CATALOG_EXTENDED_METADATA = "CATALOG_EXTENDED_METADATA"
    PAYMENT_LINKAGE = "PAYMENT_LINKAGE"


@frozen(kw_only=True)
class ToQueue:
    """An entry of the unmapped queue. ``candidates`` are the products that a person can choose from."""

    type: QueueType
    row: SourceRow
    reason: str
    detail: str
    candidates: tuple[UUID, ...] = ()


@frozen(kw_only=True)
class BridgedVariant:
    """A variant that is moved in, below this product."""

    key: UUID
    product: UUID
    row: LegacyVariant


@frozen(kw_only=True)
class BridgedRate:
    """A rate that is moved in, or stands in for none (``fallback_of``: the old admin's package)."""

    key: UUID
    variant: UUID
    rate: Rate
    rate_id: int | None = None
    fallback_of: int | None = None


@frozen(kw_only=True)
class BridgedPackage:
    """What a package stands for."""

    row: LegacyPackage
    outcome: Matched | Unmatched
    ref: PackageRef


@frozen(kw_only=True)
class CatalogBridge:
    """All of it."""

    products: Mapping[UUID, LegacyProduct]
    variants: Sequence[BridgedVariant]
    rates: Sequence[BridgedRate]
    packages: Sequence[BridgedPackage]
    queued: Sequence[ToQueue]
    contents: Mapping[UUID, Content] = {}
    exceptions: Sequence[MigrationException] = ()

    def package_map(self) -> PackageMap:
        """What bookings need of it."""
        return PackageMap(
            packages={(each.row.system, each.row.package_id): each.ref for each in self.packages},
            variants={each.row.variant_id: each.key for each in self.variants},
        )


PACKAGE_TABLE: Mapping[LegacySystem, str] = {LegacySystem.SHOP: "TourPackage", LegacySystem.ADMIN: "tour_packages"}
_SHOP = LegacySystem.SHOP


def bridge(catalog: LegacyCatalog) -> CatalogBridge:
    """Every row of both catalogs is mapped, queued, or (a package of the shop) left for its bookings to name."""
    queued: list[ToQueue] = []
    products = _products(catalog.products, queued)
    index = ProductIndex((key, _as_row(row)) for key, row in products.items())
    variants = _variants(catalog.variants, products, queued)
    rates = _rates(catalog, variants, queued)
    by_legacy_id = {each.row.legacy_package_id: each.key for each in variants if each.row.legacy_package_id is not None}
    packages = [_package(row, index, by_legacy_id, queued) for row in catalog.packages]
    contents = moved_content(
        catalog,
        {row.product_id: key for key, row in products.items()},
        {each.row.variant_id: each.key for each in variants},
    )
    return CatalogBridge(
        products=products,
        variants=variants,
        rates=rates,
        packages=packages,
        queued=queued,
        contents=contents,
        exceptions=cut_lines(catalog, {each.row.variant_id for each in variants}),
    )


def _products(rows: Iterable[LegacyProduct], queued: list[ToQueue]) -> dict[UUID, LegacyProduct]:
    products: dict[UUID, LegacyProduct] = {}
    for row in rows:
        problem = invalid_because(_as_row(row))
        if problem is None:
            products[shop_product_key(row.product_id)] = row
        else:
            queued.append(_queue(QueueType.PRODUCT_MAPPING, _shop("TourProduct", row.product_id), _INVALID, problem))
    return products


def _as_row(row: LegacyProduct) -> CatalogRow:
    return CatalogRow(name=row.name, slug=row.slug, legacy_package_id=row.legacy_package_id)


def _variants(
    rows: Iterable[LegacyVariant], products: Mapping[UUID, LegacyProduct], queued: list[ToQueue]
) -> list[BridgedVariant]:
    variants: list[BridgedVariant] = []
    for row in rows:
        product = shop_product_key(row.product_id)
        source = _shop("TourVariant", row.variant_id)
        if not row.name.strip():
            queued.append(_queue(QueueType.VARIANT_MAPPING, source, _INVALID, "the name is blank"))
        elif product not in products:
            detail = f"its product {row.product_id} is not mapped"
            queued.append(_queue(QueueType.VARIANT_MAPPING, source, UnmatchedReason.NO_MATCH, detail))
        else:
            variants.append(BridgedVariant(key=shop_variant_key(row.variant_id), product=product, row=row))
    return variants


def _rates(catalog: LegacyCatalog, variants: Sequence[BridgedVariant], queued: list[ToQueue]) -> list[BridgedRate]:
    mapped = {each.row.variant_id: each.key for each in variants}
    own: dict[UUID, list[Rate]] = {}
    rates: list[BridgedRate] = []
    for row in catalog.rates:
        variant, source = mapped.get(row.variant_id), _shop("VariantRatePlan", row.rate_id)
        if variant is None:
            detail = f"its variant {row.variant_id} is not mapped"
            queued.append(_queue(QueueType.VARIANT_MAPPING, source, UnmatchedReason.NO_MATCH, detail))
        elif not is_sane_amount(row.price) or row.price < 0:
            why = f"the price is {row.price}" if not is_sane_amount(row.price) else "the price is negative"
            queued.append(_queue(QueueType.CATALOG_EXTENDED_METADATA, source, _INVALID, why))
        else:
            rate = _rate(row)
            own.setdefault(variant, []).append(rate)
            rates.append(BridgedRate(key=shop_rate_key(row.rate_id), variant=variant, rate=rate, rate_id=row.rate_id))
    prices = {row.package_id: row for row in catalog.packages if row.system is LegacySystem.ADMIN}
    for each in variants:
        package = prices.get(each.row.legacy_package_id or -1)
        rates += _fallbacks(each, own.get(each.key, ()), package, queued)
    return rates


def _rate(row: LegacyRate) -> Rate:
    return Rate(
        traveller=row.traveller,
        price=Money(row.currency.strip().upper(), row.price.quantize(CENT)),
        min_quantity=row.min_quantity,
        max_quantity=row.max_quantity,
        valid_from=row.valid_from,
        valid_to=row.valid_to,
        is_active=row.active,
    )


def _fallbacks(
    variant: BridgedVariant, own: Sequence[Rate], package: LegacyPackage | None, queued: list[ToQueue]
) -> list[BridgedRate]:
    price = None
    if package is not None and package.price is not None and is_sane_amount(package.price):
        price = PackagePrice(currency=package.currency.upper(), adult=package.price, child=package.child_price)
    found = fallback_rates(own, price)
    if found is None:
        source = (
            _shop("TourVariant", variant.row.variant_id)
            if package is None
            else SourceRow(LegacySystem.ADMIN, "tour_packages", package.package_id)
        )
        detail = f"variant {variant.row.variant_id} has no active rate, and no package price stands in"
        queued.append(_queue(QueueType.CATALOG_EXTENDED_METADATA, source, UnmatchedReason.NO_RATE_AVAILABLE, detail))
        return []
    return [
        BridgedRate(
            key=fallback_rate_key(TravellerType(rate.traveller), variant.key),
            variant=variant.key,
            rate=rate,
            fallback_of=None if package is None else package.package_id,
        )
        for rate in found
    ]


def _package(
    row: LegacyPackage, index: ProductIndex, variants: Mapping[int, UUID], queued: list[ToQueue]
) -> BridgedPackage:
    """The package is judged first; only for a matched one is the variant that carries its id looked up."""
    as_row = CatalogRow(name=row.name, slug=row.slug, legacy_package_id=row.package_id, price=_price(row))
    outcome = index.match(as_row)
    if isinstance(outcome, Matched):
        variant = variants.get(row.package_id)
        ref = (
            PackageRef(PackageRefType.CATALOG_PRODUCT, outcome.product, row.package_id)
            if variant is None
            else PackageRef(PackageRefType.CATALOG_VARIANT, variant, row.package_id)
        )
        return BridgedPackage(row=row, outcome=outcome, ref=ref)
    if row.system is LegacySystem.ADMIN:
        source = SourceRow(row.system, PACKAGE_TABLE[row.system], row.package_id)
        queued.append(
            ToQueue(
                type=QueueType.PRODUCT_MAPPING,
                row=source,
                reason=outcome.reason,
                detail=outcome.detail,
                candidates=outcome.candidates,
            )
        )
    return BridgedPackage(row=row, outcome=outcome, ref=PackageRef(PackageRefType.LEGACY_PACKAGE, None, row.package_id))


def _price(row: LegacyPackage) -> Decimal | None:
    """What is no amount is as bad as a negative one."""
    return row.price if row.price is None or is_sane_amount(row.price) else Decimal(-1)


_INVALID = UnmatchedReason.INVALID_SOURCE


def _shop(table: str, row_id: int) -> SourceRow:
    return SourceRow(_SHOP, table, row_id)


def _queue(kind: QueueType, row: SourceRow, reason: str, detail: str) -> ToQueue:
    return ToQueue(type=kind, row=row, reason=reason, detail=detail)
