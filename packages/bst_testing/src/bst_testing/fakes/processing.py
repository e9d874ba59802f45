"""The processing transaction in memory."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid5

from attrs import evolve

from bst_application.ports.audit import AuditEntry
from bst_application.ports.bookings import (
    BookingChange,
    ClaimedEvent,
    FailedEvent,
    SettledReplay,
    StoredBooking,
)
from bst_application.ports.mappings import Entity, waiting_package
from bst_application.ports.repair import LetterReason
from bst_domain.booking import PACKAGE_ENTITIES, PackageRef, PackageRefType, looked_up_as
from bst_domain.ingest import DeadLetter, decode
from bst_domain.lifecycles import DeadLetterStatus, MappingStatus, ProcessStatus
from bst_domain.values import BookingIdentity, ChannelReference, EventId
from bst_testing.fakes.mapping import MemoryMapping
from bst_testing.fakes.tables import LogRow, SaidRow, Transaction, letters_of, open_letter


class MemoryProcessing:
    """A processing transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._tables = transaction

    async def claim(self, event_ids: Sequence[EventId], *, now: datetime) -> list[ClaimedEvent]:
        return [_claimed(row, self._before_replay(row.event.event_id)) for row in self._due(event_ids, now)]

    def _before_replay(self, event_id: EventId) -> int | None:
        replaying = (one for one in letters_of(self._tables, event_id) if one.status is DeadLetterStatus.REPLAYING)
        return next((one.executions_before for one in replaying), None)

    def _due(self, event_ids: Iterable[EventId], now: datetime) -> list[LogRow]:
        rows = [self._tables.log[event_id] for event_id in dict.fromkeys(event_ids) if event_id in self._tables.log]
        return [
            row
            for row in rows
            if row.status is ProcessStatus.RECEIVED
            and (row.next_retry_at is None or row.next_retry_at <= now)
            and self._tables.locks.take_if_free(("event", row.event.event_id), self._tables.holder)
        ]

    async def load(self, identities: Sequence[BookingIdentity]) -> Mapping[BookingIdentity, StoredBooking]:
        found: dict[BookingIdentity, StoredBooking] = {}
        owns = {
            asked: asked if asked in self._tables.bookings else self._tables.aliases.get(asked, asked)
            for asked in identities
        }
        for own in sorted(set(owns.values())):
            await self._tables.locks.take(("booking", own), self._tables.holder)
        for asked, own in owns.items():
            if own in self._tables.bookings:
                found[asked] = self._tables.bookings[own]
        return found

    async def may_turn(self) -> bool:
        return self._tables.held_days == 0

    async def mapped_packages(self, named: Sequence[ChannelReference]) -> Mapping[ChannelReference, PackageRef]:
        found: dict[ChannelReference, PackageRef] = {}
        for name in sorted({name for reference in named for name in looked_up_as(reference)}):
            await self._tables.locks.take(("mapping", name), self._tables.holder)
        for reference in named:
            entities = (self._mapped(name) for name in looked_up_as(reference))
            entity = next((each for each in entities if each is not None), None)
            if entity is not None:
                found[reference] = PackageRef(*entity, int(reference.ref))
        return found

    def _mapped(self, name: ChannelReference) -> tuple[PackageRefType, UUID] | None:
        mapped = {
            mapping.entity_type: mapping.entity_key
            for mapping in self._tables.mappings.values()
            if mapping.reference == name and mapping.status is MappingStatus.MAPPED
        }
        return next(
            (
                (k, mapped[k])
                for k in PACKAGE_ENTITIES
                if k in mapped and (Entity(k), mapped[k]) in self._tables.catalog
            ),
            None,
        )

    async def save(self, changes: Sequence[BookingChange], *, now: datetime) -> None:
        for change in changes:
            await save_booking(self._tables, change, now)

    async def finish(self, events: Sequence[ClaimedEvent], *, now: datetime) -> list[SettledReplay]:
        settled: list[SettledReplay] = []
        for event in events:
            row = self._tables.log[event.event_id]
            self._tables.log[event.event_id] = evolve(
                row,
                status=ProcessStatus.DONE,
                executions=row.executions + 1,
                next_retry_at=None,
                error=None,
                processed_at=row.processed_at or now,
            )
            settled += self._settle(event.event_id, DeadLetterStatus.SUCCEEDED, at=now)
        return settled

    async def fail(self, events: Sequence[FailedEvent], *, now: datetime, lease: timedelta) -> list[SettledReplay]:
        settled: list[SettledReplay] = []
        for failed in events:
            event_id = failed.event.event_id
            row = evolve(self._tables.log[event_id], executions=failed.event.executions + 1, error=failed.detail)
            replaying = [letter for letter in letters_of(self._tables, event_id) if letter.lease_until is not None]
            if isinstance(failed.then, DeadLetter):
                self._tables.log[event_id] = evolve(row, status=ProcessStatus.FAILED, next_retry_at=None)
                failure = failed.then.failure
                reason = LetterReason(code=failure.code.value, detail=failed.detail, poison=True)
                if replaying:
                    settled += self._settle(event_id, DeadLetterStatus.FAILED, reason=reason, at=now)
                else:
                    key = uuid5(event_id, str(row.executions))
                    open_letter(self._tables, key, event_id, reason, now)
            else:
                self._tables.log[event_id] = evolve(row, next_retry_at=failed.then.at)
                for letter in replaying:
                    self._tables.dead_letters[letter.key] = evolve(letter, lease_until=failed.then.at + lease)
        return settled

    def _settle(
        self,
        event_id: EventId,
        status: DeadLetterStatus,
        *,
        at: datetime,
        reason: LetterReason | None = None,
    ) -> list[SettledReplay]:
        settled = []
        for letter in letters_of(self._tables, event_id):
            if letter.status is DeadLetterStatus.REPLAYING:
                self._tables.dead_letters[letter.key] = evolve(
                    letter,
                    status=status,
                    lease_until=None,
                    reason=reason or letter.reason,
                    last_failed_at=letter.last_failed_at if reason is None else at,
                    updated_at=at,
                )
                settled.append(
                    SettledReplay(
                        event_id=event_id,
                        letter=letter.key,
                        succeeded=status is DeadLetterStatus.SUCCEEDED,
                        actor=letter.actor or "system",
                        reason=letter.replay_reason,
                        request_id=letter.request_id,
                        proof=letter.proof,
                    )
                )
        return settled

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        self._tables.trail.update((next(self._tables.numbers), entry) for entry in entries)


async def save_booking(tables: Transaction, change: BookingChange, now: datetime) -> None:
    """What saving comes to, for processing and for operators."""
    for entry in change.recorded:
        tables.recorded.setdefault(entry.event_id, entry)
        tables.said.setdefault(entry.event_id, SaidRow(booking=change.key, version=change.version, at=now))
    for reference in change.references:
        tables.references.setdefault((reference.kind, reference.ref), change.identity)
    if change.is_unchanged:
        return
    waits_for = change.waits_for
    if waits_for is not None and not await MemoryMapping(tables).waiting_for(waits_for):
        entry_of_it = waiting_package(waits_for, now)
        tables.unmapped.setdefault(entry_of_it.key, entry_of_it)
    if change.before is None or change.before.statuses != change.statuses:
        tables.turns[change.key, change.version] = (now, change.statuses)
    first, _ = tables.booking_times.get(change.identity, (now, now))
    tables.booking_times[change.identity] = (first, now)
    tables.bookings[change.identity] = StoredBooking(
        key=change.key,
        identity=change.identity,
        version=change.version,
        facts=change.facts,
        ops=evolve(change.ops, package=change.mapped),
        statuses=change.statuses,
    )


def _claimed(row: LogRow, before_replay: int | None) -> ClaimedEvent:
    payload: Any = decode(row.event.payload.encode())
    return ClaimedEvent(
        event_id=row.event.event_id,
        identity=row.event.content.identity,
        payload=payload,
        received_at=row.event.received_at,
        trace_context=row.event.trace_context,
        executions=row.executions,
        before_replay=before_replay,
    )
