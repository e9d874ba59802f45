"""How long it takes to see that a million bookings agree with where they came from, and what a hundred differences add.

`uv run python -m benchmarks.reconciliation [--bookings 1000000] [--quick] [--write]`. A few thousand bookings are moved in by the
real batches and multiplied inside PostgreSQL (see benchmarks/moved.py); then the notes that back-fill makes are made for all of
them, timed by themselves, and `recon run` for batches D and E is measured on the equal sets and with planted differences.
"""

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
from attrs import asdict, frozen

from benchmarks.machine import machine
from benchmarks.moved import multiply, without_blanks
from benchmarks.tables import table
from bst_application.comparison_report import ComparisonReport
from bst_application.ports.comparing import Part
from bst_application.use_cases.compare_moved import CompareMoved
from bst_domain.migration import LegacySystem
from bst_legacy.databases import LegacyConnections
from bst_postgres.comparing import PostgresComparisonStore, PostgresMarkStore
from bst_postgres.database import Database
from bst_postgres.migrate import upgrade
from tests.legacy.moving import AS_OF, move_all
from tests.legacy.world import World, a_world
from tests.servers import a_postgres

RESULTS = Path(__file__).parent / "results"
MOVED = 5000
PLANTED = 100
_OPTIONS = ("shared_buffers=1GB", "max_wal_size=8GB", "fsync=off", "synchronous_commit=off", "autovacuum=off")
#: Every so manieth booking, so that they lie everywhere.
_DIFFERENCES = """
update booking_core set note = 'planted', customer_payment_status = 'FAILED' where booking_key in (
  select booking_key from booking_core where customer_payment_status = 'PAID' order by md5(booking_key::text) limit %s)
"""


@frozen(kw_only=True)
class Measured:
    """One comparison."""

    batch: str
    what: str
    bookings: int
    seconds: float
    faults: int
    derived: int
    ranges: int


async def compare(world: World, dsn: str, batch: str, what: str) -> Measured:
    database = Database(dsn, pool_size=2)
    stages: dict[str, float] = {}
    began = time.perf_counter()

    def told(stage: str, _done: int, _of: int) -> None:
        stages.setdefault(stage, round(time.perf_counter() - began, 1))

    try:
        async with (
            LegacyConnections(world.urls).snapshot() as legacy,
            PostgresComparisonStore(database).comparing() as ours,
        ):
            report: ComparisonReport = await CompareMoved(
                legacy=legacy, ours=ours, as_of=AS_OF, checksum="0", told=told
            )(batch)
    finally:
        await database.close()
    seconds = time.perf_counter() - began
    assert report.figures is not None
    assert report.why_all is None, report.why_all
    _progress(f"batch {batch}, {what}: {seconds:.1f} s {stages} {[c for c in report.checks if not c.passed]}")
    return Measured(
        batch=batch,
        what=what,
        bookings=report.figures.bookings,
        seconds=seconds,
        faults=len(report.faults),
        derived=report.derivation.bookings,
        ranges=sum(side.ranges for side in report.bisected.values()),
    )


async def note(world: World, dsn: str) -> dict[str, float]:
    """What back-fill's notes cost: seconds by step."""
    took: dict[str, float] = {}
    database = Database(dsn, pool_size=2)
    marks = PostgresMarkStore(database)
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute("truncate migration_source_mark, migration_booking_mark")
    try:
        async with LegacyConnections(world.urls).snapshot() as legacy:
            for system in LegacySystem:
                began = time.perf_counter()
                await marks.note_sources(system, legacy.digest_lines(system), resumed=False)
                took[f"rows of {system} as read"] = time.perf_counter() - began
        for part in Part:
            began = time.perf_counter()
            await marks.note_bookings(part)
            took[f"{part} as written"] = time.perf_counter() - began
    finally:
        await database.close()
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute("vacuum (analyze)")
    return took


async def measure(bookings: int, moved: int) -> tuple[list[Measured], dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder, a_postgres(*_OPTIONS) as program:
        server = program.address
        with a_world(server, Path(folder), seed=1, bookings=moved, mess=0) as world:
            without_blanks(world.urls)
            dsn = server.create("moved")
            upgrade(dsn)
            await move_all(world, dsn)
            if bookings > moved:
                multiply(world.urls, dsn, bookings // moved - 1, _progress)
            took = await note(world, dsn)
            _progress(f"noted: {took}")
            found = [await compare(world, dsn, batch, "equal") for batch in "DE"]
            with psycopg.connect(dsn, autocommit=True) as db:
                db.execute(_DIFFERENCES, (PLANTED,))
            found += [await compare(world, dsn, batch, f"{PLANTED} differences") for batch in "DE"]
    return found, took


def page(found: Sequence[Measured], took: dict[str, float]) -> str:
    """Markdown."""
    facts = ", ".join(machine().values())
    rows = [
        [
            f"{one.batch}, {one.what}",
            f"{one.bookings:,}",
            f"{one.seconds:.1f}",
            f"{one.bookings / one.seconds:,.0f}",
            f"{one.faults:,}",
            f"{one.derived:,}",
        ]
        for one in found
    ]
    lines = ["# Reconciliation", "", f"On {facts}; PostgreSQL of all three databases on the same machine.", ""]
    lines += table(("batch", "bookings", "seconds", "bookings/s", "found", "derived one by one"), rows)
    lines += ["", "What back-fill adds to a run, so that this is possible:", ""]
    lines += table(("note", "seconds"), [[name, f"{seconds:.1f}"] for name, seconds in took.items()])
    return "\n".join(lines) + "\n"


def _progress(text: str) -> None:
    print(f"{time.strftime('%H:%M:%S')} {text}", file=sys.stderr, flush=True)


def main() -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.reconciliation", description=__doc__)
    parser.add_argument("--bookings", type=int, default=1_000_000, help="a multiple of 5,000")
    parser.add_argument("--quick", action="store_true", help="2,000 bookings, to see that it runs")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/reconciliation.*")
    given = parser.parse_args()
    bookings, moved = (2000, 500) if given.quick else (given.bookings, MOVED)
    found, took = asyncio.run(measure(bookings, moved))
    text = page(found, took)
    print(text)
    wrong = any(
        (one.faults != PLANTED) != (one.what == "equal") or (one.what == "equal" and one.faults) for one in found
    )
    if given.write and not given.quick:
        (RESULTS / "reconciliation.md").write_text(text, "utf-8")
        raw: list[dict[str, Any]] = [asdict(one) for one in found]
        (RESULTS / "reconciliation.json").write_text(json.dumps({"runs": raw, "notes": took}, indent=2) + "\n", "utf-8")
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
