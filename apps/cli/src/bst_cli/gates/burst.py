"""A burst of signed events, each sent once: how many are accepted, and how fast. Leaves its bookings ``LOAD-…`` behind."""

import asyncio
import json
from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from time import monotonic
from typing import Any
from uuid import uuid4

import click
import httpx
from attrs import define, field

from bst_cli.gates import report
from bst_cli.gates.carrying import RATIO, at_least, common_options, crashed, in_the_open, setting
from bst_cli.gates.findings import Judged, judged_checks
from bst_cli.gates.surroundings import Surroundings
from bst_cli.options import env_file_option
from bst_cli.sending import PATH, Line, signed_headers
from bst_cli.trouble import Trouble
from bst_domain.gates import Bound, Check, Threshold, ratio
from bst_domain.values import EventType, Source, format_instant
from bst_emitter import Target

RESULT = "LOAD_TEST_RESULT"
ID = "LOAD_INGEST_BURST"
FOLDER = "load/ingest"
TELL_EVERY = 100
CURES = {
    "LOAD_failure_rate": "The report's statuses say what was answered; 4xx: token, secret or flags; 5xx: the API's log.",
    "LOAD_latency_p95_ms": "See the database's commit time and the API's processors; GET /metrics has the histograms.",
}


@define
class _Seen:
    statuses: Counter[int] = field(factory=Counter)
    replays: int = 0
    network_errors: int = 0
    repeated: int = 0
    latencies_ms: list[float] = field(factory=list)

    def of_class(self, number: int) -> int:
        return sum(count for status, count in self.statuses.items() if status // 100 == number)

    def percentile_ms(self, share: float) -> float:
        """By nearest rank; 0 of none."""
        ordered = sorted(self.latencies_ms)
        return round(ordered[min(len(ordered) - 1, int(len(ordered) * share))], 1) if ordered else 0.0


def deliveries(total: int, duplicate_every: int, *, source: str, kind: str, now: str) -> list[Line]:
    """Events of bookings that nobody has; every so many-th is the one before once more."""
    run, lines = uuid4().hex[:8].upper(), list[Line]()
    for number in range(1, total + 1):
        if duplicate_every and lines and number % duplicate_every == 0:
            lines.append(lines[-1])
            continue
        booking = {"tourDate": "2031-05-01", "adult": 2, "currency": "USD", "totalPrice": 100}
        said = {
            "payloadVersion": "v1",
            "eventType": kind,
            "eventTime": now,
            "source": source,
            "externalBookingRef": f"LOAD-{run}-{number}",
            "booking": booking if kind == EventType.CREATED else {},
        }
        lines.append(Line(number=number, key=f"load-{run}-{number}", body=json.dumps(said).encode()))
    return lines


async def measure(around: Surroundings, given: Mapping[str, Any]) -> Judged:
    """Sends everything, each delivery once: a producer's retries would hide what failed."""
    producer, total = around.producer(), given["total_requests"]
    lines = deliveries(
        total,
        given["duplicate_every"],
        source=given["source"],
        kind=given["event_type"],
        now=format_instant(around.now()),
    )
    seen, pending, begun = _Seen(), iter(lines), monotonic()
    seen.repeated = len(lines) - len({line.key for line in lines})
    async with around.api() as api:
        target = Target(url=str(api.http.base_url), token=producer.token, secret=producer.secret)

        async def sender() -> None:
            for line in pending:
                await _send(api.http, target, line, seen, within_s=given["request_timeout_ms"] / 1000)
                if (done := len(seen.latencies_ms)) % TELL_EVERY == 0 or done == total:
                    around.tell(f"progress={done}/{total}")
                    around.progress(done / total, "sending")

        await asyncio.gather(*(sender() for _ in range(given["concurrency"])))
    seconds = monotonic() - begun
    accepted = seen.statuses[httpx.codes.ACCEPTED]
    figures = {
        "totalRequests": total,
        "success202": accepted,
        "status4xx": seen.of_class(4),
        "status5xx": seen.of_class(5),
        "networkErrors": seen.network_errors,
        "duplicateRequests": seen.repeated,
        "idempotentReplay": seen.replays,
        "latencyP50Ms": seen.percentile_ms(0.5),
        "latencyP95Ms": seen.percentile_ms(0.95),
        "throughputRps": round(total / seconds, 2),
        "failureRate": ratio(total - accepted, total, digits=6),
        "statuses": {str(status): count for status, count in sorted(seen.statuses.items())},
    }
    few = Threshold(Bound.AT_MOST, Decimal(str(given["max_failure_rate"])), "ratio", 1)
    checks = [Check(name="LOAD_failure_rate", threshold=few, measured=figures["failureRate"], samples=total)]
    if given["max_p95_ms"] is not None:
        soon = Threshold(Bound.AT_MOST, Decimal(given["max_p95_ms"]), "ms", 1)
        p95 = Decimal(str(figures["latencyP95Ms"]))
        checks.append(Check(name="LOAD_latency_p95_ms", threshold=soon, measured=p95, samples=total))
    return Judged(
        config=dict(given),
        summary=figures,
        findings=judged_checks(checks, CURES),
        lines={KEYS[name]: value for name, value in figures.items() if name in KEYS},
    )


async def _send(http: httpx.AsyncClient, target: Target, line: Line, seen: _Seen, *, within_s: float) -> None:
    begun = monotonic()
    try:
        answer = await http.post(PATH, content=line.body, headers=signed_headers(target, line), timeout=within_s)
    except httpx.HTTPError:
        seen.network_errors += 1
    else:
        seen.statuses[answer.status_code] += 1
        if answer.status_code == httpx.codes.ACCEPTED and answer.json()["data"]["idempotentReplay"]:
            seen.replays += 1
    seen.latencies_ms.append((monotonic() - begun) * 1000)


def _run(url: str | None, data_dir: Path, reports: Path, as_json: bool, **given: Any) -> None:
    async def once() -> tuple[Judged, datetime, datetime]:
        async with in_the_open(url, data_dir, as_json=as_json) as around:
            started = around.now()
            return await measure(around, given), started, around.now()

    try:
        judged, started, ended = asyncio.run(once())
        said = report.document(ID, judged, started=started, ended=ended)
        page = report.page("Ingest burst", judged, started=started, ended=ended)
        written = report.write(reports, FOLDER, said, page, ended=ended)
    except Trouble as trouble:
        raise crashed(RESULT, trouble) from trouble
    if as_json:
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
    else:
        report.say_lines({RESULT: said["result"], **judged.lines, "REPORT_JSON": written.json_path})
    report.say_failures(judged.findings)
    if not judged.passed:
        raise click.exceptions.Exit(1)


#: Figure -> its key on standard output.
KEYS = {
    "totalRequests": "TOTAL_REQUESTS",
    "success202": "SUCCESS_202",
    "status4xx": "STATUS_4XX",
    "status5xx": "STATUS_5XX",
    "networkErrors": "NETWORK_ERRORS",
    "duplicateRequests": "DUPLICATE_REQUESTS",
    "idempotentReplay": "IDEMPOTENT_REPLAY",
    "latencyP50Ms": "LATENCY_P50_MS",
    "latencyP95Ms": "LATENCY_P95_MS",
    "throughputRps": "THROUGHPUT_RPS",
}
command = env_file_option(
    click.Command(
        "ingest",
        callback=_run,
        help="A burst of signed events, each sent once. Leaves its bookings LOAD-... behind.",
        params=[
            setting("total-requests", "LOAD_TOTAL_REQUESTS", at_least(1), 500, "Deliveries in all."),
            setting("concurrency", "LOAD_CONCURRENCY", click.IntRange(1, 1000), 20, "Deliveries at a time."),
            setting(
                "duplicate-every", "LOAD_DUPLICATE_EVERY", at_least(0), 0, "Every so many-th is a repeat; 0: none."
            ),
            setting("request-timeout-ms", "LOAD_REQUEST_TIMEOUT_MS", at_least(1000), 15000, "Longest time of one."),
            setting("source", "LOAD_SOURCE", click.Choice([one.value for one in Source]), "DIRECT", "Of the events."),
            setting(
                "event-type",
                "LOAD_EVENT_TYPE",
                click.Choice([one.value for one in EventType]),
                "CREATED",
                "Of the events.",
            ),
            setting("max-failure-rate", "LOAD_MAX_FAILURE_RATE", RATIO, 0.01, "Other answers than 202, and none."),
            setting("max-p95-ms", "LOAD_MAX_P95_MS", at_least(1), None, "Slowest but 5 %."),
            *common_options(),
        ],
    )
)
