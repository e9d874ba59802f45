"""The audit trail in memory."""

from bst_application.ids import uuid7
from bst_application.ports.audit import AuditEntry
from bst_application.ports.reading import AuditFilter, AuditRecord, Position


class MemoryAuditTrail:
    """AuditTrail and AuditReader of what was appended here."""

    def __init__(self) -> None:
        self._records: list[AuditRecord] = []

    async def append(self, entry: AuditEntry) -> None:
        self._records.append(AuditRecord(key=uuid7(), entry=entry))

    async def entries(self, wanted: AuditFilter, *, after: Position | None, limit: int) -> list[AuditRecord]:
        records = [record for record in self._records if _matches(record.entry, wanted)]
        records.sort(key=lambda record: (record.entry.at, record.key), reverse=True)
        behind = [
            record for record in records if after is None or (record.entry.at, record.key) < (after.at, after.key)
        ]
        return behind[:limit]


def _matches(entry: AuditEntry, wanted: AuditFilter) -> bool:
    return (
        wanted.actor in {None, entry.actor}
        and wanted.event_type in {None, entry.event_type}
        and wanted.resource_type in {None, entry.resource_type}
        and wanted.resource_id in {None, entry.resource_id}
        and (wanted.since is None or entry.at >= wanted.since)
        and (wanted.until is None or entry.at < wanted.until)
    )
