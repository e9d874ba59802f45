"""GET /v1/ops/bookings and /v1/ops/bookings/{id}."""

from typing import Any

from litestar import Request, get
from litestar.handlers import HTTPRouteHandler

from bst_application.ports.reading import BookingFilter, BookingReader, Position
from bst_domain.values import FulfilmentStatus, PaymentStatus, Source
from bst_litestar.auth import READERS, Tokens
from bst_litestar.booking_json import booking_json, candidate_json, detail_json
from bst_litestar.envelope import success
from bst_litestar.problems import Refused
from bst_litestar.queries import cursor, cursor_text, day, text, whole_number, word
from bst_litestar.requests import header_map, id_of

MAX_PAGE = 200


def ops_booking_routes(bookings: BookingReader, tokens: Tokens) -> list[HTTPRouteHandler]:
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
        rows = await bookings.page(wanted, after=cursor(query), limit=limit + 1)
        page = rows[:limit]
        more = cursor_text(Position(at=page[-1].booked_at, key=page[-1].key)) if len(rows) > limit else None
        return success([booking_json(row) for row in page], id_of(request), nextCursor=more)

    @get("/v1/ops/bookings/{name:str}")
    async def get_booking(request: Request[Any, Any, Any]) -> dict[str, Any]:
        name: str = request.path_params["name"]
        tokens.require_role(header_map(request), READERS)
        found = await bookings.find(name)
        if len(found) > 1:
            candidates = [candidate_json(key, identity) for key, identity in found]
            raise Refused(409, "AMBIGUOUS_BOOKING_REF", details={"candidates": candidates})
        detail = await bookings.detail(found[0][0]) if found else None
        if detail is None:
            raise Refused(404, f"Booking not found: {name[:191]}")
        return success(detail_json(detail), id_of(request))

    return [list_bookings, get_booking]
