"""``bst events``: booking events from files."""

import asyncio
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from bst_cli.long_commands import long_command
from bst_cli.options import DEFAULT_FOLDER, Group, api_options, env_file_option, json_option, say
from bst_cli.trouble import Trouble
from bst_cli.wording import counted

if TYPE_CHECKING:
    from bst_cli.sending import Outcome


@click.group(cls=Group)
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
@long_command("events send")
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
        doing = f"sending {file.name}"

        def waiting(why: str) -> None:
            if bar.tasks[0].description != doing + (told := f": waiting, {why}"):
                bar.update(task, description=doing + told)
                if not console.is_terminal:  # nobody sees a bar there
                    say(f"waiting, and trying again: {why}")

        def progress() -> None:
            bar.update(task, advance=1, description=doing)

        outcome = asyncio.run(
            send_all(lines, to, concurrency=concurrency, rate=rate, progress=progress, waiting=waiting)
        )
    if as_json:
        click.echo(json.dumps(outcome.as_json(), ensure_ascii=False, indent=2))
    else:
        click.echo(
            f"{outcome.sent} sent: {outcome.accepted} accepted, {outcome.replayed} repeats, {outcome.retries} retries"
        )
        if outcome.answer_times is not None:
            click.echo(outcome.answer_times)
        for code, count in outcome.refused.most_common():
            click.echo(f"{count} refused with {code}, e.g. line {', '.join(map(str, outcome.examples[code]))}")
    if outcome.refused or outcome.given_up:
        raise Trouble(*lost(outcome))


def lost(outcome: "Outcome") -> tuple[str, str | None]:
    """What was not taken and the last reason, and what to do about it."""
    from bst_cli.administering import cure_of

    parts = []
    if refused := outcome.refused.total():
        parts.append(f"{counted(refused, 'delivery was', 'deliveries were')} refused")
    cure = None
    if outcome.given_up:
        gone = counted(len(outcome.given_up), "delivery was", "deliveries were")
        parts.append(f"{gone} given up (e.g. line {outcome.given_up[0]}); the last reason: {outcome.trouble}")
        cure = cure_of((outcome.trouble or "").partition(" ")[2], None)
    return ", ".join(parts), cure


@events.command()
@click.option(
    "--filter",
    "pairs",
    multiple=True,
    metavar="NAME=VALUE",
    help="Which dead letters; may be given several times. Names: status, reasonCode, source, ref, from, to."
    "  [default: all that are OPEN, READY or FAILED]",
)
@click.option("--reason", required=True, help="Why; for the audit trail.")
@click.option("--dry-run", is_flag=True, help="Say what would be replayed, and replay nothing.")
@click.option("--no-wait", is_flag=True, help="Begin the job and do not watch it.")
@api_options
@json_option
@env_file_option
@long_command("events replay")
def replay(
    pairs: tuple[str, ...],
    reason: str,
    dry_run: bool,
    no_wait: bool,
    url: str | None,
    data_dir: Path,
    as_json: bool,
) -> None:
    """Send failed events through the processing door again."""
    from rich.console import Console

    from bst_cli.administering import administered
    from bst_cli.demo import progress_bar
    from bst_cli.replaying import ended, filter_of, watch

    admin = administered(url, data_dir)
    asked = {"filter": filter_of(pairs), "reason": reason, "dryRun": dry_run}
    job = admin.call("POST", "/v1/ingest/dead-letter/replay", asked)
    if not dry_run and not no_wait:
        with progress_bar(Console(stderr=True)) as bar:
            task = bar.add_task("replaying", total=job["total"])
            job = watch(
                admin,
                job,
                lambda now: bar.update(task, completed=ended(now)),
                stalled=lambda why: bar.console.print(f"· {why}", highlight=False, markup=False),
            )
    if as_json:
        click.echo(json.dumps(job, ensure_ascii=False, indent=2))
    elif dry_run:
        click.echo(f"{counted(job['total'], 'event')} would be replayed")
        for letter in job["sample"]:
            what = f"{letter['channelCode']}:{letter['externalBookingRef']} {letter['eventType']}"
            click.echo(f"  {letter['status']:<7} {letter['reasonCode']:<28} {what}")
        if job["total"] > len(job["sample"]):
            click.echo(f"  and {job['total'] - len(job['sample'])} more")
    else:
        _tell_job(job)
    if not dry_run and (job["refused"] or job["deadLetters"]["FAILED"]):
        raise Trouble(
            f"refused: {job['refused']}, failed again: {job['deadLetters']['FAILED']}",
            f"See GET /v1/jobs/{job['jobId']} and GET /v1/ingest/dead-letter?status=FAILED.",
        )


def _tell_job(job: dict[str, Any]) -> None:
    letters = {status: count for status, count in job["deadLetters"].items() if count}
    shown = ", ".join(f"{count} {status}" for status, count in letters.items()) or "nothing to do"
    click.echo(
        f"job {job['jobId']}: {job['total']} chosen, {job['replayed']} replayed, {job['pending']} waiting: {shown}"
    )
    for refusal, count in job["refusals"].items():
        click.echo(f"  {count} refused: {refusal}")
