"""``bst audit``: who did what, to read and to hand on."""

import csv
import json
import sys
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import IO, Any

import click

from bst_cli.options import Group, api_options, env_file_option, json_option
from bst_cli.trouble import Trouble
from bst_cli.wording import counted

PAGE = 500
COLUMNS = ("eventId", "createdAt", "actor", "eventType", "resourceType", "resourceId", "requestId", "metadata")
#: Option to query parameter of GET /v1/audit/events.
FILTERS = {
    "actor": ("actor", "Who."),
    "event_type": ("eventType", "What, e.g. INGEST_REPLAY_REQUESTED."),
    "resource_type": ("resourceType", "What kind of thing it was done to, e.g. INGEST_EVENT."),
    "resource_id": ("resourceId", "Which one."),
    "since": ("from", "Not before this instant, e.g. 2026-03-01T00:00:00Z."),
    "until": ("to", "Before this instant."),
}


def _filters(command: Callable[..., None]) -> Callable[..., None]:
    for name, (parameter, text) in reversed(FILTERS.items()):
        option = f"--{parameter}" if name in {"since", "until"} else f"--{name.replace('_', '-')}"
        command = click.option(option, name, help=text)(command)
    return command


@click.group(cls=Group)
def audit() -> None:
    """Who did what, to read and to hand on."""


@audit.command("list")
@_filters
@click.option("--limit", type=click.IntRange(1, PAGE), default=50, show_default=True)
@api_options
@json_option
@env_file_option
def list_entries(limit: int, url: str | None, data_dir: Path, as_json: bool, **filters: str | None) -> None:
    """The newest entries."""
    from bst_cli.administering import administered

    answer = administered(url, data_dir).answer("GET", "/v1/audit/events", limit=str(limit), **_query(filters))
    entries = answer["data"]
    if as_json:
        click.echo(json.dumps(entries, ensure_ascii=False, indent=2))
        return
    for entry in entries:
        what = " ".join(filter(None, (entry["resourceType"], entry["resourceId"])))
        click.echo(
            f"{entry['createdAt']}  {entry['actor']:<24} {entry['eventType']:<34} {what}{why(entry['metadata'])}"
        )
    if not entries:
        click.echo("no entries")
    if answer["meta"].get("nextCursor") is not None:
        click.echo("… more: --limit, or bst audit export")


@audit.command()
@click.argument("file", type=click.Path(dir_okay=False, writable=True, allow_dash=True, path_type=Path))
@_filters
@click.option(
    "--format", "form", type=click.Choice(["jsonl", "csv"]), help="[default: by the name of FILE, else jsonl]"
)
@api_options
@env_file_option
def export(file: Path, form: str | None, url: str | None, data_dir: Path, **filters: str | None) -> None:
    """Write every entry that fits to FILE ("-": standard output), newest first."""
    from rich.console import Console

    from bst_cli.administering import administered
    from bst_cli.demo import progress_bar

    admin = administered(url, data_dir)
    form = form or ("csv" if file.suffix == ".csv" else "jsonl")
    written = 0
    with ExitStack() as stack:
        out: IO[str]
        if str(file) == "-":
            out = sys.stdout
        else:
            try:
                out = stack.enter_context(file.open("w", encoding="utf-8", newline=""))
            except OSError as error:
                raise Trouble(f"cannot write {file}: {error.strerror}", "Choose another place.") from error
        write = csv_writer(out) if form == "csv" else _jsonl_writer(out)
        bar = stack.enter_context(progress_bar(Console(stderr=True)))
        task = bar.add_task("entries", total=None)
        for page in admin.pages("/v1/audit/events", limit=str(PAGE), **_query(filters)):
            for entry in page:
                write(entry)
            written += len(page)
            bar.update(task, completed=written)
    click.echo(f"{counted(written, 'entry', 'entries')} written to {file}", err=True)


def why(metadata: dict[str, Any] | None) -> str:
    """What was changed to what, and the reason, where the entry says them."""
    said = metadata or {}
    change = (
        f"{said['before'] or '(nobody)'} → {said['value'] or '(nobody)'}"
        if {"before", "value"} <= said.keys()
        else None
    )
    reason = f"({said['reason']})" if said.get("reason") else None
    return "".join(f"  {part}" for part in (change, reason) if part)


def _query(filters: dict[str, str | None]) -> dict[str, str]:
    return {FILTERS[name][0]: value for name, value in filters.items() if value is not None}


def _jsonl_writer(out: IO[str]) -> Callable[[dict[str, Any]], None]:
    return lambda entry: print(json.dumps(entry, ensure_ascii=False), file=out)


def csv_writer(out: IO[str]) -> Callable[[dict[str, Any]], None]:
    """Writes the heading; what it returns writes an entry."""
    writer = csv.writer(out)
    writer.writerow(COLUMNS)

    def write(entry: dict[str, Any]) -> None:
        metadata = entry["metadata"]
        cells = [entry[name] for name in COLUMNS[:-1]]
        writer.writerow(
            [_cell(c) for c in [*cells, "" if metadata is None else json.dumps(metadata, ensure_ascii=False)]]
        )

    return write


def _cell(value: str | None) -> str:
    """A spreadsheet would run a cell that begins like a formula; actors and ids come from outside."""
    text = value or ""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
