"""Vocabularies for people and reports. Nothing refers to them; the check constraints enforce the words."""

from sqlalchemy import Column, String, Table

from bst_postgres.tables.metadata import metadata, row_times


def _vocabulary(name: str, code: str, label: str) -> Table:
    return Table(
        name,
        metadata,
        Column(code, String(32), primary_key=True),
        Column(label, String(128), nullable=False),
        *row_times(),
    )


ref_mapping_status = _vocabulary("ref_mapping_status", "status_code", "status_label")
ref_ingest_status = _vocabulary("ref_ingest_status", "status_code", "status_label")
ref_replay_status = _vocabulary("ref_replay_status", "status_code", "status_label")
ref_package_ref_type = _vocabulary("ref_package_ref_type", "type_code", "type_label")
ref_dead_letter_status = _vocabulary("ref_dead_letter_status", "status_code", "status_label")
ref_unmapped_queue_status = _vocabulary("ref_unmapped_queue_status", "status_code", "status_label")
