"""G-03: the API's own paths rarely answer 5xx. Health, documents, metrics and unknown paths are not counted."""

from decimal import Decimal

from bst_cli.gates.carrying import RATIO, Gate, Given, as_command, at_least, setting, within_ms
from bst_cli.gates.findings import Judged, judged_checks
from bst_cli.gates.surroundings import Surroundings
from bst_domain.gates import api_health_checks, default_limit

CURES = {
    "G-03_api_5xx_rate": "The API's log names each failed request by its id.",
    "G-03_api_5xx_rate:HOLD": "The process that was asked has just started, or nobody calls it. The figures are its own.",
}


async def measure(around: Surroundings, given: Given) -> Judged:
    """Asks the API once."""
    async with around.api() as api:
        said = await api.get(
            "/v1/metrics/api", within_ms=given["request_timeout_ms"], windowMinutes=str(given["window_minutes"])
        )
    requests, rate = said["totals"]["requests"], said["rates"]["error5xxRate"]
    checks = api_health_checks(
        requests=requests,
        error_rate=Decimal(str(rate)),
        max_rate=Decimal(str(given["max_5xx_rate"])),
        min_requests=given["min_requests"],
    )
    return Judged(
        config={
            "windowMinutes": given["window_minutes"],
            "max5xxRate": given["max_5xx_rate"],
            "minRequests": given["min_requests"],
            "requestTimeoutMs": given["request_timeout_ms"],
        },
        summary={
            "requests": requests,
            "status5xx": said["totals"]["status5xx"],
            "error5xxRate": rate,
            "error4xxRate": said["rates"]["error4xxRate"],
            "latencyP95Ms": said["latencyMs"]["p95"],
            "uptimeSeconds": said["uptimeSeconds"],
        },
        findings=judged_checks(checks, CURES),
        lines={"API_5XX_RATE": rate, "API_REQUESTS": requests},
    )


GATE = Gate(
    name="api-health",
    id="G-03_API_5XX_CORE_PATH",
    title="G-03 API health",
    folder="gates/api-health",
    help="G-03: the API's own paths rarely answer 5xx.",
    settings=[
        setting("window-minutes", "GATE_API_WINDOW_MINUTES", at_least(1), 15, "How far to look back."),
        setting(
            "max-5xx-rate", "GATE_API_MAX_5XX_RATE", RATIO, float(default_limit("G-03_api_5xx_rate")), "Of all answers."
        ),
        setting("min-requests", "GATE_API_MIN_REQUESTS", at_least(0), 1, "Too few say nothing."),
        within_ms("GATE_API_REQUEST_TIMEOUT_MS"),
    ],
    measure=measure,
)
command = as_command(GATE)
