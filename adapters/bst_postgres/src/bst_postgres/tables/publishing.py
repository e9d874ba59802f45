"""Publishing the catalog: jobs, frozen payloads, what is current, events, and what signed requests leave behind."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY

from bst_postgres.tables.metadata import INSTANT, NOW, metadata, row_times

catalog_publish_job = Table(
    "catalog_publish_job",
    metadata,
    Column("job_key", Uuid, primary_key=True),
    Column("status", String(16), nullable=False),
    Column("item_keys", ARRAY(Uuid), nullable=False),  # empty: every active product
    Column("item_count", Integer, nullable=False),
    Column("note", Text),
    Column("version", BigInteger),  # of what was frozen for it last
    Column("created_by", String(191), nullable=False),
    Column("reviewed_by", String(191)),
    Column("published_by", String(191)),
    Column("published_at", INSTANT),
    Column("failure_reason", Text),
    *row_times(),
    CheckConstraint("status in ('DRAFT', 'IN_REVIEW', 'PUBLISHED', 'FAILED')", name="ck_catalog_publish_job_status"),
    Index("ix_catalog_publish_job_updated_at", text("updated_at desc"), text("job_key desc")),
)

# A trigger refuses any change but that of published_at and published_by, and every DELETE and TRUNCATE.
catalog_snapshot = Table(
    "catalog_snapshot",
    metadata,
    Column("version", BigInteger, primary_key=True, autoincrement=False),
    Column("job_key", Uuid, ForeignKey("catalog_publish_job.job_key"), nullable=False),
    Column("payload", Text, nullable=False),  # text, not JSON: the checksum is of these very bytes
    Column("checksum", String(64), nullable=False),
    Column("item_count", Integer, nullable=False),
    Column("frozen_at", INSTANT, nullable=False),
    Column("frozen_by", String(191), nullable=False),
    Column("published_at", INSTANT),  # when it became current for the first time
    Column("published_by", String(191)),
    Index("ix_catalog_snapshot_published", text("version desc"), postgresql_where=text("published_at is not null")),
)

# One row: whoever freezes or publishes holds it until the commit.
catalog_publication = Table(
    "catalog_publication",
    metadata,
    Column("is_only", Boolean, primary_key=True, server_default=text("true")),
    Column("version", BigInteger, ForeignKey("catalog_snapshot.version")),  # what is current; null: nothing yet
    Column("newest_version", BigInteger, nullable=False, server_default=text("0")),  # that was ever current
    Column("last_version", BigInteger, nullable=False, server_default=text("0")),  # that was ever frozen
    Column("last_sequence", BigInteger, nullable=False, server_default=text("0")),  # of the events
    CheckConstraint("is_only", name="ck_catalog_publication_is_only"),
)

catalog_publish_event = Table(
    "catalog_publish_event",
    metadata,
    Column("sequence", BigInteger, primary_key=True, autoincrement=False),
    Column("kind", String(16), nullable=False),
    Column("version", BigInteger, ForeignKey("catalog_snapshot.version"), nullable=False),
    Column("previous_version", BigInteger),
    Column("job_key", Uuid, nullable=False),
    Column("checksum", String(64), nullable=False),
    Column("item_count", Integer, nullable=False),
    Column("actor", String(191), nullable=False),
    Column("reason", Text),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    CheckConstraint("kind in ('PUBLISHED', 'ROLLED_BACK')", name="ck_catalog_publish_event_kind"),
)

catalog_publish_nonce = Table(
    "catalog_publish_nonce",
    metadata,
    Column("nonce", String(128), primary_key=True),
    Column("seen_at", INSTANT, nullable=False),
    Index("ix_catalog_publish_nonce_seen_at", "seen_at"),
)

catalog_publish_request = Table(
    "catalog_publish_request",
    metadata,
    Column("idempotency_key", String(128), primary_key=True),
    Column("path", String(255), primary_key=True),
    Column("body_hash", String(64), nullable=False),
    Column("subject", String(64), nullable=False),  # the job or version that it was about
    Column("created_at", INSTANT, nullable=False),
    Index("ix_catalog_publish_request_created_at", "created_at"),
)
