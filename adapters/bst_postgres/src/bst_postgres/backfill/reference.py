"""Batch B: the channels and the words that other tables speak in, as the target schema lists them."""

from collections.abc import Mapping
from typing import Final

import psycopg

from bst_application.ports.backfill import Run
from bst_postgres.database import Database, DriverConnection, as_json

#: (table, code column, label column): {code: label}. The migrations seed the same; somebody may have changed a label since.
REFERENCE: Final[Mapping[tuple[str, str, str], Mapping[str, str]]] = {
    ("channel_registry", "channel_code", "channel_name"): {
        "DIRECT": "Direct Website",
        "GYG": "GetYourGuide",
        "VIATOR": "Viator",
        "BOKUN": "Bokun",
        "TRIPDOTCOM": "Trip.com",
        "MANUAL": "Manual Ops Input",
    },
    ("ref_mapping_status", "status_code", "status_label"): {
        "UNMAPPED": "Waiting Mapping",
        "MAPPED": "Mapped",
        "REVIEW_REQUIRED": "Needs Manual Review",
    },
    ("ref_ingest_status", "status_code", "status_label"): {
        "RECEIVED": "Received",
        "PROCESSING": "Processing",
        "DONE": "Done",
        "FAILED": "Failed",
    },
    ("ref_replay_status", "status_code", "status_label"): {
        "READY": "Ready to Replay",
        "REPLAYING": "Replay in Progress",
        "SUCCEEDED": "Replay Succeeded",
        "FAILED": "Replay Failed",
    },
    ("ref_dead_letter_status", "status_code", "status_label"): {
        "OPEN": "Open",
        "READY": "Ready to Replay",
        "REPLAYING": "Replay in Progress",
        "SUCCEEDED": "Replay Succeeded",
        "FAILED": "Replay Failed",
        "RESOLVED": "Resolved Manually",
        "CLOSED": "Closed",
    },
    ("ref_unmapped_queue_status", "status_code", "status_label"): {
        "OPEN": "Open",
        "IN_REVIEW": "In Review",
        "RESOLVED": "Resolved",
        "CLOSED": "Closed",
    },
    ("ref_package_ref_type", "type_code", "type_label"): {
        "LEGACY_PACKAGE": "Legacy package_id reference",
        "CATALOG_PRODUCT": "Canonical product reference",
        "CATALOG_VARIANT": "Canonical variant reference",
    },
}


_DIFFERING = """
select given.code, known.{label}, given.label from json_to_recordset(%s::json) as given (code text, label text)
left join {table} known on known.{code} = given.code where known.{label} is distinct from given.label
"""
_UPSERT = """
insert into {table} ({code}, {label}) select given.code, given.label
from json_to_recordset(%s::json) as given (code text, label text)
on conflict ({code}) do update set {label} = excluded.{label}, updated_at = now()
"""
# What the label was at first is what it goes back to, however often it is written.
_NOTE = """
insert into migration_written (batch_code, table_name, row_key, label_before, label_after, run_key)
select 'B', given."table", given.code, given.before, given.label, given.run
from json_to_recordset(%s::json) as given ("table" text, code text, before text, label text, run uuid)
on conflict (batch_code, table_name, row_key) do update set label_after = excluded.label_after, run_key = excluded.run_key
"""


async def write_reference(database: Database, run: Run | None) -> int:
    """Adds what is missing and corrects labels; equal rows are not written. Without a run it only counts what differs."""
    written = 0
    async with database.transaction() as connection:
        for (table, code, label), words in REFERENCE.items():
            names = {"table": table, "code": code, "label": label}
            given = as_json([{"code": each, "label": text} for each, text in words.items()])
            found = await (await connection.execute(_DIFFERING.format(**names).encode(), (given,))).fetchall()
            written += len(found)
            if run is None or not found:
                continue
            rows = [{"table": table, "code": c, "before": old, "label": new, "run": run.key} for c, old, new in found]
            for statement in (_UPSERT.format(**names), _NOTE):
                await connection.execute(statement.encode(), (as_json(rows),))
    return written


async def take_reference_back(database: Database, *, dry_run: bool) -> tuple[int, list[tuple[str, str]]]:
    """Takes back what batch B wrote and nobody has changed or used since; returns how many rows, and what stands in the way.

    What stands in the way stays; a later call tries it again.
    """
    taken, in_the_way = 0, list[tuple[str, str]]()
    async with database.transaction() as connection:
        query = "select table_name, row_key, label_before, label_after from migration_written where batch_code = 'B'"
        for table, key, before, after in await (await connection.execute(f"{query} order by 1, 2".encode())).fetchall():
            why = await _take_back(connection, table, key, before, after)
            if why is None:
                taken += 1
                note = "delete from migration_written where batch_code = 'B' and table_name = %s and row_key = %s"
                await connection.execute(note, (table, key))
            else:
                in_the_way.append((f"{table} {key}", why))
        if dry_run:
            await connection.rollback()
    return taken, in_the_way


async def _take_back(connection: DriverConnection, table: str, key: str, before: str | None, after: str) -> str | None:
    code, label = next((code, label) for (name, code, label) in REFERENCE if name == table)
    now = await (await connection.execute(f"select {label} from {table} where {code} = %s".encode(), (key,))).fetchone()
    if now is None:
        return None
    if now[0] != after:
        return f"its label was changed to {now[0]!r}"
    if before is not None:
        statement = f"update {table} set {label} = %s, updated_at = now() where {code} = %s"
        await connection.execute(statement.encode(), (before, key))
        return None
    try:
        async with connection.transaction():
            await connection.execute(f"delete from {table} where {code} = %s".encode(), (key,))
    except psycopg.errors.ForeignKeyViolation:
        return "rows refer to it"
    return None
