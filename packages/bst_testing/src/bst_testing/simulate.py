"""``bst simulate``: many stories, and the first that breaks a promise, told from its seed.

The ``bst`` command finds this by its entry point (group ``bst.commands``) wherever bst-testing is installed; production does
without, and so does ``bst``.
"""

import json
import sys
from time import perf_counter

import click

#: Lines before the end of a story that are shown unless the whole of it is asked for.
SHOWN = 60


@click.command()
@click.option("--seeds", type=click.IntRange(min=1), default=1000, show_default=True, help="How many stories.")
@click.option("--first", type=click.IntRange(min=0), default=0, show_default=True, help="The seed to begin with.")
@click.option(
    "--whole-trace", is_flag=True, help=f"Tell a broken story from its beginning, not its last {SHOWN} lines."
)
@click.option("--json", "as_json", is_flag=True, help="Report as JSON on standard output.")
def simulate(seeds: int, first: int, whole_trace: bool, as_json: bool) -> None:
    """Crashes, repeats and disorder over ports in memory; stops at the first broken promise."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )

    from bst_testing.simulator import simulate as tell

    began = perf_counter()
    events = 0
    columns = (TextColumn("stories"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TimeRemainingColumn())
    with Progress(*columns, console=Console(stderr=True), transient=True) as progress:
        task = progress.add_task("", total=seeds)
        for seed in range(first, first + seeds):
            story = tell(seed)
            events += story.events
            progress.advance(task)
            if story.violations:
                break
    told = seed - first + 1
    seconds = perf_counter() - began
    report = {
        "stories": told,
        "events": events,
        "seconds": round(seconds, 1),
        "brokenSeed": story.seed if story.violations else None,
        "violations": list(story.violations),
    }
    if as_json:
        click.echo(json.dumps(report | {"trace": list(story.trace) if story.violations else []}, indent=2))
    elif story.violations:
        lines = story.trace if whole_trace else story.trace[-SHOWN:]
        if len(lines) < len(story.trace):
            click.echo(f"… {len(story.trace) - len(lines)} lines before (--whole-trace shows them)")
        click.echo("\n".join(lines))
        click.echo(f"\nseed {story.seed} broke a promise:")
        for violation in story.violations:
            click.echo(f"  {violation}")
        click.echo(f"again: bst simulate --first {story.seed} --seeds 1")
    else:
        click.echo(f"{told} stories with {events} events in {seconds:.1f} s: every promise was kept")
    if story.violations:
        sys.exit(1)
