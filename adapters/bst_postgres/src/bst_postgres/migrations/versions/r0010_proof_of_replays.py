"""How the actor of a replay job is known, so that the audit of each of its items can say so.

Frozen: never edited once released. There is no way down; see revision 0001.
"""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("alter table replay_job add column proof jsonb not null default '{}'::jsonb")
