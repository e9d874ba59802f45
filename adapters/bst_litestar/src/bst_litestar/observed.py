"""Every request has an id; the core's own have a trace, a place in the figures and, where it is worth one, a line in the log.

An accepted delivery is a line at DEBUG only: at some thousand a second lines would cost more than the work, and the event's row
says it all. What was refused or changed something is a line at INFO, what failed at WARNING.
"""

import logging
from collections.abc import Callable
from time import monotonic, perf_counter
from typing import Any

from attrs import define
from litestar.enums import ScopeType
from litestar.types import ASGIApp, Message, Receive, Scope, Send

from bst_application.log_fields import bound, fields
from bst_application.ports.tracing import Span, SpanKind, Tracing, trace_context, trace_id
from bst_litestar.envelope import request_id

_log = logging.getLogger(__name__)

#: Method, status, seconds until the answer began to leave.
NoteAnswer = Callable[[str, int, float], None]

#: Somebody who knocks without a token must not fill the disk.
LINES_PER_S = 50
_QUIET_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


@define
class _Budget:
    """Lets so many lines through a second and says how many it left out."""

    clock: Callable[[], float] = monotonic
    second: int = 0
    lines: int = 0

    def has_room(self) -> bool:
        second = int(self.clock())
        if second != self.second:
            if self.lines > LINES_PER_S:
                _log.warning("lines about refused requests were left out", extra=fields(count=self.lines - LINES_PER_S))
            self.second, self.lines = second, 0
        self.lines += 1
        return self.lines <= LINES_PER_S


def observed(
    app: ASGIApp,
    tracing: Tracing,
    note_answer: NoteAnswer,
    *,
    is_core_path: Callable[[str], bool],
    quiet_path: str,
) -> ASGIApp:
    """``app`` with all this. Accepted writes to ``quiet_path`` are told at DEBUG."""
    budget = _Budget()

    async def observing(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != ScopeType.HTTP:
            await app(scope, receive, send)
            return
        given: dict[bytes, bytes] = {
            name: value for name, value in scope["headers"] if name in {b"x-request-id", b"traceparent"}
        }
        request = request_id(_text(given.get(b"x-request-id")))
        scope["state"]["request_id"] = request
        if not is_core_path(scope["path"]):
            await app(scope, receive, _Answer(request, send))
            return
        method = str(scope.get("method", ""))
        came_from = trace_context(_text(given.get(b"traceparent")))
        began = perf_counter()
        answer = _Answer(request, send, lambda status: note_answer(method, status, perf_counter() - began))
        # No url.path and no query: they may hold what somebody searched for. The route is said at the end.
        attributes = {"http.request.method": method} if tracing.is_on else None
        with tracing.span(method, kind=SpanKind.SERVER, parent=came_from, detached=True, attributes=attributes) as span:
            scope["state"]["trace_context"] = span.context
            with bound(requestId=request, traceId=trace_id(span.context)):
                await app(scope, receive, answer)
                if tracing.is_on:
                    _describe(span, scope, method, answer.status)
                level = _level(method, scope["path"] == quiet_path, answer.status)
                if _log.isEnabledFor(level) and (not _may_be_anybody(answer.status) or budget.has_room()):
                    _tell(level, scope, method, answer.status, perf_counter() - began)

    return observing


@define
class _Answer:
    """Sees the answer begin to leave, and says whose it is."""

    request: str
    send: Send
    note: Callable[[int], None] | None = None
    status: int = 0

    async def __call__(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            if self.note is not None:
                self.note(self.status)
            headers = message["headers"]
            if not any(name == b"x-request-id" for name, _ in headers):
                message["headers"] = [*headers, (b"x-request-id", self.request.encode())]
        await self.send(message)


def _text(value: bytes | None) -> str | None:
    return None if value is None else value.decode("latin-1")


def _level(method: str, quiet: bool, status: int) -> int:
    if status >= 500 or not status:
        return logging.WARNING
    if status >= 400:
        return logging.INFO
    return logging.DEBUG if quiet or method in _QUIET_METHODS else logging.INFO


def _may_be_anybody(status: int) -> bool:
    """Answers that a crowd without a token can cause; what changed something, and our own bugs, are always told."""
    return 400 <= status < 500 or status == 503


def _route(scope: Scope) -> str:
    template: str = scope.get("path_template") or "unknown"
    return template


def _tell(level: int, scope: Scope, method: str, status: int, seconds: float) -> None:
    state: dict[str, Any] = scope["state"]
    said = fields(
        method=method,
        route=_route(scope),
        status=status,
        outcome=state.get("outcome"),
        reason=state.get("reason"),
        eventId=state.get("event_id"),
        booking=state.get("booking"),
        producer=state.get("producer"),
        actor=state.get("actor"),
        durationMs=round(seconds * 1000, 1),
    )
    _log.log(level, "a request was answered" if status else "a request got no answer", extra=said)


def _describe(span: Span, scope: Scope, method: str, status: int) -> None:
    state: dict[str, Any] = scope["state"]
    route = _route(scope)
    attributes: dict[str, str | int] = {"http.route": route, "http.response.status_code": status}
    for name, key in (
        ("bst.request.id", "request_id"),
        ("bst.event.id", "event_id"),
        ("bst.booking", "booking"),
        ("bst.outcome", "outcome"),
    ):
        if (value := state.get(key)) is not None:
            attributes[name] = str(value)
    span.rename(f"{method} {route}")
    span.set(attributes)
    if status >= 500:
        span.fail(str(status))
