"""A TCP proxy in front of a server: it can add latency, cut every connection, fall silent, and refuse."""

import asyncio
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from attrs import define, field

CHUNK = 1 << 16


@define(eq=False)
class Proxy:
    """Forwards what comes in on ``port`` of 127.0.0.1 to a server on a Unix socket, or on a host and port."""

    to: Path | tuple[str, int]
    port: int = field(default=0, init=False)
    #: Seconds that each chunk waits before it goes on, in either direction.
    latency_s: float = field(default=0.0, init=False)
    #: How many connections there have been.
    seen: int = field(default=0, init=False)
    _flowing: asyncio.Event = field(factory=asyncio.Event, init=False)
    _refusing: bool = field(default=False, init=False)
    _open: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = field(factory=dict, init=False)

    @property
    def open(self) -> int:
        """How many connections there are now."""
        return len(self._open)

    def cut(self) -> None:
        """Resets every connection that is open now, whatever is on its way."""
        for writers in self._open.values():
            for writer in writers:
                _reset(writer)

    def fall_silent(self) -> None:
        """Connections stay open, new ones are taken, and nothing goes through."""
        self._flowing.clear()

    def abandon(self) -> None:
        """Connections that are open now stay open and silent for ever; new ones work."""
        self._flowing.clear()
        self._flowing = asyncio.Event()
        self._flowing.set()

    def flow(self) -> None:
        """Silence is over."""
        self._flowing.set()

    def refuse(self, refusing: bool) -> None:
        """Resets new connections, or not."""
        self._refusing = refusing

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection, from its beginning to its end."""
        task = asyncio.current_task()
        assert task is not None
        self.seen += 1
        writers = self._open.setdefault(task, [writer])
        try:
            if self._refusing:
                _reset(writer)
                return
            with suppress(OSError):
                there, back = await self._connected()
                writers.append(back)
                flowing = self._flowing
                one = asyncio.ensure_future(self._pump(reader, back, flowing))
                other = asyncio.ensure_future(self._pump(there, writer, flowing))
                try:
                    await asyncio.wait({one, other}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    one.cancel()
                    other.cancel()
                    await asyncio.gather(one, other, return_exceptions=True)
        finally:
            del self._open[task]
            for each in writers:
                each.close()

    async def _connected(self) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        if isinstance(self.to, Path):
            return await asyncio.open_unix_connection(str(self.to))
        return await asyncio.open_connection(*self.to)

    async def _pump(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, flowing: asyncio.Event) -> None:
        with suppress(OSError):
            while chunk := await reader.read(CHUNK):
                if self.latency_s:
                    await asyncio.sleep(self.latency_s)
                await flowing.wait()
                writer.write(chunk)
                await writer.drain()

    async def close(self) -> None:
        """Ends every connection."""
        tasks = set(self._open)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


def _reset(writer: asyncio.StreamWriter) -> None:
    """A reset instead of a goodbye: what a firewall or a dying machine does."""
    if (line := writer.get_extra_info("socket")) is not None and line.family != socket.AF_UNIX:
        with suppress(OSError):
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


@asynccontextmanager
async def a_proxy(to: Path | tuple[str, int]) -> AsyncIterator[Proxy]:
    """A proxy until the context ends."""
    proxy = Proxy(to)
    proxy.flow()
    server = await asyncio.start_server(proxy.handle, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()
