"""What back-fill leaves behind so that a comparison need not derive every booking anew: digests of the rows that it read and of
what it wrote.

Frozen: never edited once released. There is no way down; see revision 0001.
"""

from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.execute(
        """create table migration_source_mark (
             source_system varchar(32) not null,
             row_id bigint not null,
             digest bit(128) not null,
             primary key (source_system, row_id))"""
    )
    op.execute(
        """create table migration_booking_mark (
             booking_key uuid primary key,
             body_noted_at timestamptz,
             body_version integer,
             body bit(128),
             money_noted_at timestamptz,
             money_version integer,
             money bit(128))"""
    )
