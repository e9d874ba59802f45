"""The page of settings: whatever the programs read from their environment stands on it, with what it means."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "settings.md").read_text("utf-8")
PROGRAMS = ("apps", "packages/bst_application", "packages/bst_emitter", "adapters")
NAME = re.compile(r"[A-Z][A-Z0-9]*(_[A-Z0-9]+)*")
#: Who is asked for a setting: an environment by any of its names, or the reader of one. The options of gates are in the page by
#: themselves, because it is made from the commands.
ASKED = re.compile(r"environ|environment|reader|^secret$")
#: Constants that name settings, wherever they are then read.
NAMES = {"SECRETS", "PREVIOUS", "DATABASES", "SECRET_NAMES", "_ENDPOINTS", "SIGNED_WITH", "BY_PRINCIPAL"}


def texts(node: ast.AST) -> Iterator[str]:
    for below in ast.walk(node):
        if isinstance(below, ast.Constant) and isinstance(below.value, str) and NAME.fullmatch(below.value):
            yield below.value


def read_by_the_programs() -> set[str]:
    """Every name that a program asks its environment for, as far as the source says it in so many words."""
    found: set[str] = set()
    for part in PROGRAMS:
        for path in (ROOT / part).rglob("*.py"):
            for node in ast.walk(ast.parse(path.read_text("utf-8"))):
                match node:
                    case ast.Call(func=ast.Attribute(attr="first"), args=names):
                        found |= {name for argument in names for name in texts(argument)}
                    case ast.Call(func=func, args=[name, *_]) if ASKED.search(ast.unparse(func)):
                        found |= set(texts(name))
                    case ast.Subscript(value=value, slice=name) if ASKED.search(ast.unparse(value)):
                        found |= set(texts(name))
                    case ast.Assign(targets=[ast.Name(id=constant)], value=value) if constant in NAMES:
                        found |= set(texts(value))
                    case ast.AnnAssign(target=ast.Name(id=constant), value=ast.expr() as value) if constant in NAMES:
                        found |= set(texts(value))
    return found


READ = sorted(read_by_the_programs())


def test_the_settings_are_found() -> None:
    assert len(READ) > 50
    assert {"PORT", "OPS_DB_URL", "INGEST_SYNC_FALLBACK_ENABLED", "CATALOG_PUBLISH_SECRET", "OTEL_SDK_DISABLED"} <= set(
        READ
    )


@pytest.mark.parametrize("name", READ)
def test_every_setting_that_is_read_is_on_the_page(name: str) -> None:
    assert f"`{name}`" in PAGE


def test_every_row_says_everything() -> None:
    for line in PAGE.splitlines():
        if line.startswith("| `"):
            assert all(cell.strip() for cell in line.strip("|").split("|")), line
