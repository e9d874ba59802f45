"""F-03: after a peak, dead letters do not pile up. Watched for a while, and interrupted at will."""

from datetime import datetime
from decimal import Decimal
from functools import partial
from typing import Any

import click
from attrs import define, field

from bst_cli.gates.carrying import Gate, Given, as_command, at_least, own_or_shared, setting, within_ms
from bst_cli.gates.findings import Judged, judged_checks
from bst_cli.gates.surroundings import Api, Surroundings
from bst_cli.trouble import Trouble
from bst_domain.gates import GrowthFigures, GrowthLimits, growth_checks
from bst_domain.lifecycles import DeadLetterStatus
from bst_domain.values import format_instant

QUEUE = "/v1/ingest/metrics/queue"
LETTERS = "/v1/ingest/dead-letter"
PAGE = 200
_QUEUE_CURE = "See that Redis and the workers run; accepted events wait in the log meanwhile and are not lost."
CURES = {
    "F-03_dlq_growth_per_hour": "GET /v1/ingest/dead-letter/groups has the reasons: mend the cause, then `bst events replay`.",
    "F-03_observed_minutes:HOLD": "Let it run to its end, or set GATE_DLQ_WINDOW_MINUTES lower.",
    "F-03_dlq_growth_per_hour:HOLD": "Two looks at least must get an answer.",
    "F-03_fetch_errors": "The samples say what happened. See that API and queue are reachable for the whole window.",
    "F-03_queue_waiting": _QUEUE_CURE,
    "F-03_queue_failed": "Jobs whose handler raised: the workers' log has the errors.",
}


@define
class _Watch:
    """What the samples said so far."""

    samples: list[dict[str, Any]] = field(factory=list)
    since: str | None = None  # the API's own clock at the first good sample

    @property
    def good(self) -> list[dict[str, Any]]:
        return [sample for sample in self.samples if sample["ok"]]

    def most(self, name: str) -> int:
        """The largest of a figure; 0 of none."""
        return max((sample[name] for sample in self.good), default=0)


async def measure(around: Surroundings, given: Given) -> Judged:
    """Samples until the window ends or somebody interrupts; then counts what failed meanwhile, resolved or not."""
    statuses = statuses_of(given["include_statuses"])
    within = given["request_timeout_ms"]
    window_s, watch, failures = given["window_minutes"] * 60, _Watch(), 0
    begun = around.now()
    async with around.api() as api:
        while True:
            await _sample(api, watch, around, statuses, within)
            passed_s = (around.now() - begun).total_seconds()
            around.progress(passed_s / window_s, f"{len(watch.samples)} samples")
            if passed_s >= window_s:
                break
            if await around.pause(min(given["sample_interval_seconds"], window_s - passed_s)):
                break
        if watch.since is not None:
            try:
                failures = await _failures(api, watch.since, within)
            except Trouble as trouble:
                watch.samples.append(_bad(around.now(), trouble))
    good = watch.good
    figures = GrowthFigures(
        minutes=Decimal(str(round((around.now() - begun).total_seconds() / 60, 2))),
        good_samples=len(good),
        fetch_errors=len(watch.samples) - len(good),
        stock_growth=good[-1]["deadLetters"] - good[0]["deadLetters"] if good else 0,
        failures=failures,
        max_queue_waiting=watch.most("queueWaiting"),
        max_queue_failed=watch.most("queueFailed"),
    )
    limits = GrowthLimits(
        window_minutes=given["window_minutes"],
        max_growth_per_hour=Decimal(str(given["max_growth_per_hour"])),
        max_fetch_errors=given["max_fetch_errors"],
        max_queue_waiting=given["max_queue_waiting"],
        max_queue_failed=given["max_queue_failed"],
    )
    return Judged(
        config={
            "windowMinutes": limits.window_minutes,
            "sampleIntervalSeconds": given["sample_interval_seconds"],
            "maxGrowthPerHour": limits.max_growth_per_hour,
            "maxFetchErrors": limits.max_fetch_errors,
            "maxQueueWaiting": limits.max_queue_waiting,
            "maxQueueFailed": limits.max_queue_failed,
            "includeStatuses": statuses,
            "requestTimeoutMs": within,
        },
        summary={
            "dlqGrowthPerHour": figures.per_hour,
            "dlqStockGrowth": figures.stock_growth,
            "dlqFailures": figures.failures,
            "maxObservedQueueWaiting": figures.max_queue_waiting,
            "maxObservedQueueFailed": figures.max_queue_failed,
            "fetchErrors": figures.fetch_errors,
            "goodSamples": figures.good_samples,
            "observedMinutes": figures.minutes,
        },
        findings=judged_checks(growth_checks(figures, limits), CURES),
        lines={
            "DLQ_GROWTH_PER_HOUR": figures.per_hour if figures.per_hour is not None else "none",
            "QUEUE_WAITING_MAX": figures.max_queue_waiting,
        },
        more={"samples": watch.samples},
    )


async def _sample(api: Api, watch: _Watch, around: Surroundings, statuses: list[str], within: int) -> None:
    """One look. A queue that is on and does not answer is no good sample: its zeros mean nothing."""
    at = around.now()
    try:
        said = await api.envelope(QUEUE, within_ms=within)
        queue, letters = said["data"]["queue"], said["data"]["deadLetter"]["byStatus"]
        if queue["enabled"] and not queue["connected"]:
            raise Trouble(f"the queue does not answer: {queue['lastError']}")
    except Trouble as trouble:
        watch.samples.append(_bad(at, trouble))
        around.tell(f"sample_err at={format_instant(at)} error={trouble.what}")
        return
    watch.since = watch.since or said["meta"]["timestamp"]
    sample = {
        "at": format_instant(at),
        "ok": True,
        "deadLetters": sum(letters[status] for status in statuses),
        "queueWaiting": queue["waiting"],
        "queueFailed": queue["failed"],
    }
    watch.samples.append(sample)
    around.tell(
        f"sample_ok at={sample['at']} dead_letters={sample['deadLetters']} queue_waiting={sample['queueWaiting']}"
        f" queue_failed={sample['queueFailed']}"
    )


def _bad(at: datetime, trouble: Trouble) -> dict[str, Any]:
    return {"at": format_instant(at), "ok": False, "error": trouble.what}


async def _failures(api: Api, since: str, within: int) -> int:
    """Dead letters that came or failed again since then, whatever has become of them."""
    count, query = 0, {"from": since, "limit": str(PAGE)}
    while True:
        said = await api.envelope(LETTERS, within_ms=within, **query)
        count += len(said["data"])
        if said["meta"]["nextCursor"] is None:
            return count
        query = {**query, "cursor": said["meta"]["nextCursor"]}


def statuses_of(text: str) -> list[str]:
    """A comma list of statuses. Raises Trouble."""
    words = [word.strip().upper() for word in text.split(",") if word.strip()]
    known = [status.value for status in DeadLetterStatus]
    if not words or set(words) - set(known):
        raise Trouble(f"GATE_DLQ_INCLUDE_STATUSES={text} cannot be used", f"A comma list of {', '.join(known)}.")
    return words


_named = partial(own_or_shared, "DLQ")
_USUAL = GrowthLimits()
GATE = Gate(
    name="ingest-dlq-growth",
    id="F-03_DLQ_GROWTH_AFTER_PEAK",
    title="F-03 Dead letters after a peak",
    folder="gates/ingest-dlq-growth",
    help="F-03: watched for two hours, dead letters do not pile up. Ctrl-C writes what it has, and has not passed.",
    settings=[
        setting("window-minutes", _named("WINDOW_MINUTES"), at_least(1), _USUAL.window_minutes, "How long to watch."),
        setting("sample-interval-seconds", _named("SAMPLE_INTERVAL_SECONDS"), at_least(5), 60, "Between two looks."),
        setting(
            "max-growth-per-hour",
            "GATE_DLQ_MAX_GROWTH_PER_HOUR",
            click.FloatRange(0),
            20.0,
            "Of stock and of failures.",
        ),
        setting("max-fetch-errors", _named("MAX_FETCH_ERRORS"), at_least(0), 0, "Looks that got no answer."),
        setting("max-queue-waiting", _named("MAX_QUEUE_WAITING"), at_least(0), None, "Ceiling of waiting jobs."),
        setting("max-queue-failed", _named("MAX_QUEUE_FAILED"), at_least(0), None, "Ceiling of failed jobs."),
        setting("include-statuses", "GATE_DLQ_INCLUDE_STATUSES", str, "OPEN,READY,REPLAYING,FAILED", "What is stock."),
        within_ms(*_named("REQUEST_TIMEOUT_MS")),
    ],
    measure=measure,
)
command = as_command(GATE)
