"""F-00 reads environment files and says what does not fit, and never a secret."""

import os
from pathlib import Path
from typing import Any

import pytest

from bst_cli.gates import env_baseline
from bst_cli.gates.env_baseline import GATE, parse
from bst_cli.gates.findings import Judged
from bst_cli.gates.release import given_by_environment
from bst_cli.gates.report import document, page
from bst_cli.gates.surroundings import Surroundings
from bst_cli.trouble import Trouble
from bst_domain.migration import Verdict
from bst_testing.deliveries import NOW
from tests.cli.surroundings import not_passed

TOKEN, SECRET = "a-token-of-forty-characters", "a-secret-of-forty-characters"
RECEIVER = {
    "REDIS_URL": "redis://x",
    "INGEST_REDIS_URL": "redis://x",
    "CORE_API_ADMIN_TOKEN": "an-admin-token",
    "INGEST_SERVICE_TOKEN": TOKEN,
    "INGEST_SERVICE_SECRET": SECRET,
    "INGEST_QUEUE_ENABLED": "true",
    "INGEST_WEBHOOK_ENABLED": "on",
    "INGEST_REPLAY_ENABLED": "1",
}
EMITTER = {"INGEST_SERVICE_TOKEN": TOKEN, "INGEST_SERVICE_SECRET": SECRET, "WEB_EMIT_BOOKING_EVENT_ENABLED": "false"}
NOBODY: Any = None  # F-00 asks nobody: whoever is asked all the same fails
NOWHERE = Surroundings(
    api=NOBODY, database=NOBODY, producer=NOBODY, legacy=NOBODY, now=NOBODY, pause=NOBODY, tell=NOBODY, progress=NOBODY
)


def files(folder: Path, changes: dict[str, dict[str, str]] | None = None, *, backup: bool = True) -> dict[str, str]:
    """Three environment files that fit, but for the changes; an empty value takes a name out."""
    made = {}
    for who, values in (("receiver", RECEIVER), ("emitter_prod", EMITTER), ("emitter_staging", EMITTER)):
        path = folder / f"{who}.env"
        said = {**values, **(changes or {}).get(who, {})}
        path.write_text("# settings\n" + "".join(f"export {name}='{value}'\n" for name, value in said.items() if value))
        if backup:
            (folder / f"{who}.env.bak.20260220").write_text("")
        made[f"{who}_env_path"] = str(path)
    return made


async def measured(paths: dict[str, str], **given: object) -> Judged:
    usual = {option.name: option.default for option in GATE.settings}
    return await GATE.measure(NOWHERE, {**usual, **paths, **given})


async def test_files_that_fit_pass(tmp_path: Path) -> None:
    judged = await measured(files(tmp_path))
    assert judged.passed, not_passed(judged)
    assert judged.summary["backups"]["emitter-prod"] == "emitter_prod.env.bak.20260220"


@pytest.mark.parametrize(
    ("who", "name", "value", "failing"),
    [
        ("receiver", "REDIS_URL", "", "F-00_receiver_REDIS_URL"),
        ("receiver", "CORE_API_ADMIN_TOKEN", "", "F-00_receiver_CORE_API_ADMIN_TOKEN"),
        ("receiver", "CORE_API_ADMIN_TOKEN", "dev-admin-token", "F-00_receiver_secrets_are_secret"),
        ("receiver", "INGEST_QUEUE_ENABLED", "false", "F-00_receiver_INGEST_QUEUE_ENABLED"),
        ("receiver", "INGEST_WEBHOOK_ENABLED", "", "F-00_receiver_INGEST_WEBHOOK_ENABLED"),
        ("receiver", "INGEST_REPLAY_ENABLED", "off", "F-00_receiver_INGEST_REPLAY_ENABLED"),
        ("emitter_prod", "INGEST_SERVICE_SECRET", "another", "F-00_emitter-prod_INGEST_SERVICE_SECRET_equal"),
        ("emitter_staging", "INGEST_SERVICE_TOKEN", "another", "F-00_emitter-staging_INGEST_SERVICE_TOKEN_equal"),
        ("emitter_prod", "WEB_EMIT_BOOKING_EVENT_ENABLED", "yes", "F-00_emitter-prod_emit_disabled"),
    ],
)
async def test_each_thing_that_does_not_fit_is_named(
    tmp_path: Path, who: str, name: str, value: str, failing: str
) -> None:
    judged = await measured(files(tmp_path, {who: {name: value}}))
    assert not_passed(judged) == {failing: Verdict.FAIL}


async def test_a_missing_copy_fails_unless_none_is_asked_for(tmp_path: Path) -> None:
    paths = files(tmp_path, backup=False)
    names = {f"F-00_{who}_backup" for who in ("receiver", "emitter-prod", "emitter-staging")}
    assert set(not_passed(await measured(paths))) == names
    assert (await measured(paths, require_backup_evidence=False)).passed


async def test_no_report_says_a_secret(tmp_path: Path) -> None:
    judged = await measured(files(tmp_path, {"emitter_prod": {"INGEST_SERVICE_SECRET": "another-secret-there"}}))
    text = page("F-00", judged, started=NOW, ended=NOW) + str(document("F-00", judged, started=NOW, ended=NOW))
    for secret in (TOKEN, SECRET, "another-secret-there", "an-admin-token", "redis://x"):
        assert secret not in text


async def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    paths = {**files(tmp_path), "receiver_env_path": str(tmp_path / "none.env")}
    with pytest.raises(Trouble, match=r"none\.env cannot be read: No such file"):
        await measured(paths)


async def test_a_place_on_another_machine_is_read_over_ssh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The program on the PATH stands for ssh: it runs the command here, and says how it was called."""
    ssh = tmp_path / "bin" / "ssh"
    ssh.parent.mkdir()
    lost = '[ "$3" = gone@there ] && { echo no route >&2; exit 255; }'
    ssh.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/called\n{lost}\nsh -c "$4"\n')
    ssh.chmod(0o755)
    monkeypatch.setenv("PATH", str(ssh.parent), prepend=os.pathsep)
    paths = files(tmp_path)
    paths["emitter_prod_env_path"] = f"deploy@web:{paths['emitter_prod_env_path']}"
    assert (await measured(paths)).passed
    assert (tmp_path / "called").read_text().startswith("-o BatchMode=yes deploy@web cat -- ")
    with pytest.raises(Trouble, match="cannot be read: no route"):
        await env_baseline.read_env_file("gone@there:/srv/.env")
    with pytest.raises(Trouble, match="is no place"):
        await env_baseline.read_env_file("-oProxyCommand=touch:x")


def test_the_last_line_of_a_name_counts() -> None:
    assert parse('A=1\n#A=2\nexport A="3"\n  B = x \nnothing\n') == {"A": "3", "B": "x"}


def test_the_files_are_asked_for() -> None:
    import click

    with pytest.raises(click.UsageError) as refused:
        given_by_environment(GATE)
    assert "--receiver-env-path" in refused.value.format_message()
