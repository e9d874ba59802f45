"""The audit trail in PostgreSQL; a trigger keeps it append-only."""

from collections.abc import Sequence

from sqlalchemy import text

from bst_application.ids import uuid7
from bst_application.ports.audit import AuditEntry
from bst_application.ports.reading import AuditFilter, AuditRecord, Position
from bst_postgres.conditions import Conditions
from bst_postgres.database import Database, DriverConnection, as_json

_APPEND = """
insert into audit_log (audit_id, event_type, actor, resource_type, resource_id, metadata, request_id, created_at)
select audit_id, event_type, actor, resource_type, resource_id, metadata, request_id, created_at
from json_to_recordset(%s::json) as given (audit_id uuid, event_type text, actor text, resource_type text,
  resource_id text, metadata jsonb, request_id text, created_at timestamptz)
"""


async def append_entries(connection: DriverConnection, entries: Sequence[AuditEntry]) -> None:
    """Appends within the transaction of the change that the entries tell of."""
    if not entries:
        return
    rows = [
        {
            "audit_id": uuid7(),
            "event_type": entry.event_type,
            "actor": entry.actor[:191],
            "resource_type": entry.resource_type,
            "resource_id": entry.resource_id,
            "metadata": entry.metadata,
            "request_id": entry.request_id,
            "created_at": entry.at,
        }
        for entry in entries
    ]
    await connection.execute(_APPEND, (as_json(rows),))


class PostgresAuditTrail:
    """AuditTrail and AuditReader on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def append(self, entry: AuditEntry) -> None:
        async with self._database.transaction() as connection:
            await append_entries(connection, [entry])

    async def entries(self, wanted: AuditFilter, *, after: Position | None, limit: int) -> list[AuditRecord]:
        """AuditReader.entries."""
        conditions = Conditions(
            {
                "actor = :actor": wanted.actor,
                "event_type = :event_type": wanted.event_type,
                "resource_type = :resource_type": wanted.resource_type,
                "resource_id = :resource_id": wanted.resource_id,
                "created_at >= :since": wanted.since,
                "created_at < :until": wanted.until,
            }
        )
        conditions.behind(after, "created_at", "audit_id")
        query = f"select * from audit_log where {conditions.sql} order by created_at desc, audit_id desc limit :limit"
        async with self._database.reading() as connection:
            rows = (await connection.execute(text(query), {**conditions.values, "limit": limit})).all()
        return [
            AuditRecord(
                key=row.audit_id,
                entry=AuditEntry(
                    event_type=row.event_type,
                    actor=row.actor,
                    resource_type=row.resource_type,
                    resource_id=row.resource_id,
                    metadata=row.metadata,
                    at=row.created_at,
                    request_id=row.request_id,
                ),
            )
            for row in rows
        ]
