"""GET /v1/ops/bookings, /v1/ops/bookings/{id} and its timeline."""

import base64
import binascii
import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from bst_application.ports.reading import BookingFilter, BookingReader, Position
from bst_application.ports.timeline import BookingTimeline, Happening, Moment
from bst_domain.values import FulfilmentStatus, PaymentStatus, Source, format_instant
from bst_litestar.auth import READERS, Tokens
from bst_litestar.booking_json import booking_json, detail_json
from bst_litestar.booking_names import booking_not_found, named_booking
from bst_litestar.envelope import success
from bst_litestar.if_match import entity_tag
from bst_litestar.problems import invalid_input
from bst_litestar.queries import cursor, cursor_text, day, text, whole_number, word
from bst_litestar.requests import header_map, id_of
from bst_litestar.schema_ready import Part, schema_ready

MAX_PAGE = 200
MAX_TIE = 191


def ops_booking_routes(bookings: BookingReader, timeline: BookingTimeline, tokens: Tokens) -> list[HTTPRouteHandler]:
    """Reading bookings; every role may."""

    @get("/v1/ops/bookings")
    async def list_bookings(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        query = dict(request.query_params.items())
        limit = whole_number(query, "limit", default=MAX_PAGE, least=1, most=MAX_PAGE)
        wanted = BookingFilter(
            fulfilment=word(query, "status", FulfilmentStatus, "INVALID_BOOKING_STATUS"),
            payment=word(query, "paymentStatus", PaymentStatus, "INVALID_PAYMENT_STATUS"),
            source=word(query, "source", Source, "UNSUPPORTED_SOURCE"),
            date_from=day(query, "dateFrom", "INVALID_DATE_FROM"),
            date_to=day(query, "dateTo", "INVALID_DATE_TO"),
            text=text(query, "q", limit=191, code="INVALID_QUERY"),
        )
        with schema_ready(Part.BOOKINGS):
            rows = await bookings.page(wanted, after=cursor(query), limit=limit + 1)
        page = rows[:limit]
        more = cursor_text(Position(at=page[-1].booked_at, key=page[-1].key)) if len(rows) > limit else None
        return success([booking_json(row) for row in page], id_of(request), nextCursor=more)

    @get("/v1/ops/bookings/{name:str}")
    async def get_booking(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        name: str = request.path_params["name"]
        tokens.require_role(header_map(request), READERS)
        with schema_ready(Part.BOOKINGS):
            key, _ = await named_booking(bookings, name)
            detail = await bookings.detail(key)
        if detail is None:
            raise booking_not_found(name)
        return Response(success(detail_json(detail), id_of(request)), headers=entity_tag(detail.row.version))

    @get("/v1/ops/bookings/{name:str}/timeline")
    async def get_timeline(request: Request[Any, Any, Any]) -> dict[str, Any]:
        name: str = request.path_params["name"]
        tokens.require_role(header_map(request), READERS)
        query = dict(request.query_params.items())
        limit = whole_number(query, "limit", default=MAX_PAGE, least=1, most=MAX_PAGE)
        after = _moment(query)
        with schema_ready(Part.BOOKINGS):
            key, _ = await named_booking(bookings, name)
            entries = await timeline.entries(key, after=after, limit=limit + 1)
        page = entries[:limit]
        data = [
            {
                "kind": entry.moment.kind.name,
                "at": format_instant(entry.moment.at),
                "id": entry.id,
                "details": dict(entry.details),
            }
            for entry in page
        ]
        more = _moment_text(page[-1].moment) if len(entries) > limit else None
        return success(data, id_of(request), nextCursor=more)

    return [list_bookings, get_booking, get_timeline]


def _moment_text(moment: Moment) -> str:
    """A place in a timeline as callers hand it back: opaque, safe in a URL."""
    plain = json.dumps([moment.at.isoformat(), int(moment.kind), moment.tie])
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def _moment(query: Mapping[str, str]) -> Moment | None:
    """Raises Refused for anything that ``_moment_text`` did not make."""
    value = query.get("cursor", "").strip()
    if not value:
        return None
    try:
        said, kind, tie = json.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
        at = datetime.fromisoformat(said)
        if at.tzinfo is None or not isinstance(tie, str) or len(tie) > MAX_TIE or not tie.isascii() or "\x00" in tie:
            raise ValueError("not a place in a timeline")
        return Moment(at=at, kind=Happening(kind), tie=tie)
    except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError):
        raise invalid_input("cursor", "INVALID_CURSOR", "cursor must be meta.nextCursor of an earlier answer") from None
