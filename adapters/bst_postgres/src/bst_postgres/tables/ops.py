"""What operations know of a booking: state, assignment, finance, conflicts; and who runs the tours."""

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
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from bst_postgres.tables.metadata import INSTANT, metadata, row_times

ops_booking_state = Table(
    "ops_booking_state",
    metadata,
    Column("booking_key", Uuid, ForeignKey("booking_core.booking_key"), primary_key=True),
    Column("ops_fulfillment_status", String(32), nullable=False),
    Column("assigned_driver_id", Integer),
    Column("assigned_partner_id", Integer),
    Column("assigned_at", INSTANT),
    Column("is_paid_flag", Boolean, nullable=False, server_default=text("false")),
    Column("paid_at", INSTANT),
    Column("state_version", Integer, nullable=False, server_default=text("1")),
    Column("updated_from_source", String(32)),
    *row_times(),
)

ops_assignment = Table(
    "ops_assignment",
    metadata,
    Column("assignment_key", Uuid, primary_key=True),
    Column("booking_key", Uuid, ForeignKey("booking_core.booking_key"), nullable=False),
    Column("driver_id", Integer),
    Column("partner_id", Integer),
    Column("assignment_source", String(32), nullable=False),
    Column("assigned_at", INSTANT, nullable=False),
    Column("unassigned_at", INSTANT),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("notes", Text),
    *row_times(),
    Index("ix_ops_assignment_booking_active", "booking_key", "is_active"),
    Index("ux_ops_assignment_one_active", "booking_key", unique=True, postgresql_where=text("is_active")),
)

ops_finance_bridge = Table(
    "ops_finance_bridge",
    metadata,
    Column("finance_bridge_key", Uuid, primary_key=True),
    Column("booking_key", Uuid, ForeignKey("booking_core.booking_key"), nullable=False),
    Column("booking_finance_id", BigInteger),
    Column("pattern_id", BigInteger),
    Column("validated_at", INSTANT),
    Column("is_locked", Boolean, nullable=False, server_default=text("false")),
    Column("settlement_status", String(32)),
    Column("last_reconciled_at", INSTANT),
    *row_times(),
    Index("ux_ops_finance_bridge_booking_key", "booking_key", unique=True),
)


def _crew(kind: str) -> Table:
    """The numbers are those of the old admin."""
    return Table(
        f"ops_{kind}",
        metadata,
        Column(f"{kind}_id", Integer, primary_key=True, autoincrement=False),
        Column(f"{kind}_name", String(191), nullable=False),
        Column("is_active", Boolean, nullable=False, server_default=text("true")),
        *row_times(),
    )


ops_driver = _crew("driver")
ops_partner = _crew("partner")

booking_conflict = Table(
    "booking_conflict",
    metadata,
    Column("conflict_key", Uuid, primary_key=True),
    Column("booking_key", Uuid, ForeignKey("booking_core.booking_key"), nullable=False),
    Column("module", String(32), nullable=False),
    Column("fields", ARRAY(Text), nullable=False),
    Column("shown_values", JSONB, nullable=False),
    Column("core_values", JSONB, nullable=False),
    Column("legacy_values", JSONB, nullable=False),
    Column("severity", String(16), nullable=False),
    Column("opened_by", String(191), nullable=False),
    Column("opened_at", INSTANT, nullable=False),
    Column("due_at", INSTANT, nullable=False),
    Column("choice", String(16)),
    Column("settled_by", String(191)),
    Column("settle_reason", Text),
    Column("settled_at", INSTANT),
    CheckConstraint("choice in ('CORE', 'LEGACY', 'SHOWN')", name="ck_booking_conflict_choice"),
    Index("ix_booking_conflict_booking", "booking_key", "opened_at"),
    Index("ix_booking_conflict_open", "due_at", postgresql_where=text("settled_at is null")),
)
