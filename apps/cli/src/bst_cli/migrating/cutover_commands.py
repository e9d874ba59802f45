"""The batches G and H as commands. They move no rows: they raise the share of reads and writes that go through core, so they
have options of their own. ``bst migrate run --batch G`` is the same word, and another command."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import click

from bst_cli.database import operational_dsn
from bst_cli.long_commands import long_command
from bst_cli.options import data_dir_option, env_file_option, json_option
from bst_cli.trouble import Trouble

CODES = ("G", "H")


class ByBatch(click.Command):
    """One of two commands, by the batch that is named."""

    def __init__(self, usual: click.Command, cutover: click.Command) -> None:
        super().__init__(usual.name, help=usual.help, params=usual.params, callback=usual.callback)
        self._usual = usual
        self._cutover = cutover

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        chosen = self._cutover if _batch_of(args) in CODES else self._usual
        return chosen.make_context(info_name, args, parent=parent, **extra)


def with_cutover(group: click.Group) -> None:
    """The group's commands know G and H from now on."""
    for name, command in COMMANDS.items():
        usual = group.commands.get(name)
        group.commands[name] = command if usual is None else ByBatch(usual, command)


def _batch_of(args: list[str]) -> str:
    for at, word in enumerate(args):
        if word == "--batch" and at + 1 < len(args):
            return args[at + 1].upper()
        if word.startswith("--batch="):
            return word.removeprefix("--batch=").upper()
    return ""


batch_option = click.option(
    "--batch", type=click.Choice(CODES, case_sensitive=False), required=True, help="Which step."
)
reports_option = click.option(
    "--reports",
    type=click.Path(path_type=Path),
    default=Path("reports"),
    show_default=True,
    help="Root of the reports.",
)
actor_option = click.option("--actor", required=True, help="Who does it; for the audit trail.")
reason_option = click.option("--reason", required=True, help="Why; for the audit trail.")


@click.command("precheck")
@batch_option
@data_dir_option
@reports_option
@json_option
@env_file_option
@long_command("migrate precheck")
def precheck(batch: str, data_dir: Path, reports: Path, as_json: bool) -> None:
    """Whether reads (G) or writes (H) may go through core: processes, flags, shadows, watcher, gates."""
    from bst_cli.cutting_over.stepping import precheck as examine

    _tell(_run(data_dir, reports, lambda stepping: examine(stepping, batch)), as_json, f"batch {batch} may not run yet")


@click.command("run")
@batch_option
@click.option("--percent", type=click.FloatRange(0, 100, min_open=True), default=100, show_default=True, help="Up to.")
@click.option("--soak", type=click.IntRange(0), default=300, show_default=True, help="Seconds at each step.")
@click.option("--override", is_flag=True, help="Go on although gates hold it; audited.")
@actor_option
@reason_option
@data_dir_option
@reports_option
@json_option
@env_file_option
@long_command("migrate run")
def run(batch: str, data_dir: Path, reports: Path, as_json: bool, **given: Any) -> None:
    """Raise the percentage in steps of 1, 10, 50 and 100, and hold where shadows or gates do not pass."""
    from bst_cli.cutting_over.stepping import Wish, raised

    if not given["actor"].strip() or not given["reason"].strip():
        raise click.UsageError("--actor and --reason must say something: they go into the audit trail")
    steps = _run(data_dir, reports, lambda stepping: raised(stepping, batch, Wish(**given)))
    if as_json:
        click.echo(json.dumps({"batch": batch, "steps": steps, "percentage": steps[-1] if steps else None}, indent=2))
    else:
        click.echo(f"batch {batch}: {', '.join(f'{step:g}%' for step in steps) or 'it was there already'}")


@click.command("postcheck")
@batch_option
@data_dir_option
@reports_option
@json_option
@env_file_option
@long_command("migrate postcheck")
def postcheck(batch: str, data_dir: Path, reports: Path, as_json: bool) -> None:
    """Whether everybody goes through core, in every process, and the gates pass."""
    from bst_cli.cutting_over.stepping import postcheck as account

    _tell(_run(data_dir, reports, lambda stepping: account(stepping, batch)), as_json, f"batch {batch} is not complete")


@click.command("rollback")
@batch_option
@actor_option
@reason_option
@data_dir_option
@reports_option
@json_option
@env_file_option
@long_command("migrate rollback")
def rollback(batch: str, actor: str, reason: str, data_dir: Path, reports: Path, as_json: bool) -> None:
    """The old way again, for everybody: the flag off, and how long until every process knows."""
    from bst_cli.cutting_over.stepping import taken_back

    if not actor.strip() or not reason.strip():
        raise click.UsageError("--actor and --reason must say something: they go into the audit trail")
    seconds = _run(data_dir, reports, lambda stepping: taken_back(stepping, batch, actor=actor, reason=reason))
    said = {"batch": batch, "seconds": round(seconds, 1)}
    click.echo(json.dumps(said) if as_json else f"batch {batch}: the old way again, in {seconds:.1f} s")


COMMANDS: dict[str, click.Command] = {command.name or "": command for command in (precheck, run, postcheck, rollback)}


def _run(data_dir: Path, reports: Path, act: Callable[[Any], Awaitable[Any]]) -> Any:
    from bst_cli.cutting_over.state import opened
    from bst_cli.cutting_over.stepping import Stepping
    from bst_cli.gates.carrying import in_the_open

    async def acting() -> Any:
        dsn = operational_dsn(data_dir)
        async with in_the_open(None, data_dir, as_json=True) as around, opened(dsn) as database:
            stepping = Stepping(
                around=around, database=database, reports=reports, say=lambda t: click.echo(t, err=True)
            )
            return await act(stepping)

    return asyncio.run(acting())


def _tell(findings: Any, as_json: bool, failing: str) -> None:
    if as_json:
        click.echo(json.dumps([{"name": f.name, "passed": f.passed, "detail": f.detail} for f in findings], indent=2))
    else:
        for finding in findings:
            click.echo(f"{'✓' if finding.passed else '✗'} {finding.name:<22} {finding.detail}")
            if not finding.passed and finding.cure:
                click.echo(f"                         {finding.cure}")
    if not all(finding.passed for finding in findings):
        raise Trouble(failing)
