"""The page about security: every threat has an answer, and a test that exists and shows it."""

import re
from pathlib import Path

import pytest

from tests.architecture.test_defects_page import NAMED, functions

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "security.md").read_text("utf-8")
COLUMNS = ["Who", "What they try", "What is done", "Shown by"]
#: Words of who must be on the page.
ATTACKERS = ("stranger", "token", "rogue", "STAFF", "database", "logs", "supply-chain")


def threats() -> list[list[str]]:
    """The rows of the first table."""
    table = re.search(r"(?:^\|.*\|$\n?)+", PAGE, re.MULTILINE)
    assert table is not None
    columns, _, *rows = [[cell.strip() for cell in line[1:-1].split("|")] for line in table[0].splitlines()]
    assert columns == COLUMNS
    return rows


def test_every_threat_has_an_answer_and_a_test() -> None:
    for row in threats():
        assert len(row) == len(COLUMNS), row
        assert all(row), row
        assert 1 <= len(NAMED.findall(row[-1])) <= 2, row
        assert not NAMED.sub("", row[-1]).strip(", "), row


@pytest.mark.parametrize("word", ATTACKERS)
def test_everybody_who_attacks_is_there(word: str) -> None:
    assert any(word in row[0] for row in threats())


@pytest.mark.parametrize(("path", "name"), sorted(set(NAMED.findall(PAGE))))
def test_a_named_test_exists(path: str, name: str) -> None:
    assert name.startswith("test_")
    assert name in functions(path)


def test_every_setting_of_the_page_is_read() -> None:
    """A setting that nobody reads protects nobody."""
    source = "".join(path.read_text("utf-8") for path in (ROOT / "packages/bst_application/src").rglob("*.py"))
    for name in re.findall(r"`((?:BST|INGEST|CORE_API)_[A-Z_]+)`", PAGE):
        assert f'"{name}"' in source, name
