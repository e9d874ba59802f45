"""What back-fill remembers between runs: how far a batch has come, which rows a person should look at, what gates said."""

from sqlalchemy import BigInteger, CheckConstraint, Column, Index, Integer, String, Table, Text, Uuid, text
from sqlalchemy.dialects.postgresql import BIT, JSONB

from bst_postgres.tables.metadata import INSTANT, NOW, metadata

# A row while a batch is under way or interrupted; none when it has come to its end.
migration_checkpoint = Table(
    "migration_checkpoint",
    metadata,
    Column("batch_code", String(16), primary_key=True),
    Column("run_key", Uuid, nullable=False),
    Column("source_system", String(32)),
    Column("last_row_id", BigInteger),
    Column("rows_done", BigInteger, nullable=False),
    Column("updated_at", INSTANT, nullable=False, server_default=NOW),
)

migration_exception = Table(
    "migration_exception",
    metadata,
    Column("batch_code", String(16), primary_key=True),
    Column("exception", String(32), primary_key=True),
    Column("source_system", String(32), primary_key=True),
    Column("source_table", String(64), primary_key=True),
    Column("source_pk", String(128), primary_key=True),
    Column("channel_code", String(32), nullable=False),
    Column("external_booking_ref", Text, nullable=False),
    Column("detail", Text, nullable=False),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    Index("ix_migration_exception_source", "batch_code", "source_system", "source_table", "source_pk"),
)

# A legacy booking row as back-fill read it last; all noughts: nobody knows.
migration_source_mark = Table(
    "migration_source_mark",
    metadata,
    Column("source_system", String(32), primary_key=True),
    Column("row_id", BigInteger, primary_key=True),
    Column("digest", BIT(128), nullable=False),
)

# A booking as back-fill wrote it last, its money apart, and the booking's version then; all noughts: somebody here spoke of it.
migration_booking_mark = Table(
    "migration_booking_mark",
    metadata,
    Column("booking_key", Uuid, primary_key=True),
    Column("body_noted_at", INSTANT),
    Column("body_version", Integer),
    Column("body", BIT(128)),
    Column("money_noted_at", INSTANT),
    Column("money_version", Integer),
    Column("money", BIT(128)),
)

# Each time that a gate was measured. judged_run: the run of the batch that it looked at, so that a later run makes it stale.
migration_gate_result = Table(
    "migration_gate_result",
    metadata,
    Column("result_key", Uuid, primary_key=True),
    Column("gate", String(64), nullable=False),
    Column("batch_code", String(16), nullable=False),
    Column("judged_run", Uuid),
    Column("verdict", String(8), nullable=False),
    Column("checks", JSONB, nullable=False),
    Column("report_path", Text),
    Column("measured_at", INSTANT, nullable=False),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    CheckConstraint("verdict in ('PASS', 'HOLD', 'FAIL')", name="ck_migration_gate_result_verdict"),
    Index("ix_migration_gate_result_newest", "gate", text("created_at desc"), text("result_key desc")),
)

# What batch B has added (no label before) or corrected, so that it can be taken back.
migration_written = Table(
    "migration_written",
    metadata,
    Column("batch_code", String(16), primary_key=True),
    Column("table_name", String(64), primary_key=True),
    Column("row_key", String(64), primary_key=True),
    Column("label_before", String(191)),
    Column("label_after", String(191), nullable=False),
    Column("run_key", Uuid, nullable=False),
)
