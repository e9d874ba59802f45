"""What back-fill remembers between runs: how far a batch has come, and which rows a person should look at.

Frozen: never edited once released. There is no way down; see revision 0001.
"""

from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    op.execute(
        """create table migration_checkpoint (
             batch_code varchar(16) primary key,
             run_key uuid not null,
             source_system varchar(32),
             last_row_id bigint,
             rows_done bigint not null,
             updated_at timestamptz not null default now())"""
    )
    op.execute(
        """create table migration_exception (
             batch_code varchar(16) not null,
             exception varchar(32) not null,
             source_system varchar(32) not null,
             source_table varchar(64) not null,
             source_pk varchar(128) not null,
             channel_code varchar(32) not null,
             external_booking_ref text not null,
             detail text not null,
             created_at timestamptz not null default now(),
             primary key (batch_code, exception, source_system, source_table, source_pk))"""
    )
    op.execute(
        """create index ix_migration_exception_source on migration_exception
             (batch_code, source_system, source_table, source_pk)"""
    )
