"""What operations know of a booking: state, assignment, finance."""

from sqlalchemy import BigInteger, Boolean, Column, ForeignKey, Index, Integer, String, Table, Text, Uuid, text

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
