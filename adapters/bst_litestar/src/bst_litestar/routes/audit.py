"""The audit trail: who did what to what."""

from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler

from bst_application.ports.reading import AuditFilter, AuditReader, Position
from bst_domain.values import format_instant
from bst_litestar.auth import READERS, Tokens
from bst_litestar.envelope import success
from bst_litestar.queries import cursor, cursor_text, moment, text, whole_number
from bst_litestar.requests import header_map, id_of

MAX_PAGE = 500


def audit_routes(audit: AuditReader, tokens: Tokens) -> list[HTTPRouteHandler]:
    """Every role may look."""

    @get("/v1/audit/events")
    async def list_entries(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        query = dict(request.query_params.items())
        limit = whole_number(query, "limit", default=50, least=1, most=MAX_PAGE)
        wanted = AuditFilter(
            actor=text(query, "actor", limit=191, code="INVALID_ACTOR"),
            event_type=(text(query, "eventType", limit=64, code="INVALID_EVENT_TYPE") or "").upper() or None,
            resource_type=(text(query, "resourceType", limit=64, code="INVALID_RESOURCE_TYPE") or "").upper() or None,
            resource_id=text(query, "resourceId", limit=191, code="INVALID_RESOURCE_ID"),
            since=moment(query, "from", "INVALID_FROM"),
            until=moment(query, "to", "INVALID_TO"),
        )
        rows = await audit.entries(wanted, after=cursor(query), limit=limit + 1)
        page = rows[:limit]
        last = Position(at=page[-1].entry.at, key=page[-1].key) if len(rows) > limit else None
        data = [
            {
                "eventId": str(row.key),
                "eventType": row.entry.event_type,
                "actor": row.entry.actor,
                "createdAt": format_instant(row.entry.at),
                "resourceType": row.entry.resource_type,
                "resourceId": row.entry.resource_id,
                "metadata": dict(row.entry.metadata) or None,
                "requestId": row.entry.request_id,
            }
            for row in page
        ]
        return success(data, id_of(request), nextCursor=None if last is None else cursor_text(last))

    return [list_entries]
