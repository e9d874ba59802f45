"""A comparison as JSON, and its lists as CSV: everything that the page shows, for machines."""

import csv
import io
from collections.abc import Iterable, Sequence
from typing import Any

from bst_application.comparison_report import ComparisonReport
from bst_domain.migration import Difference
from bst_domain.values import format_instant

#: Differences that the JSON holds; the CSV has all.
MOST_IN_JSON = 1000


def document(report: ComparisonReport) -> dict[str, Any]:
    """The members that readers of reports know first, then the figures."""
    return {
        "gate": f"RECONCILIATION_BATCH_{report.batch}",
        "batchCode": report.batch,
        "startedAt": format_instant(report.started_at),
        "endedAt": format_instant(report.ended_at),
        "asOf": format_instant(report.as_of),
        "result": "PASS" if report.passed else "FAIL",
        "checks": [{"name": c.name, "passed": c.passed, "detail": c.detail} for c in report.checks],
        "metrics": _metrics(report),
        "comparison": {
            "seed": report.seed,
            "everyBookingDerived": report.why_all,
            "bookingsDerived": report.derivation.bookings,
            "sampledBookings": report.derivation.sampled,
            "sampledBookingsDiffering": report.derivation.sampled_differing,
            "digests": {
                side: {"ranges": b.ranges, "levels": b.levels, "rangesRead": b.read, "keysDiffering": len(b.found.all)}
                for side, b in report.bisected.items()
            },
        },
        "fields": {
            name: {"compared": c.compared, "differing": c.differing, "explained": c.explained}
            for name, c in sorted(report.derivation.fields.items())
        },
        "differences": [_difference(one) for one in report.faults[:MOST_IN_JSON]],
        "explained": [_difference(one) for one in report.explained[:MOST_IN_JSON]],
        "exceptions": exception_counts(report),
        "unmappedQueue": report.queued,
    }


def _metrics(report: ComparisonReport) -> dict[str, Any]:
    figures, payments = report.figures, report.payments
    said: dict[str, Any] = {
        "differences": len(report.faults),
        "explainedDifferences": len(report.explained),
        "sources": {
            system.value: {
                "rows": of.rows,
                "moved": of.moved,
                "bookings": of.bookings,
                "merged": of.moved - of.bookings,
                "rejected": of.rejected,
                "unexplained": of.unexplained,
            }
            for system, of in report.rows.items()
        },
        "catalog": {entity: {"expected": must, "here": there} for entity, (must, there) in report.catalog.items()},
        "totals": [
            {"currency": t.currency, "bookings": t.bookings, "here": str(t.here), "mustBe": str(t.must_be)}
            for t in report.totals
        ],
    }
    if payments is not None:
        said["payments"] = {
            "rows": payments.rows,
            "linked": payments.linked,
            "toldTwice": payments.told_twice,
            "orphans": payments.orphans,
            "rejected": payments.rejected,
            "unexplained": payments.unexplained,
        }
    if figures is not None:
        said |= {
            "bookings": figures.bookings,
            "liveOnlyBookings": figures.live_only,
            "pax": {"adults": figures.adults, "children": figures.children, "infants": figures.infants},
            "paxHeaderVersusItems": {
                "header": figures.header_pax,
                "items": figures.item_pax,
                "bookingsDiffering": figures.pax_mismatches,
            },
            "duplicates": figures.duplicates,
            "orphans": figures.orphans,
            "dueForRecompute": figures.due_for_recompute,
            "statusDrift": [
                {"system": system.value, "stored": word, "here": status, "rows": many}
                for (system, word, status), many in sorted(figures.drift.items())
            ],
        }
    return said


def exception_counts(report: ComparisonReport) -> dict[str, int]:
    """Listed exceptions by kind."""
    counts: dict[str, int] = {}
    for one in report.exceptions:
        counts[one.kind.value] = counts.get(one.kind.value, 0) + 1
    return counts


DIFFERENCE_COLUMNS = ("kind", "entity", "key", "name", "field", "expected", "found", "rule", "explained")
EXCEPTION_COLUMNS = ("exception", "row", "channel", "ref", "detail")


def differences_csv(differences: Iterable[Difference]) -> str:
    """One line each; nothing is an empty cell."""
    return _csv(DIFFERENCE_COLUMNS, ([_difference(one)[name] for name in DIFFERENCE_COLUMNS] for one in differences))


def exceptions_csv(report: ComparisonReport) -> str:
    """The rows that a person should look at, by name."""
    return _csv(EXCEPTION_COLUMNS, ([e.kind.value, str(e.row), e.channel, e.ref, e.detail] for e in report.exceptions))


def _csv(columns: Sequence[str], rows: Iterable[Sequence[str | None]]) -> str:
    text = io.StringIO()
    lines = csv.writer(text, lineterminator="\n")
    lines.writerow(columns)
    lines.writerows(rows)
    return text.getvalue()


def _difference(one: Difference) -> dict[str, str | None]:
    return {
        "kind": one.kind.value,
        "entity": one.entity,
        "key": one.key,
        "name": one.name,
        "field": one.field,
        "expected": one.expected,
        "found": one.found,
        "rule": one.rule,
        "explained": one.explained,
    }
