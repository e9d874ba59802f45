"""The README's examples run as they stand, each on its own, and it names every module there is."""

import re
from pathlib import Path

import pytest

README = Path(__file__).parents[2] / "packages" / "bst_domain" / "README.md"
EXAMPLES = re.findall(r"\*\*(.+?)\.\*\*.*?```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)


def test_there_are_six_examples() -> None:
    assert [title for title, _ in EXAMPLES] == [
        "Fold a booking",
        "Derive a status",
        "Map a raw status",
        "Verify a signature",
        "Decide an idempotent replay",
        "Match a catalog row",
    ]


@pytest.mark.parametrize(("title", "example"), EXAMPLES, ids=[title for title, _ in EXAMPLES])
def test_an_example_runs(title: str, example: str) -> None:
    assert "assert " in example
    exec(compile(example, f"{README}: {title}", "exec"), {})


@pytest.mark.parametrize("example", [example for _, example in EXAMPLES], ids=[title for title, _ in EXAMPLES])
def test_an_example_uses_the_face_alone(example: str) -> None:
    imported = set(re.findall(r"^from (\S+) import|^import (\S+)", example, re.MULTILINE))
    modules = {one or other for one, other in imported}
    assert modules <= {"bst_domain", "datetime", "uuid", "hashlib"}


def test_the_readme_names_every_module() -> None:
    folder = README.parent / "src" / "bst_domain"
    modules = {path.stem for path in folder.glob("*/_*.py")} - {"__init__"}
    named = set(re.findall(r"`(_[a-z_0-9]+)`", README.read_text("utf-8")))
    assert named == modules
