"""Connections over real sockets: what trickles or never ends is cut off, and what is right is not disturbed."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
import uvicorn

from bst_core_api import connections
from bst_core_api.connections import BoundedConnection

Send = Callable[[dict[str, Any]], Coroutine[Any, Any, None]]
Receive = Callable[[], Coroutine[Any, Any, dict[str, Any]]]
Application = Callable[[dict[str, Any], Receive, Send], Coroutine[Any, Any, None]]
PHASES = ("HEAD_WITHIN_S", "BODY_WITHIN_S", "ANSWER_WITHIN_S", "_IDLE_WITHIN_S")
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 4\r\n\r\n"


async def app(scope: dict[str, Any], receive: Receive, send: Send) -> None:
    """Answers with the size of the body; ``/refuse`` does not wait for it, ``/stuck`` never answers."""
    size = 0
    while scope["path"] != "/refuse":
        message = await receive()
        if message["type"] == "http.disconnect":
            return
        size += len(message["body"])
        if not message["more_body"]:
            break
    if scope["path"] == "/stuck":
        await receive()
        return
    body = b"%4d" % size
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"4")]})
    await send({"type": "http.response.body", "body": body})


@asynccontextmanager
async def serving(served: Application = app) -> AsyncIterator[int]:
    """The port of a server with the API's connections."""
    config = uvicorn.Config(
        served,
        port=0,
        http=BoundedConnection,
        ws="none",
        lifespan="off",
        log_level="critical",
        proxy_headers=False,
        server_header=False,
        date_header=False,
        timeout_keep_alive=connections.KEEP_ALIVE_S,
    )
    server = uvicorn.Server(config)
    task = asyncio.create_task(server._serve())  # not serve(): signals are the test runner's
    try:
        async with asyncio.timeout(10):
            started = server.started
            while not started:
                await asyncio.sleep(0.01)
                started = server.started
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        await task


async def read(stream: asyncio.StreamReader) -> bytes:
    """Everything until the other side hangs up."""
    async with asyncio.timeout(10):
        try:
            return await stream.read()
        except ConnectionResetError:
            return b""


async def talk(port: int, *parts: bytes) -> bytes:
    """Sends the parts at a slow sender's pace, so that each comes in a read of its own, and reads until the end."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        for part in parts:
            writer.write(part)
            await writer.drain()
            await asyncio.sleep(0.02)
        return await read(reader)
    finally:
        writer.close()


@pytest.fixture
def hasty(monkeypatch: pytest.MonkeyPatch) -> None:
    """Deadlines of a fifth of a second."""
    for name in PHASES:
        monkeypatch.setattr(connections, name, 0.2)
    monkeypatch.setattr(connections, "LOOK_EVERY_S", 0.05)


@pytest.mark.parametrize(
    ("sent", "answer"),
    [
        ([], b""),  # connects, and says nothing
        ([b"POST / HT"], b""),
        ([b"GET / HTTP/1.1\r\nhost: x\r\nx-slow: "], b""),
        ([b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9\r\n\r\nabc"], b""),
        ([b"GET /stuck HTTP/1.1\r\nhost: x\r\n\r\n"], b""),
        ([b"GET / HTTP/1.1\r\nhost: x\r\n\r\n"], OK + b"   0"),  # answered, and then idle
        ([b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", b"\r\n"], OK + b"   0"),  # a blank line is no request
        # The answer did not wait for the body, whose end makes the connection idle.
        (
            [b"POST /refuse HTTP/1.1\r\nhost: x\r\ncontent-length: 6\r\n\r\nabc", b"def"],
            OK + b"   0",
        ),
    ],
)
async def test_every_phase_of_a_request_has_a_deadline(hasty: None, sent: list[bytes], answer: bytes) -> None:
    async with serving() as port:
        assert await talk(port, *sent) == answer


async def test_bytes_that_trickle_do_not_move_the_deadline(hasty: None) -> None:
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"GET / HTTP/1.1\r\n")

        async def trickle() -> None:
            while True:
                writer.write(b"x-a: b\r\n")
                await asyncio.sleep(0.02)

        drip = asyncio.create_task(trickle())
        try:
            assert await read(reader) == b""
        finally:
            drip.cancel()
            writer.close()


async def test_a_head_without_end_is_refused() -> None:
    line = b"x-padding: " + b"y" * 4000 + b"\r\n"
    async with serving() as port:
        said = await talk(port, b"GET / HTTP/1.1\r\n", *[line * 4] * 6)
    head, _, body = said.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 Request Header Fields Too Large\r\n")
    assert b"\r\nconnection: close\r\n" in head
    assert b"\r\nx-content-type-options: nosniff" in head
    error = json.loads(body)["error"]
    assert (error["code"], error["message"]) == ("REQUEST_HEADER_FIELDS_TOO_LARGE", "REQUEST_HEADERS_TOO_LARGE")


async def test_what_is_no_http_is_refused_in_the_envelope() -> None:
    async with serving() as port:
        said = await talk(port, b"\x16\x03\x01 hello\r\n\r\n")
    assert said.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert json.loads(said.partition(b"\r\n\r\n")[2])["error"]["message"] == "MALFORMED_REQUEST"


async def test_large_bodies_and_pipelines_are_not_disturbed() -> None:
    body = b"POST / HTTP/1.1\r\nhost: x\r\ncontent-length: 9000\r\n\r\n" + b"x" * 9000
    last = b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n"
    async with serving() as port:
        said = await talk(port, body * 30 + body[:20], body[20:] + last)
    assert said.count(b"9000") == 31
    assert said.endswith(b"   0")


async def test_trailers_are_no_headers() -> None:
    """What follows the last chunk reaches nobody: neither a token nor an address may come in that way."""
    seen: list[tuple[bytes, bytes]] = []

    async def noting(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await app(scope, receive, send)
        seen.extend(scope["headers"])

    head = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n"
    async with serving(noting) as port:
        answer = await talk(port, head, b"3\r\nabc\r\n", b"0\r\nx-forwarded-for: 203.0.113.9\r\n\r\n")
    assert answer.endswith(b"   3")
    assert {name for name, _ in seen} == {b"host", b"transfer-encoding", b"connection"}


async def test_a_request_that_never_ends_is_cut_off(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "MAX_REQUEST_BYTES", 10_000)
    head = b"POST / HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n0\r\n"
    async with serving() as port:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(head)
        trailer = b"x-more: " + b"a" * 992
        with suppress(ConnectionError):
            for _ in range(1000):
                writer.write(trailer + b"\r\n")
                await writer.drain()
                if reader.at_eof():
                    break
        answer = await read(reader)
        writer.close()
    assert answer == b"" or b"413 Content Too Large" in answer


async def test_the_next_request_takes_no_time_from_this_ones_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connections, "HEAD_WITHIN_S", 0.1)
    monkeypatch.setattr(connections, "LOOK_EVERY_S", 0.02)

    async def slow(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        await asyncio.sleep(0.4)  # longer than a head may take, and several looks of the timer
        await app(scope, receive, send)

    async with serving(slow) as port:
        answer = await talk(port, b"GET / HTTP/1.1\r\nhost: x\r\n\r\n", b"GET / HTTP/1.1\r\n")
    assert answer == OK + b"   0"


@pytest.fixture
def written(monkeypatch: pytest.MonkeyPatch) -> list[bytes]:
    """What the server gives to its sockets, write by write."""
    writes: list[bytes] = []
    made = BoundedConnection.connection_made

    def noting(self: BoundedConnection, transport: asyncio.Transport) -> None:
        write = transport.write

        def noted(data: bytes) -> None:
            writes.append(bytes(data))
            write(data)

        monkeypatch.setattr(transport, "write", noted)
        made(self, transport)

    monkeypatch.setattr(BoundedConnection, "connection_made", noting)
    return writes


async def test_an_answer_is_one_write(written: list[bytes]) -> None:
    """Head and body as two packets are two system calls here and two wake-ups there."""
    async with serving() as port:
        answer = await talk(port, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert answer.endswith(b"\r\n\r\n   0")
    assert written == [answer]


async def test_a_large_answer_is_not_held_until_its_end(written: list[bytes]) -> None:
    piece, pieces = b"x" * 16 * 1024, 20

    async def at_once(scope: dict[str, Any], receive: Receive, send: Send) -> None:
        length = b"%d" % (pieces * len(piece))
        await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", length)]})
        for left in range(pieces, 0, -1):
            await send({"type": "http.response.body", "body": piece, "more_body": left > 1})

    async with serving(at_once) as port:
        answer = await talk(port, b"GET / HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n")
    assert answer.partition(b"\r\n\r\n")[2] == piece * pieces
    assert b"".join(written) == answer
    assert max(map(len, written)) <= connections.MAX_HELD_BYTES + len(piece)
    assert len(written) < pieces  # and yet not each piece by itself
