"""Batch B: the channels and the words that other tables speak in, as the target schema lists them."""

from collections.abc import Mapping
from typing import Final

from bst_application.ports.backfill import Run
from bst_postgres.database import Database, as_json

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


async def write_reference(database: Database, run: Run | None) -> int:
    """Adds what is missing and corrects labels; equal rows are not written. Without a run it only counts what differs."""
    written = 0
    async with database.transaction() as connection:
        for (table, code, label), words in REFERENCE.items():
            given = as_json([{"code": each, "label": text} for each, text in words.items()])
            differing = (
                f"from json_to_recordset(%s::json) as given (code text, label text) where not exists"
                f" (select 1 from {table} known where known.{code} = given.code and known.{label} = given.label)"
            )
            if run is None:
                counted = await (await connection.execute(f"select count(*) {differing}".encode(), (given,))).fetchone()
                assert counted is not None
                written += counted[0]
                continue
            upsert = (
                f"insert into {table} ({code}, {label}) select given.code, given.label {differing}"
                f" on conflict ({code}) do update set {label} = excluded.{label}, updated_at = now()"
            )
            written += (await connection.execute(upsert.encode(), (given,))).rowcount
    return written
