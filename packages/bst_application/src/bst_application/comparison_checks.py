"""The checks that a comparison must pass, and the money of each currency."""

from collections.abc import Mapping, Sequence
from decimal import Decimal

from bst_application.comparison_report import Derivation, PaymentsAccounted, ReportCheck, TotalCompared
from bst_application.ports.comparing import Figures, LastRun, Part, RowsAccounted
from bst_domain.migration import Difference, DifferenceKind, LegacySystem, unexplained


def totals_of(figures: Figures, derivation: Derivation) -> list[TotalCompared]:
    """By currency what is here, and what it must be: that less what the differences that nobody explains come to."""
    here = {each.currency or "(none)": each for each in figures.totals}
    found = []
    for currency in sorted({*here, *derivation.shift}):
        known = here.get(currency)
        total = Decimal(0) if known is None else known.total
        beyond = Decimal(derivation.shift[currency]).scaleb(-2)
        bookings = 0 if known is None else known.bookings
        found.append(TotalCompared(currency=currency, bookings=bookings, here=total, must_be=total - beyond))
    return found


def checks_of(
    *,
    part: Part,
    last: LastRun | None,
    rows: Mapping[LegacySystem, RowsAccounted],
    payments: PaymentsAccounted | None,
    derivation: Derivation,
    figures: Figures,
    totals: Sequence[TotalCompared],
) -> list[ReportCheck]:
    """In the order of a report."""
    faults = unexplained(derivation.differences)
    checks = [_run_check(last)]
    for system, of in rows.items():
        detail = f"rows={of.rows} moved={of.moved} bookings={of.bookings} rejected={of.rejected} unexplained={of.unexplained}"
        checks.append(ReportCheck(name=f"row_count_parity_{system}", passed=of.unexplained == 0, detail=detail))
    checks.append(
        ReportCheck(name="duplicates", passed=figures.duplicates == 0, detail=f"rows={figures.duplicates} expected=0")
    )
    orphans = sum(figures.orphans.values())
    named = " ".join(f"{name.replace(' ', '_')}={many}" for name, many in figures.orphans.items())
    checks.append(ReportCheck(name="orphans", passed=orphans == 0, detail=named))
    checks += _difference_checks(faults)
    sampled = f"sampled={derivation.sampled} differing={derivation.sampled_differing}"
    checks.append(ReportCheck(name="sample", passed=derivation.sampled_differing == 0, detail=sampled))
    if part is Part.BODY:
        off = [each for each in totals if each.here != each.must_be]
        detail = (
            " ".join(f"{t.currency}={t.here} must_be={t.must_be}" for t in off) or f"currencies={len(totals)} all equal"
        )
        checks.append(ReportCheck(name="totals_by_currency", passed=not off, detail=detail))
        pax = sum(fault.field in {"adult", "child", "infant", "party"} for fault in faults)
        detail = f"differing={pax} adults={figures.adults} children={figures.children} infants={figures.infants}"
        checks.append(ReportCheck(name="pax", passed=pax == 0, detail=detail))
    else:
        drift = sum(fault.field == "opsFulfillmentStatus" for fault in faults)
        admin = {(w, s): n for (system, w, s), n in figures.drift.items() if system is LegacySystem.ADMIN}
        moved = sum(many for (word, status), many in admin.items() if word != status)
        checks.append(
            ReportCheck(
                name="status_drift",
                passed=drift == 0,
                detail=f"unexpected={drift} expected={moved - drift} of={sum(admin.values())}",
            )
        )
    if payments is not None:
        detail = (
            f"rows={payments.rows} linked={payments.linked} told_twice={payments.told_twice} orphans={payments.orphans}"
            f" rejected={payments.rejected} unexplained={payments.unexplained}"
        )
        checks.append(ReportCheck(name="payment_linkage", passed=payments.unexplained == 0, detail=detail))
    return checks


def catalog_checks(
    last: LastRun | None, counts: Mapping[str, tuple[int, int]], differences: Sequence[Difference]
) -> list[ReportCheck]:
    """Of batch C."""
    faults = unexplained(differences)
    checks = [_run_check(last)]
    for entity, (must, there) in counts.items():
        wrong = sum(fault.entity == entity and fault.kind is not DifferenceKind.FIELD_DIFFERS for fault in faults)
        checks.append(
            ReportCheck(
                name=f"row_count_parity_{entity.lower()}", passed=wrong == 0, detail=f"expected={must} here={there}"
            )
        )
    return [*checks, *_difference_checks(faults)]


def _run_check(last: LastRun | None) -> ReportCheck:
    status = "there was none" if last is None else last.status
    return ReportCheck(name="last_run", passed=status == "SUCCEEDED", detail=status)


def _difference_checks(faults: Sequence[Difference]) -> list[ReportCheck]:
    return [
        ReportCheck(name=name, passed=many == 0, detail=f"rows={many} expected=0")
        for name, kind in (
            ("missing_here", DifferenceKind.MISSING_HERE),
            ("unexpected_here", DifferenceKind.UNEXPECTED_HERE),
            ("field_differs", DifferenceKind.FIELD_DIFFERS),
        )
        for many in [sum(fault.kind is kind for fault in faults)]
    ]
