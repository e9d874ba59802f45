"""The booking: its folded state, what it is shown as, and the facts it was folded from."""

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    ForeignKey,
    Index,
    Integer,
    SmallInteger,
    String,
    Table,
    Text,
    Time,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSON, JSONB, TSVECTOR

from bst_postgres.tables.metadata import EMPTY_TEXTS, INSTANT, MONEY, NOW, metadata, row_times

booking_core = Table(
    "booking_core",
    metadata,
    Column("booking_key", Uuid, primary_key=True),
    Column("channel_code", String(32), ForeignKey("channel_registry.channel_code"), nullable=False),
    Column("source_enum_compat", String(32)),
    Column("external_booking_ref", String(128), nullable=False),
    Column("booking_created_at", INSTANT, nullable=False),
    Column("booking_date", Date),
    Column("tour_date", Date),
    Column("tour_time", Time),
    Column("currency_code", String(3)),
    Column("total_price", MONEY),
    Column("number_of_adult", Integer),
    Column("number_of_child", Integer),
    Column("customer_payment_status", String(32), nullable=False),
    Column("ops_fulfillment_status", String(32), nullable=False),
    Column("package_ref_type", String(32), nullable=False),
    Column("package_ref_key", Uuid),
    Column("legacy_package_id", BigInteger),
    Column("package_external_ref", String(128)),  # what the channel calls the package, where that is all it says
    Column("note", Text),
    # The registers with their stamps. Written and read whole with every event, so json: nobody looks inside.
    Column("fold", JSON, nullable=False, server_default=text("'{}'::json")),
    Column("version", Integer, nullable=False, server_default=text("1")),
    Column("status_reasons", ARRAY(Text), nullable=False, server_default=EMPTY_TEXTS),
    *row_times(),
    CheckConstraint(
        "package_ref_type in ('LEGACY_PACKAGE', 'CATALOG_PRODUCT', 'CATALOG_VARIANT')",
        name="ck_booking_core_package_ref_type",
    ),
    Index("ux_booking_core_channel_external_ref", "channel_code", "external_booking_ref", unique=True),
    # These two hold all that a list filters by, so that many entries can be looked through without their rows. Each day's
    # bookings are a stream, newest first.
    Index(
        "ix_booking_core_tour_date",
        "tour_date",
        text("booking_created_at desc"),
        text("booking_key desc"),
        postgresql_include=["customer_payment_status", "ops_fulfillment_status", "channel_code"],
    ),
    # Each combination of the three is a stream of bookings, newest first.
    Index(
        "ix_booking_core_status_pair",
        "customer_payment_status",
        "ops_fulfillment_status",
        "channel_code",
        text("booking_created_at desc"),
        text("booking_key desc"),
        postgresql_include=["tour_date"],
    ),
    Index(
        "ix_booking_core_package_external_ref",
        "channel_code",
        "package_external_ref",
        "booking_key",
        postgresql_where=text("package_external_ref is not null"),
    ),
    Index("ix_booking_core_newest", text("booking_created_at desc"), text("booking_key desc")),
    Index(
        "ix_booking_core_booked_late",
        text("booking_created_at desc"),
        text("booking_key desc"),
        postgresql_where=text("tour_date < (booking_created_at at time zone 'UTC')::date - 1"),
    ),
)

booking_contact = Table(
    "booking_contact",
    metadata,
    Column("booking_key", Uuid, ForeignKey("booking_core.booking_key"), primary_key=True),
    Column("main_name", String(191)),
    Column("main_email", String(191)),
    Column("phone", String(64)),
    Column("phone_e164", String(16)),
    Column("pickup_location", Text),
    Column("meeting_point", Text),
    Column("is_placeholder_name", Boolean, nullable=False, server_default=text("false")),
    Column("is_placeholder_email", Boolean, nullable=False, server_default=text("false")),
    Column("updated_from_source", String(32)),
    # booking_created_at of the booking, so that a search finds the newest without another table.
    Column("booked_at", INSTANT, nullable=False, server_default=NOW),
    # What the booking is found by, each word behind the fortnight in which it was booked.
    Column("search_words", TSVECTOR, nullable=False, server_default=text("''::tsvector")),
    *row_times(),
    Index(
        "ix_booking_contact_search_words",
        "search_words",
        postgresql_using="gin",
        postgresql_with={"gin_pending_list_limit": 64},
    ),
)

booking_party = Table(
    "booking_party",
    metadata,
    Column("booking_key", Uuid, ForeignKey("booking_core.booking_key"), primary_key=True),
    Column("adult_qty", Integer),
    Column("child_qty", Integer),
    Column("infant_qty", Integer),
    Column("traveler_rows", JSONB),
    *row_times(),
)

booking_item_snapshot = Table(
    "booking_item_snapshot",
    metadata,
    Column("booking_item_key", Uuid, primary_key=True),
    Column("booking_key", Uuid, ForeignKey("booking_core.booking_key"), nullable=False),
    Column("variant_key", Uuid, ForeignKey("catalog_variant.variant_key")),
    Column("variant_external_id", String(128)),
    Column("departure_external_id", String(128)),
    Column("currency_code", String(3), nullable=False, server_default=text("'USD'")),
    Column("adult_qty", Integer, nullable=False, server_default=text("0")),
    Column("child_qty", Integer, nullable=False, server_default=text("0")),
    Column("infant_qty", Integer, nullable=False, server_default=text("0")),
    Column("adult_unit_price", MONEY, nullable=False, server_default=text("0")),
    Column("child_unit_price", MONEY, nullable=False, server_default=text("0")),
    Column("discount_amount", MONEY, nullable=False, server_default=text("0")),
    Column("tax_amount", MONEY, nullable=False, server_default=text("0")),
    Column("total_amount", MONEY, nullable=False, server_default=text("0")),
    Column("snapshot_json", JSONB),
    *row_times(),
    Index("ix_booking_item_snapshot_booking_key", "booking_key"),
)

payment_event = Table(
    "payment_event",
    metadata,
    Column("payment_key", Uuid, primary_key=True),
    Column("booking_key", Uuid, ForeignKey("booking_core.booking_key"), nullable=False),
    Column("payment_time", INSTANT, nullable=False),
    Column("amount", MONEY, nullable=False),
    Column("currency_code", String(3)),
    Column("method", String(32)),
    Column("gateway", String(64)),
    Column("gateway_order_id", String(128)),
    Column("gateway_capture_id", String(128)),
    Column("payment_ref", String(128)),
    Column("status_raw", String(64)),
    Column("payment_status_v2", String(64)),
    Column("raw_payload", JSONB),
    *row_times(),
    Index(
        "ux_payment_event_payment_ref_not_null",
        "payment_ref",
        unique=True,
        postgresql_where=text("payment_ref is not null"),
    ),
    Index("ix_payment_event_booking_time", "booking_key", text("payment_time desc")),
)

# No foreign key to ingest_event_log: its rows are swept after 35 days, facts never.
booking_fact = Table(
    "booking_fact",
    metadata,
    Column("event_key", Uuid, primary_key=True),
    Column("booking_key", Uuid, ForeignKey("booking_core.booking_key"), nullable=False),
    Column("source", String(32), nullable=False),
    Column("event_type", String(32), nullable=False),
    Column("event_time", INSTANT, nullable=False),
    Column("origin", SmallInteger, nullable=False),
    Column("facts", JSONB, nullable=False),
    Column("recorded_at", INSTANT, nullable=False, server_default=NOW),
    Column("version", Integer),  # the booking's that took it in; null: before versions were noted here
    Index("ix_booking_fact_booking_time", "booking_key", "event_time"),
)

payment_fact = Table(
    "payment_fact",
    metadata,
    Column("booking_key", Uuid, ForeignKey("booking_core.booking_key"), primary_key=True),
    Column("provider", String(64), primary_key=True),
    Column("kind", String(16), primary_key=True),
    Column("reference", String(128), primary_key=True),
    Column("order_id", String(128)),
    Column("amount", MONEY, nullable=False),
    Column("currency_code", String(3)),
    Column("instant", INSTANT, nullable=False),
    Column("raw_status", String(64), nullable=False),
    Column("partially_returned", Boolean, nullable=False, server_default=text("false")),
    Column("weak", Boolean, nullable=False, server_default=text("false")),
    Column("also_called", String(128)),
    Column("origin", SmallInteger, nullable=False),
    Column("event_key", Uuid, nullable=False),
    Column("event_time", INSTANT, nullable=False),
    *row_times(),
    CheckConstraint(
        "kind in ('captured', 'refunded', 'reversed', 'pending', 'failed', 'voided')", name="ck_payment_fact_kind"
    ),
)

booking_status_history = Table(
    "booking_status_history",
    metadata,
    Column("booking_key", Uuid, ForeignKey("booking_core.booking_key"), primary_key=True),
    Column("version", Integer, primary_key=True),
    Column("changed_at", INSTANT, nullable=False),
    Column("customer_payment_status", String(32), nullable=False),
    Column("ops_fulfillment_status", String(32), nullable=False),
    Column("status_reasons", ARRAY(Text), nullable=False, server_default=EMPTY_TEXTS),
)
