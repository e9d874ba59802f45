"""A slash inside a name: ``AB%2F12`` is one segment of a path, as callers escape a booking's reference.

Servers decode a path before anybody routes it, and a slash that was escaped would end a segment there. So it stays escaped while
the path is matched, and is a slash again in what the path names.
"""

from collections.abc import Awaitable, Callable
from urllib.parse import unquote

from litestar.enums import ScopeType
from litestar.types import ASGIApp, HTTPScope, Receive, Scope, Send

from bst_litestar.requests import AnyRequest

Before = Callable[[AnyRequest], Awaitable[None]]

_ESCAPED = "%2F"


def slashes_kept(app: ASGIApp) -> ASGIApp:
    """``app``, for which an escaped slash is no end of a segment."""

    async def keeping(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == ScopeType.HTTP and _has_escaped(scope):
            segments = scope["raw_path"].partition(b"?")[0].decode("latin-1").split("/")
            scope["path"] = "/".join(unquote(segment).replace("/", _ESCAPED) for segment in segments)
        await app(scope, receive, send)

    return keeping


def names_unescaped(otherwise: Before | None) -> Before:
    """Before a request, whatever else is to be done then."""

    async def before(request: AnyRequest) -> None:
        if _has_escaped(request.scope):
            named = request.scope["path_params"]
            request.scope["path_params"] = {name: value.replace(_ESCAPED, "/") for name, value in named.items()}
        if otherwise is not None:
            await otherwise(request)

    return before


def _has_escaped(scope: HTTPScope) -> bool:
    raw = scope.get("raw_path") or b""
    return b"%2f" in raw or b"%2F" in raw
