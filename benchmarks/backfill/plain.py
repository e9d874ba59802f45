"""The reference: the same rows by plain COPY, a table at a time, into empty tables with the same indexes and keys."""

import time
from collections.abc import Iterator
from pathlib import Path

import psycopg

from benchmarks.backfill.watching import cpu_of

#: What batches C to E write, in an order that foreign keys allow.
TABLES = (
    "catalog_product",
    "catalog_variant",
    "catalog_variant_rate",
    "booking_core",
    "booking_contact",
    "booking_party",
    "booking_item_snapshot",
    "ops_booking_state",
    "booking_status_history",
    "booking_fact",
    "ops_assignment",
    "payment_fact",
    "payment_event",
    "ops_finance_bridge",
    "channel_external_refs",
    "unmapped_queue",
    "migration_exception",
)
AT_ONCE = 1 << 20


def dump(dsn: str, folder: Path) -> int:
    """Writes every table to a file; returns how many rows there are."""
    rows = 0
    with psycopg.connect(dsn) as database, database.cursor() as cursor:
        for table in TABLES:
            with (folder / table).open("wb") as file, cursor.copy(f"copy {table} to stdout".encode()) as copy:
                for block in copy:
                    file.write(block)
            rows += cursor.rowcount
    return rows


def load(dsn: str, folder: Path, postmaster: int) -> dict[str, float]:
    """Copies the files into the tables, a commit each; returns seconds and the server's seconds of CPU."""
    cpu, began = cpu_of(postmaster), time.monotonic()
    with psycopg.connect(dsn) as database:
        for table in TABLES:
            with database.cursor() as cursor, cursor.copy(f"copy {table} from stdin".encode()) as copy:
                for block in _blocks(folder / table):
                    copy.write(block)
            database.commit()
    return {"s": time.monotonic() - began, "database_cpu_s": cpu_of(postmaster) - cpu}


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(AT_ONCE):
            yield block
