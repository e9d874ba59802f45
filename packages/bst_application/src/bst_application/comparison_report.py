"""What a comparison came to: every figure that a report shows, and whether all agrees."""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from attrs import define, field, frozen

from bst_application.ports.comparing import Figures, LastRun, RowsAccounted
from bst_application.use_cases.bisect import Bisected
from bst_domain.migration import Difference, LegacySystem, MigrationException


@frozen(kw_only=True)
class ReportCheck:
    """One check, as reports show it."""

    name: str
    passed: bool
    detail: str


@define
class FieldCount:
    """Of bookings that were looked at field by field: how often a field was compared, and what of it differed."""

    compared: int = 0
    explained: int = 0
    differing: int = 0


@define
class Derivation:
    """What looking at bookings one by one came to. ``shift``: by currency, what is stored beyond what must be."""

    bookings: int = 0
    sampled: int = 0
    sampled_differing: int = 0
    rejected: int = 0
    told_twice: set[int] = field(factory=set)  # payments
    differences: list[Difference] = field(factory=list)
    touched: set[UUID] = field(factory=set)  # bookings that differ in anything
    fields: dict[str, FieldCount] = field(factory=dict)
    shift: Counter[str] = field(factory=Counter)
    shifted_bookings: Counter[str] = field(factory=Counter)


@frozen(kw_only=True)
class PaymentsAccounted:
    """What became of the shop's payments. ``told_twice`` are reported by another row, too, or by a live event since."""

    rows: int
    linked: int
    told_twice: int
    orphans: int
    rejected: int
    unexplained: int


@frozen(kw_only=True)
class TotalCompared:
    """The money of one currency. ``must_be`` is what is here less what the differences come to."""

    currency: str
    bookings: int
    here: Decimal
    must_be: Decimal


@frozen(kw_only=True)
class ComparisonReport:
    """``why_all``: why every booking was derived anew, where digests could not be relied on; None: they could.

    ``catalog``: by entity how many there must be and how many there are; of batch C alone.
    """

    batch: str
    started_at: datetime
    ended_at: datetime
    as_of: datetime
    seed: int
    why_all: str | None
    last_run: LastRun | None
    rows: Mapping[LegacySystem, RowsAccounted]
    payments: PaymentsAccounted | None
    bisected: Mapping[str, Bisected]
    derivation: Derivation
    figures: Figures | None
    totals: Sequence[TotalCompared]
    catalog: Mapping[str, tuple[int, int]]
    queued: Mapping[str, Mapping[str, int]]
    exceptions: Sequence[MigrationException]
    checks: Sequence[ReportCheck]

    @property
    def passed(self) -> bool:
        """Whether everything agrees, or somebody here said otherwise."""
        return all(check.passed for check in self.checks)

    @property
    def faults(self) -> list[Difference]:
        """Differences that nobody explains."""
        return [difference for difference in self.derivation.differences if difference.explained is None]

    @property
    def explained(self) -> list[Difference]:
        """Differences that somebody's later word explains."""
        return [difference for difference in self.derivation.differences if difference.explained is not None]
