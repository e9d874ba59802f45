"""F-01 and F-02: of what came in lately, enough became bookings, and soon enough."""

from decimal import Decimal
from functools import partial
from typing import Any

from bst_cli.gates.carrying import RATIO, Gate, Given, as_command, at_least, own_or_shared, setting, within_ms
from bst_cli.gates.findings import Judged, judged_checks
from bst_cli.gates.surroundings import Surroundings
from bst_domain.gates import ProcessingFigures, ProcessingLimits, processing_checks

CURES = {
    "F-01_success_rate": "See GET /v1/ingest/dead-letter for what failed; what still waits needs a worker, or time.",
    "F-02_latency_median_ms": "See whether workers run and the queue is connected (GET /v1/ingest/metrics/queue).",
    "F-02_latency_p95_ms": "See GET /v1/ingest/metrics/queue: retries make single events late, too few workers all of them.",
}


async def measure(around: Surroundings, given: Given) -> Judged:
    """Asks the API once."""
    async with around.api() as api:
        begun = around.now()
        said = await api.get(
            "/v1/ingest/metrics/processing",
            within_ms=given["request_timeout_ms"],
            windowMinutes=str(given["window_minutes"]),
        )
        fetch_ms = round((around.now() - begun).total_seconds() * 1000)
    totals, latencies = said["totals"], said["latenciesMs"]
    figures = ProcessingFigures(
        received=totals["received"],
        done=totals["done"],
        latency_samples=latencies["sampleCount"],
        latency_median_ms=latencies["median"],
        latency_p95_ms=latencies["p95"],
    )
    limits = ProcessingLimits(
        min_received=given["min_received"],
        min_success_rate=Decimal(str(given["min_success_rate"])),
        min_latency_sample=given["min_latency_sample"],
        max_median_ms=given["max_median_ms"],
        max_p95_ms=given["max_p95_ms"],
    )
    summary: dict[str, Any] = {
        "fetchLatencyMs": fetch_ms,
        **totals,
        "successRate": said["successRate"],
        "failureRate": said["failureRate"],
        "throughputPerSecond": round(totals["received"] / (given["window_minutes"] * 60), 4),
        "latencySampleCount": figures.latency_samples,
        "latencyMedianMs": figures.latency_median_ms,
        "latencyP95Ms": figures.latency_p95_ms,
        "latencyMaxMs": latencies["max"],
    }
    return Judged(
        config={
            "windowMinutes": given["window_minutes"],
            "minReceived": limits.min_received,
            "minSuccessRate": limits.min_success_rate,
            "minLatencySample": limits.min_latency_sample,
            "maxMedianMs": limits.max_median_ms,
            "maxP95Ms": limits.max_p95_ms,
            "requestTimeoutMs": given["request_timeout_ms"],
        },
        summary=summary,
        findings=judged_checks(processing_checks(figures, limits), CURES),
        lines={
            "SUCCESS_RATE": summary["successRate"],
            "LATENCY_MEDIAN_MS": summary["latencyMedianMs"],
            "LATENCY_P95_MS": summary["latencyP95Ms"],
        },
    )


_named = partial(own_or_shared, "PROCESSING")
_USUAL = ProcessingLimits()
GATE = Gate(
    name="ingest-processing",
    id="F-01_F-02_INGEST_PROCESSING",
    title="F-01, F-02 Ingest processing",
    folder="gates/ingest-processing",
    help="F-01, F-02: events become bookings, and soon.",
    settings=[
        setting("window-minutes", _named("WINDOW_MINUTES"), at_least(1), 60, "How far to look back."),
        setting("min-received", _named("MIN_RECEIVED"), at_least(0), _USUAL.min_received, "Too few say nothing."),
        setting(
            "min-success-rate", _named("MIN_SUCCESS_RATE"), RATIO, float(_USUAL.min_success_rate), "DONE of received."
        ),
        setting(
            "min-latency-sample",
            _named("MIN_LATENCY_SAMPLE"),
            at_least(0),
            _USUAL.min_latency_sample,
            "Too few say nothing.",
        ),
        setting("max-median-ms", _named("MAX_MEDIAN_MS"), at_least(1), _USUAL.max_median_ms, "From receipt to DONE."),
        setting("max-p95-ms", _named("MAX_P95_MS"), at_least(1), _USUAL.max_p95_ms, "From receipt to DONE."),
        within_ms(*_named("REQUEST_TIMEOUT_MS")),
    ],
    measure=measure,
)
command = as_command(GATE)
