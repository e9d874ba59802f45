"""``bst events``: booking events from files."""

import asyncio
import json
import os
from pathlib import Path

import click

from bst_cli.options import DEFAULT_FOLDER, Group, env_file_option, json_option
from bst_cli.trouble import Trouble


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
