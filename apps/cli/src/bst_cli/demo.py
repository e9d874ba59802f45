"""``bst demo``: a sample day through the real signed door, and what became of it."""

import asyncio
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from attrs import frozen
from rich.console import Console
from rich.panel import Panel
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from bst_cli.reading import Api, differences
from bst_cli.sample import SampleDay, make_day
from bst_cli.sending import Outcome, in_order, read_lines, send_all
from bst_cli.stack import Running
from bst_cli.stop_flag import StopFlag
from bst_cli.trouble import Trouble
from bst_cli.wording import counted
from bst_emitter import Target

CONCURRENCY = 16
PROCESSED_WITHIN_S = 120.0
SHOWN_BOOKINGS = 3
SHOWN_FIELDS = ("tourDate", "adult", "totalPrice", "mainName", "mainEmail", "pickupLocation")


@frozen(kw_only=True)
class Report:
    """What the demo found. ``wrong`` names bookings that are not as they must be, and how."""

    outcome: Outcome
    bookings: list[dict[str, Any]]
    details: list[dict[str, Any]]
    wrong: dict[str, dict[str, Any]]
    expected: int
    latency_ms: dict[str, int]

    @property
    def is_right(self) -> bool:
        return not self.wrong and not self.outcome.refused and not self.outcome.given_up

    def as_json(self) -> dict[str, Any]:
        """For ``--json``."""
        return {
            **self.outcome.as_json(),
            "bookings": len(self.bookings),
            "byPaymentStatus": dict(_by(self.bookings, "customerPaymentStatus")),
            "byFulfilmentStatus": dict(_by(self.bookings, "opsFulfillmentStatus")),
            "expected": self.expected,
            "wrong": self.wrong,
            "processingMs": self.latency_ms,
        }


def play(up: Running, *, seed: int, bookings: int, console: Console, stop: StopFlag) -> Report:
    """Sends the day and looks at the result. Raises Trouble when ``stop`` is set meanwhile."""
    with tempfile.TemporaryDirectory(prefix="bst-day-") as folder:
        day = make_day(Path(folder), seed=seed, bookings=bookings)
        outcome = _send(day, up, console, stop)
    api = Api(up.url, up.tokens["CORE_API_ADMIN_TOKEN"])
    try:
        _wait(api, console, stop)
        found = {(b["channelCode"], b["externalBookingRef"]): b for b in api.bookings()}
        wrong = {}
        for want in day.expected:
            different = differences(want, found.get((want["channelCode"], want["externalBookingRef"])))
            if different:
                wrong[f"{want['channelCode']}:{want['externalBookingRef']}"] = different
        latencies = api.processing()["latenciesMs"]
        return Report(
            outcome=outcome,
            bookings=list(found.values()),
            details=[api.get(f"/v1/ops/bookings/{b['bookingKey']}")["data"] for b in _telling(list(found.values()))],
            wrong=wrong,
            expected=len(day.expected),
            latency_ms={"median": latencies["median"], "p95": latencies["p95"], "max": latencies["max"]},
        )
    finally:
        api.close()


def _send(day: SampleDay, up: Running, console: Console, stop: StopFlag) -> Outcome:
    lines = in_order(read_lines(day.deliveries), repeat=1, shuffle=None)
    target = Target(url=up.url, token=up.tokens["INGEST_SERVICE_TOKEN"], secret=up.tokens["INGEST_SERVICE_SECRET"])
    with progress_bar(console) as bar:
        task = bar.add_task("sending the sample day", total=len(lines))

        def advance() -> None:
            _go_on(stop)
            bar.update(task, advance=1, description="sending the sample day")

        def waiting(why: str) -> None:
            _go_on(stop)
            bar.update(task, description=f"sending, waiting: {why}")

        return asyncio.run(
            send_all(lines, target, concurrency=CONCURRENCY, rate=None, progress=advance, waiting=waiting)
        )


def _wait(api: Api, console: Console, stop: StopFlag) -> None:
    with progress_bar(console) as bar:
        task = bar.add_task("folding events", total=None)

        def show_progress(done: int, total: int) -> None:
            _go_on(stop)
            bar.update(task, completed=done, total=total)

        api.wait_until_processed(within_s=PROCESSED_WITHIN_S, progress=show_progress)


def _go_on(stop: StopFlag) -> None:
    if stop.is_set():
        raise Trouble("stopped before the day was over")


def progress_bar(console: Console) -> Progress:
    """The one look of a progress bar."""
    columns = (TextColumn("{task.description:<24}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def _telling(bookings: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """A few bookings that show something: one changed, one paid, one cancelled, where there are any."""
    chosen: list[dict[str, Any]] = []
    for member, word in (
        ("opsFulfillmentStatus", "UPDATED"),
        ("customerPaymentStatus", "PAID"),
        ("opsFulfillmentStatus", "CANCELLED"),
    ):
        chosen += [b for b in bookings if b[member] == word and b not in chosen][:1]
    return chosen or bookings[:SHOWN_BOOKINGS]


def _by(bookings: list[dict[str, Any]], member: str) -> Counter[str]:
    return Counter(booking[member] for booking in bookings)


def show(report: Report, console: Console) -> None:
    """The summary that a person reads."""
    outcome = report.outcome
    numbers = Table.grid(padding=(0, 2))
    numbers.add_column(justify="right", style="bold")
    numbers.add_column()
    numbers.add_row(str(outcome.sent), "deliveries, out of order and some of them several times")
    numbers.add_row(str(outcome.accepted), "accepted as new events")
    numbers.add_row(str(outcome.replayed), "recognised as repeats")
    if outcome.refused:
        numbers.add_row(str(outcome.refused.total()), f"refused: {dict(outcome.refused)}")
    numbers.add_row(str(len(report.bookings)), "bookings")
    numbers.add_row("", _counted("payment", _by(report.bookings, "customerPaymentStatus")))
    numbers.add_row("", _counted("fulfilment", _by(report.bookings, "opsFulfillmentStatus")))
    speed = round(outcome.sent / outcome.seconds) if outcome.seconds else 0
    if outcome.answer_times is not None:
        numbers.add_row("", f"{outcome.answer_times}, {speed} deliveries a second")
    numbers.add_row("", f"from receipt to booking {report.latency_ms['median']} ms (median)")
    console.print(Panel(numbers, title="The sample day", title_align="left", expand=False))
    for detail in report.details:
        console.print(_booking(detail))
    if report.is_right:
        console.print(f"[green]✓[/green] {report.expected} of {report.expected} bookings are exactly as they must be")
    for name, different in list(report.wrong.items())[:5]:
        console.print(
            f"[red]✗[/red] {name}: "
            + ", ".join(f"{k}: {v[0]!r} expected, {v[1]!r} shown" for k, v in different.items())
        )


def _counted(what: str, counts: Counter[str]) -> str:
    return f"{what}: " + ", ".join(f"{count} {status}" for status, count in counts.most_common())


def _booking(detail: dict[str, Any]) -> Table:
    table = Table(
        title=f"{detail['channelCode']}:{detail['externalBookingRef']}  "
        f"{detail['customerPaymentStatus']} · {detail['opsFulfillmentStatus']}",
        title_justify="left",
        title_style="bold",
    )
    table.add_column("field")
    table.add_column("value", overflow="fold")
    table.add_column("where it comes from", no_wrap=True)
    shown = {**detail, **detail["contact"]}
    for name in SHOWN_FIELDS:
        if name in detail["provenance"]:
            origin = detail["provenance"][name]
            value = shown[name] if name != "totalPrice" else f"{detail['totalPrice']} {detail['currency']}"
            table.add_row(name, str(value), f"{_moment(origin['eventTime'])}, event …{origin['eventId'][-8:]}")
    return table


def _moment(instant: str) -> str:
    return instant[:19].replace("T", " ")


def show_how_to_go_on(up: Running, report: Report, console: Console) -> None:
    """A line to copy for the next step."""
    token = up.tokens["CORE_API_ADMIN_TOKEN"]
    name = report.details[0]["bookingKey"] if report.details else ""
    console.print(f"API          {up.url}   (OpenAPI: {up.url}/schema/openapi.json)")
    console.print(f"admin token  {token}")
    console.print("try", style="bold")
    line = f"curl -s -H 'authorization: Bearer {token}' -H 'x-admin-role: ADMIN' {up.url}/v1/ops/bookings/{name}"
    console.print(line, soft_wrap=True, highlight=False, markup=False)


def require_right(report: Report) -> None:
    """Raises Trouble when anything is not as it must be."""
    if not report.is_right:
        raise Trouble(
            f"wrong: {counted(len(report.wrong), 'booking')}; refused:"
            f" {counted(report.outcome.refused.total(), 'delivery', 'deliveries')};"
            f" not accepted: {len(report.outcome.given_up)}"
        )
