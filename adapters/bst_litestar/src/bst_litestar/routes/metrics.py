"""How the API itself is doing."""

from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from bst_domain.values import format_instant
from bst_litestar.auth import READERS, Tokens
from bst_litestar.envelope import success
from bst_litestar.queries import whole_number
from bst_litestar.request_counts import RequestCounts
from bst_litestar.requests import header_map, id_of

#: The page for Prometheus and its media type.
Scrape = Callable[[], Awaitable[tuple[bytes, str]]]

STATUS_CLASSES = (2, 3, 4, 5)


def metrics_routes(
    counts: RequestCounts, scrape: Scrape, tokens: Tokens, *, now: Callable[[], datetime]
) -> list[HTTPRouteHandler]:
    """The figures of this process, for people and for Prometheus; every role may look."""

    @get("/v1/metrics/api")
    async def api_metrics(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        window = whole_number(dict(request.query_params.items()), "windowMinutes", default=15, least=1, most=1440)
        seen = counts.figures(window * 60)

        def share(*classes: int) -> float:
            return sum(seen.by_class[each] for each in classes) / seen.requests

        any_seen = seen.requests > 0
        per_second = seen.requests / seen.span_s if seen.span_s > 0 else 0.0
        data = {
            "windowMinutes": window,
            "generatedAt": format_instant(now()),
            "uptimeSeconds": int(seen.uptime_s),
            "totals": {
                "requests": seen.requests,
                **{f"status{each}xx": seen.by_class[each] for each in STATUS_CLASSES},
            },
            "rates": {
                "successRate": share(2, 3) if any_seen else 1,
                "error4xxRate": share(4) if any_seen else 0,
                "error5xxRate": share(5) if any_seen else 0,
            },
            "throughput": {
                "requestsPerSecond": round(per_second, 4),
                "requestsPerMinute": round(per_second * 60, 4),
            },
            "latencyMs": {
                "sampleCount": seen.requests,
                "avg": round(seen.average_ms, 2),
                "median": seen.median_ms,
                "p95": seen.p95_ms,
                "max": seen.max_ms,
            },
            "byMethod": dict(sorted(seen.by_method.items())),
        }
        return success(data, id_of(request))

    @get("/metrics")
    async def prometheus() -> Response[bytes]:
        page, media_type = await scrape()
        return Response(page, media_type=media_type)

    return [api_metrics, prometheus]
