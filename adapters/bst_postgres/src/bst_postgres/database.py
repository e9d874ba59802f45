"""Connections: one engine a process, transactions that translate every failure, and no dead connection in the pool.

SQLAlchemy pools and compiles the reads. The ingest path speaks psycopg on the pooled connection, because at a few thousand
events a second the layers between would cost more than the database does.
"""

import asyncio
import os
import select
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from typing import Any
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import msgspec
import psycopg
from psycopg.pq import TransactionStatus
from psycopg.rows import TupleRow
from sqlalchemy import URL, make_url
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine
from sqlalchemy.pool import AsyncAdaptedQueuePool

from bst_postgres.troubles import committing, translated

DriverConnection = psycopg.AsyncConnection[TupleRow]

CONNECT_TIMEOUT_S = 5
POOL_TIMEOUT_S = 10
#: A statement that takes longer is stuck; the caller hears Unavailable instead of waiting for ever.
STATEMENT_TIMEOUT_MS = 30_000
LOCK_TIMEOUT_MS = 10_000
IDLE_IN_TRANSACTION_TIMEOUT_MS = 60_000
#: Connections that stay out of the pool for single statements: as many as the door has groups under way.
MOST_ASIDE = 2
#: The server keeps the limits above only while it can be heard. A connection that says nothing for longer than any of them is
#: taken for dead, and we hang up; a network that drops packets silently would else hold a transaction for a quarter of an hour.
HANG_UP_AFTER_S = 60.0
UNACKNOWLEDGED_MS = 20_000


def sqlalchemy_url(dsn: str) -> URL:
    """A libpq URL (``postgresql://…``) as SQLAlchemy wants it. Raises ValueError for anything else."""
    parts = urlsplit(dsn)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError("a database URL starts with postgresql://")
    query = [(name, value) for name, value in parse_qsl(parts.query) if name != "schema"]  # Prisma's own word
    return make_url(urlunsplit(("postgresql+psycopg", parts.netloc, parts.path, urlencode(query), "")))


class Database:
    """A pool of connections to one PostgreSQL database. Constructing it connects to nothing."""

    def __init__(
        self,
        dsn: str,
        *,
        pool_size: int = 8,
        application_name: str = "bst",
        by_index: bool = False,
        hang_up_after_s: float = HANG_UP_AFTER_S,
        lock_timeout_ms: int = LOCK_TIMEOUT_MS,
    ) -> None:
        """``by_index``: for work that only ever looks rows up by their keys. A plan that was made while a table was empty
        reads all of it, and stays until statistics come; then a new installation is slowest just when it fills."""
        self._hang_up_after_s = hang_up_after_s
        self._aside: list[AsyncConnection] = []
        self._most_aside = min(MOST_ASIDE, pool_size // 4)  # the others find one, too
        options = (
            f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c lock_timeout={lock_timeout_ms} "
            f"-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_TIMEOUT_MS} -c timezone=UTC"
            f"{' -c enable_seqscan=off' if by_index else ''} -c jit=off"  # no statement lasts long enough to be worth compiling
        )
        self._engine: AsyncEngine = create_async_engine(
            sqlalchemy_url(dsn),
            pool_size=pool_size,
            max_overflow=0,
            hide_parameters=True,  # whoever looks at statements in the log does not look at guests
            pool_timeout=POOL_TIMEOUT_S,
            pool_use_lifo=True,
            json_deserializer=_decode,
            connect_args={
                "connect_timeout": CONNECT_TIMEOUT_S,
                "application_name": application_name,
                "options": options,
                "keepalives_idle": 10,
                "keepalives_interval": 5,
                "keepalives_count": 3,
                "tcp_user_timeout": UNACKNOWLEDGED_MS,
            },
        )

    @asynccontextmanager
    async def transaction(self, *, brief: bool = True, pipelined: bool = False) -> AsyncIterator[DriverConnection]:
        """A psycopg connection in a transaction; commits on leaving without an exception.

        Raises Unavailable, InDoubt (lost while committing) and Conflict; anything else is a bug and passes through. One that is
        not ``brief`` may last as long as it likes. In a ``pipelined`` one a statement waits for its answer only where rows are
        fetched: the beginning goes out with the first statement, the commit with the last. An error of a statement whose rows
        nobody fetches may come with the commit.
        """
        with translated():
            connection = await self._live_connection()
            raw = await _driver(connection)
        with _hanging_up(raw, self._hang_up_after_s if brief else None):
            try:
                if pipelined:
                    async with _in_pipeline(raw):
                        yield raw
                else:
                    with translated():
                        yield raw
                    with committing():
                        await raw.commit()
            except BaseException:
                await _discard(connection, raw)
                raise
        await connection.close()

    @asynccontextmanager
    async def committing_each(self) -> AsyncIterator[DriverConnection]:
        """A psycopg connection on which each statement is a commit of its own: no exchange to begin, none to end.

        Raises Unavailable, Conflict, and InDoubt when the connection is lost under a statement. The connection is set aside
        afterwards, because to take one out of the pool and give it back costs more than such a statement does.
        """
        kept = await self._set_aside()
        raw = await _driver(kept)
        try:
            with _hanging_up(raw, self._hang_up_after_s), committing():
                yield raw
        except BaseException:
            await _discard(kept, raw)
            raise
        if len(self._aside) < self._most_aside:
            self._aside.append(kept)
        else:
            await _discard(kept, raw)

    async def _set_aside(self) -> AsyncConnection:
        """A live connection in autocommit mode. Raises Unavailable."""
        with translated():
            while self._aside:
                kept = self._aside.pop()
                if not _hung_up(await _driver(kept)):
                    return kept
                await kept.invalidate()
                await kept.close()
            fresh = await self._live_connection()
            raw = await _driver(fresh)
            try:
                await raw.set_autocommit(True)
            except BaseException:
                await _discard(fresh, raw)
                raise
            return fresh

    @asynccontextmanager
    async def reading(self, *, brief: bool = True) -> AsyncIterator[AsyncConnection]:
        """A SQLAlchemy connection for reads. Raises Unavailable and Conflict. ``brief``: see ``transaction``.

        Each brief statement sees what was committed before it, as it would within a transaction of that isolation, and spares the
        two exchanges that begin and end one. What is not brief has a transaction, and may have cursors.
        """
        with translated():
            connection = await self._live_connection()
            if brief:
                connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
            with _hanging_up(await _driver(connection), self._hang_up_after_s if brief else None):
                try:
                    yield connection
                finally:
                    await connection.close()

    @property
    def pool_use(self) -> tuple[int, int]:
        """Connections that are in use, and how many there may be."""
        pool = self._engine.pool
        assert isinstance(pool, AsyncAdaptedQueuePool)
        return pool.checkedout() - len(self._aside), pool.size()

    async def close(self) -> None:
        """Closes every connection; harmless when called twice."""
        while self._aside:
            kept = self._aside.pop()
            await kept.invalidate()
            await kept.close()
        await self._engine.dispose()

    async def _live_connection(self) -> AsyncConnection:
        """A pooled connection whose server has not hung up while it lay idle."""
        while True:
            connection = await self._engine.connect()
            try:
                if not _hung_up(await _driver(connection)):
                    return connection
                await connection.invalidate()
            except BaseException:
                await connection.close()
                raise
            await connection.close()


async def _driver(connection: AsyncConnection) -> DriverConnection:
    raw = (await connection.get_raw_connection()).driver_connection
    assert isinstance(raw, psycopg.AsyncConnection)
    return raw


def _hung_up(raw: DriverConnection) -> bool:
    """An idle connection has nothing to read unless the server said goodbye; asking the socket costs a microsecond."""
    if raw.closed:
        return True
    poll = select.poll()
    poll.register(raw.fileno(), select.POLLIN | select.POLLHUP | select.POLLERR)
    return bool(poll.poll(0))


async def _discard(connection: AsyncConnection, raw: DriverConnection) -> None:
    """Ends what may have failed and gives the connection back; one that cannot even roll back leaves the pool. Raises nothing of
    its own: the first error stays the error."""
    try:
        await raw.rollback()
        await raw.set_autocommit(False)
    except psycopg.Error:
        await connection.invalidate()
    if raw.closed and not connection.invalidated:
        await connection.invalidate()
    await connection.close()


@contextmanager
def _hanging_up(raw: DriverConnection, after_s: float | None) -> Iterator[None]:
    """Hangs up when the block lasts too long: whoever waits then hears of a lost connection, as when the network fails."""
    if after_s is None:
        yield
        return
    timer = asyncio.get_running_loop().call_later(after_s, _hang_up, raw)
    try:
        yield
    finally:
        timer.cancel()


def _hang_up(raw: DriverConnection) -> None:
    if not raw.closed:
        with socket.socket(fileno=os.dup(raw.fileno())) as line, suppress(OSError):
            line.shutdown(socket.SHUT_RDWR)


@asynccontextmanager
async def _in_pipeline(raw: DriverConnection) -> AsyncIterator[None]:
    """Begins, lets the statements follow one another, commits. psycopg's own beginning would wait for its answer."""
    await raw.set_autocommit(True)
    done = False
    try:
        with committing(lambda: done):
            async with raw.pipeline():
                await raw.execute("begin")
                yield
                done = True
                await raw.execute("commit")
    finally:
        if not raw.closed and raw.info.transaction_status is TransactionStatus.IDLE:
            await raw.set_autocommit(False)


def as_json(value: Any) -> str:
    """Rows for ``json_to_recordset``: one text parameter is many times cheaper than lists of adapted values.

    Instants, days, UUIDs, amounts (as decimal strings) and enum members may stand anywhere.
    """
    return _encode(value).decode()


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


def as_uuid_array(ids: Any) -> str:
    """A PostgreSQL array literal of UUIDs."""
    return "{" + ",".join(map(str, ids)) + "}"
