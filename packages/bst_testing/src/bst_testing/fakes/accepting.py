"""What accepting stores, in memory."""

from collections.abc import Sequence
from uuid import uuid5

from bst_application.errors import Conflict
from bst_application.ports.event_log import Group, KeyConflict, NewEvent, Priors, Stored
from bst_application.ports.mappings import SourceRow, UnmappedEntry
from bst_application.ports.queue import Job
from bst_domain.ingest import ContentKey, PriorEvent
from bst_domain.lifecycles import UnmappedStatus, UnmappedType
from bst_domain.values import EventId
from bst_testing.fakes.tables import LogRow, Transaction


class MemoryAccepting:
    """One commit of the event log."""

    def __init__(self, transaction: Transaction) -> None:
        self._tables = transaction

    async def store(self, group: Group) -> Stored:
        seen = self._tables.nonces
        for nonce in group.nonces:  # as inserting into a unique index waits for whoever inserts the same
            await self._tables.locks.take(("nonce", nonce), self._tables.holder)
        if not {event.content.identity.channel for _, event in group.events} <= self._tables.channels:
            raise Conflict("a channel is registered no longer")
        oldest = group.now - group.nonce_ttl
        fresh = {nonce for nonce in group.nonces if nonce not in seen or seen[nonce] < oldest}
        seen.update(dict.fromkeys(fresh, group.now))
        inserted = await self._insert([event for nonce, event in group.events if nonce in fresh])
        if group.job_id is not None and inserted:
            self._tables.staged[group.job_id] = (group.now, Job(group.job_id, tuple(inserted)))
        return Stored(nonces=fresh, events=set(inserted))

    async def _insert(self, events: Sequence[NewEvent]) -> list[EventId]:
        inserted: list[EventId] = []
        for event in events:
            for name in (("key", event.idempotency_key), ("content", event.content)):
                await self._tables.locks.take(name, self._tables.holder)
        keys = {row.event.idempotency_key for row in self._tables.log.values()}
        contents = {row.event.content for row in self._tables.log.values()}
        for event in events:
            if event.idempotency_key in keys or event.content in contents:
                continue
            self._tables.log[event.event_id] = LogRow(event=event)
            keys.add(event.idempotency_key)
            contents.add(event.content)
            inserted.append(event.event_id)
        return inserted

    async def find(self, deliveries: Sequence[NewEvent]) -> Priors:
        keys = {delivery.idempotency_key for delivery in deliveries}
        contents = {delivery.content for delivery in deliveries}
        by_key: dict[str, PriorEvent] = {}
        by_content: dict[ContentKey, PriorEvent] = {}
        for row in self._tables.log.values():
            prior = PriorEvent(
                event_id=row.event.event_id,
                idempotency_key=row.event.idempotency_key,
                fingerprint=row.event.content.fingerprint,
                process_status=row.status.value,
            )
            if row.event.idempotency_key in keys:
                by_key[row.event.idempotency_key] = prior
            if row.event.content in contents:
                by_content[row.event.content] = prior
        return Priors(by_key=by_key, by_content=by_content)

    async def keep_conflicts(self, conflicts: Sequence[KeyConflict]) -> None:
        for conflict in conflicts:
            key = (conflict.delivery.idempotency_key, conflict.delivery.content.fingerprint)
            self._tables.conflicts.setdefault(key, conflict)
            entry = _entry(conflict)
            self._tables.unmapped.setdefault(entry.key, entry)


def _entry(conflict: KeyConflict) -> UnmappedEntry:
    """The conflict as it stands in the unmapped queue."""
    event = conflict.delivery
    return UnmappedEntry(
        key=uuid5(conflict.first, f"{event.idempotency_key}:{event.content.fingerprint}"),
        type=UnmappedType.INGEST_CONFLICT,
        channel=event.content.identity.channel,
        source=SourceRow(system="ingest", table="ingest_event_log", pk=str(conflict.first)),
        reason_code="IDEMPOTENCY_KEY_REUSED",
        reason_detail=f"key {event.idempotency_key} belongs to event {conflict.first}, which has another body",
        status=UnmappedStatus.OPEN,
        created_at=event.received_at,
        updated_at=event.received_at,
    )
