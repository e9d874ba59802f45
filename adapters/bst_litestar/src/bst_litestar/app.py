"""The API as one ASGI application, from plain constructor calls."""

import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any

from attrs import frozen
from litestar import Litestar, MediaType, Response
from litestar.datastructures import State
from litestar.exceptions import HTTPException, MethodNotAllowedException, NotFoundException
from litestar.exceptions.http_exceptions import RequestEntityTooLarge
from litestar.handlers import asgi
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from bst_application.errors import Conflict, Unavailable
from bst_application.ports.queue import JobQueue
from bst_application.ports.reading import AuditReader, BookingReader, DatabaseProbe, IngestReader
from bst_application.ports.timeline import BookingTimeline
from bst_application.ports.tracing import Tracing
from bst_application.recent_writers import RecentWriters
from bst_litestar.auth import Tokens
from bst_litestar.envelope import ERROR_CODES, failure
from bst_litestar.escaped_slashes import names_unescaped, slashes_kept
from bst_litestar.fresh_reads import noting_writes, reads_what_it_wrote
from bst_litestar.guard import Guard, guarded
from bst_litestar.heads import heads_answered
from bst_litestar.ingest_door import PATH, IngestEndpoint
from bst_litestar.observed import NoteAnswer, observed
from bst_litestar.ops_door import OpsDoor
from bst_litestar.problems import RETRY_AFTER, Refused
from bst_litestar.request_counts import RequestCounts
from bst_litestar.requests import MAX_BODY_BYTES, AnyRequest, id_of
from bst_litestar.routes.audit import audit_routes
from bst_litestar.routes.catalog_editor import CatalogParts, catalog_editor_routes
from bst_litestar.routes.channel_mappings import MappingParts, channel_mapping_routes
from bst_litestar.routes.crew import CrewParts, crew_routes
from bst_litestar.routes.cutover import CutoverParts, cutover_routes
from bst_litestar.routes.dead_letters import dead_letter_routes
from bst_litestar.routes.documents import document_routes
from bst_litestar.routes.flags import FlagParts, flag_routes
from bst_litestar.routes.health import health_routes
from bst_litestar.routes.ingest import ingest_routes
from bst_litestar.routes.metrics import Scrape, metrics_routes
from bst_litestar.routes.ops_bookings import ops_booking_routes
from bst_litestar.routes.ops_writes import OpsWrites, ops_write_routes
from bst_litestar.routes.public_catalog import PublicCatalogParts, public_catalog_routes
from bst_litestar.routes.publish_versions import publish_version_routes
from bst_litestar.routes.publishing import PublishingParts, publishing_routes
from bst_litestar.routes.reconciliation import ReconciliationParts, reconciliation_routes
from bst_litestar.routes.repairs import RepairParts, repair_routes
from bst_litestar.routes.replay_jobs import ReplayJobParts, replay_job_routes
from bst_litestar.routes.unmapped import unmapped_routes

_log = logging.getLogger(__name__)

Lifespan = Callable[[Litestar], AbstractAsyncContextManager[None]]
AnyResponse = Response[Any]
JSON_TYPE = "application/json; charset=utf-8"


@frozen(kw_only=True)
class ApiParts:
    """What the API is made of."""

    ingest: IngestEndpoint
    bookings: BookingReader
    timeline: BookingTimeline
    operations: OpsWrites
    crew: CrewParts
    events: IngestReader
    repair: RepairParts
    replay_jobs: ReplayJobParts
    catalog: CatalogParts
    publishing: PublishingParts
    public_catalog: PublicCatalogParts
    mappings: MappingParts
    audit: AuditReader
    queue: JobQueue
    probes: Sequence[DatabaseProbe]
    replica: DatabaseProbe | None = None
    tokens: Tokens
    guard: Guard
    queue_enabled: Callable[[], bool]
    flags: FlagParts
    cutover: CutoverParts
    reconciliation: ReconciliationParts
    scrape: Scrape
    note_answer: NoteAnswer
    tracing: Tracing
    now: Callable[[], datetime]
    writers: RecentWriters | None = None  # where reads may come from a replica


def build_api(parts: ApiParts, *, lifespan: Lifespan) -> Litestar:
    """The application; ``lifespan`` runs around it."""

    @asgi(PATH, copy_scope=False)
    async def ingest(scope: Scope, receive: Receive, send: Send) -> None:
        await parts.ingest(scope, receive, send)

    counts = RequestCounts()

    def note(method: str, status: int, seconds: float) -> None:
        counts.add(method, status, seconds)
        parts.note_answer(method, status, seconds)

    app = Litestar(
        route_handlers=[
            ingest,
            *ops_booking_routes(parts.bookings, parts.timeline, parts.tokens),
            *ops_write_routes(parts.operations, OpsDoor(bookings=parts.bookings, tokens=parts.tokens)),
            *crew_routes(parts.crew, parts.tokens),
            *ingest_routes(parts.events, parts.queue, parts.tokens, queue_enabled=parts.queue_enabled, now=parts.now),
            *dead_letter_routes(parts.events, parts.repair.change_status, parts.tokens),
            *repair_routes(parts.events, parts.repair, parts.tokens),
            *replay_job_routes(parts.replay_jobs, parts.repair, parts.tokens),
            *channel_mapping_routes(parts.mappings, parts.tokens),
            *unmapped_routes(parts.mappings, parts.tokens),
            *flag_routes(parts.flags, parts.tokens),
            *cutover_routes(parts.cutover, parts.tokens, now=parts.now),
            *catalog_editor_routes(parts.catalog, parts.tokens),
            *publishing_routes(parts.publishing, parts.tokens),
            *publish_version_routes(parts.publishing, parts.tokens),
            *public_catalog_routes(parts.public_catalog, parts.tokens),
            *audit_routes(parts.audit, parts.tokens),
            *reconciliation_routes(parts.reconciliation, parts.tokens, now=parts.now),
            *metrics_routes(counts, parts.scrape, parts.tokens, now=parts.now),
            *health_routes(parts.probes, parts.queue, replica=parts.replica, now=parts.now),
            *document_routes(),
        ],
        openapi_config=None,  # the contract is written first and served as it stands
        lifespan=[lifespan],
        state=State({"tokens": parts.tokens}),  # whose token it is, for whoever writes the audit
        exception_handlers={Exception: _answer_error},
        before_request=names_unescaped(None if parts.writers is None else reads_what_it_wrote(parts.writers)),
        after_request=_mark if parts.writers is None else noting_writes(parts.writers, _mark),
        request_max_body_size=MAX_BODY_BYTES,  # counted as it comes, for whoever does not state a length
        debug=False,
        logging_config=None,
    )

    def note_refusal(scope: HTTPScope, refusal: Refused) -> None:
        if scope["path"] == PATH:
            scope["path_template"] = PATH
            parts.ingest.note_outcome(refusal.message, refusal.status, 0)

    app.asgi_handler = slashes_kept(
        observed(
            guarded(heads_answered(_straight_to(parts.ingest, app.asgi_handler)), parts.guard, note_refusal),
            parts.tracing,
            note,
            is_core_path=_is_core_path(app),
            quiet_path=PATH,
        )
    )
    return app


def _straight_to(ingest: IngestEndpoint, otherwise: ASGIApp) -> ASGIApp:
    """The door's own path does without routing: at some thousand requests a second that is a tenth of the work."""

    async def dispatching(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["path"] == PATH:
            scope["path_template"] = PATH
            await ingest(scope, receive, send)
        else:
            await otherwise(scope, receive, send)

    return dispatching


def _is_core_path(app: Litestar) -> Callable[[str], bool]:
    """Whether a path is of the API's business: not health, documents, metrics or something unknown."""
    known = {route.path.split("/")[2] for route in app.routes if route.path.startswith("/v1/")} - {"metrics"}

    def is_core(path: str) -> bool:
        parts = path.split("/", 3)
        return len(parts) > 2 and parts[1] == "v1" and parts[2] in known and "/metrics/" not in path

    return is_core


def _answer_error(request: AnyRequest, error: Exception) -> Response[dict[str, Any]]:
    refused = _as_refused(request, error)
    word = refused.message.partition(":")[0]
    # A sentence such as "Cannot GET /…" quotes the path.
    request.state["outcome"] = word if word.isupper() and " " not in word else ERROR_CODES.get(refused.status)
    body = failure(refused.status, refused.message, id_of(request), refused.details)
    headers = {**refused.headers, "x-request-id": id_of(request)}
    return Response(body, status_code=refused.status, headers=headers, media_type=JSON_TYPE)


async def _mark(response: AnyResponse) -> AnyResponse:
    """Every JSON answer says its charset, as callers are used to."""
    if response.media_type in {None, MediaType.JSON}:
        response.media_type = JSON_TYPE
    return response


def _as_refused(request: AnyRequest, error: Exception) -> Refused:
    if isinstance(error, Refused):
        return error
    if isinstance(error, Unavailable | Conflict):
        _log.warning("a request found the database away: %s", error)
        return Refused(503, "OPS_DB_UNAVAILABLE", headers=RETRY_AFTER)
    where = f"Cannot {request.method} {request.scope['path']}"
    if isinstance(error, MethodNotAllowedException):
        return Refused(405, where, headers=error.headers or {})
    if isinstance(error, NotFoundException):
        return Refused(404, where)
    if isinstance(error, HTTPException) and error.status_code < 500:  # what the framework says of our bugs stays inside
        too_large = isinstance(error, RequestEntityTooLarge)
        return Refused(error.status_code, "BODY_TOO_LARGE" if too_large else error.detail)
    _log.error("a request failed", exc_info=error)
    return Refused(500, "INTERNAL_ERROR")
