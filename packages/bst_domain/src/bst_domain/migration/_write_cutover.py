"""Dual writes as callers report them: whether both systems came to the same, and what a window of reports comes to.

Source of the rules: predecessor rules 13, "write-cutover metrics", with defect 100 closed: what both systems made of a write is
compared, not only whether they took it, and a write that strict mode refused says nothing about agreement.
"""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from attrs import frozen

from bst_domain.migration._gates import ratio

RECENT_MISMATCHES = 20


class WriteOperation(StrEnum):
    """What the old admin writes through core."""

    PATCH = "BOOKING_PATCH"
    ASSIGN = "BOOKING_ASSIGN"
    UNASSIGN = "BOOKING_UNASSIGN"


class WriteAgreement(StrEnum):
    """What a reported write says about the two systems."""

    AGREED = "AGREED"
    DISAGREED = "DISAGREED"
    NOT_COMPARED = "NOT_COMPARED"  # one of them was not asked, or its answer is not known


@frozen(kw_only=True)
class ReportedWrite:
    """One dual write. ``core_outcome`` and ``legacy_outcome`` are what the booking came to in each system, by field, as far as
    the caller knows; success is None where it is not known."""

    operation: str
    actor_role: str | None
    booking_id: str | None
    core_attempted: bool
    core_success: bool | None
    core_status: int | None = None
    core_error: str | None = None
    core_outcome: Mapping[str, Any] | None = None
    strict_mode: bool = False
    fallback_used: bool = False
    legacy_attempted: bool = False
    legacy_success: bool | None = None
    legacy_error: str | None = None
    legacy_outcome: Mapping[str, Any] | None = None
    metadata: Mapping[str, Any] = {}

    @property
    def strict_rejected(self) -> bool:
        """Strict mode refused the write, so the old admin was not asked."""
        return self.strict_mode and self.core_attempted and not self.legacy_attempted

    @property
    def differing(self) -> tuple[str, ...]:
        """Fields that both name and that differ, in alphabetical order."""
        core, legacy = self.core_outcome or {}, self.legacy_outcome or {}
        return tuple(sorted(name for name in core.keys() & legacy.keys() if core[name] != legacy[name]))

    @property
    def agreement(self) -> WriteAgreement:
        """Both were asked and answered: the same success, and, where both succeeded, the same outcome."""
        if not (self.core_attempted and self.legacy_attempted):
            return WriteAgreement.NOT_COMPARED
        if self.core_success is None or self.legacy_success is None:
            return WriteAgreement.NOT_COMPARED
        same = self.core_success is self.legacy_success and not (self.core_success and self.differing)
        return WriteAgreement.AGREED if same else WriteAgreement.DISAGREED

    @property
    def mismatch(self) -> bool:
        return self.agreement is WriteAgreement.DISAGREED


@frozen(kw_only=True)
class TimedWrite:
    """A report as it is kept."""

    write_id: str
    at: datetime
    write: ReportedWrite


@frozen(kw_only=True)
class WriteCounts:
    """Of one operation, or of all. ``compared``: both were asked and their answers are known."""

    total: int
    core_attempted: int
    core_success: int
    core_failed: int
    fallback_used: int
    strict_rejected: int
    legacy_attempted: int
    legacy_success: int
    legacy_failed: int
    compared: int
    mismatch: int

    @property
    def mismatch_ratio(self) -> Decimal:
        """Of the writes that could be compared, six decimals; 0 of none, which the minimum of samples catches."""
        return ratio(self.mismatch, self.compared, digits=6) or Decimal(0)


@frozen(kw_only=True)
class WriteSummary:
    """A window of reports. Operations with the greatest ratio first; the newest mismatches first."""

    all: WriteCounts
    by_operation: Sequence[tuple[str, WriteCounts]]
    recent_mismatches: Sequence[TimedWrite]
    max_ratio: Decimal
    min_samples: int

    @property
    def has_enough_samples(self) -> bool:
        return self.all.compared >= self.min_samples

    @property
    def failures(self) -> tuple[str, ...]:
        """What is beyond the threshold, as sentences; too few samples is one, too."""
        found = []
        if not self.has_enough_samples:
            found.append(f"{self.all.compared} writes could be compared, {self.min_samples} are needed")
        if self.all.mismatch_ratio > self.max_ratio:
            found.append(f"mismatch ratio {self.all.mismatch_ratio} is above {self.max_ratio}")
        found += [
            f"{operation}: mismatch ratio {counts.mismatch_ratio} is above {self.max_ratio}"
            for operation, counts in self.by_operation
            if counts.mismatch_ratio > self.max_ratio
        ]
        return tuple(found)


def summarise_writes(writes: Iterable[TimedWrite], *, max_ratio: Decimal, min_samples: int) -> WriteSummary:
    """What the reports of a window come to, in whatever order they are given."""
    ordered = sorted(writes, key=lambda one: (one.at, one.write_id), reverse=True)
    operations = {one.write.operation for one in ordered}
    counted = [(name, _count([w.write for w in ordered if w.write.operation == name])) for name in sorted(operations)]
    counted.sort(key=lambda entry: (-entry[1].mismatch_ratio, entry[0]))
    return WriteSummary(
        all=_count([one.write for one in ordered]),
        by_operation=counted,
        recent_mismatches=[one for one in ordered if one.write.mismatch][:RECENT_MISMATCHES],
        max_ratio=max_ratio,
        min_samples=min_samples,
    )


def _count(writes: Sequence[ReportedWrite]) -> WriteCounts:
    core = [one for one in writes if one.core_attempted]
    legacy = [one for one in writes if one.legacy_attempted]
    return WriteCounts(
        total=len(writes),
        core_attempted=len(core),
        core_success=sum(one.core_success is True for one in core),
        core_failed=sum(one.core_success is False for one in core),
        fallback_used=sum(one.fallback_used for one in writes),
        strict_rejected=sum(one.strict_rejected for one in writes),
        legacy_attempted=len(legacy),
        legacy_success=sum(one.legacy_success is True for one in legacy),
        legacy_failed=sum(one.legacy_success is False for one in legacy),
        compared=sum(one.agreement is not WriteAgreement.NOT_COMPARED for one in writes),
        mismatch=sum(one.mismatch for one in writes),
    )
