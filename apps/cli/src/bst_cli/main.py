"""The ``bst`` command: one door to everything. Exit codes: 0 done, 1 the work failed, 2 wrong usage.

Heavy imports stay inside the commands, so that ``bst --help`` answers at once.
"""

import json
import os
import shutil
import sys
import tempfile
from importlib.metadata import entry_points
from pathlib import Path

import click

from bst_cli.audit import audit
from bst_cli.cutting_over import cutover
from bst_cli.database import db
from bst_cli.events import events
from bst_cli.flags import flags
from bst_cli.gates import drill, gate, load
from bst_cli.migrating import migrate
from bst_cli.options import (
    DEFAULT_FOLDER,
    Group,
    api_options,
    data_dir_option,
    env_file_option,
    host_option,
    json_option,
    port_option,
    queue_option,
    say,
    wanted_port,
)
from bst_cli.principals import principals
from bst_cli.producers import producers
from bst_cli.recon import recon
from bst_cli.retention import retention
from bst_cli.trouble import Trouble


@click.group(cls=Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="bst-cli")
def main() -> None:
    """BST: signed events in, trusted bookings out."""


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
    plan = Plan(folder=DataFolder(folder), host=host, port=wanted_port(port), queue=queue)
    with stopping_on_signals() as stop, running(plan, say=say, stop=stop) as stack:
        if stop.is_set():
            return
        click.echo(f"BST is up at {stack.url}")
        for name, value in stack.tokens.items():
            if name != "BST_SECRETS_KEY":  # nobody sends it; it stays in the folder
                click.echo(f"  {name:<22} {value}")
        click.echo(f"  {'queue':<22} {stack.queue}")
        click.echo(f"  {'data':<22} {folder}")
        click.echo(f"  {'logs':<22} {folder / 'logs'}")
        click.echo("next: bst events send FILE.jsonl   ·   stop with Ctrl-C")
        sys.stdout.flush()
        watch(plan, stack, say=say, stop=stop)
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
    number = wanted_port(port)
    if port is None and not is_free(host, number):
        number = any_free(host)
        say(f"port {wanted_port(None)} is in use; the demo takes {number}")
    throw_away = Path(tempfile.mkdtemp(prefix="bst-demo-", dir="/tmp")) if data_dir is None else None
    try:
        folder = DataFolder(throw_away or resolve(data_dir or DEFAULT_FOLDER))
        plan = Plan(folder=folder, host=host, port=number, queue=queue)
        with stopping_on_signals() as stop, running(plan, say=say, stop=stop) as stack:
            if stop.is_set():
                return
            report = play(stack, seed=seed, bookings=bookings, console=console, stop=stop)
            if as_json:
                click.echo(json.dumps(report.as_json(), ensure_ascii=False, indent=2))
            show(report, console)
            require_right(report)
            if not leave:
                show_how_to_go_on(stack, report, console)
                console.print("It stays up until Ctrl-C.")
                watch(plan, stack, say=say, stop=stop)
    finally:
        if throw_away is not None:
            shutil.rmtree(throw_away, ignore_errors=True)


@main.command()
@host_option
@port_option
@env_file_option
def api(host: str, port: int | None) -> None:
    """The API process alone, for production."""
    _become("bst_core_api", "--host", host, "--port", str(wanted_port(port)))


@main.command()
@env_file_option
def worker() -> None:
    """A worker process alone, for production."""
    _become("bst_worker")


def _become(module: str, *arguments: str) -> None:
    """This process goes on as the app: signals and the pid are its own."""
    sys.stdout.flush()
    os.execv(sys.executable, [sys.executable, "-m", module, *arguments])  # noqa: S606 - our own interpreter and modules


@main.command()
@data_dir_option
@json_option
@env_file_option
def doctor(data_dir: Path, as_json: bool) -> None:
    """Settings and dependencies, each problem with its cure."""
    from attrs import asdict

    from bst_cli.data_folder import resolve
    from bst_cli.doctor import examine
    from bst_cli.installation import chosen

    findings = examine(chosen(data_dir), resolve(data_dir))
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


@main.command()
@api_options
@json_option
@env_file_option
def status(url: str | None, data_dir: Path, as_json: bool) -> None:
    """Is it up, is anything waiting, how old is the oldest, what failed and why?"""
    from attrs import asdict

    from bst_cli.administering import api_url
    from bst_cli.data_folder import DataFolder, resolve
    from bst_cli.status import ask

    answers = ask(api_url(url, DataFolder(resolve(data_dir))))
    if as_json:
        click.echo(json.dumps([asdict(answer) for answer in answers], indent=2))
    else:
        for answer in answers:
            click.echo(f"{'✓' if answer.well else '✗'} {answer.question:<12} {answer.says}")
            if answer.cure:
                click.echo(f"               {answer.cure}")
    if not all(answer.well for answer in answers):
        raise Trouble("something needs a person")


main.add_command(audit)
main.add_command(cutover)
main.add_command(db)
main.add_command(events)
main.add_command(flags)
main.add_command(principals)
main.add_command(producers)
main.add_command(retention)
main.add_command(migrate)
main.add_command(recon)
main.add_command(gate)
main.add_command(drill)
main.add_command(load)
for _extra in sorted(
    entry_points(group="bst.commands"), key=lambda extra: extra.name
):  # what other packages bring along
    main.add_command(_extra.load())

if __name__ == "__main__":
    main()
