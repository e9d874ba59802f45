"""The import rules hold, and each of them can fail: a copy of the tree with one forbidden import a rule breaks them all."""

import configparser
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SOURCES = [*sorted(ROOT.glob("*/*/src/*/")), ROOT / "contracts/src/bst_contracts"]

#: Contract -> the module that breaks it, and the line that does.
OFFENCES = {
    "layers": ("bst_postgres/audit.py", "import bst_bullmq"),
    "pure-domain": ("bst_domain/values/_money.py", "import os"),
    "domain-chapters": ("bst_domain/values/_contact.py", "import bst_domain.ingest"),
    "domain-face": ("bst_application/grouping.py", "import bst_domain.booking._facts"),
    "application-is-libraryless": ("bst_application/ids.py", "import msgspec"),
    "testing-is-no-dependency": ("bst_worker/wiring.py", "import bst_testing.deliveries"),
    "storage-owner": ("bst_core_api/wiring.py", "import sqlalchemy"),
    "driver-owner": ("bst_core_api/server.py", "import psycopg"),
    "cipher-owner": ("bst_cli/options.py", "import cryptography"),
    "queue-owner": ("bst_worker/server.py", "import redis"),
    "http-owner": ("bst_worker/__main__.py", "import litestar"),
    "telemetry-owner": ("bst_litestar/problems.py", "import prometheus_client"),
    "emitter-alone": ("bst_emitter/_signing.py", "import bst_domain.values"),
    "emitter-face": ("bst_litestar/auth.py", "import bst_emitter"),
    "channel-database": ("bst_postgres/event_log.py", "import bst_postgres.channel"),
    "no-join": ("bst_postgres/channel.py", "import bst_postgres.tables"),
}


def lint(python_path: Path | None, folder: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"]
    environment = dict(os.environ)
    if python_path is not None:
        environment["PYTHONPATH"] = str(python_path)
    return subprocess.run(
        [*command, "--config", str(ROOT / "importlinter.ini"), "--no-cache"],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )


def contract_names() -> dict[str, str]:
    parser = configparser.ConfigParser()
    parser.read(ROOT / "importlinter.ini")
    prefix = "importlinter:contract:"
    return {
        section.removeprefix(prefix): parser[section]["name"]
        for section in parser.sections()
        if section.startswith(prefix)
    }


def test_the_import_rules_hold(tmp_path: Path) -> None:
    done = lint(None, tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_import_rule_can_fail(tmp_path: Path) -> None:
    names = contract_names()
    assert OFFENCES.keys() == names.keys()
    for source in SOURCES:
        shutil.copytree(source, tmp_path / "src" / source.name, ignore=shutil.ignore_patterns("__pycache__"))
    for module, line in OFFENCES.values():
        path = tmp_path / "src" / module
        path.write_text(f"{path.read_text()}\n{line}\n")
    done = lint(tmp_path / "src", tmp_path)
    report = " ".join(done.stdout.split())
    assert done.returncode == 1, done.stdout + done.stderr
    for section, name in names.items():
        assert f"{name} BROKEN" in report, f"{section} did not break:\n{done.stdout}"
