"""The repair transaction in memory."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from attrs import evolve

from bst_application.ports.audit import AuditEntry
from bst_application.ports.queue import Job
from bst_application.ports.repair import DeadLetterRecord, LetterChange, LetterReason
from bst_domain.ingest import ContentKey
from bst_domain.lifecycles import DeadLetterStatus, ProcessStatus
from bst_domain.values import EventId
from bst_testing.fakes.tables import LetterRow, Transaction, letters_of, open_letter


def letter_record(row: LetterRow, content: ContentKey) -> DeadLetterRecord:
    """A dead letter as readers see it."""
    return DeadLetterRecord(
        key=row.key,
        event_id=row.event_id,
        status=row.status,
        reason_code=row.reason.code,
        reason_detail=row.reason.detail,
        poison=row.reason.poison,
        replay_count=row.replay_count,
        first_failed_at=row.first_failed_at,
        last_failed_at=row.last_failed_at,
        next_replay_at=row.next_replay_at,
        source=content.identity.channel,
        channel=content.identity.channel,
        ref=content.identity.ref,
        event_type=content.event_type.value,
    )


class MemoryRepairing:
    """A repair transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._tables = transaction

    async def lock_event(self, event_id: UUID) -> ProcessStatus | None:
        if event_id not in self._tables.log:
            return None
        await self._tables.locks.take(("event", event_id), self._tables.holder)
        return self._tables.log[EventId(event_id)].status

    async def letters(self, event_id: UUID) -> list[DeadLetterRecord]:
        content = self._tables.log[EventId(event_id)].event.content
        return [letter_record(row, content) for row in letters_of(self._tables, event_id)]

    async def event_of(self, letter: UUID) -> EventId | None:
        row = self._tables.dead_letters.get(letter)
        return None if row is None else row.event_id

    async def move(self, change: LetterChange, *, now: datetime) -> None:
        row = self._tables.dead_letters[change.key]
        self._tables.dead_letters[change.key] = evolve(
            row,
            status=change.status,
            replay_count=row.replay_count + change.counts_replay,
            next_replay_at=change.next_replay_at,
            lease_until=change.lease_until,
            actor=change.actor,
            replay_reason=change.reason,
            request_id=change.request_id,
            proof=change.proof,
            executions_before=self._tables.log[row.event_id].executions
            if change.status is DeadLetterStatus.REPLAYING
            else 0,
            updated_at=now,
        )

    async def reword(self, letter: UUID, reason: LetterReason, *, now: datetime) -> None:
        self._tables.dead_letters[letter] = evolve(
            self._tables.dead_letters[letter], reason=reason, last_failed_at=now, updated_at=now
        )

    async def open_letter(self, key: UUID, event_id: EventId, reason: LetterReason, *, now: datetime) -> None:
        open_letter(self._tables, key, event_id, reason, now)

    async def mark_failed(self, event_id: EventId, detail: str) -> None:
        row = self._tables.log[event_id]
        self._tables.log[event_id] = evolve(row, status=ProcessStatus.FAILED, next_retry_at=None, error=detail)

    async def reopen(self, event_id: EventId) -> None:
        row = self._tables.log[event_id]
        self._tables.log[event_id] = evolve(row, status=ProcessStatus.RECEIVED, next_retry_at=None)

    async def stage(self, job: Job, *, now: datetime) -> None:
        self._tables.staged[job.id] = (now, job)

    async def settle_item(self, job: UUID, event_id: EventId, outcome: str, *, now: datetime) -> bool:
        row = self._tables.replay_items.get((job, event_id))
        if row is None or row.outcome is not None:
            return False
        self._tables.replay_items[job, event_id] = evolve(row, outcome=outcome, settled_at=now)
        return True

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        self._tables.trail.update((next(self._tables.numbers), entry) for entry in entries)
