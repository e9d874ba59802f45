"""Memory of processes from /proc, over time.

PSS counts a page that several processes share once, a part for each; RSS counts it in each. The kernel's own sum is used
(smaps_rollup), of every process in the sessions that were started, so nothing that they fork is missed.
"""

import threading
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from attrs import frozen

EVERY_S = 1.0
#: What `uv run` keeps for itself while the command runs; an installed `bst` goes without.
WRAPPER = "uv run"


@frozen(kw_only=True)
class Sample:
    """Resident megabytes at an instant, by process: (RSS, PSS)."""

    at: float  # seconds since the first sample
    used: Mapping[str, tuple[float, float]]

    def together(self, kind: int) -> float:
        """RSS (0) or PSS (1) of BST's own processes together, without the wrappers."""
        return sum(sizes[kind] for name, sizes in self.used.items() if WRAPPER not in name)


def look(roles: Mapping[int, str]) -> dict[str, tuple[float, float]]:
    """What each process uses now. ``roles``: session leaders' names by id."""
    used: dict[str, tuple[float, float]] = {}
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            stat = (entry / "stat").read_text()
            session = int(stat[stat.rindex(")") + 2 :].split()[3])
            if session not in roles:
                continue
            command = stat[stat.index("(") + 1 : stat.rindex(")")]
            sizes = _sizes((entry / "smaps_rollup").read_text())
        except OSError:  # it ended meanwhile
            continue
        name = f"{roles[session]}, {WRAPPER}" if command == "uv" else roles[session]
        rss, pss = used.get(name, (0.0, 0.0))
        used[name] = (rss + sizes[0], pss + sizes[1])
    return used


def _sizes(rollup: str) -> tuple[float, float]:
    lines = dict(line.split(":", 1) for line in rollup.splitlines()[1:])
    return int(lines["Rss"].split()[0]) / 1024, int(lines["Pss"].split()[0]) / 1024


@contextmanager
def sampling(roles: Mapping[int, str], samples: list[Sample]) -> Iterator[None]:
    """Adds a sample every second until the context ends, and a last one then."""
    over, began = threading.Event(), time.monotonic()

    def take() -> None:
        samples.append(Sample(at=time.monotonic() - began, used=look(roles)))

    def watch() -> None:
        take()
        while not over.wait(EVERY_S):
            take()

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()
        take()


def thirds(values: Iterable[float]) -> tuple[list[float], list[float], list[float]]:
    """First, middle and last third of a series; what is left over goes to the last."""
    series = list(values)
    part = len(series) // 3
    return series[:part], series[part : 2 * part], series[2 * part :]
