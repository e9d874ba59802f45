"""The README's example runs as it stands."""

import re
from pathlib import Path

README = Path(__file__).parents[2] / "packages" / "bst_domain" / "README.md"


def test_the_example_of_the_readme_runs() -> None:
    [example] = re.findall(r"```python\n(.*?)```", README.read_text("utf-8"), re.DOTALL)
    exec(compile(example, str(README), "exec"), {})


def test_the_readme_names_every_module() -> None:
    folder = README.parent / "src" / "bst_domain"
    modules = {path.stem for path in folder.glob("*.py")} - {"__init__"}
    named = set(re.findall(r"`([a-z_0-9]+)`", README.read_text("utf-8")))
    assert modules <= named
