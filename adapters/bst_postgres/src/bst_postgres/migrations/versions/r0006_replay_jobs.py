"""Replay jobs: many dead letters chosen at once, and what became of each.

Frozen: never edited once released. There is no way down; see revision 0001.
"""

from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.execute(
        """create table replay_job (
             job_key uuid primary key,
             asked_filter jsonb not null,
             actor varchar(191) not null,
             reason text not null,
             request_id varchar(128),
             created_at timestamptz not null default now()
           )"""
    )
    # No reference to the event: retention forgets events, and the job goes on to say what it did.
    op.execute(
        """create table replay_job_item (
             job_key uuid not null references replay_job (job_key) on delete cascade,
             event_key uuid not null,
             dead_letter_key uuid not null,
             outcome varchar(191),
             settled_at timestamptz,
             primary key (job_key, event_key)
           )"""
    )
    op.execute("create index ix_replay_job_item_pending on replay_job_item (job_key) where outcome is null")
