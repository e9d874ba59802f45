"""Channels, the other references that find a booking, and the catalog."""

from sqlalchemy import (
    Boolean,
    CheckConstraint,
    Column,
    ForeignKey,
    Index,
    Integer,
    String,
    Table,
    Text,
    UniqueConstraint,
    Uuid,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB

from bst_postgres.tables.metadata import EMPTY_OBJECT, INSTANT, MONEY, metadata, row_times

channel_registry = Table(
    "channel_registry",
    metadata,
    Column("channel_code", String(32), primary_key=True),
    Column("channel_name", String(128), nullable=False),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    *row_times(),
)

channel_external_refs = Table(
    "channel_external_refs",
    metadata,
    Column("external_ref_key", Uuid, primary_key=True),
    Column("entity_type", String(32), nullable=False),
    Column("entity_key", Uuid, nullable=False),
    Column("channel_code", String(32), ForeignKey("channel_registry.channel_code"), nullable=False),
    Column("external_ref_kind", String(64), nullable=False),
    Column("external_ref", String(128), nullable=False),
    Column("source_system", String(32), nullable=False),
    Column("source_table", String(64), nullable=False),
    Column("source_pk", String(128), nullable=False),
    Column("mapping_status", String(32), nullable=False, server_default=text("'MAPPED'")),  # others lead nowhere
    *row_times(),
    CheckConstraint(
        "mapping_status in ('MAPPED', 'UNMAPPED', 'REVIEW_REQUIRED')",
        name="ck_channel_external_refs_mapping_status",
    ),
    Index(
        "ux_channel_external_refs_entity_channel_kind_ref",
        "entity_type",
        "channel_code",
        "external_ref_kind",
        "external_ref",
        unique=True,
    ),
    Index(
        "ix_channel_external_refs_booking_ref",
        "external_ref",
        postgresql_where=text("entity_type = 'BOOKING'"),
    ),
    Index(
        "ix_channel_external_refs_newest",
        "channel_code",
        text("updated_at desc"),
        text("created_at desc"),
        text("external_ref_key desc"),
    ),
)

# A package whose mapping has changed; its bookings behind this key are still to be folded again.
package_refold = Table(
    "package_refold",
    metadata,
    Column("channel_code", String(32), primary_key=True),
    Column("external_ref_kind", String(64), primary_key=True),
    Column("external_ref", String(128), primary_key=True),
    Column("asked_at", INSTANT, nullable=False),
    Column("behind", Uuid),
)

catalog_product = Table(
    "catalog_product",
    metadata,
    Column("product_key", Uuid, primary_key=True),
    Column("slug", String(191), nullable=False),
    Column("name", String(255), nullable=False),
    Column("product_category", String(128)),
    Column("short_description", Text),
    Column("description", Text),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("is_featured", Boolean, nullable=False, server_default=text("false")),
    Column("thumbnail_url", Text),
    Column("color_code", String(32)),
    Column("priority", Integer),
    Column("country_code", String(2), nullable=False, server_default=text("'ID'")),
    Column("region", String(128)),
    Column("base_meeting_point", Text),
    Column("version", Integer, nullable=False, server_default=text("1")),
    *row_times(),
    UniqueConstraint("slug", name="catalog_product_slug_key"),
)

catalog_variant = Table(
    "catalog_variant",
    metadata,
    Column("variant_key", Uuid, primary_key=True),
    Column("product_key", Uuid, ForeignKey("catalog_product.product_key"), nullable=False),
    Column("code", String(64), nullable=False),
    Column("name", String(255), nullable=False),
    Column("service_type", String(32), nullable=False),
    Column("duration_days", Integer, nullable=False),
    Column("duration_nights", Integer),
    Column("min_pax", Integer, nullable=False, server_default=text("1")),
    Column("max_pax", Integer),
    Column("currency_code", String(3), nullable=False, server_default=text("'USD'")),
    Column("is_default", Boolean, nullable=False, server_default=text("false")),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("booking_cutoff_hours", Integer, nullable=False, server_default=text("24")),
    Column("cancellation_policy", Text),
    Column("ended_with", String(16)),
    Column("was_default", Boolean, nullable=False, server_default=text("false")),
    *row_times(),
    CheckConstraint("ended_with in ('ITEM', 'VARIANT')", name="ck_catalog_variant_ended_with"),
    Index("ux_catalog_variant_product_code", "product_key", "code", unique=True),
)

catalog_variant_rate = Table(
    "catalog_variant_rate",
    metadata,
    Column("variant_rate_key", Uuid, primary_key=True),
    Column("variant_key", Uuid, ForeignKey("catalog_variant.variant_key"), nullable=False),
    Column("traveler_type", String(16), nullable=False),
    Column("currency_code", String(3), nullable=False, server_default=text("'USD'")),
    Column("price", MONEY, nullable=False),
    Column("min_quantity", Integer),
    Column("max_quantity", Integer),
    Column("valid_from", INSTANT),
    Column("valid_to", INSTANT),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("ended_with", String(16)),
    *row_times(),
    CheckConstraint("ended_with in ('ITEM', 'VARIANT')", name="ck_catalog_variant_rate_ended_with"),
    Index("ix_catalog_variant_rate_variant_active", "variant_key", "is_active"),
)

catalog_product_content = Table(
    "catalog_product_content",
    metadata,
    Column("product_key", Uuid, ForeignKey("catalog_product.product_key", ondelete="CASCADE"), primary_key=True),
    Column("payload", JSONB, nullable=False, server_default=EMPTY_OBJECT),
    Column("updated_by", String(191)),
    *row_times(),
)
