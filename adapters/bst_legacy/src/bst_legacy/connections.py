"""Connections to both legacy databases: read-only, one snapshot each, and every failure as a sentence."""

from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from typing import Any, LiteralString
from urllib.parse import parse_qsl, quote, urlencode, urlsplit, urlunsplit
from uuid import uuid4

import psycopg
from psycopg import sql
from psycopg.rows import DictRow, TupleRow, dict_row

from bst_application.errors import LegacyUnreadable
from bst_domain.migration import LegacySystem
from bst_legacy.needed import NEEDED, missing

Connection = psycopg.AsyncConnection[TupleRow]

CONNECT_TIMEOUT_S = 10
#: Rows of a long list that are in memory at once.
ROWS_AT_ONCE = 10_000
#: Read-only, and what the text form of rows depends on, of which digests are taken.
_OPTIONS = "-c default_transaction_read_only=on -c timezone=UTC -c datestyle=ISO,YMD -c extra_float_digits=1 -c jit=off"
#: The setting that names each database; for sentences.
SETTING: Mapping[LegacySystem, str] = {
    LegacySystem.SHOP: "BALISNAP_DB_URL",
    LegacySystem.ADMIN: "BSTADMIN_DB_URL",
}
_COLUMNS = """
select table_name, column_name, data_type from information_schema.columns
where table_schema = any (current_schemas(false))
"""


@asynccontextmanager
async def opened(system: LegacySystem, url: str, *, moment: str | None = None) -> AsyncIterator[Connection]:
    """A connection within one read-only snapshot, to a database that has everything back-fill reads.

    ``moment``: the name of a snapshot that is open on another connection; it sees the same.
    """
    where = f"{system} ({SETTING[system]})"
    try:
        connection = await psycopg.AsyncConnection.connect(
            _libpq(url),
            autocommit=True,
            connect_timeout=CONNECT_TIMEOUT_S,
            application_name="bst migrate",
        )
    except (psycopg.Error, ValueError) as error:
        raise LegacyUnreadable(
            f"cannot open {where}: {_first_line(error)}; check the URL, that the server runs, and that this machine and"
            " user may connect"
        ) from error
    try:
        with reading(system):
            await connection.execute("begin isolation level repeatable read, read only")
            if moment is not None:
                await connection.execute(sql.SQL("set transaction snapshot {}").format(moment))
            rows = await (await connection.execute(_COLUMNS)).fetchall()
        problems = missing({(table, column): kind for table, column, kind in rows}, NEEDED[system])
        if problems:
            raise LegacyUnreadable(
                f"{where} is not the schema that back-fill reads: {'; '.join(problems)}. Check that the URL names the right"
                " database, and that its user may read these tables"
            )
        yield connection
    finally:
        await connection.close()


@contextmanager
def reading(system: LegacySystem) -> Iterator[None]:
    """Whatever PostgreSQL says becomes a sentence."""
    try:
        yield
    except psycopg.errors.InsufficientPrivilege as error:
        raise LegacyUnreadable(
            f"{system}: {_first_line(error)}; grant select on it to the user of {SETTING[system]}"
        ) from error
    except psycopg.Error as error:
        raise LegacyUnreadable(
            f"{system}: {_first_line(error)}; start the batch again, it goes on where it was"
        ) from error


async def fetch(
    system: LegacySystem, connection: Connection, query: LiteralString, parameters: Mapping[str, Any] | None = None
) -> list[TupleRow]:
    """All rows of a query, in the binary format: numbers and instants need no parsing."""
    with reading(system):
        async with connection.cursor(binary=True) as cursor:
            await cursor.execute(query, parameters)
            return await cursor.fetchall()


async def streamed(
    system: LegacySystem, connection: Connection, query: LiteralString, parameters: Mapping[str, Any] | None = None
) -> AsyncIterator[list[TupleRow]]:
    """The rows of a query, ROWS_AT_ONCE at a time: the cursor is the server's, and rows come as they are asked for."""
    with reading(system):
        async with connection.cursor(f"bst_{uuid4().hex}") as cursor:
            await cursor.execute(query, parameters)
            while rows := await cursor.fetchmany(ROWS_AT_ONCE):
                yield rows


async def fetch_named(system: LegacySystem, connection: Connection, query: LiteralString) -> list[DictRow]:
    """All rows of a query, by the names of its columns."""
    with reading(system):
        async with connection.cursor(binary=True, row_factory=dict_row) as cursor:
            await cursor.execute(query)
            return await cursor.fetchall()


def _libpq(url: str) -> str:
    """The URL with our options behind its own. An argument beside it would take the place of what it says."""
    parts = urlsplit(url)
    if parts.scheme not in {"postgresql", "postgres"}:
        raise ValueError("a database URL starts with postgresql://")
    query = dict(parse_qsl(parts.query))
    options = [query.get("options", ""), _OPTIONS]
    if (schema := query.pop("schema", None)) is not None:  # Prisma's own word
        options.append(f"-c search_path={schema}")
    query["options"] = " ".join(options).strip()
    return urlunsplit(parts._replace(query=urlencode(query, quote_via=quote)))


def _first_line(error: BaseException) -> str:
    return str(error).strip().partition("\n")[0]
