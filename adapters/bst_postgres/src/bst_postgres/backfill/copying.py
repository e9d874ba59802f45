"""Rows as COPY's text format: the cheapest way into a table.

Values are spelled here and not by the driver: a chunk has a hundred thousand of them, and only texts and documents need care.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from bst_postgres.bookings.rows import Row
from bst_postgres.database import DriverConnection, as_json

_NULL = "\\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})


def _text(value: Any) -> str:
    text = str(value)
    if text.isalnum():
        return text
    is_special = (
        "\\" in text or "\n" in text or "\r" in text or "\t" in text
    )  # rare, and looked for quickest one by one
    return text.translate(_ESCAPES) if is_special else text


def _document(value: Any) -> str:
    """JSON spells line ends and tabs with a backslash already."""
    return as_json(value).replace("\\", "\\\\")


def _texts(values: Iterable[str]) -> str:
    """Words of ours, which need no quotes: status reasons."""
    return "{" + ",".join(values) + "}"


def _flag(value: bool) -> str:
    return "t" if value else "f"


def _uuid(value: UUID) -> str:
    return f"{value.int:032x}"


_SPELLINGS: Mapping[str, Callable[[Any], str]] = {
    "text": _text,
    "tsvector": _text,
    "json": _document,
    "jsonb": _document,
    "text[]": _texts,
    "boolean": _flag,
    "uuid": _uuid,
}


def _spelled(columns: Mapping[str, str], rows: Sequence[Row]) -> bytes:
    spelled = [(name, _SPELLINGS.get(kind, str)) for name, kind in columns.items()]
    return "".join(
        "\t".join([_NULL if (value := row.get(name)) is None else spell(value) for name, spell in spelled]) + "\n"
        for row in rows
    ).encode()


async def copy_rows(connection: DriverConnection, table: str, columns: Mapping[str, str], rows: Sequence[Row]) -> int:
    """Rows that are not there yet; returns how many. A column that a row lacks is null. ``columns``: name -> type."""
    if not rows:
        return 0
    lines = await asyncio.to_thread(_spelled, columns, rows)
    statement = f"copy {table} ({', '.join(columns)}) from stdin"
    async with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        await copy.write(lines)
    return len(rows)
