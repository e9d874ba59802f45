"""A log that has been written for weeks, made from one that was written in seconds.

The rows of real events, all tables, are copied with new keys inside PostgreSQL. A copy is a whole history of its own: its
events, facts, bookings and payments point at each other as those of the original do. Event keys carry their time in front
(UUIDv7) and the copies' times lie before the originals', so the indexes look as they would after weeks.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import psycopg
from sqlalchemy import Column, DateTime, Table

from bst_postgres import tables

#: A log row is kept this long; the copies fill that time evenly.
SPAN_DAYS = 35

_FUNCTIONS = """
create function pg_temp.other(id uuid, k int) returns uuid language sql immutable return md5(id::text || ':' || k)::uuid;
create function pg_temp.earlier(id uuid, k int, step_ms bigint) returns uuid language sql immutable return (
  lpad(to_hex(('x' || left(replace(id::text, '-', ''), 12))::bit(48)::bigint - k * step_ms), 12, '0')
  || '7' || substr(md5(id::text || ':' || k), 1, 3) || 'a' || substr(md5(id::text || ':' || k), 5, 15))::uuid;
"""

_OTHER = "pg_temp.other({0}, k)"
_EARLIER = "pg_temp.earlier({0}, k, {step_ms})"
_NAMED = "{0} || '~' || k"
#: How a column of a copy comes from the original's; times are moved, everything else is the same.
COLUMNS: Mapping[str, str] = {
    "event_key": _EARLIER,
    "booking_key": _OTHER,
    "booking_item_key": _OTHER,
    "payment_key": _OTHER,
    "external_ref_key": _OTHER,
    "entity_key": _OTHER,
    "nonce": "pg_temp.other(event_key, -k)::text",
    "fingerprint": "encode(sha256(({0} || k)::bytea), 'hex')",
    "payload_hash": "encode(sha256(({0} || k)::bytea), 'hex')",
    "idempotency_key": _NAMED,
    "external_booking_ref": _NAMED,
    "external_ref": _NAMED,
    "payment_ref": _NAMED,
    "gateway_order_id": _NAMED,
    "gateway_capture_id": _NAMED,
    "reference": _NAMED,
    "order_id": _NAMED,
}
COPIED: Sequence[Table] = (
    tables.ingest_event_log,
    tables.booking_core,
    tables.booking_contact,
    tables.booking_party,
    tables.booking_item_snapshot,
    tables.ops_booking_state,
    tables.booking_fact,
    tables.payment_fact,
    tables.payment_event,
    tables.booking_status_history,
    tables.channel_external_refs,
)


def fill(dsn: str, *, copies: int) -> None:
    """Adds ``copies`` copies of everything that is there, then cleans up as autovacuum would have."""
    step_ms = SPAN_DAYS * 86_400_000 // max(copies, 1)
    with psycopg.connect(dsn, autocommit=True) as db:
        # The originals satisfy the foreign keys, so their copies do; looking each of them up would take most of the time.
        db.execute("set session_replication_role = replica")
        db.execute("set synchronous_commit = off")
        for statement in _FUNCTIONS.strip().split(";\n"):
            db.execute(statement)
        for table in COPIED:
            db.execute(copying(table, copies=copies, step_ms=step_ms))
        # Nonces live for ten minutes. Some runs would begin with their clean-up, and some would not.
        db.execute("truncate ingest_nonce")
        db.execute("vacuum (analyze)")
        db.execute("checkpoint")


def copying(table: Table, *, copies: int, step_ms: int) -> Any:
    """The statement that copies a table; oldest copies first, as they would have come."""
    names = ", ".join(column.name for column in table.columns)
    values = ", ".join(_value(column, step_ms) for column in table.columns)
    return (
        f"insert into {table.name} ({names}) select {values} from {table.name}, "
        f"generate_series({copies}, 1, -1) as k order by k desc"
    )


def _value(column: Column[Any], step_ms: int) -> str:
    if column.name in COLUMNS:
        return COLUMNS[column.name].format(column.name, step_ms=step_ms)
    if isinstance(column.type, DateTime):
        return f"{column.name} - k * interval '{step_ms} milliseconds'"
    return column.name


def counts(dsn: str) -> dict[str, int]:
    """Rows by table."""
    with psycopg.connect(dsn, autocommit=True) as db:
        found = {}
        for table in COPIED:
            row = db.execute(f"select count(*) from {table.name}").fetchone()
            assert row is not None
            found[table.name] = int(row[0])
        return found
