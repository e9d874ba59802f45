"""The page about the predecessor's defects: each number stands there once, and every test that it names exists."""

import ast
import re
from collections import Counter
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "predecessor-defects.md").read_text("utf-8")

#: The numbers of the predecessor's review that the page answers.
NUMBERS = range(1, 105)
COLUMNS = ["#", "The predecessor", "Here", "Shown by"]
NOT_YET = ["#", "The predecessor", "What is missing"]
NAMED = re.compile(r"`([^`]+\.py)::(\w+)`")


def tables() -> Iterator[tuple[list[str], list[list[str]]]]:
    """Each table as its columns and its rows."""
    for block in re.findall(r"(?:^\|.*\|$\n?)+", PAGE, re.MULTILINE):
        columns, rule, *rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in block.splitlines()]
        assert all(set(cell) == {"-"} for cell in rule), rule
        yield columns, rows


@cache
def functions(path: str) -> frozenset[str]:
    """The names of all functions of a file, methods and async ones included."""
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))


def test_every_defect_stands_there_once() -> None:
    found = Counter(int(row[0]) for _, rows in tables() for row in rows)
    assert found == Counter(NUMBERS)


def test_a_table_says_what_is_done_and_who_shows_it_or_what_is_missing() -> None:
    *done, missing = tables()
    assert missing[0] == NOT_YET
    for columns, rows in done:
        assert columns == COLUMNS
        for row in rows:
            assert len(row) == len(COLUMNS), row
            assert 1 <= len(NAMED.findall(row[-1])) <= 2, row
            assert not NAMED.sub("", row[-1]).strip(", "), row
    for row in missing[1]:
        assert len(row) == len(NOT_YET), row
    assert all(all(row) for _, rows in tables() for row in rows)


@pytest.mark.parametrize(("path", "name"), sorted(set(NAMED.findall(PAGE))))
def test_a_named_test_exists(path: str, name: str) -> None:
    assert name.startswith("test_")
    assert (ROOT / path).is_file()
    assert name in functions(path)
