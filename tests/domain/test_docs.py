"""The pages that are made from tables and docstrings are those that are checked in."""

import runpy
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from bst_domain import lifecycles
from bst_domain.lifecycles import Lifecycle

DOCS = Path(__file__).parents[2] / "docs"
BUILD = runpy.run_path(str(DOCS / "build.py"))


def test_every_lifecycle_has_a_page() -> None:
    tables = [value for name in lifecycles.__all__ if isinstance(value := getattr(lifecycles, name), Lifecycle)]
    shown = list(BUILD["LIFECYCLES"].values())
    assert len(tables) == len(shown)
    assert all(any(table is other for other in shown) for table in tables)


@pytest.mark.skipif(sys.version_info[:2] != (3, 11), reason="the pages are made by the oldest Python that is supported")
def test_the_pages_are_those_that_the_tables_and_docstrings_make() -> None:
    pages: Callable[[], dict[Path, str]] = BUILD["pages"]
    made = pages()
    assert {path.name for path in made if path.parent.name == "lifecycles"} == {
        path.name for path in (DOCS / "lifecycles").iterdir()
    }
    for path, text in made.items():
        assert path.read_text("utf-8") == text, f"{path.name} is out of date: uv run python docs/build.py"
