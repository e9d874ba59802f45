"""One measured run of BST: start, warm up, send, wait until all is processed, check in SQL, stop.

And what the measurements that are made of such runs have in common: their command line, and their end.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import psycopg

from benchmarks.rig import peer
from benchmarks.rig.servers import RESULTS
from benchmarks.rig.stack import Stack
from benchmarks.tables import Run

CONNECTIONS = 64
WARM_UP = 2000
DRAINED_WITHIN_S = 300.0
ROLES = ("api", "worker", "postgres", "redis")


def measured(
    load: peer.Load,
    *,
    apis: int = 1,
    workers: int = 1,
    warm_up: int = WARM_UP,
    warm_as: str = "WARM",
    migrate: bool = True,
    watching: Callable[[Stack], AbstractContextManager[object]] = lambda _: nullcontext(),
) -> dict[str, Any]:
    """On the database ``bench`` as it stands. ``watching`` is entered before the load and left when all is processed.

    ``warm_as`` begins the references of the bookings that it warms up with; they must be new to that database.
    """
    with Stack(migrate=migrate) as stack, psycopg.connect(peer.database_url(), autocommit=True) as db:
        stack.start(apis=apis, workers=workers)
        warm(stack, db, warm_up, warm_as)
        with watching(stack):
            before = stack.cpu()
            seconds, began, sent, answers = peer.shoot(load, stack.ports, CONNECTIONS)
            drained = peer.drain(db, stack.target, DRAINED_WITHIN_S)
            ended, after = time.time(), stack.cpu()
        cpu = {role: round(after[role] - before[role], 2) for role in ROLES}
        return {
            "apis": apis,
            "workers": workers,
            "events": load.unique,
            "deliveries": len(answers),
            "accepted_s": round(sum(answer[1] == "202" for answer in answers) / seconds),
            "e2e_events_s": round(load.unique / (ended - began)),
            "drain_after_s": round(ended - sent, 2),
            "drained": drained,
            "events_a_group": round(load.unique / _groups(db, began), 1),
            "ack_ms": peer.latencies(answers),
            "cpu_s": cpu,
            "events_per_cpu_s": round(load.unique / sum(cpu.values())),
            "others_cpu_s": round(after["machine"] - before["machine"] - sum(cpu.values()), 2),
            **peer.verify(db, load, answers),
        }


def _groups(db: Any, since: float) -> int:
    """Into how many commits the workers put what was processed since then: the events of one share the instant it was begun."""
    found = db.execute(
        "select count(distinct processed_at) from ingest_event_log where processed_at >= to_timestamp(%s)", (since,)
    ).fetchone()
    return max(1, int(found[0]))


def warm(stack: Stack, db: Any, events: int, run: str = "WARM") -> None:
    """Some events of other bookings, so that connections, plans and caches are there; then statistics, as autovacuum makes."""
    if events:
        peer.shoot(peer.load_of(events, "unique", run, 7), stack.ports, CONNECTIONS)
        peer.drain(db, stack.target, DRAINED_WITHIN_S)
    db.execute("analyze")


def asked(
    name: str, about: str | None, arguments: Sequence[str] | None, *, quick: str, repetitions: int, **numbers: int
) -> argparse.Namespace:
    """What the command line of that measurement asks for: ``quick``, ``write``, ``repetitions``, and ``numbers`` of its own.

    ``quick`` says what its short form is; the other numbers are what holds without a word.
    """
    parser = argparse.ArgumentParser(prog=f"benchmarks.{name}", description=about)
    parser.add_argument("--quick", action="store_true", help=f"{quick}, to see that it runs")
    parser.add_argument("--write", action="store_true", help=f"write benchmarks/results/{name}.md and .json")
    for number, usual in {"repetitions": repetitions, **numbers}.items():
        parser.add_argument(f"--{number}", type=int, default=usual, help=f"default {usual:,}")
    return parser.parse_args(arguments)


def progress(what: str, run: Run) -> None:
    """A line on stderr: these take minutes."""
    checks = [run.get(check) for check in peer.CHECKS]
    print(
        f"{what}: accepted/s {run['accepted_s']}  done/s {run['e2e_events_s']}  events/CPU s {run['events_per_cpu_s']}"
        f"  checks {checks}",
        file=sys.stderr,
        flush=True,
    )


def wrong(runs: Iterable[Run], *, more: Sequence[str] = ()) -> int:
    """How much was not as it must be, over all runs: the peer's checks, ``more`` checks of the measurement's own."""
    checks = (*peer.CHECKS, *more)
    return sum(sum(int(run.get(check, 0)) for check in checks) + (not run.get("drained", True)) for run in runs)


def finish(name: str, *, text: str, runs: Sequence[Run], write: bool, quick: bool, checks: Sequence[str] = ()) -> int:
    """Shows and keeps the results; returns the exit code, which only the checks decide."""
    if not quick:
        print(text)
        if write:
            RESULTS.mkdir(exist_ok=True)
            RESULTS.joinpath(f"{name}.md").write_text(text, "utf-8")
            RESULTS.joinpath(f"{name}.json").write_text(json.dumps(runs, indent=1) + "\n", "utf-8")
    bad = wrong(runs, more=checks)
    print(f"benchmarks.{name}: {len(runs)} runs, {sum(run.get('events', 0) for run in runs)} events, {bad} wrong")
    return int(bool(bad))
