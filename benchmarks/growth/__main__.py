"""Cost per event with 10^4, 10^5 and 10^6 events in the log already: `uv run python -m benchmarks.growth [--quick] [--write]`.

The first 10,000 go through the product itself; the larger logs are made of copies of all of their rows (filling.py). Each is kept
as a template, and every run begins on a fresh copy of one, so that repetitions are equal and the sizes take turns. The load is
always the same. What should come out is that it does not matter.
"""

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial

import psycopg
import redis

from benchmarks.growth.filling import counts, fill
from benchmarks.rig import peer
from benchmarks.rig.run import CONNECTIONS, ROLES, asked, finish, measured, progress
from benchmarks.rig.servers import build, servers
from benchmarks.rig.stack import Stack
from benchmarks.tables import Measure, Run, by_repetition, page, ratios, spread, table

_WAL = "select pg_wal_lsn_diff(pg_current_wal_lsn(), '0/0'), wal_fpi from pg_stat_wal"
SEED = 10_000
SIZES = (10_000, 100_000, 1_000_000)
MEASURES: Sequence[tuple[str, Measure, str]] = (
    ("accepted/s", lambda run: run["accepted_s"], ".0f"),
    ("done/s", lambda run: run["e2e_events_s"], ".0f"),
    ("events per CPU second", lambda run: run["events_per_cpu_s"], ".0f"),
    ("CPU ms an event", lambda run: 1000 / run["events_per_cpu_s"], ".3f"),
    ("WAL KB an event", lambda run: run["wal_kb"] / run["events"] if "wal_kb" in run else None, ".1f"),
    (
        "whole pages in it, an event",
        lambda run: run["wal_pages"] / run["events"] if "wal_pages" in run else None,
        ".2f",
    ),
    *(
        (f"CPU ms an event, {role}", lambda run, role=role: 1000 * run["cpu_s"][role] / run["events"], ".3f")
        for role in ROLES
    ),
    ("ack p50 ms", lambda run: run["ack_ms"][0], ".1f"),
    ("ack p95 ms", lambda run: run["ack_ms"][1], ".1f"),
)


def template(size: int) -> str:
    return f"filled_{size}"


def make_templates(sizes: Sequence[int], *, seed: int, warm_up: int) -> list[Run]:
    """One database a size. Returns the run that made the first."""
    peer.reset()
    run = {"rep": 0, "rows": 0, **measured(peer.load_of(seed - warm_up, "unique", "SEED", 3), warm_up=warm_up)}
    for size in sizes:
        began = time.monotonic()
        _as_superuser(f"create database {template(size)} template bench strategy file_copy")
        fill(peer.database_url(template(size)), copies=size // seed - 1)
        made = counts(peer.database_url(template(size)))
        took = time.monotonic() - began
        print(f"{size} events are in a log, made in {took:.0f} s: {made}", file=sys.stderr, flush=True)
    return [run]


def fresh_copy(size: int) -> None:
    """The database ``bench`` as that template is, and an empty Redis."""
    _as_superuser("drop database if exists bench with (force)")
    _as_superuser(f"create database bench template {template(size)} strategy file_copy")
    _as_superuser("checkpoint")
    with redis.Redis.from_url(peer.redis_url()) as client:
        client.flushall()


@contextmanager
def _counting_wal(wal: dict[str, float], _: Stack) -> Iterator[None]:
    """How much PostgreSQL writes for durability: the first change of a page after a checkpoint costs the whole page, and the
    more rows there are, the more pages have one."""
    with psycopg.connect(peer.database_url(), autocommit=True) as db:
        before = db.execute(_WAL).fetchone()
        yield
        after = db.execute(_WAL).fetchone()
    assert before is not None
    assert after is not None
    wal.update(wal_kb=float(after[0] - before[0]) / 1024, wal_pages=after[1] - before[1])


def _as_superuser(statement: str) -> None:
    with psycopg.connect(peer.database_url("postgres"), autocommit=True) as db:
        db.execute(statement)


def sections(runs: Sequence[Run]) -> Iterator[str]:
    """Figures by size, then their ratios to the smallest size in the same repetition."""
    sizes = list(dict.fromkeys(run["rows"] for run in runs))
    taken = {
        (name, size): by_repetition([run for run in runs if run["rows"] == size], measure)
        for size in sizes
        for name, measure, _ in MEASURES
    }
    head = ["events in the log", *(f"{size:,}" for size in sizes)]
    yield ""
    yield from table(
        head, [[name, *(spread(list(taken[name, s].values()), form) for s in sizes)] for name, _, form in MEASURES]
    )
    yield from ("", "In relation to the smallest, of the same repetition:", "")
    yield from table(
        head,
        [
            [name, *(spread(ratios(taken[name, size], taken[name, sizes[0]]), ".2f") for size in sizes)]
            for name, _, _ in MEASURES
        ],
    )


def take(sizes: Sequence[int], *, repetitions: int, events: int, seed: int, warm_up: int) -> list[Run]:
    """All runs, size after size, backwards in every second repetition. The seed's own run is first and no part of the tables."""
    runs = make_templates(sizes, seed=seed, warm_up=warm_up)
    for rep in range(repetitions):
        load = peer.load_of(events, "unique", f"G{rep}", 900 + rep)
        for size in sizes if rep % 2 == 0 else sizes[::-1]:
            fresh_copy(size)
            # The seed has the usual warm-up's bookings already; as repeats they would not be new work.
            wal: dict[str, float] = {}
            measuring = partial(_counting_wal, wal)
            took = measured(load, warm_up=warm_up, warm_as="AGAIN", migrate=False, watching=measuring)
            run = {"rep": rep, "rows": size, **took, **wal}
            runs.append(run)
            progress(f"{rep} {size:>9,} in the log", run)
    return runs


def main(arguments: Sequence[str] | None = None) -> int:
    given = asked("growth", __doc__, arguments, quick="1,000 rows", repetitions=3, events=10_000)
    build(with_peer=False)
    with servers() as facts:
        if given.quick:
            runs = take((1000,), repetitions=1, events=300, seed=500, warm_up=0)
        else:
            runs = take(SIZES, repetitions=given.repetitions, events=given.events, seed=SEED, warm_up=2000)
        for size in {run["rows"] for run in runs} - {0}:
            _as_superuser(f"drop database if exists {template(size)}")
    return finish("growth", text=_text(runs[1:], facts), runs=runs, write=given.write, quick=given.quick)


def _text(runs: Sequence[Run], facts: Mapping[str, str]) -> str:
    made = (
        f"Made by `uv run python -m benchmarks.growth --write`: {len({run['rep'] for run in runs})} repetitions of "
        f"{runs[0]['events']} events (unique) over {CONNECTIONS} connections, one API and one worker. Median (range)."
    )
    return page("With more and more in the log", made, facts, sections(runs))


if __name__ == "__main__":
    sys.exit(main())
