"""All of BST is in the operational database; the shop's own is another connection, and nothing joins the two.

Source of the rule: predecessor, "all tables live in ops_db, no cross-database foreign keys". The import rules say who may open
the shop's database (``channel-database``, ``no-join``); here is that no statement reaches over by other means.
"""

import ast
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import psycopg
import pytest

from bst_postgres.tables import metadata

ROOT = Path(__file__).parents[2]
SOURCES = sorted(path for folder in ("adapters", "apps", "packages") for path in (ROOT / folder).glob("*/src/**/*.py"))

#: Ways of PostgreSQL to reach another database.
REACHES_OVER = re.compile(
    r"\bdblink|\bpostgres_fdw|\bforeign\s+(?:table|data\s+wrapper|server|schema)|\bcreate\s+(?:server|user\s+mapping)"
    r"|\bcreate\s+subscription",
    re.IGNORECASE,
)
#: Where a statement names a table: with a schema, or a database and a schema, before it.
QUALIFIED = re.compile(
    r"\b(?:from|join|into|update|truncate|references|(?:table|view|index|sequence)(?:\s+if\s+(?:not\s+)?exists)?)\s+"
    r'(?:only\s+)?"?(\w+)"?\s*\.\s*"?\w+',
    re.IGNORECASE,
)
STATEMENT = re.compile(
    r"^\W*(?:select|insert|update|delete|with|create|alter|drop|truncate|comment|copy|merge|import)\b", re.IGNORECASE
)
#: The other meanings of "from": they stand before columns.
OF_COLUMNS = re.compile(r"\bdistinct\s+from\b|\b(?:extract|substring|trim|overlay)\s*\([^()]*?\bfrom\b", re.IGNORECASE)
OWN_CATALOG = frozenset({"pg_catalog", "information_schema"})


def statements(source: str) -> Iterator[str]:
    """Every string of a module that begins like a statement; what is put in by a format is a question mark."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.JoinedStr):
            text = "".join(str(part.value) if isinstance(part, ast.Constant) else "?" for part in node.values)
        elif isinstance(node, ast.Constant) and isinstance(node.value, str):
            text = node.value
        else:
            continue
        if STATEMENT.match(text):
            yield OF_COLUMNS.sub("(", text)


def offences(source: str) -> list[str]:
    """What reaches beyond the connection's own database."""
    found = []
    for text in statements(source):
        found += [match[0] for match in REACHES_OVER.finditer(text)]
        found += [match[0] for match in QUALIFIED.finditer(text) if match[1].lower() not in OWN_CATALOG]
    return found


@cache
def number_of_statements() -> int:
    return sum(len(list(statements(path.read_text("utf-8")))) for path in SOURCES)


def test_no_statement_and_no_migration_reaches_over() -> None:
    assert number_of_statements() > 100  # they are found at all
    assert {path: found for path in SOURCES if (found := offences(path.read_text("utf-8")))} == {}


@pytest.mark.parametrize(
    "statement",
    [
        "select * from dblink('dbname=channel_db', 'select 1') as t(a int)",
        "create extension postgres_fdw",
        "create server shop foreign data wrapper postgres_fdw",
        "import foreign schema public from server shop into shop",
        "select 1 from channel_db.public.orders",
        "select 1 from booking_core join shop.orders on true",
        'insert into "shop"."orders" values (1)',
        "create table if not exists shop.orders (a int)",
        "alter table a add foreign key (b) references shop.orders",
    ],
)
def test_a_statement_that_reaches_over_is_found(statement: str) -> None:
    assert offences(f"QUERY = {statement!r}")
    assert offences(f"QUERY = f{statement!r}")


def test_the_tables_name_no_schema() -> None:
    """They are where the connection is."""
    assert metadata.schema is None
    assert {table.name for table in metadata.tables.values() if table.schema is not None} == set()


def test_a_migrated_database_knows_of_no_other(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        for catalog in ("pg_foreign_server", "pg_foreign_table", "pg_subscription_rel", "pg_user_mapping"):
            assert connection.execute(f"select count(*) from {catalog}".encode()).fetchone() == (0,), catalog
        extensions = {row[0] for row in connection.execute("select extname from pg_extension")}
        assert not extensions & {"dblink", "postgres_fdw", "file_fdw"}
        schemas = connection.execute(
            "select distinct nspname from pg_class join pg_namespace place on place.oid = relnamespace"
            " where relkind in ('r', 'p', 'v', 'm', 'f') and nspname not in ('pg_catalog', 'information_schema')"
        )
        assert {row[0] for row in schemas} == {"public"}


def test_only_the_wiring_is_told_where_the_shops_database_is() -> None:
    """The settings hold the URL; one place reads it, and gives it to the probe."""
    readers = {path.relative_to(ROOT).as_posix() for path in SOURCES if "channel_db_url" in path.read_text("utf-8")}
    assert readers == {
        "packages/bst_application/src/bst_application/settings.py",
        "apps/core_api/src/bst_core_api/wiring.py",
    }
    wiring = (ROOT / "apps/core_api/src/bst_core_api/wiring.py").read_text("utf-8")
    assert re.findall(r".*channel_db_url.*", wiring) == ["    channel = ChannelProbe(settings.channel_db_url)"]
