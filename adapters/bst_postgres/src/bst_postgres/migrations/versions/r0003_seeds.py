"""The seed rows: six channels and the reference vocabularies, facts given with the project.

An upsert on the code: a row that is there already, from a back-fill say, gets the label and a new updated_at and keeps the rest.
Frozen: never edited once released. There is no way down; see revision 0001.
"""

from typing import Final

from alembic import op
from sqlalchemy import text

revision = "0003"
down_revision = "0002"

# (table, code column, label column): {code: label}
_SEEDS: Final = {
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


def upgrade() -> None:
    connection = op.get_bind()
    written = 0
    for (table, code_column, label_column), labels in _SEEDS.items():
        upsert = text(
            f"insert into {table} ({code_column}, {label_column}) values (:code, :label)"
            f" on conflict ({code_column}) do update set {label_column} = excluded.{label_column}, updated_at = now()"
        )
        for code, label in labels.items():
            written += connection.execute(upsert, {"code": code, "label": label}).rowcount
    op.get_context().opts["rows_affected"] = written  # for the row in migration_run_log
