"""Values: money that is never mixed, parties that agree, keys that are the same in every run."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from uuid import UUID, uuid5

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.booking import OpsInputs, SettlementStatus, settlement_status
from bst_domain.ingest import RETENTION, Kept, may_be_forgotten
from bst_domain.lifecycles import DeadLetterStatus, ProcessStatus, UnmappedStatus
from bst_domain.values import (
    AMOUNT_LIMIT,
    MAX_TRAVELLERS,
    MINOR_UNITS,
    NS_BOOKING,
    NS_CATALOG_PRODUCT,
    NS_CATALOG_VARIANT,
    NS_PAYMENT,
    BookingIdentity,
    BookingKey,
    MixedCurrencies,
    Money,
    Party,
    TravellerType,
    admin_product_key,
    admin_variant_key,
    backfilled_booking_key,
    external_ref_key,
    fallback_rate_key,
    finance_key,
    money,
    money_problem,
    normalise_ref,
    payment_row_key,
    shop_item_key,
    shop_payment_key,
    shop_product_key,
    shop_rate_key,
    shop_variant_key,
    sum_by_currency,
    synthetic_item_key,
    unmapped_key,
)

NOW = datetime(2026, 6, 1, tzinfo=UTC)
amounts = st.decimals(0, 10**6, places=2)
moneys = st.builds(Money, st.sampled_from(["USD", "EUR", "IDR"]), amounts)
counts = st.integers(0, MAX_TRAVELLERS // 2)
parties = st.builds(Party, adult=counts, child=counts, infant=counts)


@given(moneys, moneys)
def test_currencies_are_never_added_together(a: Money, b: Money) -> None:
    if a.currency == b.currency:
        assert a + b == b + a == Money(a.currency, a.amount + b.amount)
    else:
        with pytest.raises(MixedCurrencies) as refused:
            a + b
        assert refused.value.args == (a.currency, b.currency)


@given(st.lists(moneys), st.randoms())
def test_sums_are_kept_a_currency_whatever_the_order(those: list[Money], random: Random) -> None:
    shuffled = list(those)
    random.shuffle(shuffled)
    sums = sum_by_currency(those)
    assert sums == sum_by_currency(shuffled)
    assert sums.keys() == {one.currency for one in those}
    for currency, total in sums.items():
        assert total == Money(currency, sum((one.amount for one in those if one.currency == currency), Decimal(0)))


def test_money_is_spelled_with_its_currency() -> None:
    assert str(money("IDR", Decimal(2_500_000))) == "2500000.00 IDR"
    assert money("USD", Decimal("9.5")) == Money("USD", Decimal("9.50"))


@pytest.mark.parametrize(
    ("currency", "amount", "problem"),
    [
        ("USD", "150.25", None),
        ("USD", "0", None),
        ("USD", "9999999999.99", None),
        ("USD", "10000000000", "an amount is at least 0 and below 10000000000"),
        ("USD", "-0.01", "an amount is at least 0 and below 10000000000"),
        ("USD", "1.005", "an amount in USD has at most 2 decimals"),
        ("IDR", "2500000", None),
        ("IDR", "2500000.5", "an amount in IDR has at most 0 decimals"),
        ("JPY", "100.00", None),
        ("KWD", "1.25", None),
        ("KWD", "1.255", "an amount in KWD has at most 2 decimals"),
        ("usd", "1", "'usd' is not an ISO 4217 currency"),
        ("XXX", "1", "'XXX' is not an ISO 4217 currency"),
    ],
)
def test_minor_units_validate_an_amount(currency: str, amount: str, problem: str | None) -> None:
    assert money_problem(currency, Decimal(amount)) == problem


def test_minor_units_are_those_of_iso_4217_but_for_the_rupiah() -> None:
    assert set(MINOR_UNITS.values()) == {0, 2, 3}
    assert [MINOR_UNITS[code] for code in ("USD", "EUR", "IDR", "JPY", "KRW", "VND", "BHD")] == [2, 2, 0, 0, 0, 0, 3]
    assert all(len(code) == 3 and code.isupper() for code in MINOR_UNITS)
    assert Decimal(10_000_000_000) == AMOUNT_LIMIT


@given(parties, parties)
def test_parties_add_up_and_infants_do_not_count(a: Party, b: Party) -> None:
    both = a + b
    assert both == b + a
    assert both.infant == a.infant + b.infant
    assert both.paying == a.paying + b.paying == a.adult + a.child + b.adult + b.child
    assert a.agrees_with(Party(adult=a.paying))
    assert a.agrees_with(b) == (a.adult + a.child == b.adult + b.child)


@pytest.mark.parametrize("kind", ["adult", "child", "infant"])
def test_a_party_is_bounded(kind: str) -> None:
    for count in (-1, 1000):
        with pytest.raises(ValueError, match=f"{kind} must be 0 to 999, not {count}"):
            Party(**{"adult": 0, kind: count})
    assert getattr(Party(**{"adult": 0, kind: 999}), kind) == 999


def test_keys_are_made_of_exactly_these_names() -> None:
    """The identifier policy of the target schema, name by name."""
    booking = BookingKey(UUID(int=7))
    variant = UUID(int=8)
    identity = BookingIdentity("GYG", normalise_ref(" gyg 1"))
    names = [
        (backfilled_booking_key(identity), NS_BOOKING, "canonical:booking_identity:GYG:GYG1"),
        (shop_item_key(5), NS_BOOKING, "balisnap:BookingItem:5"),
        (synthetic_item_key("bstadmin", 5), NS_BOOKING, "bstadmin:5:synthetic"),
        (external_ref_key("BOOKING_REF", "GYG", "GYG1"), NS_BOOKING, "BOOKING_REF:GYG:GYG1"),
        (finance_key(5), NS_BOOKING, "finance:5"),
        (shop_payment_key(5), NS_PAYMENT, "balisnap:Payment:5"),
        (payment_row_key(booking, "PAYPAL", "C1"), NS_PAYMENT, f"{booking}:PAYPAL:C1"),
        (shop_product_key(5), NS_CATALOG_PRODUCT, "balisnap:TourProduct:5"),
        (admin_product_key(5), NS_CATALOG_PRODUCT, "bstadmin:tour_packages:5"),
        (shop_variant_key(5), NS_CATALOG_VARIANT, "balisnap:TourVariant:5"),
        (admin_variant_key(5), NS_CATALOG_VARIANT, "bstadmin:tour_packages:5"),
        (shop_rate_key(5), NS_CATALOG_VARIANT, "balisnap:VariantRatePlan:5"),
        (fallback_rate_key(TravellerType.ADULT, variant), NS_CATALOG_VARIANT, f"fallback:adult:{variant}"),
        (fallback_rate_key(TravellerType.CHILD, variant), NS_CATALOG_VARIANT, f"fallback:child:{variant}"),
        (
            unmapped_key(queue_type="Q", source_system="s", source_table="t", source_pk="1", reason="R"),
            NS_CATALOG_VARIANT,
            "unmapped:Q:s:t:1:R",
        ),
    ]
    for key, namespace, name in names:
        assert key == uuid5(namespace, name), name
    assert len({key for key, _, _ in names}) == len(names)


def test_the_namespaces_are_the_literal_constants_of_the_data_model() -> None:
    assert [str(namespace) for namespace in (NS_BOOKING, NS_CATALOG_PRODUCT, NS_CATALOG_VARIANT, NS_PAYMENT)] == [
        "1396788e-dfe4-558e-977f-cbac85111c4c",
        "1b2c8dda-1d99-57f5-bdc1-b9fb772d8186",
        "6b647a19-b987-5dd4-8c1e-94bceb859370",
        "2dfcb1f0-47c5-5823-9bc3-c281e0fd702f",
    ]


@pytest.mark.parametrize(
    ("items", "paid", "status"),
    [(0, 0, "PENDING"), (1, 0, "PENDING"), (2, 1, "PENDING"), (1, 1, "SETTLED"), (3, 3, "SETTLED")],
)
def test_settled_means_at_least_one_payable_and_all_paid(items: int, paid: int, status: str) -> None:
    assert settlement_status(items, paid) is SettlementStatus(status)
    assert OpsInputs(finance_items=items, finance_items_paid=paid).finance_items == items


#: What may be forgotten: (what, statuses, days); nothing else ever.
FORGOTTEN: dict[Kept, tuple[set[str] | None, timedelta]] = {
    Kept.NONCE: (None, timedelta(minutes=10)),
    Kept.EVENT: ({ProcessStatus.DONE}, timedelta(days=35)),
    Kept.DEAD_LETTER: (
        {DeadLetterStatus.SUCCEEDED, DeadLetterStatus.RESOLVED, DeadLetterStatus.CLOSED},
        timedelta(days=30),
    ),
    Kept.UNMAPPED: ({UnmappedStatus.RESOLVED, UnmappedStatus.CLOSED}, timedelta(days=90)),
    Kept.SUCCEEDED_JOB: (None, timedelta(days=14)),
    Kept.FAILED_JOB: (None, timedelta(days=30)),
    Kept.COMPARED_ROW: (None, timedelta(days=90)),
    Kept.DUAL_WRITE: (None, timedelta(days=90)),
    Kept.SHADOW_TALLY: (None, timedelta(days=90)),
}


@pytest.mark.parametrize("kept", Kept)
def test_what_is_unprocessed_is_never_forgotten(kept: Kept) -> None:
    assert RETENTION.keys() == set(Kept)
    finished, period = FORGOTTEN[kept]
    statuses = {*ProcessStatus, *DeadLetterStatus, *UnmappedStatus}
    for status in sorted(statuses):
        over = may_be_forgotten(kept, status=status, since=NOW - period - timedelta(microseconds=1), now=NOW)
        assert over == (finished is None or status in finished)
        assert not may_be_forgotten(kept, status=status, since=NOW - period, now=NOW)
    assert may_be_forgotten(kept, status=None, since=NOW - timedelta(days=1000), now=NOW) == (finished is None)
