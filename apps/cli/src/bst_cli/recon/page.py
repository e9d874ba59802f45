"""A comparison as one page: verdict, figures, charts, and what differs. Offline, without scripts, everything escaped."""

from collections.abc import Iterable, Sequence
from html import escape

from bst_application.comparison_report import ComparisonReport
from bst_cli.recon.charts import Piece, bars, grid, stacked
from bst_cli.recon.document import exception_counts
from bst_cli.recon.markdown import how
from bst_cli.recon.style import CSS
from bst_domain.migration import Difference, LegacySystem
from bst_domain.values import FulfilmentStatus, format_instant

SHOWN = 200
#: What a reader may want to know of a list before they read it.
_EXPLAINED = (
    "Channels or operators have spoken since the legacy rows did, or time alone moved on. Nothing is wrong with these."
)
_LISTED = "Rows of the legacy databases that a person should look at. They were listed when the batch ran."


def page(report: ComparisonReport) -> str:
    """A whole HTML document."""
    verdict, tone = ("all agrees", "pass") if report.passed else ("something differs", "fail")
    sections = [
        _cards(report),
        _section("Checks", _checks(report)),
        _section("Where the rows went", _rows(report)),
        _section("Differences", _by_field(report) + _table(report.faults)),
        _section("Said here later", _note(_EXPLAINED) + _table(report.explained)) if report.explained else "",
        _section("Totals by currency", _totals(report)) if report.totals else "",
        _section("Statuses: the old admin's word, and ours", _drift(report)),
        _section("Listed by name", _exceptions(report)) if report.exceptions else "",
        _section("How it was compared", _how(report)),
    ]
    title = f"Reconciliation of batch {report.batch}"
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{title}: {verdict}</title><style>{CSS}</style></head><body><main>"
        f'<header class="{tone}"><h1>{title}: <span class="verdict">{verdict}</span></h1>'
        f'<div class="soft">{escape(format_instant(report.ended_at))} · as of {escape(format_instant(report.as_of))}</div>'
        f"</header>{''.join(sections)}</main></body></html>\n"
    )


def _section(title: str, body: str) -> str:
    return f"<section><h2>{escape(title)}</h2>{body}</section>" if body else ""


def _note(text: str) -> str:
    return f'<p class="soft">{escape(text)}</p>'


def _cards(report: ComparisonReport) -> str:
    faults, rows = len(report.faults), sum(of.rows for of in report.rows.values())
    cards: list[tuple[str, str, bool]] = [(f"{faults:,}", "differences", faults > 0)]
    cards.append((f"{len(report.explained):,}", "said here later", False))
    if report.figures is not None:
        cards.append((f"{report.figures.bookings:,}", "bookings moved in", False))
    if rows:
        lost = sum(of.unexplained for of in report.rows.values())
        cards.append(
            (f"{rows:,}", "legacy rows" + (f", {lost:,} unexplained" if lost else ", all explained"), lost > 0)
        )
    if report.payments is not None:
        cards.append((f"{report.payments.rows:,}", "legacy payments", report.payments.unexplained > 0))
    if report.catalog:
        cards.append((f"{sum(there for _, there in report.catalog.values()):,}", "catalog rows", False))
    cards.append((f"{len(report.exceptions):,}", "rows listed by name", False))
    made = (
        f'<div class="card{" bad" if bad else ""}"><b>{value}</b><span class="soft">{escape(label)}</span></div>'
        for value, label, bad in cards
    )
    return f'<div class="cards">{"".join(made)}</div>'


def _checks(report: ComparisonReport) -> str:
    rows = [
        (
            f'<td class="mark {"good" if c.passed else "bad"}">{"✓" if c.passed else "✗"}</td>'
            f"<td>{escape(c.name.replace('_', ' '))}</td><td class='soft'>{escape(c.detail)}</td>"
        )
        for c in report.checks
    ]
    return _html_table(("", "check", "counted"), rows)


def _rows(report: ComparisonReport) -> str:
    made: list[tuple[str, Sequence[Piece]]] = [
        (
            f"{system} bookings",
            [
                Piece("bookings", of.bookings, "good"),
                Piece("merged into them", of.moved - of.bookings, "quiet"),
                Piece("rejected by name", of.rejected, "warn"),
                Piece("unexplained", of.unexplained, "bad"),
            ],
        )
        for system, of in report.rows.items()
    ]
    if report.payments is not None:
        paid = report.payments
        pieces = [
            Piece("linked", paid.linked, "good"),
            Piece("told twice", paid.told_twice, "quiet"),
            Piece("orphans in the queue", paid.orphans, "warn"),
            Piece("rejected by name", paid.rejected, "warn"),
            Piece("unexplained", paid.unexplained, "bad"),
        ]
        made.append(("payments", pieces))
    made += [
        (entity.lower(), [Piece("here", there, "good"), Piece("of", max(0, must - there), "bad")])
        for entity, (must, there) in report.catalog.items()
    ]
    return stacked(made)


def _by_field(report: ComparisonReport) -> str:
    counted: dict[str, list[int]] = {}
    for one in report.derivation.differences:
        name = one.field if one.entity.lower() == one.field else f"{one.entity.lower()} {one.field}"
        counted.setdefault(name, [0, 0])[one.explained is not None] += 1
    rows = sorted(((name, wrong, said) for name, (wrong, said) in counted.items()), key=lambda r: (-r[1], -r[2], r[0]))
    return bars(rows[:20]) or _note("None: what is here is what the legacy databases come to.")


def _table(differences: Sequence[Difference]) -> str:
    if not differences:
        return ""
    rows = [
        f"<td>{escape(d.kind.replace('_', ' ').lower())}</td>"
        f"<td>{escape(d.name)}<br><small>{escape(d.entity.lower())} {escape(d.key)}</small></td><td>{escape(d.field)}</td>"
        f'<td class="value">{_value(d.expected)}</td><td class="value">{_value(d.found)}</td>'
        f"<td>{escape(d.explained or d.rule)}</td>"
        for d in differences[:SHOWN]
    ]
    left = len(differences) - SHOWN
    more = (
        f"The first {SHOWN} of {len(differences):,}; all are in"
        if left > 0
        else f"{len(differences):,} in all; also in"
    )
    head = ("kind", "what", "field", "must be", "is", "rule, or who said so")
    return f'{_html_table(head, rows)}<p class="soft">{more} <a href="differences.csv">differences.csv</a></p>'


def _value(value: str | None) -> str:
    if value is None:
        return '<span class="soft">nothing</span>'
    return escape(value if len(value) <= 300 else value[:300] + " …")


def _totals(report: ComparisonReport) -> str:
    rows = [
        f'<td>{escape(t.currency)}</td><td class="number">{t.bookings:,}</td><td class="number">{t.here:,}</td>'
        f'<td class="number">{t.must_be:,}</td><td class="number mark {"good" if t.here == t.must_be else "bad"}">'
        f"{t.here - t.must_be:+,}</td>"
        for t in report.totals
    ]
    return _html_table(("currency", "bookings", "here", "must be", "too much"), rows, numbers=True)


def _drift(report: ComparisonReport) -> str:
    if report.figures is None:
        return ""
    of = {(w, s): n for (system, w, s), n in report.figures.drift.items() if system is LegacySystem.ADMIN}
    order = [status.value for status in FulfilmentStatus]
    words = sorted({word for word, _ in of}, key=lambda w: (order.index(w) if w in order else len(order), w))
    columns = [status for status in order if any(here == status for _, here in of)]
    unexpected = sum(one.field == "opsFulfillmentStatus" for one in report.faults)
    moved = sum(n for (word, status), n in of.items() if word != status)
    due = report.figures.due_for_recompute
    said = (
        f"Of {sum(of.values()):,} rows, {moved:,} have another status here than the old admin stored, because the rules say so:"
        f" paid suppliers, the day in Bali, a row of the shop that is better proven. Unexpected: {unexpected:,}."
        + (f" {due:,} bookings wait for the scheduled recompute." if due else "")
    )
    return _note(said) + grid(of, words, columns)


def _exceptions(report: ComparisonReport) -> str:
    counts = exception_counts(report)
    chart = stacked([(kind, [Piece("rows", many, "warn")]) for kind, many in counts.items()])
    shown = report.exceptions[:SHOWN]
    rows = [
        f"<td>{escape(e.kind)}</td><td>{escape(str(e.row))}</td><td>{escape(e.channel)} {escape(e.ref)}</td>"
        f"<td>{escape(e.detail)}</td>"
        for e in shown
    ]
    left = len(report.exceptions) > SHOWN
    more = f"The first {SHOWN} of {len(report.exceptions):,}; all are in" if left else "Also in"
    listed = _html_table(("exception", "row", "booking", "detail"), rows)
    return f'{_note(_LISTED)}{chart}{listed}<p class="soft">{more} <a href="exceptions.csv">exceptions.csv</a></p>'


def _how(report: ComparisonReport) -> str:
    said = _note(how(report))
    if report.bisected:
        rows = [
            f'<td>{escape(side)}</td><td class="number">{b.ranges:,}</td><td class="number">{b.levels}</td>'
            f'<td class="number">{b.read:,}</td><td class="number">{len(b.found.all):,}</td>'
            for side, b in report.bisected.items()
        ]
        said += _html_table(
            ("side", "ranges digested", "levels", "ranges read", "keys that differ"), rows, numbers=True
        )
    took = (report.ended_at - report.started_at).total_seconds()
    return said + _note(f"It took {took:,.1f} s.")


def _html_table(head: Iterable[str], rows: Iterable[str], *, numbers: bool = False) -> str:
    names = "".join(
        f"<th{' class=number' if numbers and at else ''}>{escape(name)}</th>" for at, name in enumerate(head)
    )
    return f"<table><thead><tr>{names}</tr></thead><tbody>{''.join(f'<tr>{row}</tr>' for row in rows)}</tbody></table>"
