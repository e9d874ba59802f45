"""Whether the batches came to what the generator says is true: counted in SQL, kind by kind."""

import csv
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import psycopg

Kind = TypeVar("Kind")
_BOOKINGS = """
select channel_code, customer_payment_status, ops_fulfillment_status, package_ref_type, coalesce(currency_code, ''),
  coalesce(total_price, 0)::text, count(*)
from booking_core group by 1, 2, 3, 4, 5, 6
"""
_PAYMENTS = "select payment_status_v2, currency_code, sum(amount)::text, count(*) from payment_event group by 1, 2"
_EXCEPTIONS = (
    "select exception, count(distinct (source_system, source_table, source_pk)) from migration_exception group by 1"
)
_ORPHANS = "select reason_code, count(*) from unmapped_queue where queue_type = 'PAYMENT_LINKAGE' group by 1"


def wrong(dsn: str, folder: Path) -> dict[str, int]:
    """Check -> how many rows are other than they should be."""
    with psycopg.connect(dsn) as database:
        bookings = Counter({tuple(row[:-1]): row[-1] for row in database.execute(_BOOKINGS).fetchall()})
        payments = sum(row[-1] for row in database.execute(_PAYMENTS).fetchall())
        exceptions: Counter[str] = Counter(dict(database.execute(_EXCEPTIONS).fetchall()))
        orphans: Counter[str] = Counter(dict(database.execute(_ORPHANS).fetchall()))
    truth = Counter(
        (
            said["channel_code"],
            said["customer_payment_status"],
            said["ops_fulfillment_status"],
            said["package_ref_type"],
            said["currency_code"],
            said["total_price"],
        )
        for said in _lines(folder, "bookings")
    )
    linked = Counter(said["disposition"] for said in _lines(folder, "payments"))
    lost = Counter(said["reason"] for said in _lines(folder, "payments") if said["disposition"] == "ORPHAN")
    listed = Counter(said["exception"] for said in _lines(folder, "exceptions"))
    return {
        "bookings": _difference(bookings, truth),
        "payments": abs(payments - linked["LINKED"]),
        "exceptions": _difference(Counter({kind: exceptions[kind] for kind in listed}), listed),
        "orphans": _difference(orphans, lost),
    }


def _difference(ours: Counter[Kind], theirs: Counter[Kind]) -> int:
    return sum(((ours - theirs) + (theirs - ours)).values())


def _lines(folder: Path, name: str) -> Iterator[dict[str, str]]:
    with (folder / f"truth_{name}.csv").open(encoding="utf-8", newline="") as lines:
        yield from csv.DictReader(lines)
