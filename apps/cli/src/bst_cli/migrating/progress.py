"""A progress bar with rate and remaining time, for people; machines read the result."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from bst_application.use_cases.backfill import Progress as Told


@contextmanager
def shown(title: str) -> Iterator[Told]:
    """Yields what to call with each tally."""
    with counted(title) as tell:
        yield lambda tally: tell(tally.done, tally.rows)


@contextmanager
def counted(title: str) -> Iterator[Callable[[int, int], None]]:
    """Yields what to call with how many are done, of how many."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None, rate="")

        def tell(done: int, total: int) -> None:
            speed = bar.tasks[0].speed if bar.tasks else None
            rate = f"{speed:,.0f} rows/s" if speed else ""
            bar.update(task, total=total, completed=done, rate=rate)

        yield tell
