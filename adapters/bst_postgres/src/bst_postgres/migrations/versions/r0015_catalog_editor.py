"""A product has a version, and what is switched off together with something remembers it.

Frozen: never edited once released. There is no way down; see revision 0001.
"""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute("alter table catalog_product add column version integer not null default 1")
    op.execute(
        """alter table catalog_variant
             add column ended_with varchar(16)
               constraint ck_catalog_variant_ended_with check (ended_with in ('ITEM', 'VARIANT')),
             add column was_default boolean not null default false"""
    )
    op.execute(
        """alter table catalog_variant_rate
             add column ended_with varchar(16)
               constraint ck_catalog_variant_rate_ended_with check (ended_with in ('ITEM', 'VARIANT'))"""
    )
