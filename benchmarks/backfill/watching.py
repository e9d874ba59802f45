"""What a command and the database cost: wall time, CPU of all their processes, and the most memory that the command ever held."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import psutil
from attrs import define

EVERY_S = 0.5


@define
class Watched:
    """A command that is under way, or has ended."""

    rss_mb: float = 0.0  # of all its processes at one moment, the most there were
    pss_mb: float = 0.0  # the same, pages that they share counted once


def cpu_of(postmaster: int) -> float:
    """Seconds of CPU that a server has used, with those of its processes that have ended."""
    total = 0.0
    server = psutil.Process(postmaster)
    for process in (server, *server.children(recursive=True)):
        try:
            times = process.cpu_times()
        except psutil.Error:  # it ended meanwhile
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


@contextmanager
def watched(pid: int) -> Iterator[Watched]:
    """Looks at a process and its children every half second, until the context ends."""
    seen, over = Watched(), threading.Event()

    def watch() -> None:
        while not over.wait(EVERY_S):
            rss, pss = _memory(pid)
            seen.rss_mb, seen.pss_mb = max(seen.rss_mb, rss), max(seen.pss_mb, pss)

    watcher = threading.Thread(target=watch, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def _memory(pid: int) -> tuple[float, float]:
    rss = pss = 0
    try:
        leader = psutil.Process(pid)
        processes = [leader, *leader.children(recursive=True)]
    except psutil.Error:
        return 0.0, 0.0
    for process in processes:
        try:
            used = process.memory_full_info()
        except psutil.Error:
            continue
        rss, pss = rss + used.rss, pss + getattr(used, "pss", used.rss)
    return rss / 2**20, pss / 2**20


def quiet(seconds: float = 1.0) -> float:
    """What part of all cores others use now: a figure taken beside much else says little."""
    began = psutil.cpu_times()
    time.sleep(seconds)
    ended = psutil.cpu_times()
    idle = ended.idle - began.idle
    return max(0.0, 1 - idle / (seconds * (psutil.cpu_count() or 1)))
