"""Takes batch A back: the empty schema, and only that. Where anything was written, a backup is the way back."""

import psycopg

from bst_postgres.backfill.reference import REFERENCE
from bst_postgres.database import Database, DriverConnection
from bst_postgres.tables import metadata

#: Rows that the migrations themselves write.
_OWN = {"migration_run_log", "alembic_version", "catalog_publication", *(table for table, _, _ in REFERENCE)}
_FUNCTIONS = """
select distinct tgfoid::regprocedure::text from pg_trigger
where not tgisinternal and tgrelid = any (select (quote_ident(name))::regclass::oid from unnest(%s::text[]) as name)
"""


async def written_since(database: Database) -> list[tuple[str, str]]:
    """Tables that somebody has written to, with how much; empty where nothing but the schema is there. Raises Unavailable."""
    async with database.transaction(brief=False) as connection:
        there = await _tables(connection)
        found: list[tuple[str, str]] = []
        for table in there:
            if table in _OWN:
                continue
            row = await (await connection.execute(f'select count(*) from "{table}"'.encode())).fetchone()
            assert row is not None
            if row[0]:
                found.append((f"table {table}", f"{row[0]:,} rows"))
        found += await _reference_changes(connection)
    return found


async def drop_schema(database: Database) -> int:
    """Drops every table and function of ours; returns how many tables. Raises Unavailable and Conflict."""
    async with database.transaction(brief=False) as connection:
        there = await _tables(connection)
        functions = [name for (name,) in await (await connection.execute(_FUNCTIONS, (there,))).fetchall()]
        if there:
            await connection.execute(("drop table " + ", ".join(f'"{table}"' for table in there) + " cascade").encode())
        for function in functions:
            await connection.execute(f"drop function {function} cascade".encode())
    return len(there)


async def _tables(connection: DriverConnection) -> list[str]:
    """Those of ours that are there."""
    query = "select tablename from pg_tables where schemaname = current_schema() order by 1"
    ours = {*metadata.tables, "alembic_version"}
    return [name for (name,) in await (await connection.execute(query)).fetchall() if name in ours]


async def _reference_changes(connection: DriverConnection) -> list[tuple[str, str]]:
    found = []
    for (table, code, label), words in REFERENCE.items():
        try:
            async with connection.transaction():
                query = f"select {code}, {label} from {table}"
                here: dict[str, str] = dict(await (await connection.execute(query.encode())).fetchall())
        except psycopg.errors.UndefinedTable:
            continue
        found += [(f"{table} {key}", f"says {here[key]!r}") for key in here if words.get(key) != here[key]]
    return found
