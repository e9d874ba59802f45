"""What is kept while two systems do the same work."""

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, String, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import JSONB

from bst_postgres.tables.metadata import INSTANT, NOW, metadata

# A row a process, while it lives and for a day afterwards.
flag_sight = Table(
    "flag_sight",
    metadata,
    Column("process_key", Uuid, primary_key=True),
    Column("component", String(32), nullable=False),
    Column("host", String(191), nullable=False),
    Column("pid", Integer, nullable=False),
    Column("flag_values", JSONB, nullable=False),
    Column("seen_at", INSTANT, nullable=False),
    Index("ix_flag_sight_seen_at", "seen_at"),
)

cutover_mark = Table(
    "cutover_mark",
    metadata,
    Column("source_system", String(32), primary_key=True),
    Column("changed_at", INSTANT, nullable=False),
    Column("row_id", BigInteger, nullable=False),
    Column("updated_at", INSTANT, nullable=False, server_default=NOW),
)

# No booking yet and no note: core lacks the booking of a row that it should have.
cutover_seen = Table(
    "cutover_seen",
    metadata,
    Column("source_system", String(32), primary_key=True),
    Column("source_table", String(64), primary_key=True),
    Column("source_pk", BigInteger, primary_key=True, autoincrement=False),
    Column("changed_at", INSTANT, nullable=False),
    Column("digest", String(64), nullable=False),
    Column("booking_key", Uuid),
    Column("note", String(64)),
    Column("seen_at", INSTANT, nullable=False),
    Index(
        "ix_cutover_seen_unreached",
        "changed_at",
        postgresql_where=text("booking_key is null and note is null"),
    ),
)

shadow_tally = Table(
    "shadow_tally",
    metadata,
    Column("hour", INSTANT, primary_key=True),
    Column("field", String(32), primary_key=True),
    Column("compared", BigInteger, nullable=False),
    Column("mismatched", BigInteger, nullable=False),
)

shadow_example = Table(
    "shadow_example",
    metadata,
    Column("channel_code", String(32), primary_key=True),
    Column("external_booking_ref", String(128), primary_key=True),
    Column("field", String(32), primary_key=True),
    Column("core_value", Text, nullable=False),
    Column("legacy_value", Text, nullable=False),
    Column("seen_at", INSTANT, nullable=False),
    Index("ix_shadow_example_seen_at", text("seen_at desc")),
)

cutover_write = Table(
    "cutover_write",
    metadata,
    Column("write_id", String(128), primary_key=True),
    Column("reported_at", INSTANT, nullable=False),
    Column("operation", String(64), nullable=False),
    Column("digest", String(64), nullable=False),
    Column("mismatch", Boolean, nullable=False),
    Column("report", JSONB, nullable=False),
    Index("ix_cutover_write_reported_at", "reported_at"),
)
