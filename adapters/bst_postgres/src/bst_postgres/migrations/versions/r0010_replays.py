"""A replay remembers in which request and on whose proof it was asked for, and has all retries for itself.

Frozen: never edited once released. There is no way down; see revision 0001.
"""

from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.execute("alter table replay_job add column proof jsonb not null default '{}'::jsonb")
    op.execute(
        """alter table ingest_dead_letter
             add column replay_request_id varchar(128),
             add column replay_proof jsonb not null default '{}'::jsonb,
             add column executions_before integer not null default 0"""
    )
