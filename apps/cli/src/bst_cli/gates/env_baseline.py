"""F-00: receiver and emitters are set up to understand each other before traffic begins. No value of a secret is ever said."""

import asyncio
import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path

import click
from attrs import frozen

from bst_application.flags import TRUE_WORDS
from bst_application.safety import WELL_KNOWN_SECRETS
from bst_cli.gates.carrying import Gate, Given, as_command, setting
from bst_cli.gates.findings import Finding, Judged, found
from bst_cli.gates.report import Keys
from bst_cli.gates.surroundings import Surroundings
from bst_cli.trouble import Trouble

RECEIVER, EMITTERS = "receiver", ("emitter-prod", "emitter-staging")
RECEIVER_NEEDS = (
    "REDIS_URL",
    "INGEST_REDIS_URL",
    "CORE_API_ADMIN_TOKEN",
    "INGEST_SERVICE_TOKEN",
    "INGEST_SERVICE_SECRET",
)
SHARED = ("INGEST_SERVICE_TOKEN", "INGEST_SERVICE_SECRET")
SWITCHES = {
    "INGEST_QUEUE_ENABLED": "queue_enabled",
    "INGEST_WEBHOOK_ENABLED": "webhook_enabled",
    "INGEST_REPLAY_ENABLED": "replay_enabled",
}
SSH_WITHIN_S = 20.0


@frozen(kw_only=True)
class EnvFile:
    """What an environment file sets, and the newest copy of it that was kept."""

    place: str
    values: Mapping[str, str]
    backup: str | None

    def get(self, name: str) -> str:
        return self.values.get(name, "")

    def is_on(self, name: str) -> bool:
        return self.get(name).lower() in TRUE_WORDS


async def measure(_around: Surroundings, given: Given) -> Judged:
    """Reads the three files. Raises Trouble for one that cannot be read."""
    files = {who: await read_env_file(given[f"{who.replace('-', '_')}_env_path"]) for who in (RECEIVER, *EMITTERS)}
    findings = list(judge(files, given))
    return Judged(
        config={
            **{f"{who}EnvPath": file.place for who, file in files.items()},
            **{name: given[name] for name in ("expect_web_emit_disabled", "require_backup_evidence", *_expectations())},
        },
        summary={
            "files": len(files),
            "backups": {who: file.backup for who, file in files.items()},
            "checksPassed": sum(one.verdict == "PASS" for one in findings),
            "checks": len(findings),
        },
        findings=findings,
    )


def judge(files: Mapping[str, EnvFile], given: Given) -> Iterator[Finding]:
    """Every check, in the order of the report."""
    receiver, emitters = files[RECEIVER], {who: files[who] for who in EMITTERS}
    for name in RECEIVER_NEEDS:
        yield _is_set(RECEIVER, receiver, name)
    public = [name for name in RECEIVER_NEEDS if receiver.get(name) in WELL_KNOWN_SECRETS]
    yield found(
        "F-00_receiver_secrets_are_secret",
        not public,
        measured=f"published defaults in {', '.join(public)}" if public else "no published default",
        wanted="no published default",
        cure="Make new ones, for instance with `openssl rand -hex 32`, for both sides.",
    )
    for who, emitter in emitters.items():
        for name in SHARED:
            yield _is_set(who, emitter, name)
            yield found(
                f"F-00_{who}_{name}_equal",
                bool(emitter.get(name)) and emitter.get(name) == receiver.get(name),
                measured="equal" if emitter.get(name) == receiver.get(name) else "differs from the receiver's",
                wanted="equal on both sides",
                cure=f"Set the same {name} in {receiver.place} and {emitter.place}.",
            )
        if given["expect_web_emit_disabled"]:
            on = emitter.is_on("WEB_EMIT_BOOKING_EVENT_ENABLED")
            yield found(
                f"F-00_{who}_emit_disabled",
                not on,
                measured="on" if on else "off",
                wanted="off before the release",
                cure=f"Set WEB_EMIT_BOOKING_EVENT_ENABLED=false in {emitter.place}, or EXPECT_WEB_EMIT_DISABLED=false here.",
            )
    for name, option in SWITCHES.items():
        if given[f"expect_{option}"]:
            yield found(
                f"F-00_receiver_{name}",
                receiver.is_on(name),
                measured="on" if receiver.is_on(name) else "off",
                wanted="on",
                cure=f"Set {name}=true in {receiver.place}; `bst flags list` shows what holds in the running processes.",
            )
    if given["require_backup_evidence"]:
        for who, file in files.items():
            yield found(
                f"F-00_{who}_backup",
                file.backup is not None,
                measured=file.backup or f"no {file.place}.bak.*",
                wanted="a copy of the file from before the change",
                cure=f"cp -p {file.place} {file.place}.bak.$(date +%Y%m%d%H%M%S)",
            )


def _is_set(who: str, file: EnvFile, name: str) -> Finding:
    there = bool(file.get(name))
    cure = f"Set {name} in {file.place}."
    return found(f"F-00_{who}_{name}", there, measured="set" if there else "not set", wanted="set", cure=cure)


async def read_env_file(place: str) -> EnvFile:
    """A local path, or ``user@host:path`` over ssh. Raises Trouble."""
    host, colon, path = place.partition(":")
    if colon and "/" not in host:
        text = await _ssh(host, f"cat -- {shlex.quote(path)}", place)
        newest = await _ssh(host, f"ls -1t -- {shlex.quote(path)}.bak.* 2>/dev/null | head -n 1", place)
        return EnvFile(place=place, values=parse(text), backup=newest.strip() or None)
    return _local_file(place)


def _local_file(place: str) -> EnvFile:
    local = Path(place)
    try:
        text = local.read_text("utf-8")
        copies = sorted(local.parent.glob(f"{local.name}.bak.*"), key=lambda copy: copy.stat().st_mtime)
    except (OSError, UnicodeDecodeError) as error:
        raise Trouble(
            f"{place} cannot be read: {getattr(error, 'strerror', None) or 'it is not UTF-8'}",
            "Give the path of an environment file, or user@host:path.",
        ) from error
    return EnvFile(place=place, values=parse(text), backup=copies[-1].name if copies else None)


def parse(text: str) -> dict[str, str]:
    """``NAME=value`` lines; the last one of a name counts, as a shell that reads the file has it."""
    values = {}
    for line in text.splitlines():
        name, equals, value = line.strip().removeprefix("export ").partition("=")
        if equals and not name.startswith("#"):
            values[name.strip()] = value.strip().strip("\"'")
    return values


async def _ssh(host: str, command: str, place: str) -> str:
    """What a command says over there; asks for no password. Raises Trouble."""
    if host.startswith("-"):  # ssh would take it for an option
        raise Trouble(f"{place} is no place", "Write user@host:path.")
    try:
        process = await asyncio.create_subprocess_exec(
            "ssh", "-o", "BatchMode=yes", host, command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
        )
    except FileNotFoundError as error:
        raise Trouble("there is no ssh program", "Install it, or copy the file here and give its path.") from error
    try:
        out, said = await asyncio.wait_for(process.communicate(), SSH_WITHIN_S)
    except TimeoutError as error:
        process.kill()
        raise Trouble(f"{host} did not answer within {SSH_WITHIN_S:.0f} seconds", f"Try `ssh {host} true`.") from error
    if process.returncode:
        last = said.decode(errors="replace").strip().splitlines()[-1:] or ["no reason given"]
        raise Trouble(
            f"{place} cannot be read: {last[0]}", f"Try `ssh {host} true`; a key without a question is needed."
        )
    return out.decode(errors="replace")


def _expectations() -> list[str]:
    return [f"expect_{option}" for option in SWITCHES.values()]


def _place(who: str) -> click.Option:
    return click.Option(
        [f"--{who}-env-path"], required=True, metavar="PATH", help="A path, or user@host:path over ssh."
    )


GATE = Gate(
    name="ingest-env-baseline",
    id="F-00_RUNTIME_ENV_BASELINE_INGESTION",
    title="F-00 Environment baseline",
    folder="gates/ingest-env-baseline",
    help="F-00: the environment files of receiver and emitters fit together. Says no value of a secret.",
    settings=[
        *(_place(who) for who in (RECEIVER, *EMITTERS)),
        setting("expect-web-emit-disabled", "EXPECT_WEB_EMIT_DISABLED", bool, True, "Emitters must be off."),
        setting("expect-queue-enabled", "EXPECT_INGEST_QUEUE_ENABLED", bool, True, "The receiver's queue must be on."),
        setting("expect-webhook-enabled", "EXPECT_INGEST_WEBHOOK_ENABLED", bool, True, "The door must be on."),
        setting("expect-replay-enabled", "EXPECT_INGEST_REPLAY_ENABLED", bool, True, "Replay must be on."),
        setting("require-backup-evidence", "INGEST_ENV_REQUIRE_BACKUP_EVIDENCE", bool, True, "Copies must be there."),
    ],
    measure=measure,
    keys=(Keys(result="INGEST_ENV_BASELINE_RESULT", json="INGEST_ENV_BASELINE_JSON", md="INGEST_ENV_BASELINE_MD"),),
)
command = as_command(GATE)
