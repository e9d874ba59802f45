"""What is copied in comes out as it was, whatever signs it holds."""

from typing import Any
from uuid import UUID

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bst_postgres.backfill.copying import copy_rows
from bst_postgres.database import Database

COLUMNS = {
    "number": "int",
    "note": "text",
    "fold": "json",
    "said": "jsonb",
    "reasons": "text[]",
    "well": "boolean",
    "key": "uuid",
}
#: PostgreSQL holds no NUL, and UTF-8 no lone surrogate.
texts = st.text(st.characters(exclude_characters="\x00", exclude_categories=["Cs"]), max_size=12)
rows = st.fixed_dictionaries(
    {"number": st.integers(0, 9)},
    optional={
        "note": st.one_of(st.none(), texts, st.sampled_from(["\\N", "a\tb", "line\nnext", "c:\\.", "\\."])),
        "fold": st.dictionaries(texts, texts, max_size=2),
        "said": st.dictionaries(texts, st.one_of(st.none(), st.integers(), texts), max_size=2),
        "reasons": st.lists(st.sampled_from(["INCOMPLETE", "PARTIAL_REFUND"]), max_size=2),
        "well": st.booleans(),
        "key": st.uuids(),
    },
)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30)
@given(st.lists(rows, max_size=4))
async def test_what_is_copied_comes_out_as_it_was(postgres_dsn: str, given_rows: list[dict[str, Any]]) -> None:
    database = Database(postgres_dsn, pool_size=1)
    try:
        async with database.transaction() as connection:
            typed = ", ".join(f"{name} {kind}" for name, kind in COLUMNS.items())
            await connection.execute(f"create temporary table copied ({typed}) on commit drop".encode())
            assert await copy_rows(connection, "copied", COLUMNS, given_rows) == len(given_rows)
            found = await (await connection.execute("select * from copied")).fetchall()
    finally:
        await database.close()
    assert [dict(zip(COLUMNS, row, strict=True)) for row in found] == [
        {name: row.get(name) for name in COLUMNS} for row in given_rows
    ]


@pytest.mark.parametrize("value", [UUID(int=0), UUID(int=2**128 - 1)])
async def test_a_key_is_spelled_whole(postgres_dsn: str, value: UUID) -> None:
    database = Database(postgres_dsn, pool_size=1)
    try:
        async with database.transaction() as connection:
            await connection.execute("create temporary table copied (key uuid) on commit drop")
            await copy_rows(connection, "copied", {"key": "uuid"}, [{"key": value}])
            assert await (await connection.execute("select key from copied")).fetchall() == [(value,)]
    finally:
        await database.close()
