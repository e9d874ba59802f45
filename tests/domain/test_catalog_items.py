"""Rates and catalog items: which price holds, which contradict each other, and what older callers read."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.catalog import (
    Media,
    PackagePrice,
    Product,
    Rate,
    Variant,
    child_price,
    fallback_rates,
    item_v1,
    lead_price,
    lead_variant,
    overlap,
    overlapping,
)
from bst_domain.values import Money, TravellerType
from bst_testing.strategies import rates

NOW = datetime(2026, 6, 1, tzinfo=UTC)
DAY = timedelta(days=1)
ADULT, CHILD = TravellerType.ADULT, TravellerType.CHILD


def usd(amount: str) -> Money:
    return Money("USD", Decimal(amount))


def rate(amount: str = "50.00", **other: Any) -> Rate:
    return evolve(Rate(traveller=ADULT, price=usd(amount)), **other)


def both_hold(a: Rate, b: Rate, instant: datetime, number: int) -> bool:
    def for_number(one: Rate) -> bool:
        return (one.min_quantity or 0) <= number and (one.max_quantity is None or number <= one.max_quantity)

    return (
        (a.traveller, a.price.currency) == (b.traveller, b.price.currency)
        and a.holds_at(instant)
        and b.holds_at(instant)
        and for_number(a)
        and for_number(b)
    )


@given(rates, rates)
def test_rates_overlap_exactly_where_both_would_hold(a: Rate, b: Rate) -> None:
    instants = [NOW + day * DAY for day in range(-3, 12)]
    witnessed = any(both_hold(a, b, instant, number) for instant in instants for number in range(12))
    assert overlap(a, b) == overlap(b, a) == witnessed


@given(st.lists(rates, max_size=5))
def test_overlapping_names_every_pair(those: list[Rate]) -> None:
    pairs = overlapping(those)
    assert len(pairs) == sum(overlap(a, b) for i, a in enumerate(those) for b in those[i + 1 :])


def test_a_rate_ends_when_the_next_begins() -> None:
    first, second = rate(valid_to=NOW), rate(valid_from=NOW)
    assert not overlap(first, second)
    assert not first.holds_at(NOW)
    assert second.holds_at(NOW)
    assert not rate(is_active=False).holds_at(NOW)
    assert overlap(rate(max_quantity=3), rate(min_quantity=3))
    assert overlap(rate(max_quantity=0), rate())
    assert overlap(rate(), rate(max_quantity=0))
    assert not overlap(rate(max_quantity=2), rate(min_quantity=3))


def test_the_shown_price_is_that_for_the_fewest() -> None:
    bands = [
        rate("40.00", min_quantity=5),
        rate("60.00", min_quantity=1, max_quantity=4),
        rate("1.00", is_active=False),
    ]
    assert lead_price(bands, ADULT, "USD", NOW) == usd("60.00")
    assert lead_price(bands, CHILD, "USD", NOW) is None
    assert lead_price(bands, ADULT, "EUR", NOW) is None
    assert lead_price([rate("8.00"), rate("7.00")], ADULT, "USD", NOW) == usd("7.00")
    assert lead_price([rate("9.00", valid_from=NOW + DAY)], ADULT, "USD", NOW) is None


def test_a_child_pays_its_own_price_or_half() -> None:
    assert child_price(usd("55.55"), usd("10.00")) == usd("10.00")
    assert child_price(usd("55.55"), None) == usd("27.78")
    assert child_price(usd("60.00"), None) == usd("30.00")


def test_a_variant_without_an_active_rate_gets_its_packages_prices() -> None:
    package = PackagePrice(currency="USD", adult=Decimal(50), child=Decimal("25.5"))
    adult = Rate(traveller=ADULT, price=usd("50.00"))
    child = Rate(traveller=CHILD, price=usd("25.50"))
    assert fallback_rates([], package) == (adult, child)
    assert fallback_rates([rate(is_active=False)], package) == (adult, child)
    assert fallback_rates([rate()], package) == ()
    assert fallback_rates([rate(), rate(is_active=False)], None) == ()
    assert fallback_rates([], evolve(package, child=None)) == (adult,)
    assert fallback_rates([], evolve(package, child=Decimal(0))) == (adult,)
    assert fallback_rates([], evolve(package, child=Decimal(-1))) == (adult,)
    assert fallback_rates([], evolve(package, adult=Decimal(0))) is None
    cheap = PackagePrice(currency="USD", adult=Decimal("0.5"), child=Decimal("0.25"))
    assert [one.price for one in fallback_rates([], cheap) or ()] == [usd("0.50"), usd("0.25")]
    assert fallback_rates([], None) is None


def variant(number: int, name: str = "Shared", **other: Any) -> Variant:
    made = Variant(
        key=UUID(int=number),
        name=name,
        duration_days=1,
        currency="USD",
        is_default=False,
        is_active=True,
        rates=(rate(),),
    )
    return evolve(made, **other)


def product(*variants: Variant, **other: Any) -> Product:
    made = Product(
        key=UUID(int=1),
        slug="ubud",
        name="Ubud",
        description=None,
        short_description=None,
        is_active=True,
        is_featured=False,
        legacy_package_id=None,
        variants=variants,
        media=(),
    )
    return evolve(made, **other)


def test_the_default_variant_stands_for_the_product_else_the_first_by_name() -> None:
    first, default = variant(2, "A"), variant(3, "B", is_default=True)
    assert lead_variant(product(first, default)) == default
    assert lead_variant(product(variant(4, "Z"), first)) == first
    assert lead_variant(product(evolve(default, is_active=False), first)) == first
    assert lead_variant(product()) is None


def test_an_item_carries_the_aliases_of_its_lead_variant() -> None:
    offered = variant(
        2,
        duration_days=0,
        rates=(
            rate("50.00"),
            rate("20.00", traveller=CHILD),
            rate("1.00", is_active=False),
            rate("2.00", valid_to=NOW),
            evolve(rate(), price=Money("EUR", Decimal("3.00"))),
        ),
    )
    pictures = (Media(url="b.jpg", is_cover=False, sort_order=2), Media(url="a.jpg", is_cover=True, sort_order=1))
    shown = product(
        offered,
        variant(3, is_active=False),
        description="All day",
        short_description="x",
        legacy_package_id=7,
        media=pictures,
    )
    assert item_v1(shown, NOW) == {
        "itemId": "00000000-0000-0000-0000-000000000001",
        "slug": "ubud",
        "name": "Ubud",
        "description": "All day",
        "isActive": True,
        "isFeatured": False,
        "media": [
            {"url": "a.jpg", "isCover": True, "sortOrder": 1},
            {"url": "b.jpg", "isCover": False, "sortOrder": 2},
        ],
        "variants": [
            {
                "variantId": "00000000-0000-0000-0000-000000000002",
                "name": "Shared",
                "durationDays": 1,
                "currency": "USD",
                "rates": [
                    {
                        "travelerType": who,
                        "price": price,
                        "currency": "USD",
                        "minQuantity": None,
                        "maxQuantity": None,
                    }
                    for who, price in (("ADULT", 50.0), ("CHILD", 20.0))
                ],
            }
        ],
        "packageRefType": "CATALOG_PRODUCT",
        "packageRefKey": "00000000-0000-0000-0000-000000000001",
        "legacyPackageId": 7,
        "package_id": 7,
        "package_name": "Ubud",
        "price_per_person": 50.0,
        "price_per_child": 20.0,
    }


def test_an_item_without_rates_or_legacy_id_says_so() -> None:
    bare = item_v1(product(short_description="Short"), NOW)
    assert bare["description"] == "Short"
    assert (bare["price_per_person"], bare["price_per_child"]) == (None, None)
    assert bare["package_id"] == bare["itemId"]
    assert item_v1(product(), NOW)["description"] == ""
    with_variant = item_v1(product(variant(2, duration_days=3)), NOW)
    assert with_variant["package_id"] == "00000000-0000-0000-0000-000000000002"
    assert with_variant["price_per_child"] == 25.0
    assert with_variant["variants"][0]["durationDays"] == 3
