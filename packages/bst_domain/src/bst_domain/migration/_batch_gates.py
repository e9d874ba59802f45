"""The gates of batches A to E, G-01 and G-02: from figures that somebody measured to checks.

Source of the rules: predecessor gates 4.2 and 4.3. Where the database forbids what the predecessor looked for (exact twins, null
identities, payments and variants without a parent), the figures are taken wider, so that every check can fail.
"""

from collections.abc import Sequence
from decimal import Decimal

from attrs import evolve, frozen

from bst_domain.migration._gates import THRESHOLDS, Check, ratio


@frozen(kw_only=True)
class SchemaFigures:
    """Batch A. ``…_differing``: what is missing or otherwise than this version makes it, each by name."""

    target_tables: int  # of the 17, those with every column as it must be
    columns: int
    columns_differing: Sequence[str]
    indexes: int
    indexes_differing: Sequence[str]
    constraints: int
    constraints_differing: Sequence[str]
    migrations: int
    migrations_unlogged: Sequence[str]
    migrations_failed: Sequence[str]  # those whose newest row in migration_run_log is no success


def schema_checks(figures: SchemaFigures) -> list[Check]:
    """A-01: tables and columns. A-02: indexes, keys and check constraints. A-03: every script is in the log, and none failed."""
    return [
        check("A-01_target_tables", figures.target_tables, figures.target_tables),
        check("A-01_differing_columns", len(figures.columns_differing), figures.columns),
        check("A-02_differing_indexes", len(figures.indexes_differing), figures.indexes),
        check("A-02_differing_constraints", len(figures.constraints_differing), figures.constraints),
        check("A-03_unlogged_migrations", len(figures.migrations_unlogged), figures.migrations),
        check("A-03_failed_migrations", len(figures.migrations_failed), figures.migrations),
    ]


@frozen(kw_only=True)
class ReferenceFigures:
    """Batch B. ``…_wrong``: codes that are missing, unknown to the domain or (channels) switched off, each by name."""

    channels: int
    channels_wrong: Sequence[str]
    codes: int
    codes_wrong: Sequence[str]
    worded_rows: int
    unknown_words: Sequence[str]  # ``table.column=word (n rows)``
    unknown_word_rows: int


def reference_checks(figures: ReferenceFigures) -> list[Check]:
    """B-01: the channels. B-02: the vocabularies. B-03: rows speak no other words, where no constraint sees to it."""
    return [
        check("B-01_channel_registry", len(figures.channels_wrong), figures.channels),
        check("B-02_vocabularies", len(figures.codes_wrong), figures.codes),
        check("B-03_unknown_words", figures.unknown_word_rows, figures.worded_rows),
    ]


@frozen(kw_only=True)
class CatalogFigures:
    """Batch C. A dangling reference leads to a product or variant that is not there; no foreign key forbids it."""

    products: int
    variants: int
    product_orphans: int
    variant_orphans: int
    dangling_references: int
    unmapped: int
    variants_with_rate: int

    @property
    def entities(self) -> int:
        return self.products + self.variants

    @property
    def orphans(self) -> int:
        return self.product_orphans + self.variant_orphans + self.dangling_references

    @property
    def orphan_percent(self) -> Decimal | None:
        return ratio(self.orphans, self.entities, scale=100, digits=2)

    @property
    def unmapped_percent(self) -> Decimal | None:
        return ratio(self.unmapped, self.entities, scale=100, digits=2)

    @property
    def coverage_percent(self) -> Decimal | None:
        """Rounded down, so that one variant of a million without a rate is seen."""
        if not self.variants:
            return None
        return Decimal(self.variants_with_rate * 10_000 // self.variants) / 100


def catalog_checks(
    figures: CatalogFigures, *, max_orphan_percent: Decimal, max_unmapped_percent: Decimal
) -> list[Check]:
    """C-01: nothing hangs loose. C-02: little is unmapped. C-03: every variant has a price."""
    return [
        check("C-01_orphan_ratio_percent", figures.orphan_percent, figures.entities, max_orphan_percent),
        check("C-02_unmapped_ratio_percent", figures.unmapped_percent, figures.entities, max_unmapped_percent),
        check("C-03_variant_active_rate_coverage", figures.coverage_percent, figures.variants),
    ]


@frozen(kw_only=True)
class BookingFigures:
    """Batch D, and G-01. Twins differ in case or white space at most.

    ``two_names``: a booking's own name that is another one's other name: one order there twice, and no index sees it.
    """

    bookings: int
    duplicate_groups: int
    duplicate_excess: int
    null_identities: int
    package_type_null: int
    package_dangling: int  # a catalog reference that leads nowhere, or a legacy one that leads somewhere
    pax_mismatches: int
    two_names: int

    @property
    def pax_percent(self) -> Decimal | None:
        return ratio(self.pax_mismatches, self.bookings, scale=100, digits=2)


def booking_checks(figures: BookingFigures, *, max_pax_percent: Decimal) -> list[Check]:
    """D-01 to D-04."""
    rows, packages = figures.bookings, figures.package_type_null + figures.package_dangling
    return [
        check("D-01_duplicate_booking_identity", figures.duplicate_excess, rows),
        check("D-02_null_critical_identity", figures.null_identities, rows),
        check("D-03_pax_mismatch_ratio_percent", figures.pax_percent, rows, max_pax_percent),
        check("D-04_package_ref_type_completeness", packages, rows),
    ]


def duplicate_booking_checks(figures: BookingFigures) -> list[Check]:
    """G-01: as D-01, and no booking is there under two names."""
    return [
        check("G-01_duplicate_booking_identity", figures.duplicate_excess, figures.bookings),
        check("G-01_bookings_under_two_names", figures.two_names, figures.bookings),
    ]


@frozen(kw_only=True)
class MoneyFigures:
    """Batch E. An orphan has no booking, or no fact behind it. The sample is of DIRECT payments, looked up in the shop."""

    orphans: int
    payments: int
    done: int
    done_not_paid: int
    direct_payments: int
    sampled: int
    matched: int

    @property
    def done_not_paid_percent(self) -> Decimal:
        """None DONE: nothing is wrong."""
        return ratio(self.done_not_paid, self.done, scale=100, digits=4) or Decimal(0)

    @property
    def accuracy_percent(self) -> Decimal:
        """None sampled: there is no DIRECT payment, and nothing is wrong."""
        return ratio(self.matched, self.sampled, scale=100, digits=2) or Decimal(0 if self.sampled else 100)


def money_checks(figures: MoneyFigures, *, max_done_not_paid_percent: Decimal) -> list[Check]:
    """E-01 to E-03."""
    accuracy = "E-03_sample_audit_payment_direct_accuracy_percent"
    done = "E-02_ops_done_not_paid_ratio_percent"
    return [
        check("E-01_orphan_payment_event", figures.orphans, figures.payments),
        check(done, figures.done_not_paid_percent, figures.done, max_done_not_paid_percent),
        check(accuracy, figures.accuracy_percent, figures.sampled),
    ]


@frozen(kw_only=True)
class BatchFigures:
    """What became of the rows that a batch read. ``lost``: neither moved in nor listed by name with a reason.

    ``disagreeing``: rows of the batch here that cannot be right (no identity, there twice, payments without a fact).
    """

    batch: str
    rows: int
    moved: int
    listed: int
    lost: int
    disagreeing: int = 0

    @property
    def mismatch_ratio(self) -> Decimal:
        """Of the rows that were there to move; with none of them any disagreement is all."""
        wrong = self.lost + self.disagreeing
        found = ratio(wrong, self.rows, digits=6)
        return Decimal(min(wrong, 1)) if found is None else found


def batch_checks(batches: Sequence[BatchFigures], *, max_ratio: Decimal) -> list[Check]:
    """G-02, a check a batch. What is listed by name is no mismatch: C-02 and E-02 judge how much that may be."""
    threshold = evolve(THRESHOLDS["G-02_batch_mismatch_ratio"], limit=max_ratio)
    return [
        Check(
            name=f"G-02_batch_{each.batch}_mismatch_ratio",
            threshold=threshold,
            measured=each.mismatch_ratio,
            samples=each.rows,
        )
        for each in batches
    ]


def check(name: str, measured: Decimal | int | None, samples: int, limit: Decimal | None = None) -> Check:
    """A measurement against the threshold of that name, or that limit in its place."""
    threshold = THRESHOLDS[name]
    return Check(
        name=name,
        threshold=threshold if limit is None else evolve(threshold, limit=limit),
        measured=None if measured is None else Decimal(measured),
        samples=samples,
    )
