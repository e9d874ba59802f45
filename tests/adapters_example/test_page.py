"""docs/adapters.md says nothing that the code does not."""

import ast
import importlib
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "adapters.md").read_text("utf-8")
EXCERPTS = re.findall(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
#: The file that a project of one's own begins with says its name in its first line; all else is from this repository.
WHOLE = [excerpt for excerpt in EXCERPTS if excerpt.startswith("# test_")]
CODE = {
    path.relative_to(ROOT): path.read_text("utf-8")
    for folder in ("packages", "adapters", "apps", "tests")
    for path in sorted((ROOT / folder).rglob("*.py"))
    if path != Path(__file__) and ".venv" not in path.parts
}


def test_there_is_something_to_check() -> None:
    assert len(WHOLE) == 1
    assert len(EXCERPTS) >= 4


@pytest.mark.parametrize("excerpt", [excerpt for excerpt in EXCERPTS if excerpt not in WHOLE])
def test_an_excerpt_is_in_the_code_to_the_letter(excerpt: str) -> None:
    assert [path for path, text in CODE.items() if f"\n{excerpt}" in f"\n{text}"] != []


@pytest.mark.parametrize("whole", WHOLE)
def test_the_first_file_compiles_and_imports_what_there_is(whole: str) -> None:
    compile(whole, "docs/adapters.md", "exec")
    for node in ast.walk(ast.parse(whole)):
        if isinstance(node, ast.Import):
            for alias in node.names:
                importlib.import_module(alias.name)
        elif isinstance(node, ast.ImportFrom):
            assert node.module is not None
            module = importlib.import_module(node.module)
            for alias in node.names:
                assert hasattr(module, alias.name), f"{node.module} has no {alias.name}"


def test_every_test_that_the_page_names_exists() -> None:
    functions = {name for text in CODE.values() for name in re.findall(r"def (test_\w+)\(", text)}
    assert set(re.findall(r"`(test_\w+)`", PAGE)) - functions == set()


def test_every_class_that_the_page_names_exists() -> None:
    classes = {name for text in CODE.values() for name in re.findall(r"^class (\w+)", text, re.MULTILINE)}
    named = re.findall(r"`((?:[A-Z][a-z]+){2,})`", PAGE)
    assert set(named) - classes - {"NotImplementedError"} == set()


def test_every_file_that_the_page_names_exists() -> None:
    linked = {ROOT / "docs" / link for link in re.findall(r"\]\(([^)]+)\)", PAGE)}
    named = {ROOT / name for name in re.findall(r"`((?:packages|adapters|apps|tests)/[\w/.]+)`", PAGE)}
    assert {path for path in linked | named if not path.exists()} == set()
