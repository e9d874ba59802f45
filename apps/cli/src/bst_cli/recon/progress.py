"""A progress bar for people: what is being compared, and how far it is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn


@contextmanager
def shown(title: str) -> Iterator[Callable[[str, int, int], None]]:
    """Yields what to call with each step: its name, how much is done, of how much."""
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(),
    )
    console = Console(stderr=True)
    with Progress(*columns, console=console, disable=not console.is_terminal) as bar:
        task = bar.add_task(title, total=None)

        def tell(stage: str, done: int, of: int) -> None:
            bar.update(task, description=f"{title}: {stage}", completed=done, total=of)

        yield tell
