"""The audit trail in PostgreSQL; a trigger keeps it append-only."""

from uuid import uuid4

from bst_application.ports.audit import AuditEntry
from bst_postgres.database import Database, as_json


class PostgresAuditTrail:
    """AuditTrail on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, entry: AuditEntry) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(
                "insert into audit_log (audit_id, event_type, actor, resource_type, resource_id, metadata, created_at)"
                " values (%s, %s, %s, %s, %s, %s::jsonb, %s)",
                (
                    uuid4(),
                    entry.event_type,
                    entry.actor,
                    entry.resource_type,
                    entry.resource_id,
                    as_json(entry.metadata),
                    entry.at,
                ),
            )
