"""The library alone: a throw-away project that has nothing but the built wheel runs the README's examples."""

import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from tests.domain.test_readme import EXAMPLES

PACKAGE = Path(__file__).parents[2] / "packages" / "bst_domain"


@pytest.mark.slow
def test_a_project_with_the_wheel_alone_runs_the_examples(tmp_path: Path) -> None:
    uv = shutil.which("uv")
    assert uv is not None, "uv runs the tests, so it is there"
    built = tmp_path / "wheel"
    subprocess.run([uv, "build", "--quiet", "--wheel", "--out-dir", str(built), str(PACKAGE)], check=True)
    [wheel] = built.glob("*.whl")
    names = zipfile.ZipFile(wheel).namelist()
    assert "bst_domain/py.typed" in names
    assert all(name.startswith(("bst_domain/", "bst_domain-")) for name in names)
    script = tmp_path / "project" / "examples.py"
    script.parent.mkdir()
    script.write_text(
        "\n".join(["import sys", *(example for _, example in EXAMPLES), "print('all ran', sys.prefix)"]), "utf-8"
    )
    command = [uv, "run", "--quiet", "--no-project", "--isolated", "--python", sys.executable, "--with", str(wheel)]
    done = subprocess.run(
        [*command, "python", str(script)], cwd=script.parent, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "all ran" in done.stdout
    assert sys.prefix not in done.stdout
