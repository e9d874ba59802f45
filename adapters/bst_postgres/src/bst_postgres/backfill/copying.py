"""Rows as COPY's text format: the cheapest way into a table.

Values are spelled here and not by the driver, a column at a time: a chunk has a hundred thousand of them, and only texts and
documents need care.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from bst_postgres.bookings.rows import Row
from bst_postgres.database import DriverConnection, as_json

_NULL = "\\N"
_SPECIAL = "\\\n\r\t"
_ESCAPES = str.maketrans({"\\": "\\\\", "\n": "\\n", "\r": "\\r", "\t": "\\t"})

Column = Sequence[Any]


def _texts(column: Column) -> list[str]:
    """Most columns have no sign that needs an escape in any of their rows."""
    joined = "".join([value for value in column if value is not None])
    if any(sign in joined for sign in _SPECIAL):
        return [_NULL if value is None else value.translate(_ESCAPES) for value in column]
    return [_NULL if value is None else value for value in column]


def _documents(column: Column) -> list[str]:
    """JSON spells line ends and tabs with a backslash already."""
    return [_NULL if value is None else as_json(value).replace("\\", "\\\\") for value in column]


def _arrays(column: Column) -> list[str]:
    """Of words of ours, which need no quotes: status reasons."""
    return [_NULL if value is None else "{" + ",".join(value) + "}" for value in column]


def _flags(column: Column) -> list[str]:
    return [_NULL if value is None else "t" if value else "f" for value in column]


def _uuids(column: Column) -> list[str]:
    return [_NULL if value is None else f"{value.int:032x}" for value in column]


def _others(column: Column) -> list[str]:
    """Numbers, amounts, days and instants. The moment of the run is the same in all rows."""
    known, spelled = None, _NULL
    lines = []
    for value in column:
        if value is not known:
            known, spelled = value, _NULL if value is None else str(value)
        lines.append(spelled)
    return lines


_SPELLINGS: Mapping[str, Callable[[Column], list[str]]] = {
    "text": _texts,
    "tsvector": _texts,
    "json": _documents,
    "jsonb": _documents,
    "text[]": _arrays,
    "boolean": _flags,
    "uuid": _uuids,
}


def _spelled(columns: Mapping[str, str], rows: Sequence[Row]) -> bytes:
    spelled = [_SPELLINGS.get(kind, _others)([row.get(name) for row in rows]) for name, kind in columns.items()]
    return ("\n".join(map("\t".join, zip(*spelled, strict=True))) + "\n").encode()


async def copy_rows(connection: DriverConnection, table: str, columns: Mapping[str, str], rows: Sequence[Row]) -> int:
    """Rows that are not there yet; returns how many. A column that a row lacks is null. ``columns``: name -> type."""
    if not rows:
        return 0
    lines = _spelled(columns, rows)
    statement = f"copy {table} ({', '.join(columns)}) from stdin"
    async with connection.cursor() as cursor, cursor.copy(statement.encode()) as copy:
        await copy.write(lines)
    return len(rows)
