"""What became of an event, and how the queue and processing are doing."""

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler

from bst_application.errors import Unavailable
from bst_application.ports.queue import JobQueue, QueueCounts
from bst_application.ports.reading import EventFilter, IngestReader, Position, RetryCounts
from bst_domain.ingest import RETRY_DELAYS
from bst_domain.lifecycles import DeadLetterStatus, ProcessStatus
from bst_domain.values import EventType, Source, format_instant, normalise_ref
from bst_litestar.auth import READERS, Tokens
from bst_litestar.envelope import success
from bst_litestar.event_json import event_json
from bst_litestar.guard import GUESSED
from bst_litestar.problems import Refused
from bst_litestar.queries import cursor, cursor_text, moment, text, uuid_in_path, whole_number, word
from bst_litestar.requests import header_map, id_of

MAX_PAGE = 200
_NO_COUNTS = QueueCounts(waiting=0, active=0, delayed=0, completed=0, failed=0, paused=0)
#: attemptHistogram's last bucket holds this many executions or more.
_HISTOGRAM_END = 5


def ingest_routes(
    events: IngestReader,
    queue: JobQueue,
    tokens: Tokens,
    *,
    queue_enabled: Callable[[], bool],
    now: Callable[[], datetime],
) -> list[HTTPRouteHandler]:
    """The reads of the ingest side."""

    @get("/v1/ingest/bookings/events/{event_id:str}")
    async def get_event(request: Request[Any, Any, Any]) -> dict[str, Any]:
        event_id: str = request.path_params["event_id"]
        key = uuid_in_path(event_id)
        record = None if key is None else await events.event(key)
        if record is None:
            raise Refused(404, f"Ingest event not found: {event_id}")
        if tokens.is_guess(header_map(request)):
            request.state[GUESSED] = True
        return success(event_json(record, full=tokens.may_see(header_map(request), record.source)), id_of(request))

    @get("/v1/ingest/events")
    async def list_events(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        query = dict(request.query_params.items())
        limit = whole_number(query, "limit", default=50, least=1, most=MAX_PAGE)
        ref = text(query, "ref", limit=191, code="INVALID_REF")
        wanted = EventFilter(
            status=word(query, "status", ProcessStatus, "INVALID_PROCESS_STATUS"),
            source=word(query, "source", Source, "UNSUPPORTED_SOURCE"),
            ref=None if ref is None else normalise_ref(ref),
            event_type=word(query, "type", EventType, "UNSUPPORTED_EVENT_TYPE"),
            received_from=moment(query, "from", "INVALID_FROM"),
            received_to=moment(query, "to", "INVALID_TO"),
        )
        rows = await events.events(wanted, after=cursor(query), limit=limit + 1)
        page = rows[:limit]
        last = Position(at=page[-1].received_at, key=page[-1].event_id) if len(rows) > limit else None
        more = None if last is None else cursor_text(last)
        return success([event_json(row, full=True) for row in page], id_of(request), nextCursor=more)

    @get("/v1/ingest/metrics/queue")
    async def queue_metrics(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        letters = await events.dead_letter_counts()
        retries = await events.retry_counts(now=now())
        data = {
            "queue": await _queue_json(queue, enabled=queue_enabled()),
            "deadLetter": {
                "total": sum(letters.values()),
                "byStatus": {status.value: letters.get(status.value, 0) for status in DeadLetterStatus},
            },
            "retry": _retry_json(retries),
        }
        return success(data, id_of(request))

    @get("/v1/ingest/metrics/processing")
    async def processing_metrics(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        window = whole_number(dict(request.query_params.items()), "windowMinutes", default=60, least=1, most=1440)
        counts = await events.processing_counts(since=now() - timedelta(minutes=window))
        data = {
            "windowMinutes": window,
            "totals": {
                "received": counts.received,
                "done": counts.done,
                "failed": counts.failed,
                "processing": counts.processing,
                "pending": counts.pending,
                "terminal": counts.done + counts.failed,
            },
            "successRate": counts.done / counts.received if counts.received else 1,
            "failureRate": counts.failed / counts.received if counts.received else 0,
            "latenciesMs": {
                "sampleCount": counts.latency_samples,
                "median": counts.latency_median_ms,
                "p95": counts.latency_p95_ms,
                "max": counts.latency_max_ms,
            },
        }
        return success(data, id_of(request))

    return [get_event, list_events, queue_metrics, processing_metrics]


async def _queue_json(queue: JobQueue, *, enabled: bool) -> dict[str, Any]:
    try:
        counts, error = await queue.counts(), None
    except Unavailable as down:
        counts, error = _NO_COUNTS, str(down)
    return {
        "queueName": queue.name,
        "enabled": enabled,
        "connected": error is None,
        "waiting": counts.waiting,
        "active": counts.active,
        "delayed": counts.delayed,
        "completed": counts.completed,
        "failed": counts.failed,
        "paused": counts.paused,
        "lastError": error,
    }


def _retry_json(counts: RetryCounts) -> dict[str, Any]:
    histogram = {str(n): count for n, count in sorted(counts.attempts.items()) if 0 < n < _HISTOGRAM_END}
    beyond = sum(count for n, count in counts.attempts.items() if n >= _HISTOGRAM_END)
    if beyond:
        histogram[f">={_HISTOGRAM_END}"] = beyond
    return {
        "policy": {
            "maxAttempts": len(RETRY_DELAYS),
            "retryDelaysSeconds": [int(delay.total_seconds()) for delay in RETRY_DELAYS],
        },
        "totals": {
            "pendingRetry": counts.pending,
            "dueRetry": counts.due,
            "processingRetry": counts.processing,
            "queuedRetry": counts.queued,
            "exhausted": counts.exhausted,
            "withAttempt": counts.with_attempt,
        },
        "nextRetryAt": {
            "earliest": None if counts.earliest is None else format_instant(counts.earliest),
            "latest": None if counts.latest is None else format_instant(counts.latest),
        },
        "attemptHistogram": histogram,
    }
