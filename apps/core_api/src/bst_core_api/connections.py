"""Connections that cost a slow or boundless sender his connection, not us our memory.

uvicorn's protocol on httptools has no limit for the head of a request, and no deadline for anything but an idle connection:
bytes that trickle in keep a connection for ever, a head that never ends grows for ever. Each phase of a request has a deadline
here; one timer a connection looks at it now and then, so a request pays for a few assignments only.
"""

import asyncio
from typing import Any, Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from bst_litestar.envelope import encode, failure, request_id
from bst_litestar.guard import NO_STORE, SECURITY_HEADERS

#: Seconds for the head of a request, from its first byte or from the connection's beginning.
HEAD_WITHIN_S: Final = 10.0
#: For the rest of it; a body of 1 MiB in this time is 140 kbit/s.
BODY_WITHIN_S: Final = 60.0
#: For the answer, until the last byte of it is in the socket's buffer; a statement of the database may take 30.
ANSWER_WITHIN_S: Final = 120.0
#: Between two requests. Longer than a proxy in front keeps an idle connection (nginx: 60), so that it never sends into a close.
KEEP_ALIVE_S: Final = 75
LOOK_EVERY_S: Final = 2.0
#: A head that is still not complete after so many bytes. The guard's own limits are tighter; this one bounds the memory.
MAX_HEAD_BYTES: Final = 64 * 1024
#: All of a request, with what chunks and trailers add to its body of 1 MiB at most.
MAX_REQUEST_BYTES: Final = 8 * 1024 * 1024

#: An answer that is written piece by piece without a pause is sent whenever so much of it has come together.
MAX_HELD_BYTES: Final = 64 * 1024

#: uvicorn closes idle connections itself, but blank lines make it forget that.
_IDLE_WITHIN_S: Final = KEEP_ALIVE_S + 5.0
_REASONS: Final = {400: b"Bad Request", 413: b"Content Too Large", 431: b"Request Header Fields Too Large"}


class _JoinedWrites:
    """A transport that sends what is written within one turn of the loop at once.

    uvicorn writes the head of an answer and then its body; two packets are two system calls here and two wake-ups there.
    """

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._held: list[bytes] = []
        self._held_bytes = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        if not self._held:
            self._loop.call_soon(self._send)
        self._held.append(data)
        self._held_bytes += len(data)
        if self._held_bytes > MAX_HELD_BYTES:
            self._send()

    def close(self) -> None:
        self._send()
        self._transport.close()

    def _send(self) -> None:
        if self._held:
            held, self._held, self._held_bytes = self._held, [], 0
            self._transport.write(b"".join(held))


class BoundedConnection(HttpToolsProtocol):
    """One connection."""

    _deadline: float
    _timer: asyncio.TimerHandle
    _in_head = False
    _serving = False
    _begun_now = False
    _request_bytes = 0

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn's own
        super().connection_made(_JoinedWrites(transport, self.loop))  # type: ignore[arg-type]  # all of it that is used
        self._deadline = self.loop.time() + HEAD_WITHIN_S
        self._timer = self.loop.call_later(LOOK_EVERY_S, self._look)

    def connection_lost(self, exc: Exception | None) -> None:
        self._timer.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        self._begun_now = False
        super().data_received(data)
        # What came with the end of an earlier request is not counted: it is bounded by what one read brings.
        if not self._begun_now:
            self._request_bytes += len(data)
            if not self.transport.is_closing():
                if self._in_head and self._request_bytes > MAX_HEAD_BYTES:
                    self._refuse(431, "REQUEST_HEADERS_TOO_LARGE")
                elif self._request_bytes > MAX_REQUEST_BYTES:
                    self._refuse(413, "BODY_TOO_LARGE")

    def on_message_begin(self) -> None:
        super().on_message_begin()
        self._in_head, self._begun_now, self._request_bytes = True, True, 0
        if not self._serving:  # the next request's first bytes take no time away from this one's answer
            self._deadline = self.loop.time() + HEAD_WITHIN_S

    def on_header(self, name: bytes, value: bytes) -> None:
        """Trailers are no headers: whoever stands in front has not looked at them, and there is no end of them."""
        if self._in_head:
            super().on_header(name, value)

    def on_headers_complete(self) -> None:
        self._in_head, self._serving = False, True
        self._deadline = self.loop.time() + BODY_WITHIN_S
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        super().on_message_complete()
        self._deadline = self.loop.time() + (ANSWER_WITHIN_S if self._serving else _IDLE_WITHIN_S)

    def on_response_complete(self) -> None:
        self._serving = bool(self.pipeline)
        super().on_response_complete()
        within = ANSWER_WITHIN_S if self._serving else HEAD_WITHIN_S if self._in_head else _IDLE_WITHIN_S
        self._deadline = self.loop.time() + within

    def send_400_response(self, msg: str) -> None:
        """What is no HTTP is told so in the envelope, too; the parser's own words are for nobody."""
        del msg
        self._refuse(400, "MALFORMED_REQUEST")

    def _look(self) -> None:
        if self.loop.time() > self._deadline:
            self.transport.abort()  # to close it would wait for a reader who does not read
        else:
            self._timer = self.loop.call_later(LOOK_EVERY_S, self._look)

    def _refuse(self, status: int, message: str) -> None:
        """An answer from here, unless one of the application's is on its way."""
        if not self._serving:
            self.transport.write(_answer(status, message))
        self.transport.close()


def _answer(status: int, message: str) -> bytes:
    request = request_id(None)
    body: bytes = encode(failure(status, message, request))
    headers: list[tuple[bytes, Any]] = [
        (b"content-type", b"application/json; charset=utf-8"),
        (b"content-length", str(len(body)).encode()),
        (b"x-request-id", request.encode()),
        (b"connection", b"close"),
        *SECURITY_HEADERS,
        NO_STORE,
    ]
    lines = [b"HTTP/1.1 %d %s" % (status, _REASONS[status]), *(name + b": " + value for name, value in headers)]
    return b"\r\n".join([*lines, b"", body])
