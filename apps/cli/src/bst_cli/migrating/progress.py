"""A progress bar with rate and remaining time, for people; machines read the result."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from attrs import frozen
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeElapsedColumn,
    TimeRemainingColumn,
)

from bst_application.use_cases.backfill import Tally


@frozen
class Bar:
    """What is being done, and how much of it is."""

    _bar: Progress
    _task: TaskID
    _title: str

    def __call__(self, tally: Tally) -> None:
        """Rows of a batch."""
        self.tell(tally.done, tally.rows)

    def tell(self, done: int, total: int) -> None:
        """Of whatever is counted."""
        speed = self._bar.tasks[0].speed if self._bar.tasks else None
        rate = f"{speed:,.0f} rows/s" if speed else ""
        self._bar.update(self._task, total=total, completed=done, rate=rate)

    def stage(self, words: str) -> None:
        """What else is done beside the rows; empty: the rows again."""
        self._bar.update(self._task, description=f"{self._title}: {words}" if words else self._title)


@contextmanager
def shown(title: str) -> Iterator[Bar]:
    """A bar on a terminal's standard error; nothing where nobody looks."""
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
        yield Bar(bar, bar.add_task(title, total=None, rate=""), title)


@contextmanager
def counted(title: str) -> Iterator[Callable[[int, int], None]]:
    """Yields what to call with how many are done, of how many."""
    with shown(title) as bar:
        yield bar.tell
