"""The ``bst`` command: one door to everything. Exit codes: 0 done, 1 the work failed, 2 wrong usage.

Heavy imports stay inside the commands, so that ``bst --help`` answers at once.
"""

import asyncio
import json
import os
import shutil
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from bst_cli.trouble import Trouble

DEFAULT_PORT = 4000
DEFAULT_FOLDER = Path(".bst")

Command = TypeVar("Command", bound=Callable[..., Any])


class _Group(click.Group):
    """Commands in the order of the help, and troubles as sentences."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(self.commands)

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Trouble as trouble:
            click.echo(f"bst: {trouble.what}", err=True)
            if trouble.cure:
                click.echo(f"     {trouble.cure}", err=True)
            ctx.exit(1)


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bst-cli")
def main() -> None:
    """BST: signed events in, trusted bookings out."""


def env_file_option(command: Command) -> Command:
    """``--env-file``: what the environment says already stays."""
    return click.option(
        "--env-file",
        type=click.Path(exists=True, dir_okay=False, path_type=Path),
        callback=_load_env_file,
        expose_value=False,
        is_eager=True,
        help="Read settings from this file, too; the environment wins.",
    )(command)


def _load_env_file(_ctx: click.Context, _parameter: click.Parameter, path: Path | None) -> None:
    if path is None:
        return
    for number, line in enumerate(path.read_text("utf-8").splitlines(), start=1):
        text = line.strip()
        if not text or text.startswith("#"):
            continue
        name, equals, value = text.removeprefix("export ").partition("=")
        if not equals or not name.strip().isidentifier():
            raise click.BadParameter(f"{path}, line {number}: NAME=value expected")
        os.environ.setdefault(name.strip(), value.strip().strip("\"'"))


host_option = click.option("--host", default="127.0.0.1", show_default=True, help="Address to listen on.")
port_option = click.option(
    "--port", type=click.IntRange(0, 65535), help="Port to listen on.  [default: PORT, else 4000]"
)
queue_option = click.option(
    "--queue",
    type=click.Choice(["auto", "redis", "postgres"]),
    default="auto",
    show_default=True,
    help="What the queue runs on.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Report as JSON on standard output.")


def _say(text: str) -> None:
    click.echo(f"· {text}", err=True)


def _wanted_port(port: int | None) -> int:
    if port is not None:
        return port
    text = os.environ.get("PORT", "").strip()
    return int(text) if text.isdigit() else DEFAULT_PORT


@main.command()
@host_option
@port_option
@click.option(
    "--data-dir", type=click.Path(path_type=Path), default=DEFAULT_FOLDER, show_default=True, help="Where data lives."
)
@queue_option
@env_file_option
def up(host: str, port: int | None, data_dir: Path, queue: str) -> None:
    """Everything on this machine: PostgreSQL, queue, API and a worker."""
    from bst_cli.data_folder import DataFolder, resolve
    from bst_cli.stack import Plan, running, stopping_on_signals, watch

    folder = resolve(data_dir)
    plan = Plan(folder=DataFolder(folder), host=host, port=_wanted_port(port), queue=queue)
    with stopping_on_signals() as stop, running(plan, say=_say, stop=stop) as stack:
        click.echo(f"BST is up at {stack.url}")
        for name, value in stack.tokens.items():
            click.echo(f"  {name:<22} {value}")
        click.echo(f"  {'queue':<22} {stack.queue}")
        click.echo(f"  {'data':<22} {folder}")
        click.echo(f"  {'logs':<22} {folder / 'logs'}")
        click.echo("next: bst events send FILE.jsonl   ·   stop with Ctrl-C")
        sys.stdout.flush()
        watch(plan, stack, say=_say, stop=stop)
    click.echo("stopped; everything is kept in the data folder")


@main.command()
@click.option("--exit", "leave", is_flag=True, help="Stop when the day has been shown.")
@host_option
@port_option
@click.option(
    "--data-dir", type=click.Path(path_type=Path), help="Keep the data here.  [default: a folder that is thrown away]"
)
@queue_option
@click.option("--seed", type=int, default=1, show_default=True, help="Another day.")
@click.option("--bookings", type=click.IntRange(1, 100_000), default=120, show_default=True, help="Size of the day.")
@json_option
@env_file_option
def demo(
    leave: bool,
    host: str,
    port: int | None,
    data_dir: Path | None,
    queue: str,
    seed: int,
    bookings: int,
    as_json: bool,
) -> None:
    """A sample day through the real signed door, and what became of it."""
    from rich.console import Console

    from bst_cli.data_folder import DataFolder, resolve
    from bst_cli.demo import play, require_right, show, show_how_to_go_on
    from bst_cli.ports import any_free, is_free
    from bst_cli.stack import Plan, running, stopping_on_signals, watch

    console = Console(stderr=as_json)
    number = _wanted_port(port)
    if port is None and not is_free(host, number):
        number = any_free(host)
        _say(f"port {_wanted_port(None)} is in use; the demo takes {number}")
    throw_away = Path(tempfile.mkdtemp(prefix="bst-demo-", dir="/tmp")) if data_dir is None else None
    try:
        folder = DataFolder(throw_away or resolve(data_dir or DEFAULT_FOLDER))
        plan = Plan(folder=folder, host=host, port=number, queue=queue)
        with stopping_on_signals() as stop, running(plan, say=_say, stop=stop) as stack:
            if stop.is_set():
                return
            report = play(stack, seed=seed, bookings=bookings, console=console)
            if as_json:
                click.echo(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
            show(report, console)
            require_right(report)
            if not leave:
                show_how_to_go_on(stack, report, console)
                console.print("It stays up until Ctrl-C.")
                watch(plan, stack, say=_say, stop=stop)
    finally:
        if throw_away is not None:
            shutil.rmtree(throw_away, ignore_errors=True)


@main.command()
@host_option
@port_option
@env_file_option
def api(host: str, port: int | None) -> None:
    """The API process alone, for production."""
    _become("bst_core_api", "--host", host, "--port", str(_wanted_port(port)))


@main.command()
@env_file_option
def worker() -> None:
    """A worker process alone, for production."""
    _become("bst_worker")


def _become(module: str, *arguments: str) -> None:
    """This process goes on as the app: signals and the pid are its own."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - our own interpreter and modules


@main.group(cls=_Group)
def db() -> None:
    """The schema of the operational database."""


def _dsn() -> str:
    from bst_cli.settings import read_settings

    dsn = read_settings().ops_db_url
    if dsn is None:
        raise Trouble("OPS_DB_URL is not set", "Set it to the database, e.g. postgresql://user@host/ops_db.")
    return dsn


@db.command()
@json_option
@env_file_option
def upgrade(as_json: bool) -> None:
    """Bring the schema up to date."""
    from bst_postgres import migrate

    from bst_cli.settings import migrating

    with migrating():
        applied = migrate.upgrade(_dsn())
    if as_json:
        click.echo(json.dumps({"applied": applied}))
    else:
        click.echo(f"applied {', '.join(applied)}" if applied else "the schema is up to date")


@db.command("status")
@json_option
@env_file_option
def db_status(as_json: bool) -> None:
    """Which migrations have run."""
    from bst_postgres import migrate

    from bst_cli.settings import migrating

    with migrating():
        found = migrate.status(_dsn())
    if as_json:
        click.echo(json.dumps({"current": found.current, "head": found.head, "pending": list(found.pending)}))
    else:
        click.echo(f"at {found.current or 'nothing'}, newest {found.head}")
        if found.pending:
            click.echo(f"pending: {', '.join(found.pending)}  (bst db upgrade)")


@main.group(cls=_Group)
def events() -> None:
    """Booking events."""


@events.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@click.option("--url", help="The API.  [default: CORE_API_BASE_URL, else the bst up of --data-dir]")
@click.option(
    "--rate", type=click.FloatRange(min=0, min_open=True), help="Deliveries per second.  [default: as fast as it goes]"
)
@click.option("--concurrency", type=click.IntRange(1, 1000), default=16, show_default=True, help="Requests at a time.")
@click.option("--shuffle", type=int, metavar="SEED", help="Send in another order.")
@click.option(
    "--repeat", type=click.IntRange(1), default=1, show_default=True, help="Send the file so many times over."
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path),
    default=DEFAULT_FOLDER,
    show_default=True,
    help="Of a running bst up.",
)
@json_option
@env_file_option
def send(
    file: Path,
    url: str | None,
    rate: float | None,
    concurrency: int,
    shuffle: int | None,
    repeat: int,
    data_dir: Path,
    as_json: bool,
) -> None:
    """Sign the deliveries of a JSONL FILE and send them."""
    from rich.console import Console

    from bst_cli.data_folder import DataFolder, resolve
    from bst_cli.demo import progress_bar
    from bst_cli.sending import in_order, read_lines, send_all
    from bst_cli.settings import target

    lines = in_order(read_lines(file), repeat=repeat, shuffle=shuffle)
    to = target(os.environ, url, DataFolder(resolve(data_dir)))
    console = Console(stderr=True)
    with progress_bar(console) as bar:
        task = bar.add_task(f"sending {file.name}", total=len(lines))
        outcome = asyncio.run(
            send_all(lines, to, concurrency=concurrency, rate=rate, progress=lambda: bar.advance(task))
        )
    if as_json:
        click.echo(json.dumps(outcome.as_json(), ensure_ascii=False, indent=2))
    else:
        click.echo(
            f"{outcome.sent} sent: {outcome.accepted} accepted, {outcome.replayed} repeats, {outcome.retries} retries"
        )
        latency = " / ".join(str(outcome.percentile_ms(share)) for share in (0.5, 0.95, 0.99))
        click.echo(f"answered in {latency} ms (p50 / p95 / p99)")
        for code, count in outcome.refused.most_common():
            click.echo(f"{count} refused with {code}, e.g. line {', '.join(map(str, outcome.examples[code]))}")
    if outcome.refused or outcome.given_up:
        lost = f", {len(outcome.given_up)} got no answer (e.g. line {outcome.given_up[0]})" if outcome.given_up else ""
        raise Trouble(f"{outcome.refused.total()} deliveries were refused{lost}")


@main.command()
@click.option(
    "--data-dir", type=click.Path(path_type=Path), default=DEFAULT_FOLDER, show_default=True, help="Of bst up."
)
@json_option
@env_file_option
def doctor(data_dir: Path, as_json: bool) -> None:
    """Settings and dependencies, each problem with its cure."""
    from attrs import asdict

    from bst_cli.data_folder import resolve
    from bst_cli.doctor import examine

    findings = examine(os.environ, resolve(data_dir))
    if as_json:
        click.echo(json.dumps([asdict(finding) for finding in findings], indent=2))
    else:
        for finding in findings:
            mark = "✓" if finding.ok else ("✗" if finding.required else "!")
            click.echo(f"{mark} {finding.name:<9} {finding.detail}")
            if finding.cure:
                click.echo(f"            {finding.cure}")
    if any(finding.required and not finding.ok for finding in findings):
        raise Trouble("something that BST needs is wrong")


if __name__ == "__main__":
    main()
