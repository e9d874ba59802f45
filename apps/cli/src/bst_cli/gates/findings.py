"""What a gate comes to: findings with a verdict each, and the figures that readers of reports know by name."""

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from attrs import field, frozen

from bst_domain.gates import Check, Verdict


@frozen(kw_only=True)
class Finding:
    """One thing that was looked at. ``measured`` and ``threshold`` are texts for people; ``cure`` is for when it is not PASS."""

    name: str
    verdict: Verdict
    measured: str
    threshold: str
    detail: str
    cure: str


@frozen(kw_only=True)
class Judged:
    """A measured gate. ``lines`` are the keys for standard output, ``more`` further members of the report."""

    config: Mapping[str, Any]
    summary: Mapping[str, Any]
    findings: Sequence[Finding]
    lines: Mapping[str, object] = field(factory=dict)
    more: Mapping[str, Any] = field(factory=dict)

    @property
    def verdict(self) -> Verdict:
        """The worst of the findings; a gate that looked at nothing holds."""
        order = list(Verdict)
        return max((finding.verdict for finding in self.findings), key=order.index, default=Verdict.HOLD)

    @property
    def passed(self) -> bool:
        """Only PASS opens a gate: what could not be judged keeps it shut."""
        return self.verdict is Verdict.PASS


MEASURE_AGAIN = "Measure again when there is more to measure, or lower the minimum."


def judged_checks(checks: Iterable[Check], cures: Mapping[str, str]) -> list[Finding]:
    """Checks as findings. ``cures`` by the check's name; what holds has one of its own under ``name:HOLD``, or the usual one."""
    return [
        Finding(
            name=check.name,
            verdict=check.verdict,
            measured="nothing" if check.measured is None else f"{plain(check.measured)} {check.threshold.unit}",
            threshold=f"{check.threshold.bound} {plain(check.threshold.limit)} {check.threshold.unit}",
            detail=check.detail,
            cure=_cure(check, cures),
        )
        for check in checks
    ]


def _cure(check: Check, cures: Mapping[str, str]) -> str:
    match check.verdict:
        case Verdict.PASS:
            return ""
        case Verdict.HOLD:
            return cures.get(f"{check.name}:HOLD", MEASURE_AGAIN)
        case Verdict.FAIL:
            return cures[check.name]


def found(name: str, good: bool, *, measured: str, wanted: str, cure: str) -> Finding:
    """A finding that is a yes or a no."""
    verdict = Verdict.PASS if good else Verdict.FAIL
    detail = f"{measured} (must be: {wanted})"
    return Finding(name=name, verdict=verdict, measured=measured, threshold=wanted, detail=detail, cure=cure)


def plain(value: Decimal) -> str:
    """Without an exponent and without noughts at the end."""
    text = f"{value:f}"
    return text.rstrip("0").rstrip(".") if "." in text else text
