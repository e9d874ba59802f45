"""Append-only records: the audit trail and the log of migration runs."""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, String, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from bst_postgres.tables.metadata import EMPTY_OBJECT, INSTANT, NOW, metadata

migration_run_log = Table(
    "migration_run_log",
    metadata,
    Column("run_key", Uuid, primary_key=True),
    Column("batch_code", String(16), nullable=False),
    Column("script_name", String(191), nullable=False),
    Column("script_checksum", String(64), nullable=False),
    Column("run_status", String(32), nullable=False),
    Column("started_at", INSTANT, nullable=False),
    Column("ended_at", INSTANT),
    Column("rows_affected", BigInteger),
    Column("report_path", Text),
    Column("error_message", Text),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    Column("override", JSONB),  # who went on although something held the batch, why, and what that was
)

runtime_flag = Table(
    "runtime_flag",
    metadata,
    Column("flag_name", String(64), primary_key=True),
    Column("flag_value", Text, nullable=False),
    Column("actor", String(191), nullable=False),
    Column("reason", Text, nullable=False),
    Column("updated_at", INSTANT, nullable=False, server_default=NOW),
)

replay_job = Table(
    "replay_job",
    metadata,
    Column("job_key", Uuid, primary_key=True),
    Column("asked_filter", JSONB, nullable=False),
    Column("actor", String(191), nullable=False),
    Column("reason", Text, nullable=False),
    Column("request_id", String(128)),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    Column("proof", JSONB, nullable=False, server_default=EMPTY_OBJECT),
)

replay_job_item = Table(
    "replay_job_item",
    metadata,
    Column("job_key", Uuid, ForeignKey("replay_job.job_key", ondelete="CASCADE"), primary_key=True),
    Column("event_key", Uuid, primary_key=True),
    Column("dead_letter_key", Uuid, nullable=False),
    Column("outcome", String(191)),
    Column("settled_at", INSTANT),
    Index("ix_replay_job_item_pending", "job_key", postgresql_where=text("outcome is null")),
)

# A trigger refuses UPDATE, DELETE and TRUNCATE.
audit_log = Table(
    "audit_log",
    metadata,
    Column("audit_id", Uuid, primary_key=True),
    Column("event_type", String(64), nullable=False),
    Column("actor", String(191), nullable=False),
    Column("resource_type", String(64)),
    Column("resource_id", String(191)),
    Column("metadata", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("request_id", String(128)),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    Index("ix_audit_log_created_at", "created_at"),
    Index("ix_audit_log_actor", "actor", text("created_at desc")),
    Index("ix_audit_log_resource", "resource_type", "resource_id", text("created_at desc")),
)
