"""Reconciliation: whether what is stored agrees with itself, as seven checks over four domains.

Source of the rules: predecessor gates 4.2, with the same names, formulas and rounding. Where the database forbids what a check
looks for (exact twins, missing keys), the counts are taken wider than its constraints, so that every check can fail: blank
identities, twins that differ in case or white space only, payments that no fact stands behind.
"""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from attrs import frozen

from bst_domain.migration._gates import THRESHOLDS, ratio


@frozen(kw_only=True)
class ReconciliationCounts:
    """Rows of one snapshot. An excess is the rows beyond the first of each group of twins."""

    bookings: int
    null_identities: int
    twin_booking_groups: int
    twin_booking_excess: int
    payments: int
    orphan_payments: int
    done: int
    done_not_paid: int
    events: int
    twin_event_groups: int
    twin_event_excess: int
    unmapped: int
    catalog_entities: int


@frozen(kw_only=True)
class ReconciliationLimits:
    """What the counts may come to. ``allow_empty_catalog``: with no catalog and nothing unmapped there is nothing wrong."""

    global_mismatch_ratio: Decimal = THRESHOLDS["global_mismatch_ratio"].limit
    done_not_paid_ratio: Decimal = THRESHOLDS["ops_done_not_paid_ratio"].limit
    unmapped_percent: Decimal = THRESHOLDS["unmapped_ratio_percent"].limit
    allow_empty_catalog: bool = False


@frozen(kw_only=True)
class ReconciliationCheck:
    """One of the seven, as reports show it."""

    name: str
    passed: bool
    detail: str


@frozen(kw_only=True)
class DomainShare:
    """How much of one domain does not agree. ``ratio`` is None of nothing."""

    mismatches: int
    denominator: int
    ratio: Decimal | None
    threshold: Decimal
    passed: bool


@frozen(kw_only=True)
class Reconciliation:
    """The counts, judged. ``domains`` are booking, payment, ingest and catalog, in this order."""

    counts: ReconciliationCounts
    limits: ReconciliationLimits
    done_not_paid_ratio: Decimal
    unmapped_percent: Decimal | None
    global_mismatch_ratio: Decimal
    domains: Mapping[str, DomainShare]
    checks: Sequence[ReconciliationCheck]

    @property
    def passed(self) -> bool:
        """Whether all seven do."""
        return all(check.passed for check in self.checks)


GLOBAL_CHECK = "global_mismatch_ratio"
_DIGITS = 6


def reconcile(counts: ReconciliationCounts, limits: ReconciliationLimits) -> Reconciliation:
    """Judges a snapshot. Ratios have six digits, the percentage has two, both rounded half up."""
    done_not_paid = ratio(counts.done_not_paid, counts.done, digits=_DIGITS) or Decimal(0)
    unmapped = ratio(counts.unmapped, counts.catalog_entities, scale=100, digits=2)
    booking = counts.null_identities + counts.twin_booking_excess
    payment = counts.orphan_payments + counts.done_not_paid
    mismatches = booking + payment + counts.twin_event_excess + counts.unmapped
    everything = counts.bookings + counts.payments + counts.done + counts.events + counts.catalog_entities
    overall = ratio(mismatches, everything, digits=_DIGITS) or Decimal(0)
    paid_enough = done_not_paid <= limits.done_not_paid_ratio
    mapped_enough = (
        limits.allow_empty_catalog and counts.unmapped == 0 if unmapped is None else unmapped <= limits.unmapped_percent
    )

    def share(wrong: int, of: int, threshold: Decimal, passed: bool) -> DomainShare:
        part = ratio(wrong, of, digits=_DIGITS)
        return DomainShare(mismatches=wrong, denominator=of, ratio=part, threshold=threshold, passed=passed)

    zero = Decimal(0)
    return Reconciliation(
        counts=counts,
        limits=limits,
        done_not_paid_ratio=done_not_paid,
        unmapped_percent=unmapped,
        global_mismatch_ratio=overall,
        domains={
            "booking": share(booking, counts.bookings, zero, booking == 0),
            "payment": share(
                payment,
                counts.payments + counts.done,
                limits.done_not_paid_ratio,
                counts.orphan_payments == 0 and paid_enough,
            ),
            "ingest": share(counts.twin_event_excess, counts.events, zero, counts.twin_event_excess == 0),
            "catalog": share(counts.unmapped, counts.catalog_entities, limits.unmapped_percent / 100, mapped_enough),
        },
        checks=[
            _rows("booking_core_null_identity", counts.null_identities),
            _twins("booking_core_duplicate_identity", counts.twin_booking_groups, counts.twin_booking_excess),
            _rows("payment_orphan_rows", counts.orphan_payments),
            _judged(
                "ops_done_not_paid_ratio",
                paid_enough,
                f"ratio={done_not_paid} threshold={limits.done_not_paid_ratio} rows={counts.done_not_paid}/{counts.done}",
            ),
            _twins("ingest_secondary_dedup_duplicates", counts.twin_event_groups, counts.twin_event_excess),
            _judged("unmapped_ratio_percent", mapped_enough, _unmapped_detail(counts, limits, unmapped)),
            _judged(
                GLOBAL_CHECK,
                overall <= limits.global_mismatch_ratio,
                f"ratio={overall} threshold={limits.global_mismatch_ratio} rows={mismatches}/{everything}",
            ),
        ],
    )


def _judged(name: str, passed: bool, detail: str) -> ReconciliationCheck:
    return ReconciliationCheck(name=name, passed=passed, detail=detail)


def _rows(name: str, count: int) -> ReconciliationCheck:
    return _judged(name, count == 0, f"rows={count} expected=0")


def _twins(name: str, groups: int, excess: int) -> ReconciliationCheck:
    return _judged(name, groups == 0, f"groups={groups} excessRows={excess} expected=0")


def _unmapped_detail(counts: ReconciliationCounts, limits: ReconciliationLimits, percent: Decimal | None) -> str:
    rows = f"rows={counts.unmapped}/{counts.catalog_entities}"
    if percent is None:
        allowed = "allowed" if limits.allow_empty_catalog else "not allowed"
        return f"percent=none threshold={limits.unmapped_percent} {rows}: the catalog is empty, which is {allowed}"
    return f"percent={percent} threshold={limits.unmapped_percent} {rows}"
