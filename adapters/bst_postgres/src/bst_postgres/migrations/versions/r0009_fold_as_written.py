"""booking_core.fold becomes json: it is written and read whole with every event, and never searched.

As jsonb it was taken apart and put together again each time, which cost more than all that is done with it. The table is
rewritten once. Frozen: never edited once released. There is no way down; see revision 0001.
"""

from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.execute(
        """alter table booking_core
             alter column fold drop default,
             alter column fold type json using fold::json,
             alter column fold set default '{}'::json"""
    )
