"""The face of the library: a small public API, everything else private by layout, and nothing else imported."""

import ast
import inspect
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

import bst_domain
from bst_domain import booking, catalog, cutover, gates, ingest, lifecycles, migration, values, vocabulary

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "packages" / "bst_domain"
SOURCE = PACKAGE / "src" / "bst_domain"
CHAPTERS = (values, vocabulary, lifecycles, booking, catalog, ingest, migration, gates, cutover)
#: Side-effect-free parts of the standard library, and the two libraries that it may use.
ALLOWED = {
    "ast", "attrs", "bst_domain", "cattrs", "collections", "datetime", "decimal", "enum", "functools", "hashlib", "hmac",
    "itertools", "json", "math", "operator", "re", "typing", "unicodedata", "uuid",
}  # fmt: skip


def test_the_face_is_small_and_everything_in_it_is_there() -> None:
    assert len(bst_domain.__all__) < 50
    assert sorted(bst_domain.__all__) == sorted(set(bst_domain.__all__))
    for name in bst_domain.__all__:
        assert any(getattr(chapter, name, None) is getattr(bst_domain, name) for chapter in CHAPTERS), name


def test_every_chapter_exports_what_it_names() -> None:
    folders = {path.parent.name for path in SOURCE.glob("*/__init__.py")}
    assert folders == {chapter.__name__.rpartition(".")[2] for chapter in CHAPTERS}
    for chapter in CHAPTERS:
        for name in chapter.__all__:
            assert hasattr(chapter, name), f"{chapter.__name__}.{name}"
            assert not name.startswith("_")


def test_everything_else_is_private_by_layout() -> None:
    for path in SOURCE.rglob("*.py"):
        assert path.name.startswith("_"), path


def test_no_module_is_long() -> None:
    for path in SOURCE.rglob("*.py"):
        assert len(path.read_text("utf-8").splitlines()) <= 300, path


def test_every_public_function_says_what_it_does() -> None:
    for chapter in CHAPTERS:
        for name in chapter.__all__:
            value = getattr(chapter, name)
            if inspect.isfunction(value):
                assert value.__doc__, f"{chapter.__name__}.{name}"


def imports(path: Path) -> set[str]:
    found = set()
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add((node.module or "").partition(".")[0])
    return found


def test_it_imports_attrs_cattrs_and_the_standard_library_alone() -> None:
    for path in SOURCE.rglob("*.py"):
        assert imports(path) <= ALLOWED, path
    declared = tomllib.loads((PACKAGE / "pyproject.toml").read_text("utf-8"))["project"]["dependencies"]
    assert {dependency.partition(">")[0] for dependency in declared} == {"attrs", "cattrs"}


def test_importing_it_reads_no_file_and_starts_nothing() -> None:
    script = """
import sys, attrs, json, decimal, hashlib, hmac, unicodedata, datetime, uuid, re, enum, math
seen = []
sys.addaudithook(lambda event, args: seen.append((event, str(args[:1]))) if event in
    {"socket.connect", "subprocess.Popen", "os.putenv", "open"} else None)
import bst_domain, bst_domain.cutover
bad = [(event, args) for event, args in seen if not (event == "open" and ("bst_domain" in args or ".py" in args))]
assert not bad, bad
assert "cattrs" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)


@pytest.mark.parametrize("minor", [11, 12, 13])
def test_its_classifiers_name_the_pythons_that_it_is_tested_on(minor: int) -> None:
    project = tomllib.loads((PACKAGE / "pyproject.toml").read_text("utf-8"))["project"]
    classifiers = [line for line in project["classifiers"] if line.startswith("Programming Language :: Python :: 3.")]
    assert f"Programming Language :: Python :: 3.{minor}" in classifiers
    assert len(classifiers) == 3
    assert project["requires-python"] == ">=3.11"
    assert (SOURCE / "py.typed").exists()
