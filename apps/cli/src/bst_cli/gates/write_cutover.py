"""H-01: what callers wrote to both systems came to the same in both."""

from datetime import timedelta
from decimal import Decimal
from typing import Any

from bst_cli.gates.carrying import RATIO, Gate, Given, as_command, at_least, setting
from bst_cli.gates.findings import Judged, judged_checks
from bst_cli.gates.report import Keys
from bst_cli.gates.surroundings import Surroundings
from bst_domain.cutover import WriteCounts, summarise_writes, write_checks
from bst_domain.gates import Check, default_limit
from bst_postgres.cutover import PostgresWriteLedger

_LOOK = "GET /v1/ops/cutover/writes/summary names the newest mismatches; bst cutover watch --once raises what is a conflict."
_REPORT = (
    "No write could be compared: see that the old admin reports its dual writes (POST /v1/ops/cutover/writes), with the"
)
_REPORT += " outcome of both systems. What strict mode refused is compared with nothing."


async def measure(around: Surroundings, given: Given) -> Judged:
    """Reads the reports of the window."""
    minutes, least = given["window_minutes"], given["min_samples"]
    since = around.now() - timedelta(minutes=minutes)
    async with around.database() as database:
        writes = await PostgresWriteLedger(database).writes(since=since)
    found = summarise_writes(writes, max_ratio=Decimal(str(given["max_mismatch_ratio"])), min_samples=least)
    checks = write_checks(found)
    return Judged(
        config={"windowMinutes": minutes, "maxMismatchRatio": found.max_ratio, "minSamples": least},
        summary={**_counts(found.all), "byOperation": {name: _counts(one) for name, one in found.by_operation}},
        findings=judged_checks(checks, _cures(checks)),
        lines={
            "WRITE_CUTOVER_MISMATCH_RATIO": float(found.all.mismatch_ratio),
            "WRITE_CUTOVER_CORE_ATTEMPTED": found.all.core_attempted,
        },
        more={
            "recentMismatch": [
                {"writeId": one.write_id, "operation": one.write.operation, "bookingId": one.write.booking_id}
                for one in found.recent_mismatches
            ]
        },
    )


def _cures(checks: list[Check]) -> dict[str, str]:
    return {name: cure for one in checks for name, cure in ((one.name, _LOOK), (f"{one.name}:HOLD", _REPORT))}


def _counts(counts: WriteCounts) -> dict[str, Any]:
    return {
        "totalEvents": counts.total,
        "coreAttempted": counts.core_attempted,
        "coreSuccess": counts.core_success,
        "coreFailed": counts.core_failed,
        "fallbackUsed": counts.fallback_used,
        "strictRejected": counts.strict_rejected,
        "legacyAttempted": counts.legacy_attempted,
        "compared": counts.compared,
        "mismatch": counts.mismatch,
        "mismatchRatio": counts.mismatch_ratio,
    }


_USUAL = float(default_limit("H-01_write_mismatch_ratio"))
GATE = Gate(
    name="write-cutover",
    id="H-01_WRITE_CUTOVER_MISMATCH",
    title="H-01 Write cutover",
    folder="gates/write-cutover",
    help="H-01: dual writes came to the same in both systems.",
    settings=[
        setting("window-minutes", "OPS_WRITE_GATE_WINDOW_MINUTES", at_least(1), 60, "Until now."),
        setting("max-mismatch-ratio", "OPS_WRITE_MISMATCH_MAX_RATIO", RATIO, _USUAL, "Mismatches in compared writes."),
        setting("min-samples", "OPS_WRITE_MISMATCH_MIN_SAMPLES", at_least(0), 1, "Writes that can be compared."),
    ],
    measure=measure,
    keys=(Keys(result="WRITE_CUTOVER_GATE_RESULT", json="WRITE_CUTOVER_GATE_JSON", md="WRITE_CUTOVER_GATE_MD"),),
)
command = as_command(GATE)
