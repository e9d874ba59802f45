"""The way in: the event log, nonces, staged jobs, dead letters and the queue of what could not be matched."""

from sqlalchemy import Boolean, CheckConstraint, Column, ForeignKey, Index, Integer, String, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from bst_postgres.tables.metadata import EMPTY_OBJECT, INSTANT, NOW, metadata, row_times

ingest_event_log = Table(
    "ingest_event_log",
    metadata,
    Column("event_key", Uuid, primary_key=True),
    Column("idempotency_key", String(191), nullable=False),
    Column("nonce", String(128), nullable=False),
    Column("source_enum", String(32), nullable=False),
    Column("channel_code", String(32), ForeignKey("channel_registry.channel_code"), nullable=False),
    Column("external_booking_ref", String(128), nullable=False),
    Column("event_type", String(32), nullable=False),
    Column("event_time", INSTANT, nullable=False),
    Column("event_time_normalized", INSTANT, nullable=False),
    Column("payload_hash", String(64), nullable=False),
    Column("fingerprint", String(64), nullable=False),  # of the canonical body; payload_hash is of the raw bytes
    Column("signature_verified", Boolean, nullable=False, server_default=text("false")),
    Column("process_status", String(32), nullable=False),
    Column("attempt_count", Integer, nullable=False, server_default=text("0")),
    Column("next_retry_at", INSTANT),
    Column("request_received_at", INSTANT, nullable=False, server_default=NOW),
    Column("processed_at", INSTANT),
    Column("raw_payload", JSONB, nullable=False),
    Column("error_message", Text),
    Column("trace_context", String(55)),  # W3C traceparent of the request that brought it
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    CheckConstraint(
        "process_status in ('RECEIVED', 'PROCESSING', 'DONE', 'FAILED')",
        name="ck_ingest_event_process_status",
    ),
    Index("ux_ingest_event_idempotency_key", "idempotency_key", unique=True),
    Index(
        "ux_ingest_event_secondary_dedup",
        "source_enum",
        "external_booking_ref",
        "event_type",
        "event_time_normalized",
        "fingerprint",
        unique=True,
    ),
    Index("ix_ingest_event_process_retry", "process_status", "next_retry_at"),
    Index("ix_ingest_event_nonce_received_at", "nonce", text("request_received_at desc")),
    Index("ix_ingest_event_created_at", "created_at"),
    Index("ix_ingest_event_newest", text("request_received_at desc"), text("event_key desc")),
)

ingest_dead_letter = Table(
    "ingest_dead_letter",
    metadata,
    Column("dead_letter_key", Uuid, primary_key=True),
    Column("event_key", Uuid, ForeignKey("ingest_event_log.event_key"), nullable=False),
    Column("reason_code", String(64), nullable=False),
    Column("reason_detail", Text),
    Column("poison_message", Boolean, nullable=False, server_default=text("false")),
    Column("replay_count", Integer, nullable=False, server_default=text("0")),
    Column("status", String(32), nullable=False, server_default=text("'OPEN'")),
    Column("first_failed_at", INSTANT, nullable=False),
    Column("last_failed_at", INSTANT, nullable=False),
    Column("next_replay_at", INSTANT),
    Column("lease_until", INSTANT),  # of a replay that is under way
    Column("replay_actor", String(191)),
    Column("replay_reason", Text),
    Column("replay_request_id", String(128)),
    Column("replay_proof", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column(
        "executions_before", Integer, nullable=False, server_default=text("0")
    ),  # of the event, when its replay began
    Column("raw_payload", JSONB, nullable=False),
    *row_times(),
    CheckConstraint(
        "status in ('OPEN', 'READY', 'REPLAYING', 'SUCCEEDED', 'FAILED', 'RESOLVED', 'CLOSED')",
        name="ck_ingest_dead_letter_status",
    ),
    Index("ix_ingest_dead_letter_status_failed_at", "status", "last_failed_at"),
    Index("ix_ingest_dead_letter_updated_at", "updated_at"),
    Index("ix_ingest_dead_letter_event_key", "event_key"),
    Index("ix_ingest_dead_letter_lease_until", "lease_until"),
)

unmapped_queue = Table(
    "unmapped_queue",
    metadata,
    Column("queue_key", Uuid, primary_key=True),
    Column("queue_type", String(64), nullable=False),
    Column("channel_code", String(32), ForeignKey("channel_registry.channel_code")),
    Column("source_system", String(32), nullable=False),
    Column("source_table", String(64), nullable=False),
    Column("source_pk", String(128), nullable=False),
    Column("reason_code", String(64), nullable=False),
    Column("reason_detail", Text),
    Column("status", String(32), nullable=False, server_default=text("'OPEN'")),
    Column("payload", JSONB),
    Column("resolved_by", String(128)),
    Column("resolved_at", INSTANT),
    Column("resolution", Text),  # why a person settled it so
    # What a mapping would be of, with channel_code; null where the entry does not know, or is about something else.
    Column("entity_type", String(32)),
    Column("external_ref_kind", String(64)),
    Column("external_ref", String(128)),
    *row_times(),
    CheckConstraint(
        "status in ('OPEN', 'IN_REVIEW', 'RESOLVED', 'CLOSED')",
        name="ck_unmapped_queue_status",
    ),
    Index("ix_unmapped_queue_status_type_created", "status", "queue_type", "created_at"),
    Index("ix_unmapped_queue_newest", text("created_at desc"), text("queue_key desc")),
    Index(
        "ux_unmapped_queue_waiting_mapping",
        "channel_code",
        "external_ref_kind",
        "external_ref",
        "entity_type",
        unique=True,
        postgresql_where=text("queue_type = 'CHANNEL_MAPPING' and status in ('OPEN', 'IN_REVIEW')"),
    ),
)

ingest_nonce = Table(
    "ingest_nonce",
    metadata,
    Column("nonce", String(128), primary_key=True),
    Column("seen_at", INSTANT, nullable=False),
    Index("ix_ingest_nonce_seen_at", "seen_at"),
)

ingest_staged_job = Table(
    "ingest_staged_job",
    metadata,
    Column("job_id", Uuid, primary_key=True),
    Column("event_keys", ARRAY(Uuid), nullable=False),
    Column("staged_at", INSTANT, nullable=False),
    Index("ix_ingest_staged_job_staged_at", "staged_at"),
)
