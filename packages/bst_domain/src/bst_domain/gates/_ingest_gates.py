"""The gates of ingestion: from figures that somebody measured to checks.

Source of the rules: predecessor gates 4.2, batch F and G-03; the defaults are its own. What it could not see is measured, too:
dead letters that came and were resolved in between (F-03), unique indexes that are there but do not hold (F-04).
"""

from collections.abc import Mapping
from decimal import Decimal

from attrs import frozen

from bst_domain.gates._gates import THRESHOLDS, Bound, Check, Threshold, ratio

_MOST, _LEAST = Bound.AT_MOST, Bound.AT_LEAST


@frozen(kw_only=True)
class ProcessingFigures:
    """Events received within a window. Latencies are from receipt to DONE, in milliseconds."""

    received: int
    done: int
    latency_samples: int
    latency_median_ms: int
    latency_p95_ms: int


@frozen(kw_only=True)
class ProcessingLimits:
    """F-01 and F-02."""

    min_received: int = 1
    min_success_rate: Decimal = THRESHOLDS["F-01_success_rate"].limit
    min_latency_sample: int = 1
    max_median_ms: int = int(THRESHOLDS["F-02_latency_median_ms"].limit)
    max_p95_ms: int = int(THRESHOLDS["F-02_latency_p95_ms"].limit)


def processing_checks(figures: ProcessingFigures, limits: ProcessingLimits) -> list[Check]:
    """F-01: enough of what came in is DONE. F-02: soon enough."""
    success = Threshold(_LEAST, limits.min_success_rate, "ratio", limits.min_received)
    median, p95 = (
        Threshold(_MOST, Decimal(most), "ms", limits.min_latency_sample)
        for most in (limits.max_median_ms, limits.max_p95_ms)
    )
    timed = figures.latency_samples
    return [
        _check("F-01_success_rate", success, ratio(figures.done, figures.received, digits=6), figures.received),
        _check("F-02_latency_median_ms", median, figures.latency_median_ms if timed else None, timed),
        _check("F-02_latency_p95_ms", p95, figures.latency_p95_ms if timed else None, timed),
    ]


@frozen(kw_only=True)
class GrowthFigures:
    """Dead letters over a while. ``stock_growth``: last minus first of those that wait; ``failures``: came, or failed again.

    The two differ when somebody resolves dead letters while others come in.
    """

    minutes: Decimal
    good_samples: int
    fetch_errors: int
    stock_growth: int
    failures: int
    max_queue_waiting: int
    max_queue_failed: int

    @property
    def per_hour(self) -> Decimal | None:
        """The worse of the two; None where no time has passed."""
        if self.minutes <= 0 or self.good_samples < 2:
            return None
        hours = self.minutes / 60
        return (Decimal(max(self.stock_growth, self.failures)) / hours).quantize(Decimal("0.01"))


@frozen(kw_only=True)
class GrowthLimits:
    """F-03. No ceiling where it is None."""

    window_minutes: int = 120
    max_growth_per_hour: Decimal = THRESHOLDS["F-03_dlq_growth_per_hour"].limit
    max_fetch_errors: int = 0
    max_queue_waiting: int | None = None
    max_queue_failed: int | None = None


def growth_checks(figures: GrowthFigures, limits: GrowthLimits) -> list[Check]:
    """F-03: dead letters do not pile up, and it was watched for as long as was asked."""
    growth = Threshold(_MOST, limits.max_growth_per_hour, "per hour", 2)
    window = Threshold(_LEAST, Decimal(limits.window_minutes), "minutes", limits.window_minutes)
    ceilings = {
        "F-03_fetch_errors": (limits.max_fetch_errors, figures.fetch_errors, "errors"),
        "F-03_queue_waiting": (limits.max_queue_waiting, figures.max_queue_waiting, "jobs"),
        "F-03_queue_failed": (limits.max_queue_failed, figures.max_queue_failed, "jobs"),
    }
    return [
        _check("F-03_dlq_growth_per_hour", growth, figures.per_hour, figures.good_samples),
        _check("F-03_observed_minutes", window, figures.minutes, int(figures.minutes)),
        *(
            _check(name, Threshold(_MOST, Decimal(most), unit), measured, figures.good_samples)
            for name, (most, measured, unit) in ceilings.items()
            if most is not None
        ),
    ]


@frozen(kw_only=True)
class DuplicateFigures:
    """Rows beyond the first of their kind, and of each unique index that forbids them what is wrong with it, or None."""

    events: int
    bookings: int
    idempotency_excess: int
    secondary_excess: int
    booking_excess: int
    guards: Mapping[str, str | None]


@frozen(kw_only=True)
class DuplicateLimits:
    """F-04."""

    max_excess_rows: int = 0
    require_indexes: bool = True


def duplicate_checks(figures: DuplicateFigures, limits: DuplicateLimits) -> list[Check]:
    """F-04: nothing is there twice, and the database would not let it."""
    most = Threshold(_MOST, Decimal(limits.max_excess_rows), "rows")
    checks = [
        _check("F-04_idempotency_excess_rows", most, figures.idempotency_excess, figures.events),
        _check("F-04_secondary_excess_rows", most, figures.secondary_excess, figures.events),
        _check("F-04_booking_identity_excess_rows", most, figures.booking_excess, figures.bookings),
    ]
    if limits.require_indexes:
        broken = sum(problem is not None for problem in figures.guards.values())
        none = Threshold(_MOST, Decimal(0), "indexes", 1)
        checks.append(_check("F-04_broken_unique_indexes", none, broken, len(figures.guards)))
    return checks


@frozen(kw_only=True)
class RetentionFigures:
    """What the serving process is set to, and what should have been forgotten long ago."""

    enabled: bool
    nonce_ttl_minutes: int
    idempotency_ttl_days: int
    dead_letter_days: int
    stale_dead_letters: int
    stale_events: int


@frozen(kw_only=True)
class RetentionLimits:
    """F-05."""

    nonce_ttl_minutes: int = 10
    idempotency_ttl_days: int = 35
    dead_letter_days: int = 30
    max_stale_dead_letters: int = 0
    max_stale_events: int = 0


def retention_checks(figures: RetentionFigures, limits: RetentionLimits) -> list[Check]:
    """F-05: retention is on, set as required, and works."""

    def same(name: str, must: int, is_: int, unit: str) -> Check:
        return _check(name, Threshold(Bound.EXACTLY, Decimal(must), unit), is_, 1)

    def few(name: str, most: int, rows: int) -> Check:
        return _check(name, Threshold(_MOST, Decimal(most), "rows"), rows, rows)

    return [
        same("F-05_retention_enabled", 1, int(figures.enabled), "(1 is on)"),
        same("F-05_nonce_ttl_minutes", limits.nonce_ttl_minutes, figures.nonce_ttl_minutes, "minutes"),
        same("F-05_idempotency_ttl_days", limits.idempotency_ttl_days, figures.idempotency_ttl_days, "days"),
        same("F-05_dlq_retention_days", limits.dead_letter_days, figures.dead_letter_days, "days"),
        few("F-05_stale_dlq_rows", limits.max_stale_dead_letters, figures.stale_dead_letters),
        few("F-05_stale_ingest_rows", limits.max_stale_events, figures.stale_events),
    ]


def api_health_checks(*, requests: int, error_rate: Decimal, max_rate: Decimal, min_requests: int) -> list[Check]:
    """G-03: few enough answers of the API's own paths are 5xx."""
    few = Threshold(_MOST, max_rate, "ratio", min_requests)
    return [_check("G-03_api_5xx_rate", few, error_rate if requests else None, requests)]


def _check(name: str, threshold: Threshold, measured: Decimal | int | None, samples: int) -> Check:
    value = None if measured is None else Decimal(measured)
    return Check(name=name, threshold=threshold, measured=value, samples=samples)
