"""What handlers ask of a request."""

from collections.abc import Mapping
from typing import Any

from litestar import Request
from litestar.connection import ASGIConnection

from bst_litestar.envelope import request_id

AnyRequest = Request[Any, Any, Any]


def header_map(request: ASGIConnection[Any, Any, Any, Any]) -> Mapping[str, str]:
    """Headers by lower-case name."""
    return request.headers


def id_of(request: ASGIConnection[Any, Any, Any, Any]) -> str:
    """The request's id: the caller's own or a fresh one, the same for the whole request."""
    known: str | None = request.state.get("request_id")
    if known is None:
        known = request_id(request.headers.get("x-request-id"))
        request.state["request_id"] = known
    return known
