"""Measures how many deliberate faults in bst_domain its tests find: `python tests/mutation/measure.py [--keep FOLDER]`.

mutmut changes one operator, constant, argument or branch of one function at a time and runs the tests that reach it. It works
on a copy, in an environment of its own, so nothing here is touched. Takes about half an hour on two cores; docs/quality.md has
the last result and judges what survived. Tables are module-level data, which mutmut leaves alone: other tests compare them
with the pages they come from.
"""

import argparse
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: Left out: what reads the tree or starts Python anew, so that it would not see a mutant.
LEFT_OUT = ["test_face.py", "test_docs.py", "test_readme.py", "test_wheel.py"]
TESTS = ["tests/domain", "tests/contracts/test_signing_contract.py", "tests/contracts/test_event_contract.py"]
PROJECT = """
[project]
name = "mutated"
version = "0"
requires-python = ">=3.11"
dependencies = ["attrs", "cattrs", "pytest", "hypothesis", "jsonschema", "mutmut>=3.8"]

[tool.uv]
package = false

[tool.mutmut]
source_paths = ["src"]
also_copy = ["conftest.py", "packages", "contracts"]
pytest_add_cli_args = ["-q", "-x", "-p", "no:cacheprovider"]
pytest_add_cli_args_test_selection = ["tests"]
timeout_multiplier = 30.0
"""
#: The same examples for every mutant, so that a verdict is not a matter of luck; fewer of them, because there are thousands.
CONFTEST = """
import sys
from pathlib import Path
from hypothesis import HealthCheck, settings
for part in ("packages/bst_testing/src", "packages/bst_application/src", "contracts/src"):
    sys.path.append(str(Path(__file__).parent / part))
settings.register_profile(
    "mutation", max_examples=60, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck)
)
settings.load_profile("mutation")
"""


def prepare(folder: Path) -> None:
    """The copy: the domain as ``src``, its tests, and what those import."""
    no_caches = shutil.ignore_patterns("__pycache__")
    shutil.copytree(ROOT / "packages/bst_domain/src", folder / "src", ignore=no_caches)
    for part in ("packages/bst_testing", "packages/bst_application", "contracts"):
        shutil.copytree(ROOT / part, folder / part, ignore=no_caches)
    for test in TESTS:
        source, target = ROOT / test, folder / test
        target.parent.mkdir(parents=True, exist_ok=True)
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__", *LEFT_OUT))
        else:
            shutil.copy(source, target)
    for package in ("tests", "tests/contracts"):
        (folder / package / "__init__.py").touch()
    (folder / "pyproject.toml").write_text(PROJECT)
    (folder / "conftest.py").write_text(CONFTEST)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--keep", type=Path, help="work here and keep it, to look at single mutants with `mutmut show`")
    arguments = parser.parse_args()
    folder = arguments.keep or Path(tempfile.mkdtemp(prefix="mutation-"))
    folder.mkdir(parents=True, exist_ok=True)
    if not (folder / "src").exists():
        prepare(folder)
    uv = ["uv", "run", "--project", str(folder)]
    subprocess.run([*uv, "mutmut", "run"], cwd=folder, check=False)
    results = subprocess.run(
        [*uv, "mutmut", "results", "--all", "true"], cwd=folder, check=True, capture_output=True, text=True
    ).stdout
    verdicts = dict(line.strip().rsplit(": ", 1) for line in results.splitlines() if ": " in line)
    counts = {verdict: list(verdicts.values()).count(verdict) for verdict in sorted(set(verdicts.values()))}
    found = counts.get("killed", 0) + counts.get("timeout", 0)
    if not found:
        print("the tests did not run on the copy; see above", file=sys.stderr)
        return 1
    print(counts)
    for mutant, verdict in sorted(verdicts.items()):
        if verdict not in {"killed", "timeout"}:
            print(f"{verdict}: {mutant}")
    print(f"mutation score: {found} of {len(verdicts)} = {100 * found / max(1, len(verdicts)):.1f} %")
    return 0


if __name__ == "__main__":
    sys.exit(main())
