"""The page about the schema names every table, and says how many there are."""

import re
from pathlib import Path

import pytest

from bst_postgres.tables import metadata

PAGE = (Path(__file__).parents[2] / "docs" / "schema.md").read_text("utf-8")
TABLES = PAGE.split("## The tables")[1].split("\n## ")[0]
NAMED = [name for row in re.findall(r"^\| (`.*?) \|", TABLES, re.MULTILINE) for name in re.findall(r"`(\w+)`", row)]


@pytest.mark.parametrize("name", sorted(metadata.tables))
def test_each_table_stands_on_the_page_once(name: str) -> None:
    assert NAMED.count(name) == 1


def test_the_page_names_no_other_table_and_knows_how_many_there_are() -> None:
    assert set(NAMED) == set(metadata.tables)
    assert f"{len(metadata.tables)} tables" in PAGE
