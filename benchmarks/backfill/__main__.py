"""Moving in: `uv run python -m benchmarks.backfill [--quick] [--write] [--bookings N] [--processes N]`.

Generates two legacy databases, moves them in with `bst migrate run`, batch after batch as an operator does, and checks what came
of it in SQL. The reference is plain COPY of the very rows that were written, into empty tables with the same indexes and keys, in
the same repetition and on the same server. Commands are measured whole: their start, their checks, the reading of the sources.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg
from attrs import frozen

from benchmarks.backfill import plain
from benchmarks.backfill.checking import wrong
from benchmarks.backfill.watching import cpu_of, quiet, watched
from benchmarks.machine import machine, storage
from benchmarks.tables import Measure, Run, by_repetition, page, ratios, spread, table
from bst_cli.embedded.postgres import EmbeddedPostgres

ROOT = Path(__file__).parents[2]
RESULTS = ROOT / "benchmarks" / "results"
GENERATOR = ROOT / "tests" / "legacy" / "make_legacy.py"
#: The "present" of the generated data.
AS_OF = "2026-03-01T00:00:00+08:00"
#: A quarter of the memory, as PostgreSQL's own documentation advises, and room in the log for a whole batch.
SETTINGS = {"shared_buffers": "6GB", "max_wal_size": "16GB"}
MEASURED = "CDE"
#: Gates have their own measurements; with generated data of some mess C-02, C-03 and E-02 fail, as they should.
OVERRIDE = ("--override", "--actor", "benchmarks", "--reason", "only the batches are measured")
MEASURES: Sequence[tuple[str, Measure, str]] = (
    ("bookings/s, C to E", lambda run: run["bookings"] / run["s"], ",.0f"),
    ("bookings/s, D alone", lambda run: run["bookings"] / run["batches"]["D"]["s"], ",.0f"),
    ("bookings/s, E alone", lambda run: run["bookings"] / run["batches"]["E"]["s"], ",.0f"),
    ("C, s", lambda run: run["batches"]["C"]["s"], ".1f"),
    ("D, s", lambda run: run["batches"]["D"]["s"], ".1f"),
    ("E, s", lambda run: run["batches"]["E"]["s"], ".1f"),
    ("CPU us a booking, bst", lambda run: run["bst_cpu_s"] / run["bookings"] * 1e6, ".0f"),
    ("CPU us a booking, database", lambda run: run["database_cpu_s"] / run["bookings"] * 1e6, ".0f"),
    ("memory of bst, RSS MB at most", lambda run: run["rss_mb"], ".0f"),
    ("memory of bst, PSS MB at most", lambda run: run["pss_mb"], ".0f"),
    ("reference: plain COPY, bookings/s", lambda run: run["bookings"] / run["plain"]["s"], ",.0f"),
    (
        "reference: CPU us a booking, database",
        lambda run: run["plain"]["database_cpu_s"] / run["bookings"] * 1e6,
        ".0f",
    ),
)


@frozen(kw_only=True)
class Server:
    """A PostgreSQL of the measurement's own, with the sources in it."""

    dsn: str
    postmaster: int
    folder: Path

    def database(self, name: str) -> str:
        return urlunsplit(urlsplit(self.dsn)._replace(path=f"/{name}"))

    def make(self, name: str) -> str:
        """An empty database of that name, whatever there was before."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute(f"drop database if exists {name} with (force)".encode())
            connection.execute(f"create database {name}".encode())
        return self.database(name)

    def settle(self) -> None:
        """What an earlier step has left to write is no part of the next one."""
        with psycopg.connect(self.dsn, autocommit=True) as connection:
            connection.execute("checkpoint")


@contextmanager
def server() -> Iterator[Server]:
    """Until the context ends."""
    with tempfile.TemporaryDirectory(prefix="bstfill", dir="/tmp") as folder:
        Path(folder).chmod(0o755)  # PostgreSQL runs as another user there
        embedded = EmbeddedPostgres(Path(folder) / "postgres")
        dsn = embedded.start()
        try:
            with psycopg.connect(dsn, autocommit=True) as connection:
                for name, value in SETTINGS.items():
                    connection.execute(f"alter system set {name} = '{value}'".encode())
            embedded.stop()
            dsn = embedded.start()
            postmaster = int((Path(folder) / "postgres" / "postmaster.pid").read_text().split()[0])
            yield Server(dsn=dsn, postmaster=postmaster, folder=Path(folder))
        finally:
            embedded.stop()


def make_sources(server: Server, bookings: int, mess: float) -> None:
    """Generated and loaded: some twenty seconds for 100,000 bookings."""
    began = time.monotonic()
    shop, admin = server.make("shop"), server.make("admin")
    given = ("--seed", "1", "--bookings", str(bookings), "--mess", str(mess), "--tours", "60")
    subprocess.run(
        [sys.executable, GENERATOR, *given, "--out", server.folder / "world", "--load", shop, admin],
        check=True,
        capture_output=True,
    )
    for dsn in (shop, admin):
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("vacuum analyze")
    print(f"the sources are there, made in {time.monotonic() - began:.0f} s", file=sys.stderr, flush=True)


def environment(server: Server, target: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    return {
        **kept,
        "OPS_DB_URL": target,
        "BALISNAP_DB_URL": server.database("shop"),
        "BSTADMIN_DB_URL": server.database("admin"),
    }


def run_batch(server: Server, target: str, batch: str, processes: int) -> dict[str, float]:
    """One command; returns seconds, seconds of CPU of its processes and of the server, and its memory."""
    command = [sys.executable, "-m", "bst_cli.main", "migrate", "run", "--batch", batch, "--as-of", AS_OF, "--json"]
    command += ["--processes", str(processes)]
    if batch != "A":
        command += OVERRIDE
    server.settle()
    used, before, began = cpu_of(server.postmaster), os.times(), time.monotonic()
    with (
        subprocess.Popen(command, env=environment(server, target), stdout=subprocess.PIPE) as process,
        watched(process.pid) as seen,
    ):
        assert process.stdout is not None
        said = json.loads(process.stdout.read() or b"{}")
    took, after = time.monotonic() - began, os.times()
    if process.returncode:
        sys.exit(f"benchmarks.backfill: batch {batch} ended with {process.returncode}; what it said is above")
    return {
        "s": took,
        "bst_cpu_s": after.children_user + after.children_system - before.children_user - before.children_system,
        "database_cpu_s": cpu_of(server.postmaster) - used,
        "rss_mb": seen.rss_mb,
        "pss_mb": seen.pss_mb,
        "written": said.get("written", 0),
    }


def take(server: Server, rep: int, bookings: int, processes: int) -> Run:
    """One repetition: the batches, the checks, and the reference."""
    others = quiet()
    target = server.make("target")
    for batch in "AB":
        run_batch(server, target, batch, processes)
    batches = {batch: run_batch(server, target, batch, processes) for batch in MEASURED}
    checks = wrong(target, server.folder / "world")
    with tempfile.TemporaryDirectory(dir=server.folder) as files:
        rows = plain.dump(target, Path(files))
        other = server.make("plain")
        for batch in "AB":
            run_batch(server, other, batch, processes)
        server.settle()
        copied = plain.load(other, Path(files), server.postmaster)
    total = {of: sum(batch[of] for batch in batches.values()) for of in ("s", "bst_cpu_s", "database_cpu_s")}
    most = {of: max(batch[of] for batch in batches.values()) for of in ("rss_mb", "pss_mb")}
    run: dict[str, Any] = {
        "rep": rep,
        "bookings": bookings,
        "processes": processes,
        "rows": rows,
        "others": round(others, 2),
        "batches": batches,
        "plain": copied,
        "wrong": checks,
        **total,
        **most,
    }
    print(
        f"{rep}: {bookings / run['s']:,.0f} bookings/s, plain COPY {bookings / copied['s']:,.0f}, wrong {checks}",
        file=sys.stderr,
        flush=True,
    )
    return run


def text_of(runs: Sequence[Run], facts: Mapping[str, str]) -> str:
    taken = {name: by_repetition(runs, measure) for name, measure, _ in MEASURES}
    first = runs[0]
    made = (
        f"Made by `uv run python -m benchmarks.backfill --write --bookings {first['bookings']}`: {len(runs)} repetitions of "
        f"{first['bookings']:,} cases of mess 0.5, {first['rows']:,} rows of ours, {first['processes']} processes. "
        "Median (range)."
    )
    ours = {run["rep"]: 1 / run["s"] for run in runs}
    reference = {run["rep"]: 1 / run["plain"]["s"] for run in runs}
    against = spread(ratios(ours, reference), ".2f")
    busy = max(run["others"] for run in runs)
    lines = [
        "",
        *table(["", "figure"], [[name, spread(list(taken[name].values()), form)] for name, _, form in MEASURES]),
    ]
    lines += ["", f"Against plain COPY of the same rows, in the same repetition: {against} of its speed."]
    lines += [f"What others used of the machine before a repetition: at most {busy:.0%}."]
    return page("Moving in", made, facts, lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit code 1 when anything came out other than the generator says."""
    parser = argparse.ArgumentParser(prog="benchmarks.backfill", description=__doc__)
    parser.add_argument("--quick", action="store_true", help="a few bookings, to see that it runs")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/backfill.md and .json")
    parser.add_argument("--bookings", type=int, help="1,000,000, or 3,000 with --quick")
    parser.add_argument("--repetitions", type=int, help="3, or 1 with --quick")
    parser.add_argument("--processes", type=int, default=2, help="default 2")
    given = parser.parse_args(arguments)
    bookings = given.bookings or (3_000 if given.quick else 1_000_000)
    with server() as made:
        facts = {
            **machine(),
            "PostgreSQL": f"{_version(made.dsn)}, fsync and synchronous_commit on, "
            + ", ".join(f"{name} {value}" for name, value in SETTINGS.items()),
            "data": storage(made.folder),
        }
        make_sources(made, bookings, 0.5)
        repetitions = given.repetitions or (1 if given.quick else 3)
        runs = [take(made, rep, bookings, given.processes) for rep in range(repetitions)]
    bad = sum(sum(run["wrong"].values()) for run in runs)
    text = text_of(runs, facts)
    print(text)
    if given.write:
        (RESULTS / "backfill.md").write_text(text, "utf-8")
        report: dict[str, Any] = {"machine": facts, "runs": runs}
        (RESULTS / "backfill.json").write_text(json.dumps(report, indent=1) + "\n", "utf-8")
    print(f"benchmarks.backfill: {len(runs)} runs, {bad} wrong")
    return int(bool(bad))


def _version(dsn: str) -> str:
    with psycopg.connect(dsn) as connection:
        return str(connection.info.server_version // 10000)


if __name__ == "__main__":
    sys.exit(main())
