"""A gate as a command: its settings, its measuring, its reports, its lines, its exit code."""

import asyncio
import json
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import click
from attrs import field, frozen

from bst_cli.gates import recording, report
from bst_cli.gates.findings import Judged
from bst_cli.gates.report import Keys, Written
from bst_cli.gates.surroundings import Surroundings, real_surroundings
from bst_cli.options import DEFAULT_FOLDER, env_file_option
from bst_cli.trouble import Trouble

Given = Mapping[str, Any]
Measure = Callable[[Surroundings, Given], Awaitable[Judged]]


@frozen(kw_only=True, eq=False)
class Gate:
    """``id`` is what reports call it, ``folder`` where they are; ``keys`` are the names on standard output, first of all
    the one under which a crash is said."""

    name: str
    id: str
    title: str
    folder: str
    help: str
    settings: Sequence[click.Option]
    measure: Measure
    keys: Sequence[Keys] = field(default=(report.GATE_KEYS,))
    style: report.Style = report.INGEST_STYLE


@frozen(kw_only=True)
class Concluded:
    """A gate that was measured and reported. ``unrecorded``: why the next batch will not hear of it."""

    judged: Judged
    written: Written
    unrecorded: Trouble | None = None


class Setting(click.Option):
    """An option that names its environment names in errors, too: most callers set nothing else."""

    def get_error_hint(self, ctx: click.Context | None) -> str:
        names = [self.envvar] if isinstance(self.envvar, str) else list(self.envvar or ())
        return f"{super().get_error_hint(ctx)} (environment: {', '.join(names)})"


def setting(name: str, env: str | Sequence[str], kind: Any, default: Any, text: str) -> click.Option:
    """An option and the environment names that stand for it; the first that is set counts."""
    names = [env] if isinstance(env, str) else list(env)
    shown = f"{text}  [env: {', then '.join(names)}]"
    return Setting(
        [f"--{name}"], type=kind, default=default, envvar=names, show_default=default is not None, help=shown
    )


def own_or_shared(gate: str, name: str) -> tuple[str, str]:
    """The environment's names of a setting that several gates have: the gate's own first."""
    return f"GATE_{gate}_{name}", f"GATE_{name}"


def at_least(least: int) -> click.IntRange:
    """A whole number with a lower bound."""
    return click.IntRange(least)


def within_ms(*env: str) -> click.Option:
    """How long one request may take."""
    return setting("request-timeout-ms", env, click.IntRange(1000), 10000, "Longest time of one request.")


RATIO = click.FloatRange(0, 1)


def common_options() -> list[click.Option]:
    """Where things are, for every gate."""
    folder = click.Path(path_type=Path)
    return [
        click.Option(["--url"], help="The API.  [default: CORE_API_BASE_URL, else bst up, else localhost:4000]"),
        click.Option(
            ["--data-dir"], type=folder, default=DEFAULT_FOLDER, show_default=True, help="Of a running bst up."
        ),
        click.Option(
            ["--reports"], type=folder, default=Path("reports"), show_default=True, help="Root of the reports."
        ),
        click.Option(["--json", "as_json"], is_flag=True, help="Print the report, and nothing else."),
    ]


def as_command(gate: Gate) -> click.Command:
    """The command of a gate."""

    def run(url: str | None, data_dir: Path, reports: Path, as_json: bool, **given: Any) -> None:
        try:
            concluded = asyncio.run(_in_the_open(gate, url, data_dir, reports, given, as_json))
        except Trouble as trouble:
            raise crashed(gate.keys[0].result, trouble) from trouble
        say(gate, concluded, as_json=as_json)
        if not concluded.judged.passed:
            raise click.exceptions.Exit(1)

    return env_file_option(
        click.Command(gate.name, callback=run, help=gate.help, params=[*gate.settings, *common_options()])
    )


async def conclude(gate: Gate, around: Surroundings, given: Given, reports: Path) -> Concluded:
    """Measures and writes the reports. Raises Trouble when it could not be measured."""
    started = around.now()
    run, unrecorded = await recording.judged_run(around, gate.name)
    judged = await gate.measure(around, given)
    ended = around.now()
    said = gate.style.document(gate.id, judged, started=started, ended=ended)
    markdown = report.page(gate.title, judged, started=started, ended=ended)
    written = report.write(reports, gate.folder, said, markdown, ended=ended)
    if unrecorded is None:
        unrecorded = await recording.record(around, gate.name, judged, run=run, report=written.md_path, at=ended)
    return Concluded(judged=judged, written=written, unrecorded=unrecorded)


def say(gate: Gate, concluded: Concluded, *, as_json: bool) -> None:
    """The report, or the lines that readers parse; what did not pass goes to standard error."""
    judged, written = concluded.judged, concluded.written
    if as_json:
        click.echo(json.dumps(written.document, ensure_ascii=False, indent=2))
    else:
        for keys in gate.keys:
            report.say_lines(
                {keys.result: report.result_word(judged.passed), keys.json: written.json_path, keys.md: written.md_path}
            )
        report.say_lines({"GATE_VERDICT": judged.verdict, **judged.lines})
    gate.style.say_failures(judged.findings)
    if concluded.unrecorded is not None:
        click.echo(f"not recorded, so the next batch will not hear of it: {concluded.unrecorded.what}", err=True)
        click.echo(f"        {concluded.unrecorded.cure}", err=True)


def crashed(key: str, trouble: Trouble) -> click.exceptions.Exit:
    """A gate that could not be measured says so under its key, and has not passed."""
    click.echo(f"{key}=FAIL {trouble.what}", err=True)
    if trouble.cure:
        click.echo(f"        {trouble.cure}", err=True)
    return click.exceptions.Exit(1)


async def _in_the_open(
    gate: Gate, url: str | None, data_dir: Path, reports: Path, given: Given, as_json: bool
) -> Concluded:
    async with in_the_open(url, data_dir, as_json=as_json) as around:
        return await conclude(gate, around, given, reports)


@asynccontextmanager
async def in_the_open(url: str | None, data_dir: Path, *, as_json: bool) -> AsyncIterator[Surroundings]:
    """The real surroundings, with progress for a person and an end by Ctrl-C."""

    def tell(line: str) -> None:  # readers know these lines on standard output, unless that is for the report alone
        click.echo(line, err=as_json)

    with stopping_on_interrupt() as stop, _progress() as progress:
        yield real_surroundings(url, data_dir, stop=stop, tell=tell, progress=progress)


@contextmanager
def _progress() -> Iterator[Callable[[float, str], None]]:
    """A bar on a terminal's standard error; nothing where nobody looks. It appears with the first progress."""
    from rich.console import Console
    from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

    columns = (TextColumn("{task.description}"), BarColumn(), TimeElapsedColumn())
    bar = Progress(*columns, console=Console(stderr=True), transient=True, redirect_stdout=sys.stdout.isatty())
    task = bar.add_task("", total=1.0)

    def show(share: float, words: str) -> None:
        if sys.stderr.isatty():
            bar.start()
            bar.update(task, completed=share, description=words)

    try:
        yield show
    finally:
        if sys.stderr.isatty():
            bar.stop()


@contextmanager
def stopping_on_interrupt() -> Iterator[asyncio.Event]:
    """The first Ctrl-C asks the gate to write what it has; the second one ends it."""
    loop, stop = asyncio.get_running_loop(), asyncio.Event()

    def asked() -> None:
        stop.set()
        loop.remove_signal_handler(signal.SIGINT)

    loop.add_signal_handler(signal.SIGINT, asked)
    try:
        yield stop
    finally:
        loop.remove_signal_handler(signal.SIGINT)
