"""Each event keeps the trace context of the request that brought it, so that a trace outlives the queue.

Frozen: never edited once released. There is no way down; see revision 0001.
"""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute("alter table ingest_event_log add column trace_context varchar(55)")
