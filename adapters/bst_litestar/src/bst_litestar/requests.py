"""What handlers ask of a request."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from litestar import Request
from litestar.connection import ASGIConnection

from bst_application.use_cases.repair import Author
from bst_domain.ingest import InvalidJson, decode
from bst_litestar.envelope import request_id
from bst_litestar.problems import Refused, invalid_input

AnyRequest = Request[Any, Any, Any]

MAX_BODY_BYTES = 1024 * 1024
MAX_ACTOR = 191
#: Who acts, as callers say it; the first that is there counts.
ACTOR_HEADERS = ("x-actor", "x-admin-user", "x-user-id")


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


def author_of(request: ASGIConnection[Any, Any, Any, Any]) -> Author:
    """Who acts: the principal whose token it is; with the shared token who the caller says, ``system`` when nobody does."""
    # Servers stop a NUL in a header, not all that stands before an ASGI application does; a database cannot hold one.
    said = (request.headers.get(name, "").replace("\x00", "").strip() for name in ACTOR_HEADERS)
    claimed = next((name for name in said if name), None)
    principal = request.app.state["tokens"].principal(request.headers)
    if principal is None:
        actor = (claimed or "system")[:MAX_ACTOR]
        request.state["actor"] = actor
        return Author(actor=actor, request_id=id_of(request))
    proof = {"role": principal.role.value, **({} if claimed is None else {"claimedActor": claimed[:MAX_ACTOR]})}
    request.state["actor"] = principal.name
    return Author(actor=principal.name, request_id=id_of(request), proof={"principal": proof})


def states_too_much(length: str) -> bool:
    """Whether a content-length is beyond the limit; one that is no number says nothing, the body will tell."""
    # Not isdigit alone: it takes "²" for one, which int does not; nor does int take more digits than some thousands.
    return length.isascii() and length.isdigit() and (len(length) > 20 or int(length) > MAX_BODY_BYTES)


async def body_bytes(request: AnyRequest) -> bytes:
    """The body as it was sent. Raises Refused where it is too large."""
    if states_too_much(request.headers.get("content-length", "")):
        raise Refused(413, "BODY_TOO_LARGE", headers={"connection": "close"})
    raw = await request.body()
    if len(raw) > MAX_BODY_BYTES:
        raise Refused(413, "BODY_TOO_LARGE", headers={"connection": "close"})
    return raw


async def json_body(request: AnyRequest, *, required: bool) -> dict[str, Any]:
    """The body as an object; an absent one is empty unless ``required``. Raises Refused."""
    raw = await body_bytes(request)
    if not raw and not required:
        return {}
    body = decode(raw)
    if isinstance(body, InvalidJson):
        raise invalid_input("", "INVALID_JSON", body.why)
    if not isinstance(body, dict):
        raise invalid_input("", "INVALID_BODY", "the body must be a JSON object")
    return body


async def no_body(request: AnyRequest) -> None:
    """Where nothing is said in a body, callers send none, or ``{}``; one that is no JSON at all is refused as everywhere."""
    raw = await body_bytes(request)
    if raw and isinstance(said := decode(raw), InvalidJson):
        raise invalid_input("", "INVALID_JSON", said.why)


def text_member(
    body: Mapping[str, Any], name: str, *, limit: int, required: bool = False, upper: bool = False
) -> str | None:
    """A string of a body, trimmed; a blank one counts as absent where it is not required. Raises Refused."""
    value = body.get(name)
    code = f"FIELD_{name.upper()}"
    if value is None and not required:
        return None
    if not isinstance(value, str):
        raise invalid_input(name, f"INVALID_{code}", f"{name} must be a string")
    text = value.strip().upper() if upper else value.strip()  # some letters become two
    if not text and required:
        raise invalid_input(name, f"EMPTY_{code}", f"{name} must not be empty")
    if len(text) > limit:
        raise invalid_input(name, f"INVALID_{code}", f"{name} must have at most {limit} characters")
    return text or None


def uuid_member(body: Mapping[str, Any], name: str, *, required: bool = False) -> UUID | None:
    """A UUID of a body, in its hyphenated spelling. Raises Refused."""
    text = text_member(body, name, limit=64, required=required)
    if text is None:
        return None
    try:
        return UUID(text if len(text) == 36 else "")
    except ValueError:
        raise invalid_input(name, f"INVALID_FIELD_{name.upper()}", f"{name} must be a UUID") from None


def flag_member(body: Mapping[str, Any], name: str, *, default: bool) -> bool:
    """A boolean of a body. Raises Refused."""
    value = body.get(name, default)
    if not isinstance(value, bool):
        raise invalid_input(name, f"INVALID_FIELD_{name.upper()}", f"{name} must be true or false")
    return value
