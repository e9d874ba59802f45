"""A comparison for people who read text."""

from bst_application.comparison_report import ComparisonReport
from bst_cli.gates.report import table
from bst_cli.recon.document import exception_counts
from bst_domain.migration import Difference
from bst_domain.values import format_instant

SHOWN = 50


def markdown(report: ComparisonReport) -> str:
    """The verdict first, then each check, then what differs."""
    verdict = "PASS" if report.passed else "FAIL"
    lines = [f"# Reconciliation of batch {report.batch}: {verdict}", ""]
    when = f"{format_instant(report.started_at)} to {format_instant(report.ended_at)}"
    lines += [f"Compared from {when}, as of {format_instant(report.as_of)}. {how(report)}", ""]
    lines += table(
        ("check", "result", "counted"), [(c.name, "PASS" if c.passed else "FAIL", c.detail) for c in report.checks]
    )
    lines += _sources(report)
    if report.totals:
        rows = [(t.currency, t.bookings, t.here, t.must_be, t.here - t.must_be) for t in report.totals]
        lines += ["", "## Totals", "", *table(("currency", "bookings", "here", "must be", "too much"), rows)]
    lines += _listed("Differences", report.faults, "differences.csv")
    lines += _listed("Said here later: no fault", report.explained, "differences.csv")
    if report.exceptions:
        counts = list(exception_counts(report).items())
        lines += ["", "## Listed by name", "", *table(("exception", "rows"), counts), "", "All: exceptions.csv"]
    return "\n".join(lines) + "\n"


def how(report: ComparisonReport) -> str:
    """How the bookings were compared, in a sentence or two."""
    looked = (
        f"{report.derivation.bookings:,} bookings were derived anew from their legacy rows and compared field by field"
    )
    if report.batch == "C":
        return "Both legacy catalogs were bridged anew and compared row by row."
    if report.why_all is not None:
        return f"All {looked}, because: {report.why_all}."
    return (
        f"Digests of key ranges told what has changed on either side since back-fill; {looked}: those, what somebody spoke of"
        f" here, and a sample (seed {report.seed})."
    )


def _sources(report: ComparisonReport) -> list[str]:
    lines: list[str] = []
    if report.rows:
        rows = [
            (system, of.rows, of.bookings, of.moved - of.bookings, of.rejected, of.unexplained)
            for system, of in report.rows.items()
        ]
        head = ("source", "rows", "bookings", "merged into them", "rejected by name", "unexplained")
        lines += ["", "## Rows", "", *table(head, rows)]
    if report.catalog:
        rows_of = [(entity, must, there) for entity, (must, there) in report.catalog.items()]
        lines += ["", "## Rows", "", *table(("entity", "must be", "here"), rows_of)]
    if report.payments is not None:
        of = report.payments
        names = ("payments", "linked", "told twice", "orphans in the queue", "rejected by name", "unexplained")
        lines += [
            "",
            "## Payments",
            "",
            *table(names, [(of.rows, of.linked, of.told_twice, of.orphans, of.rejected, of.unexplained)]),
        ]
    return lines


def _listed(title: str, differences: list[Difference], file: str) -> list[str]:
    if not differences:
        return []
    rows: list[tuple[object, ...]] = [
        (d.kind, d.name, d.field, d.expected or "", d.found or "", d.explained or d.rule, d.key)
        for d in differences[:SHOWN]
    ]
    head = ("kind", "what", "field", "must be", "is", "rule, or who said so", "key")
    more = [] if len(differences) <= SHOWN else ["", f"The first {SHOWN} of {len(differences):,}; all: {file}"]
    return ["", f"## {title} ({len(differences):,})", "", *table(head, rows), *more]
