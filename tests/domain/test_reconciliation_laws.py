"""The laws of reconciliation and of the ingest gates' rules."""

from decimal import Decimal
from typing import Any

import pytest
from attrs import asdict, evolve, fields
from hypothesis import given
from hypothesis import strategies as st

from bst_domain.gates import (
    DuplicateFigures,
    DuplicateLimits,
    GrowthFigures,
    GrowthLimits,
    ProcessingFigures,
    ProcessingLimits,
    ReconciliationCounts,
    ReconciliationLimits,
    RetentionFigures,
    RetentionLimits,
    Verdict,
    api_health_checks,
    duplicate_checks,
    gate_verdict,
    growth_checks,
    processing_checks,
    reconcile,
    retention_checks,
)

USUAL = ReconciliationLimits()
WRONG = {
    "null_identities": "booking_core_null_identity",
    "twin_booking_groups": "booking_core_duplicate_identity",
    "orphan_payments": "payment_orphan_rows",
    "done_not_paid": "ops_done_not_paid_ratio",
    "twin_event_groups": "ingest_secondary_dedup_duplicates",
    "unmapped": "unmapped_ratio_percent",
}
rows = st.integers(0, 10_000)


@st.composite
def possible_counts(draw: st.DrawFn) -> ReconciliationCounts:
    """Counts that some database may have: no more of a kind than there are rows of it."""
    bookings, payments, events, entities = (draw(rows) for _ in range(4))
    nameless = draw(st.integers(0, bookings))
    excess = draw(st.integers(0, max(0, bookings - nameless - 1)))
    event_excess = draw(st.integers(0, max(0, events - 1)))
    done = draw(st.integers(0, bookings))
    return ReconciliationCounts(
        bookings=bookings,
        null_identities=nameless,
        twin_booking_groups=draw(st.integers(min(1, excess), excess)),
        twin_booking_excess=excess,
        payments=payments,
        orphan_payments=draw(st.integers(0, payments)),
        done=done,
        done_not_paid=draw(st.integers(0, done)),
        events=events,
        twin_event_groups=draw(st.integers(min(1, event_excess), event_excess)),
        twin_event_excess=event_excess,
        unmapped=draw(st.integers(0, entities)),
        catalog_entities=entities,
    )


def counts(**some: int) -> ReconciliationCounts:
    """A healthy thousand of everything, but for what is given."""
    healthy = dict.fromkeys(asdict(NOTHING), 0) | {
        "bookings": 1000, "payments": 1000, "done": 1000, "events": 1000, "catalog_entities": 1000
    }  # fmt: skip
    return ReconciliationCounts(**{**healthy, **some})


NOTHING = ReconciliationCounts(**{each.name: 0 for each in fields(ReconciliationCounts)})


@given(possible_counts())
def test_ratios_are_within_nothing_and_everything(given_counts: ReconciliationCounts) -> None:
    found = reconcile(given_counts, USUAL)
    ratios = [share.ratio for share in found.domains.values() if share.ratio is not None]
    for value in (*ratios, found.done_not_paid_ratio, found.global_mismatch_ratio):
        assert 0 <= value <= 1
    assert found.unmapped_percent is None or 0 <= found.unmapped_percent <= 100


@given(possible_counts(), st.sampled_from(sorted(WRONG)), st.integers(1, 50))
def test_more_of_what_is_wrong_never_heals(given_counts: ReconciliationCounts, name: str, more: int) -> None:
    before = reconcile(given_counts, USUAL)
    worse = reconcile(evolve(given_counts, **{name: getattr(given_counts, name) + more}), USUAL)
    healed = [was.name for was, now in zip(before.checks, worse.checks, strict=True) if now.passed and not was.passed]
    assert healed == []
    assert worse.global_mismatch_ratio >= before.global_mismatch_ratio


@given(possible_counts())
def test_a_domain_is_right_exactly_when_its_checks_are(given_counts: ReconciliationCounts) -> None:
    found = reconcile(given_counts, USUAL)
    passed = {check.name: check.passed for check in found.checks}
    assert found.domains["booking"].passed == (
        passed["booking_core_null_identity"] and passed["booking_core_duplicate_identity"]
    )
    assert found.domains["payment"].passed == (passed["payment_orphan_rows"] and passed["ops_done_not_paid_ratio"])
    assert found.domains["ingest"].passed == passed["ingest_secondary_dedup_duplicates"]
    assert found.domains["catalog"].passed == passed["unmapped_ratio_percent"]
    assert found.passed == all(passed.values())


@pytest.mark.parametrize(("wrong", "check"), WRONG.items())
def test_every_check_can_fail_alone(wrong: str, check: str) -> None:
    twins = {wrong.replace("groups", "excess"): 51} if wrong.endswith("groups") else {}
    loose = evolve(USUAL, global_mismatch_ratio=Decimal(1))
    assert reconcile(counts(), loose).passed
    found = reconcile(counts(**{wrong: 51, **twins}), loose)
    assert [one.name for one in found.checks if not one.passed] == [check]


def test_many_small_mismatches_fail_together() -> None:
    found = reconcile(counts(done_not_paid=10, unmapped=50), USUAL)
    assert [one.name for one in found.checks if not one.passed] == ["global_mismatch_ratio"]
    assert found.global_mismatch_ratio == Decimal("0.012")


def test_empty_denominators() -> None:
    found = reconcile(NOTHING, USUAL)
    assert [share.ratio for share in found.domains.values()] == [None] * 4
    assert found.done_not_paid_ratio == found.global_mismatch_ratio == 0
    assert found.unmapped_percent is None
    assert [one.name for one in found.checks if not one.passed] == ["unmapped_ratio_percent"]
    allowed = evolve(USUAL, allow_empty_catalog=True)
    assert reconcile(NOTHING, allowed).passed
    assert not reconcile(evolve(NOTHING, unmapped=1), allowed).passed


def test_rounding_is_half_up_and_the_limit_itself_is_good() -> None:
    found = reconcile(counts(done_not_paid=10, unmapped=50), USUAL)
    assert found.domains["payment"].passed
    assert found.domains["catalog"].passed
    assert reconcile(counts(unmapped=1, catalog_entities=6), USUAL).unmapped_percent == Decimal("16.67")
    assert reconcile(counts(done=3, done_not_paid=2), USUAL).done_not_paid_ratio == Decimal("0.666667")


def processing(**some: int) -> Verdict:
    usual = {"received": 1000, "done": 1000, "latency_samples": 1000, "latency_median_ms": 30, "latency_p95_ms": 90}
    return gate_verdict(processing_checks(ProcessingFigures(**{**usual, **some}), ProcessingLimits()))


def growth(**some: Any) -> Verdict:
    usual: dict[str, Any] = {
        "minutes": Decimal(120), "good_samples": 121, "fetch_errors": 0, "stock_growth": 0, "failures": 0,
        "max_queue_waiting": 5, "max_queue_failed": 1,
    }  # fmt: skip
    limits = GrowthLimits(max_queue_waiting=5, max_queue_failed=1)
    return gate_verdict(growth_checks(GrowthFigures(**{**usual, **some}), limits))


def duplicates(**some: Any) -> Verdict:
    usual: dict[str, Any] = {
        "events": 10, "bookings": 10, "idempotency_excess": 0, "secondary_excess": 0, "booking_excess": 0,
        "guards": {"a": None, "b": None},
    }  # fmt: skip
    return gate_verdict(duplicate_checks(DuplicateFigures(**{**usual, **some}), DuplicateLimits()))


def retention(**some: int) -> Verdict:
    usual: dict[str, Any] = {
        "enabled": True, "nonce_ttl_minutes": 10, "idempotency_ttl_days": 35, "dead_letter_days": 30,
        "stale_dead_letters": 0, "stale_events": 0,
    }  # fmt: skip
    return gate_verdict(retention_checks(RetentionFigures(**{**usual, **some}), RetentionLimits()))


def api(requests: int, rate: str) -> Verdict:
    return gate_verdict(
        api_health_checks(requests=requests, error_rate=Decimal(rate), max_rate=Decimal("0.015"), min_requests=1)
    )


@pytest.mark.parametrize(
    ("verdict", "expected"),
    [
        (processing(), Verdict.PASS),
        (processing(done=995), Verdict.PASS),
        (processing(done=994), Verdict.FAIL),
        (processing(received=0, done=0, latency_samples=0), Verdict.HOLD),
        (processing(latency_samples=0), Verdict.HOLD),
        (processing(latency_median_ms=3001), Verdict.FAIL),
        (processing(latency_p95_ms=15001), Verdict.FAIL),
        (growth(), Verdict.PASS),
        (growth(stock_growth=40, failures=40), Verdict.PASS),
        (growth(stock_growth=41), Verdict.FAIL),
        (growth(stock_growth=-100, failures=41), Verdict.FAIL),  # resolving many must not hide new ones
        (growth(good_samples=1), Verdict.HOLD),
        (growth(minutes=Decimal(30)), Verdict.HOLD),
        (growth(fetch_errors=1), Verdict.FAIL),
        (growth(max_queue_waiting=6), Verdict.FAIL),
        (growth(max_queue_failed=2), Verdict.FAIL),
        (duplicates(), Verdict.PASS),
        (duplicates(idempotency_excess=1), Verdict.FAIL),
        (duplicates(secondary_excess=1), Verdict.FAIL),
        (duplicates(booking_excess=1), Verdict.FAIL),
        (duplicates(guards={"a": None, "b": "missing"}), Verdict.FAIL),
        (duplicates(guards={}), Verdict.HOLD),
        (retention(), Verdict.PASS),
        (retention(enabled=False), Verdict.FAIL),
        (retention(nonce_ttl_minutes=11), Verdict.FAIL),
        (retention(idempotency_ttl_days=36), Verdict.FAIL),
        (retention(dead_letter_days=29), Verdict.FAIL),
        (retention(stale_dead_letters=1), Verdict.FAIL),
        (retention(stale_events=1), Verdict.FAIL),
        (api(1000, "0.015"), Verdict.PASS),
        (api(1000, "0.0151"), Verdict.FAIL),
        (api(0, "0"), Verdict.HOLD),
    ],
)
def test_what_a_gate_comes_to(verdict: Verdict, expected: Verdict) -> None:
    assert verdict is expected


def test_indexes_are_not_asked_for_where_they_are_not_required() -> None:
    figures = DuplicateFigures(
        events=1, bookings=1, idempotency_excess=0, secondary_excess=0, booking_excess=0, guards={"a": "missing"}
    )
    assert gate_verdict(duplicate_checks(figures, DuplicateLimits(require_indexes=False))) is Verdict.PASS


@given(st.integers(-500, 500), st.integers(0, 500), st.integers(1, 600))
def test_growth_is_the_worse_of_stock_and_failures(stock: int, failures: int, minutes: int) -> None:
    figures = GrowthFigures(
        minutes=Decimal(minutes),
        good_samples=2,
        fetch_errors=0,
        stock_growth=stock,
        failures=failures,
        max_queue_waiting=0,
        max_queue_failed=0,
    )
    assert figures.per_hour is not None
    assert abs(float(figures.per_hour) - max(stock, failures) / (minutes / 60)) <= 0.00501
