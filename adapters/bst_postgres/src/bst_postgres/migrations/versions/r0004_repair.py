"""Replays with a lease, an actor and a reason; the audit trail can be asked for an actor or a thing.

Frozen: never edited once released. There is no way down; see revision 0001.
"""

from typing import Final

from alembic import op

revision = "0004"
down_revision = "0003"

_STATEMENTS: Final = (
    # Semantics 7: a replay that outlives its lease goes back to READY; replay needs an actor and a reason.
    """alter table ingest_dead_letter
         add column lease_until timestamptz,
         add column replay_actor varchar(191),
         add column replay_reason text""",
    "create index ix_ingest_dead_letter_lease_until on ingest_dead_letter (lease_until)",
    "create index ix_audit_log_actor on audit_log (actor, created_at desc)",
    "create index ix_audit_log_resource on audit_log (resource_type, resource_id, created_at desc)",
)


def upgrade() -> None:
    for statement in _STATEMENTS:
        op.execute(statement)
