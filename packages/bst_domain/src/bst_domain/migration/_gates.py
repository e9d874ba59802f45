"""Gates: measured values against thresholds, and a verdict that says both.

Source of the rules: predecessor gates 4.2 (thresholds). PASS opens the gate. FAIL: measured, and beyond the threshold. HOLD:
too little was measured to say, which does not open the gate either; the predecessor passed such runs.
"""

from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from enum import StrEnum

from attrs import frozen


class Verdict(StrEnum):
    """From best to worst."""

    PASS = "PASS"  # noqa: S105 - a verdict, not a password
    HOLD = "HOLD"
    FAIL = "FAIL"


class Bound(StrEnum):
    """Which side of the threshold is good; the threshold itself is."""

    AT_MOST = "at most"
    AT_LEAST = "at least"
    EXACTLY = "exactly"


@frozen
class Threshold:
    """What a check must meet. ``min_samples``: with fewer it cannot be judged."""

    bound: Bound
    limit: Decimal
    unit: str
    min_samples: int = 0


_MOST, _LEAST = Bound.AT_MOST, Bound.AT_LEAST
#: Check -> the threshold it has unless a setting says otherwise. All of them are here and nowhere else, also those that
#: reconciliation and the quality check share with gates: they watch a running system, so DONE and not paid may come to 1% there;
#: what batch E has just moved in must be better than that before anything is built on it.
THRESHOLDS: Mapping[str, Threshold] = {
    "A-01_target_tables": Threshold(_LEAST, Decimal(17), "tables"),
    "A-01_differing_columns": Threshold(_MOST, Decimal(0), "columns", 1),
    "A-02_differing_indexes": Threshold(_MOST, Decimal(0), "indexes", 1),
    "A-02_differing_constraints": Threshold(_MOST, Decimal(0), "constraints", 1),
    "A-03_unlogged_migrations": Threshold(_MOST, Decimal(0), "scripts", 1),
    "A-03_failed_migrations": Threshold(_MOST, Decimal(0), "scripts"),
    "B-01_channel_registry": Threshold(_MOST, Decimal(0), "codes", 1),
    "B-02_vocabularies": Threshold(_MOST, Decimal(0), "codes", 1),
    "B-03_unknown_words": Threshold(_MOST, Decimal(0), "rows"),
    "C-01_orphan_ratio_percent": Threshold(_MOST, Decimal("0.5"), "%", 1),
    "C-02_unmapped_ratio_percent": Threshold(_MOST, Decimal(5), "%", 1),
    "C-03_variant_active_rate_coverage": Threshold(_LEAST, Decimal(100), "%", 1),
    "D-01_duplicate_booking_identity": Threshold(_MOST, Decimal(0), "rows"),
    "D-02_null_critical_identity": Threshold(_MOST, Decimal(0), "rows"),
    "D-03_pax_mismatch_ratio_percent": Threshold(_MOST, Decimal(1), "%", 1),
    "D-04_package_ref_type_completeness": Threshold(_MOST, Decimal(0), "rows"),
    "E-01_orphan_payment_event": Threshold(_MOST, Decimal(0), "rows"),
    "E-02_ops_done_not_paid_ratio_percent": Threshold(_MOST, Decimal("0.3"), "%"),
    "E-03_sample_audit_payment_direct_accuracy_percent": Threshold(_LEAST, Decimal(100), "%"),
    "F-01_success_rate": Threshold(_LEAST, Decimal("0.995"), "ratio", 1),
    "F-02_latency_median_ms": Threshold(_MOST, Decimal(3000), "ms", 1),
    "F-02_latency_p95_ms": Threshold(_MOST, Decimal(15000), "ms", 1),
    "F-03_dlq_growth_per_hour": Threshold(_MOST, Decimal(20), "per hour", 2),
    "F-04_duplicate_excess_rows": Threshold(_MOST, Decimal(0), "rows"),
    "F-05_stale_rows": Threshold(_MOST, Decimal(0), "rows"),
    "G-01_duplicate_booking_identity": Threshold(_MOST, Decimal(0), "rows"),
    "G-01_bookings_under_two_names": Threshold(_MOST, Decimal(0), "rows"),
    "G-02_batch_mismatch_ratio": Threshold(_MOST, Decimal("0.01"), "ratio"),
    "G-03_api_5xx_rate": Threshold(_MOST, Decimal("0.015"), "ratio", 1),
    "G-06_daily_payment_mismatch_percent": Threshold(_MOST, Decimal("0.5"), "%", 1),
    "BG-01_list_parity_ratio": Threshold(_MOST, Decimal("0.01"), "ratio", 50),
    "H-01_write_mismatch_ratio": Threshold(_MOST, Decimal("0.001"), "ratio", 1),
    "H-02_event_loss": Threshold(_MOST, Decimal(0), "events"),
    "H-03_conflicts_open_over_24h": Threshold(_MOST, Decimal(0), "conflicts"),
    "ops_done_not_paid_ratio": Threshold(_MOST, Decimal("0.01"), "ratio"),
    "unmapped_ratio_percent": Threshold(_MOST, Decimal(5), "%", 1),
    "global_mismatch_ratio": Threshold(_MOST, Decimal("0.01"), "ratio"),
}


def default_limit(check: str) -> Decimal:
    """What a check must meet unless a setting says otherwise."""
    return THRESHOLDS[check].limit


@frozen(kw_only=True)
class Check:
    """A measurement held against its threshold. ``measured`` is None where there was nothing to measure."""

    name: str
    threshold: Threshold
    measured: Decimal | None
    samples: int

    @property
    def verdict(self) -> Verdict:
        """HOLD without enough samples, else PASS or FAIL."""
        if self.measured is None or self.samples < self.threshold.min_samples:
            return Verdict.HOLD
        limit = self.threshold.limit
        good = {
            Bound.AT_MOST: self.measured <= limit,
            Bound.AT_LEAST: self.measured >= limit,
            Bound.EXACTLY: self.measured == limit,
        }[self.threshold.bound]
        return Verdict.PASS if good else Verdict.FAIL

    @property
    def detail(self) -> str:
        """One line for people: what was measured, of how many, against what."""
        rule = f"{self.threshold.bound} {self.threshold.limit} {self.threshold.unit}"
        if self.measured is None:
            return f"nothing measured (must be {rule})"
        if self.verdict is Verdict.HOLD:
            return f"{self.measured} {self.threshold.unit} of {self.samples}, needs {self.threshold.min_samples} (must be {rule})"
        return f"{self.measured} {self.threshold.unit} of {self.samples} (must be {rule})"


def gate_verdict(checks: Iterable[Check]) -> Verdict:
    """The worst of the checks; a gate that checked nothing holds."""
    verdicts = [check.verdict for check in checks]
    order = list(Verdict)
    return max(verdicts, key=order.index, default=Verdict.HOLD)


def ratio(part: int, whole: int, *, scale: int = 1, digits: int) -> Decimal | None:
    """``part`` in ``whole`` times ``scale`` (100 for per cent), rounded half up; None of nothing."""
    if whole == 0:
        return None
    return (Decimal(part * scale) / whole).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)
