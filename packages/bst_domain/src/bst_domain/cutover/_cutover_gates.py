"""The gates of reading and writing through core: BG-01, H-01, H-02, H-03.

Source of the rules: predecessor gates 4.2 and 4.3, with the defects 99 and 100 closed. The defaults are its own.
"""

from decimal import Decimal

from attrs import frozen

from bst_domain.cutover._write_cutover import WriteSummary
from bst_domain.gates import THRESHOLDS, Bound, Check, Threshold, ratio

_MOST, _LEAST = Bound.AT_MOST, Bound.AT_LEAST


@frozen(kw_only=True)
class ParityFigures:
    """Rows of the old admin's newest tour days against what core answers. A row that core does not have differs, too."""

    sampled: int
    matched: int
    list_differing: int  # of the matched
    missing: int
    detail_sampled: int
    detail_differing: int
    critical_missing: int  # details without what a caller cannot do without
    fetch_errors: int

    @property
    def list_ratio(self) -> Decimal | None:
        """Of all rows that core should have."""
        return ratio(self.list_differing + self.missing, self.sampled, digits=6)

    @property
    def detail_ratio(self) -> Decimal | None:
        return ratio(self.detail_differing, self.detail_sampled, digits=6)


@frozen(kw_only=True)
class ParityLimits:
    """BG-01."""

    max_ratio: Decimal = THRESHOLDS["BG-01_list_parity_ratio"].limit
    min_matched: int = THRESHOLDS["BG-01_list_parity_ratio"].min_samples


def parity_checks(figures: ParityFigures, limits: ParityLimits) -> list[Check]:
    """BG-01: lists and details of core show what the old admin shows."""
    few = Threshold(_MOST, limits.max_ratio, "ratio", 1)
    none = Threshold(_MOST, Decimal(0), "bookings")
    enough = Threshold(_LEAST, Decimal(limits.min_matched), "rows", 1)
    return [
        Check(
            name="BG-01_list_parity_ratio",
            threshold=few,
            measured=figures.list_ratio,
            samples=figures.sampled,
        ),
        Check(
            name="BG-01_min_matched_rows",
            threshold=enough,
            measured=Decimal(figures.matched),
            samples=figures.sampled,
        ),
        Check(
            name="BG-01_detail_parity_ratio",
            threshold=few,
            measured=figures.detail_ratio,
            samples=figures.detail_sampled,
        ),
        Check(
            name="BG-01_detail_critical_fields",
            threshold=none,
            measured=Decimal(figures.critical_missing),
            samples=figures.detail_sampled,
        ),
        Check(
            name="BG-01_fetch_errors",
            threshold=Threshold(_MOST, Decimal(0), "errors"),
            measured=Decimal(figures.fetch_errors),
            samples=figures.sampled,
        ),
    ]


def write_checks(summary: WriteSummary) -> list[Check]:
    """H-01: over all writes, and of each operation by itself, so that many of one do not hide the few of another."""
    few = Threshold(_MOST, summary.max_ratio, "ratio", summary.min_samples)
    each = Threshold(_MOST, summary.max_ratio, "ratio")
    named = [(f"H-01_write_mismatch_ratio_{operation}", each, counts) for operation, counts in summary.by_operation]
    return [
        Check(
            name=name,
            threshold=threshold,
            measured=counts.mismatch_ratio if counts.compared else None,
            samples=counts.compared,
        )
        for name, threshold, counts in (
            ("H-01_write_mismatch_ratio", few, summary.all),
            *(entry for entry in named if entry[2].compared),
        )
    ]


@frozen(kw_only=True)
class LossFigures:
    """Events of a window, and rows that the old systems changed in it. What waits within bounds is not lost."""

    accepted: int
    done_without_facts: int
    failed_without_letter: int
    overdue: int  # neither done nor failed, and later than any retry explains
    legacy_changed: int
    legacy_missing: int  # changed rows whose booking core does not have
    legacy_not_compared: int  # changed rows that the watcher has not come to


def loss_checks(figures: LossFigures) -> list[Check]:
    """H-02: nothing that was acknowledged, and nothing that the old systems wrote, is lost."""
    events, rows = Threshold(_MOST, Decimal(0), "events"), Threshold(_MOST, Decimal(0), "rows")
    return [
        Check(name=name, threshold=threshold, measured=Decimal(measured), samples=samples)
        for name, threshold, measured, samples in (
            ("H-02_done_without_facts", events, figures.done_without_facts, figures.accepted),
            ("H-02_failed_without_dead_letter", events, figures.failed_without_letter, figures.accepted),
            ("H-02_overdue_events", events, figures.overdue, figures.accepted),
            ("H-02_legacy_rows_missing_in_core", rows, figures.legacy_missing, figures.legacy_changed),
            ("H-02_legacy_rows_not_compared", rows, figures.legacy_not_compared, figures.legacy_changed),
        )
    ]


def conflict_checks(*, open_conflicts: int, over_a_day: int) -> list[Check]:
    """H-03: nothing waits for a decision for longer than a day."""
    none = Threshold(_MOST, Decimal(0), "conflicts")
    return [
        Check(
            name="H-03_conflicts_open_over_24h",
            threshold=none,
            measured=Decimal(over_a_day),
            samples=open_conflicts,
        )
    ]
