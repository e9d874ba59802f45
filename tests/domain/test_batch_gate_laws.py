"""The gates of batches A to E, G-01, G-02 and G-06: from figures to checks, and payments against the shop's rows."""

from datetime import UTC, datetime
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID

import pytest
from attrs import evolve
from hypothesis import example, given
from hypothesis import strategies as st

from bst_domain.cutover import ParityLimits
from bst_domain.gates import (
    THRESHOLDS,
    BatchFigures,
    BookingFigures,
    CatalogFigures,
    Check,
    GrowthLimits,
    MoneyFigures,
    PaymentDayFigures,
    PaymentFault,
    ProcessingLimits,
    ReconciliationLimits,
    ShopPayment,
    StoredPayment,
    Verdict,
    audit_payment,
    batch_checks,
    booking_checks,
    catalog_checks,
    compare_payment,
    default_limit,
    duplicate_booking_checks,
    gate_verdict,
    money_checks,
    payment_day_checks,
)
from bst_domain.values import BookingIdentity, ExternalRef

AT = datetime(2026, 2, 1, tzinfo=UTC)
GOOD_CATALOG = CatalogFigures(
    products=100,
    variants=100,
    product_orphans=0,
    variant_orphans=0,
    dangling_references=0,
    unmapped=0,
    variants_with_rate=100,
)
GOOD_BOOKINGS = BookingFigures(
    bookings=100,
    duplicate_groups=0,
    duplicate_excess=0,
    null_identities=0,
    package_type_null=0,
    package_dangling=0,
    pax_mismatches=0,
    two_names=0,
)
GOOD_MONEY = MoneyFigures(
    orphans=0, payments=50, done=1000, done_not_paid=0, direct_payments=50, sampled=25, matched=25
)


def of_catalog(**changes: int) -> list[Check]:
    return catalog_checks(
        evolve(GOOD_CATALOG, **changes),
        max_orphan_percent=default_limit("C-01_orphan_ratio_percent"),
        max_unmapped_percent=default_limit("C-02_unmapped_ratio_percent"),
    )


def of_bookings(**changes: int) -> list[Check]:
    figures = evolve(GOOD_BOOKINGS, **changes)
    most = default_limit("D-03_pax_mismatch_ratio_percent")
    return [*booking_checks(figures, max_pax_percent=most), *duplicate_booking_checks(figures)]


def of_money(**changes: int) -> list[Check]:
    most = default_limit("E-02_ops_done_not_paid_ratio_percent")
    return money_checks(evolve(GOOD_MONEY, **changes), max_done_not_paid_percent=most)


def open_checks(checks: list[Check]) -> dict[str, Verdict]:
    return {check.name.split("_")[0]: check.verdict for check in checks if check.verdict is not Verdict.PASS}


FAIL, HOLD = Verdict.FAIL, Verdict.HOLD


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"product_orphans": 1}, {}),  # 0.5 % of 200
        ({"product_orphans": 1, "dangling_references": 1}, {"C-01": FAIL}),
        ({"variant_orphans": 2}, {"C-01": FAIL}),
        ({"unmapped": 10}, {}),
        ({"unmapped": 11}, {"C-02": FAIL}),
        ({"variants_with_rate": 99}, {"C-03": FAIL}),
        ({"products": 0, "variants": 0, "variants_with_rate": 0}, {"C-01": HOLD, "C-02": HOLD, "C-03": HOLD}),
    ],
)
def test_catalog(changes: dict[str, int], expected: dict[str, Verdict]) -> None:
    assert open_checks(of_catalog(**changes)) == expected


def test_one_variant_of_a_million_without_a_rate_is_seen() -> None:
    checks = of_catalog(variants=1_000_000, variants_with_rate=999_999)
    assert open_checks(checks) == {"C-03": FAIL}


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"duplicate_excess": 1}, {"D-01": FAIL, "G-01": FAIL}),
        ({"two_names": 1}, {"G-01": FAIL}),
        ({"null_identities": 1}, {"D-02": FAIL}),
        ({"pax_mismatches": 1}, {}),
        ({"pax_mismatches": 2}, {"D-03": FAIL}),
        ({"package_type_null": 1}, {"D-04": FAIL}),
        ({"package_dangling": 1}, {"D-04": FAIL}),
        ({"bookings": 0}, {"D-03": HOLD}),
    ],
)
def test_bookings(changes: dict[str, int], expected: dict[str, Verdict]) -> None:
    assert open_checks(of_bookings(**changes)) == expected


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({}, {}),
        ({"orphans": 1}, {"E-01": FAIL}),
        ({"done_not_paid": 3}, {}),
        ({"done_not_paid": 4}, {"E-02": FAIL}),
        ({"done": 0}, {}),
        ({"matched": 24}, {"E-03": FAIL}),
        ({"sampled": 0, "matched": 0, "direct_payments": 0}, {}),
    ],
)
def test_money(changes: dict[str, int], expected: dict[str, Verdict]) -> None:
    assert open_checks(of_money(**changes)) == expected


rows = st.integers(0, 1000)


@example(moved=900, listed=100, lost=0, disagreeing=11)
@example(moved=900, listed=100, lost=10, disagreeing=0)
@given(moved=rows, listed=rows, lost=rows, disagreeing=rows)
def test_g_02_counts_what_is_lost_or_wrong_and_not_what_is_listed(
    moved: int, listed: int, lost: int, disagreeing: int
) -> None:
    total = moved + listed + lost
    figures = BatchFigures(batch="D", rows=total, moved=moved, listed=listed, lost=lost, disagreeing=disagreeing)
    [check] = batch_checks([figures], max_ratio=Decimal("0.01"))
    wrong = lost + disagreeing
    exact = Decimal(wrong) / total if total else Decimal(min(wrong, 1))
    if abs(exact - Decimal("0.01")) > Decimal("0.000001"):
        assert (check.verdict is Verdict.PASS) == (exact < Decimal("0.01"))
    assert check.name == "G-02_batch_D_mismatch_ratio"


@given(rows, rows, rows, rows)
def test_g_06_never_opens_on_nothing(differing: int, missing: int, only_here: int, queued: int) -> None:
    figures = PaymentDayFigures(
        shop_rows=differing + missing + queued,
        queued=queued,
        matched=0,
        differing=differing,
        missing=missing,
        only_here=only_here,
    )
    verdict = gate_verdict(payment_day_checks(figures, max_percent=Decimal("0.5")))
    assert verdict is (Verdict.FAIL if differing + missing + only_here else Verdict.HOLD)


def test_thresholds_of_one_thing_are_in_one_place_and_the_batch_is_the_stricter() -> None:
    usual = ReconciliationLimits()
    assert usual.done_not_paid_ratio == THRESHOLDS["ops_done_not_paid_ratio"].limit
    assert usual.unmapped_percent == THRESHOLDS["unmapped_ratio_percent"].limit
    assert usual.global_mismatch_ratio == THRESHOLDS["global_mismatch_ratio"].limit
    assert ProcessingLimits().min_success_rate == default_limit("F-01_success_rate")
    assert ProcessingLimits().max_median_ms == default_limit("F-02_latency_median_ms")
    assert ProcessingLimits().max_p95_ms == default_limit("F-02_latency_p95_ms")
    assert GrowthLimits().max_growth_per_hour == default_limit("F-03_dlq_growth_per_hour")
    parity = THRESHOLDS["BG-01_list_parity_ratio"]
    assert (ParityLimits().max_ratio, ParityLimits().min_matched) == (parity.limit, parity.min_samples)
    assert THRESHOLDS["C-02_unmapped_ratio_percent"] == THRESHOLDS["unmapped_ratio_percent"]
    assert THRESHOLDS["G-02_batch_mismatch_ratio"] == THRESHOLDS["global_mismatch_ratio"]
    assert default_limit("E-02_ops_done_not_paid_ratio_percent") <= usual.done_not_paid_ratio * 100


def stored(**more: Any) -> StoredPayment:
    given: dict[str, Any] = {
        "key": UUID(int=7),
        "booking": BookingIdentity("DIRECT", ExternalRef("BST-1")),
        "shop_ids": frozenset({1}),
        "paid_at": AT,
        "amount": Decimal("150.00"),
        "currency": "USD",
        "payment_ref": "PAY-1",
        "capture_id": "C-1",
        "order_id": "O-1",
    }
    return StoredPayment(**{**given, **more})


def shop(**more: Any) -> ShopPayment:
    given: dict[str, Any] = {
        "payment_id": 21,
        "booking_id": 1,
        "booking_ref": " bst-1",
        "has_booking": True,
        "paid_at": AT,
        "amount": Decimal(150),
        "currency": "usd",
        "payment_ref": "PAY-1",
        "capture_id": "C-1",
        "order_id": "O-1",
    }
    return ShopPayment(**{**given, **more})


NAMES = ("payment_ref", "capture_id", "order_id")


@pytest.mark.parametrize("kept", [*NAMES, None])
def test_a_payment_is_found_by_any_of_its_names_or_by_its_booking_and_money(kept: str | None) -> None:
    others = {name: f"another {name}" for name in NAMES if name != kept}
    another = shop(payment_id=22, booking_id=9, booking_ref="BST-9", **dict.fromkeys(NAMES))
    assert audit_payment(stored(), [another, shop(**others)]) is None


@pytest.mark.parametrize(("better", "worse"), list(pairwise(NAMES)))
def test_the_better_name_decides_which_row_a_payment_is(better: str, worse: str) -> None:
    """What another row says that shares only a worse name is no excuse for the row that it is."""
    its_own = shop(amount=Decimal(1), **{name: "another" for name in NAMES if name != better})
    another = shop(payment_id=22, **{name: "another" for name in NAMES if name != worse})
    found = audit_payment(stored(), [another, its_own])
    assert found is not None
    assert (found.fault, found.payment_id) == (PaymentFault.MISMATCH, 21)


def test_blank_names_find_nothing() -> None:
    blank = dict.fromkeys(NAMES, " ")
    found = audit_payment(stored(shop_ids=frozenset(), **blank), [shop(booking_id=9, booking_ref="BST-9", **blank)])
    assert found is not None
    assert found.fault is PaymentFault.NOT_FOUND


@pytest.mark.parametrize(
    ("change", "flags"),
    [
        ({"amount": Decimal("150.01")}, (False, True, True)),
        ({"currency": "IDR"}, (True, False, True)),
        ({"booking_id": 2, "booking_ref": "BST-2"}, (True, True, False)),
        ({"has_booking": False, "booking_id": 2, "booking_ref": None}, (True, True, False)),
    ],
)
def test_amount_currency_and_booking_must_be_equal(change: dict[str, Any], flags: tuple[bool, bool, bool]) -> None:
    found = audit_payment(stored(), [shop(**change)])
    assert found is not None
    assert found.fault is PaymentFault.MISMATCH
    assert (found.amount_matches, found.currency_matches, found.booking_matches) == flags
    assert found == compare_payment(stored(), shop(**change))


def test_a_live_booking_is_known_by_what_the_shop_calls_it() -> None:
    live = stored(shop_ids=frozenset(), booking=BookingIdentity("DIRECT", ExternalRef("DIRECT-5")))
    assert audit_payment(live, [shop(booking_id=5, booking_ref=None)]) is None
    assert audit_payment(live, [shop(booking_id=6, booking_ref=None)]) is not None
