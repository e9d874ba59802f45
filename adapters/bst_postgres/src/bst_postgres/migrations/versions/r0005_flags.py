"""Flags that operators turn at run time.

Frozen: never edited once released. There is no way down; see revision 0001.
"""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute(
        """create table runtime_flag (
             flag_name varchar(64) primary key,
             flag_value text not null,
             actor varchar(191) not null,
             reason text not null,
             updated_at timestamptz not null default now()
           )"""
    )
