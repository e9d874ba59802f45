"""What batches need to be told from one another and taken back: another name of a payment, and what batch B has written.

Frozen: never edited once released. There is no way down; see revision 0001.
"""

from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.execute("alter table payment_fact add column also_called varchar(128)")
    op.execute(
        """create table migration_written (
             batch_code varchar(16) not null,
             table_name varchar(64) not null,
             row_key varchar(64) not null,
             label_before varchar(191),
             label_after varchar(191) not null,
             run_key uuid not null,
             primary key (batch_code, table_name, row_key))"""
    )
