"""Weighs what is stored: `uv run python -m benchmarks.sizes [--bookings 4000] [--write]`.

A sample day goes through the real door, queue and worker into a real PostgreSQL; then each table is weighed with
pg_total_relation_size, and the write-ahead log by how far it got. No speed is measured.
"""

import argparse
import asyncio
import json
import tempfile
from pathlib import Path
from typing import Any

import psycopg

from benchmarks.machine import machine
from bst_cli.sample import make_day
from bst_cli.sending import read_lines
from bst_postgres.migrate import upgrade
from tests.faults.system import System, a_system, until
from tests.servers import run_postgres, run_redis

#: What a vacuum alone adds to a small table: its maps of free space and of visibility.
_MAPS = 64 * 1024
RESULTS = Path(__file__).parents[1] / "results"
WITHIN_S = 1800.0
_POSITION = "select (pg_current_wal_lsn() - '0/0')::bigint"
_TABLES = """
select relname, pg_table_size(oid), pg_indexes_size(oid)
from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace order by pg_total_relation_size(oid) desc
"""


async def weigh(bookings: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as folder:
        lines = read_lines(make_day(Path(folder), seed=1, bookings=bookings).deliveries)
    with run_postgres(durable=True) as server, run_redis() as redis_url:
        dsn = server.create("sizes")
        upgrade(dsn)
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("checkpoint")
            empty = {name: heap + indexes for name, heap, indexes in connection.execute(_TABLES).fetchall()}
            before = _one(connection, _POSITION)
            async with a_system(dsn=dsn, redis_url=redis_url) as system:
                await system.send(lines, concurrency=64)
                await until(lambda: all_done(system), "the last event", WITHIN_S)
            log = _one(connection, _POSITION) - before
            connection.execute("vacuum analyze")
            tables = connection.execute(_TABLES).fetchall()
            return {
                "machine": machine(),
                "postgresql": str(connection.info.server_version // 10_000),
                "deliveries": len(lines),
                "events": _one(connection, "select count(*) from ingest_event_log"),
                "bookings": _one(connection, "select count(*) from booking_core"),
                "bodyBytes": round(sum(len(line.body) for line in lines) / len(lines)),
                "logBytes": log,
                "tables": {
                    name: {"rows": heap, "indexes": indexes}
                    for name, heap, indexes in tables
                    if heap + indexes > empty.get(name, 0) + _MAPS
                },
            }


async def all_done(system: System) -> bool:
    return await system.count("ingest_event_log where process_status <> 'DONE'") == 0


def _one(connection: psycopg.Connection[Any], query: str) -> int:
    row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return int(row[0])


def page(found: dict[str, Any]) -> str:
    """Markdown, in bytes per event."""
    events = found["events"]
    facts = ", ".join(found["machine"].values())
    lines = [
        "# What an event takes",
        "",
        f"Made by `uv run python -m benchmarks.sizes --write`; {facts}; PostgreSQL {found['postgresql']}.",
        "",
        f"{found['deliveries']:,} deliveries of a sample day, bodies of {found['bodyBytes']} bytes on average:",
        f"{events:,} events of {found['bookings']:,} bookings.",
        "",
        "| table | rows, bytes per event | indexes, bytes per event |",
        "|---|---|---|",
    ]
    tables = found["tables"].items()
    lines += [f"| `{name}` | {each['rows'] / events:,.0f} | {each['indexes'] / events:,.0f} |" for name, each in tables]
    rows, indexes = (sum(each[part] for _, each in tables) for part in ("rows", "indexes"))
    lines += [
        f"| **all** | **{rows / events:,.0f}** | **{indexes / events:,.0f}** |",
        "",
        f"All in all {(rows + indexes) / events:,.0f} bytes per event, and {found['logBytes'] / events:,.0f} bytes of",
        "write-ahead log (full page images of one short run included).",
    ]
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(prog="benchmarks.sizes", description="Weighs what is stored.")
    parser.add_argument("--bookings", type=int, default=4000, help="bookings of the sample day (default 4000)")
    parser.add_argument("--write", action="store_true", help="write benchmarks/results/sizes.{json,md}")
    arguments = parser.parse_args()
    found = asyncio.run(weigh(arguments.bookings))
    if arguments.write:
        (RESULTS / "sizes.json").write_text(json.dumps(found, indent=2) + "\n", "utf-8")
        (RESULTS / "sizes.md").write_text(page(found), "utf-8")
    print(page(found), end="")


if __name__ == "__main__":
    main()
