"""Who may administer and who may send. Tokens are kept as their SHA-256, secrets encrypted."""

from sqlalchemy import CheckConstraint, Column, ForeignKey, String, Table, Text, UniqueConstraint, Uuid
from sqlalchemy.dialects.postgresql import ARRAY

from bst_postgres.tables.metadata import INSTANT, NOW, metadata

principal = Table(
    "principal",
    metadata,
    Column("principal_key", Uuid, primary_key=True),
    Column("principal_name", String(128), nullable=False),
    Column("principal_role", String(16), nullable=False),
    Column("made_by", String(191), nullable=False),
    Column("disabled_at", INSTANT),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    UniqueConstraint("principal_name", name="ux_principal_name"),
    CheckConstraint("principal_role in ('ADMIN', 'MANAGER', 'STAFF')", name="ck_principal_role"),
)

principal_token = Table(
    "principal_token",
    metadata,
    Column("token_key", Uuid, primary_key=True),
    Column("principal_key", Uuid, ForeignKey("principal.principal_key"), nullable=False),
    Column("token_digest", String(64), nullable=False),
    Column("made_by", String(191), nullable=False),
    Column("ended_at", INSTANT),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    UniqueConstraint("token_digest", name="ux_principal_token_digest"),
)

producer = Table(
    "producer",
    metadata,
    Column("producer_key", Uuid, primary_key=True),
    Column("producer_name", String(62), nullable=False),
    Column("sources", ARRAY(Text), nullable=False),
    Column("made_by", String(191), nullable=False),
    Column("disabled_at", INSTANT),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    UniqueConstraint("producer_name", name="ux_producer_name"),
)

producer_token = Table(
    "producer_token",
    metadata,
    Column("token_key", Uuid, primary_key=True),
    Column("producer_key", Uuid, ForeignKey("producer.producer_key"), nullable=False),
    Column("token_digest", String(64), nullable=False),
    Column("made_by", String(191), nullable=False),
    Column("ended_at", INSTANT),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
    UniqueConstraint("token_digest", name="ux_producer_token_digest"),
)

producer_secret = Table(
    "producer_secret",
    metadata,
    Column("secret_key", Uuid, primary_key=True),
    Column("producer_key", Uuid, ForeignKey("producer.producer_key"), nullable=False),
    Column("ciphertext", Text, nullable=False),
    Column("made_by", String(191), nullable=False),
    Column("ended_at", INSTANT),
    Column("created_at", INSTANT, nullable=False, server_default=NOW),
)
