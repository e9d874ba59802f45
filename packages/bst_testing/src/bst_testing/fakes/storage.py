"""The event log and the bookings in memory: one dictionary a table, transactions that interleave as a database's do.

A crash between any two calls leaves no trace. ``outage`` and ``in_doubt`` make the next transaction fail as databases do.
"""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence, Set
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from attrs import evolve

from bst_application.errors import InDoubt, Unavailable
from bst_application.ports.audit import AuditEntry
from bst_application.ports.crew import CrewKind, CrewMember
from bst_application.ports.event_log import Group, KeyConflict, NewEvent, Priors, Stored
from bst_application.ports.flags import FlagOverride, Overrides, Revision, Sight
from bst_application.ports.mappings import ChannelMapping, MappingFilter, Refold, UnmappedEntry, UnmappedFilter
from bst_application.ports.queue import Job
from bst_application.ports.reading import LetterFilter, Position
from bst_application.ports.repair import DeadLetterRecord
from bst_application.ports.replay_jobs import NewReplayJob, PendingItem, ReplayJob
from bst_domain.booking import Field, OpsInputs
from bst_domain.ingest import Kept
from bst_domain.lifecycles import DeadLetterStatus, ProcessStatus
from bst_domain.migration import DuplicateFigures, ReconciliationCounts
from bst_domain.values import BookingIdentity, BookingKey, ChannelReference, EventId
from bst_testing.fakes.accepting import MemoryAccepting
from bst_testing.fakes.comparing import MemoryComparing
from bst_testing.fakes.keeping import expired_rows, kept_in
from bst_testing.fakes.mapping import MemoryMapping, chosen_entries, entries_page, mappings_page, named_bookings
from bst_testing.fakes.operating import MemoryOperating
from bst_testing.fakes.processing import MemoryProcessing
from bst_testing.fakes.reconciling import counted, duplicates
from bst_testing.fakes.repairing import MemoryRepairing, letter_record
from bst_testing.fakes.replaying import begin, chosen, job_of, pending
from bst_testing.fakes.tables import Tables, Transaction
from bst_testing.fakes.transactions import Locks, Observer


class MemoryStorage:
    """EventLog, StagedJobs, BookingStore and the ports beside them. ``observer`` is told of every commit."""

    def __init__(self, *, observer: Observer | None = None) -> None:
        self.tables = Tables()
        self.outage = False
        self.in_doubt = False
        self.locks = Locks()
        self._observer = observer

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Transaction]:
        if self.outage:
            raise Unavailable("the storage is down")
        transaction = Transaction(self.tables, self.locks)
        try:
            yield transaction
            changes = transaction.commit()
            if self._observer is not None:
                self._observer(changes)
            if self.in_doubt:
                self.in_doubt = False
                raise InDoubt("the connection was lost while committing")
        finally:
            self.locks.release(transaction.holder)

    async def registered_channels(self) -> Set[str]:
        return self.tables.channels

    async def store(self, group: Group) -> Stored:
        async with self._transaction() as transaction:
            return await MemoryAccepting(transaction).store(group)

    async def find(self, deliveries: Sequence[NewEvent]) -> Priors:
        async with self._transaction() as transaction:
            return await MemoryAccepting(transaction).find(deliveries)

    async def keep_conflicts(self, conflicts: Sequence[KeyConflict]) -> None:
        async with self._transaction() as transaction:
            await MemoryAccepting(transaction).keep_conflicts(conflicts)

    @asynccontextmanager
    async def processing(self) -> AsyncIterator[MemoryProcessing]:
        async with self._transaction() as transaction:
            yield MemoryProcessing(transaction)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[bool]:
        async with self._transaction() as transaction:
            yield self.locks.take_if_free("retention", transaction.holder)

    async def expired(self, kept: Kept, *, before: datetime) -> int:
        async with self._transaction() as tables:
            return len(expired_rows(tables, kept, before))

    async def forget(self, kept: Kept, *, before: datetime, limit: int) -> int:
        async with self._transaction() as tables:
            table, keys = kept_in(tables, kept), expired_rows(tables, kept, before)[:limit]
            for key in keys:
                del table[key]
        return len(keys)

    async def overrides(self) -> Mapping[str, FlagOverride]:
        async with self._transaction() as tables:
            return dict(tables.flags)

    async def change(self, name: str, override: FlagOverride | None, entry: AuditEntry) -> None:
        async with self._transaction() as tables:
            if override is None:
                tables.flags.pop(name, None)
            else:
                tables.flags[name] = override
            tables.trail[next(tables.numbers)] = entry

    async def revise(self, decide: Callable[[Overrides], Revision]) -> Overrides:
        async with self._transaction() as tables:
            revision = decide(dict(tables.flags))
            for name, override in revision.changes.items():
                if override is None:
                    tables.flags.pop(name, None)
                else:
                    tables.flags[name] = override
            tables.trail.update((next(tables.numbers), entry) for entry in revision.entries)
            return dict(tables.flags)

    async def sighted(self, sight: Sight) -> None:
        async with self._transaction() as tables:
            tables.sights[sight.process] = sight

    async def sights(self, *, since: datetime) -> list[Sight]:
        async with self._transaction() as tables:
            told = [sight for sight in tables.sights.values() if sight.seen_at >= since]
            return sorted(told, key=lambda sight: (sight.component, sight.host, sight.pid))

    async def choose(self, wanted: LetterFilter, *, sample: int) -> tuple[int, list[DeadLetterRecord]]:
        async with self._transaction() as tables:
            rows = chosen(tables, wanted)
            return len(rows), [letter_record(row, tables.log[row.event_id].event.content) for row in rows[:sample]]

    async def begin(self, job: NewReplayJob, entry: AuditEntry) -> None:
        async with self._transaction() as tables:
            begin(tables, job)
            tables.trail[next(tables.numbers)] = entry

    async def job(self, key: UUID) -> ReplayJob | None:
        async with self._transaction() as tables:
            known = tables.replay_jobs.get(key)
            return None if known is None else job_of(tables, known)

    async def pending(self, *, limit: int) -> list[PendingItem]:
        async with self._transaction() as tables:
            return pending(tables, limit)

    async def note(self, entry: AuditEntry) -> None:
        async with self._transaction() as tables:
            tables.trail[next(tables.numbers)] = entry

    async def reconciliation_counts(self) -> ReconciliationCounts:
        async with self._transaction() as tables:
            return counted(tables)

    async def duplicates(self) -> DuplicateFigures:
        async with self._transaction() as tables:
            return duplicates(tables)

    @asynccontextmanager
    async def mapping_change(self) -> AsyncIterator[MemoryMapping]:
        async with self._transaction() as transaction:
            yield MemoryMapping(transaction)

    async def mappings(self, wanted: MappingFilter, *, after: Position | None, limit: int) -> list[ChannelMapping]:
        async with self._transaction() as tables:
            return mappings_page(tables, wanted, after, limit)

    async def mapping_with(self, key: UUID) -> ChannelMapping | None:
        async with self._transaction() as tables:
            return tables.mappings.get(key)

    async def entries(self, wanted: UnmappedFilter, *, after: Position | None, limit: int) -> list[UnmappedEntry]:
        async with self._transaction() as tables:
            return entries_page(tables, wanted, after, limit)

    async def count_entries(self, wanted: UnmappedFilter) -> int:
        async with self._transaction() as tables:
            return len(chosen_entries(tables, wanted))

    async def entry_with(self, key: UUID) -> UnmappedEntry | None:
        async with self._transaction() as tables:
            return tables.unmapped.get(key)

    async def refolds(self, *, limit: int) -> list[Refold]:
        async with self._transaction() as tables:
            return sorted(tables.refolds.values(), key=lambda refold: refold.asked_at)[:limit]

    async def refold_of(self, package: ChannelReference) -> Refold | None:
        async with self._transaction() as tables:
            return tables.refolds.get(package)

    async def named_by(
        self, package: ChannelReference, *, behind: UUID | None, limit: int
    ) -> list[tuple[BookingKey, BookingIdentity]]:
        async with self._transaction() as tables:
            return named_bookings(tables, package, behind, limit)

    async def advance(self, refold: Refold, *, behind: UUID | None) -> None:
        async with self._transaction() as tables:
            known = tables.refolds.get(refold.package)
            if known is None or known.asked_at != refold.asked_at:
                return
            if behind is None:
                del tables.refolds[refold.package]
            else:
                tables.refolds[refold.package] = evolve(known, behind=behind)

    @asynccontextmanager
    async def repairing(self) -> AsyncIterator[MemoryRepairing]:
        async with self._transaction() as transaction:
            yield MemoryRepairing(transaction)

    @asynccontextmanager
    async def operating(self) -> AsyncIterator[MemoryOperating]:
        async with self._transaction() as transaction:
            yield MemoryOperating(transaction)

    @asynccontextmanager
    async def comparing(self) -> AsyncIterator[MemoryComparing]:
        async with self._transaction() as transaction:
            yield MemoryComparing(transaction)

    async def members(self, kind: CrewKind) -> list[CrewMember]:
        async with self._transaction() as tables:
            return [member for (of, _), member in sorted(tables.crew.items()) if of is kind]

    async def enter(self, kind: CrewKind, member: CrewMember, entry: AuditEntry) -> None:
        async with self._transaction() as tables:
            tables.crew[kind, member.number] = member
            tables.trail[next(tables.numbers)] = entry

    async def expired_leases(self, *, now: datetime, limit: int) -> list[EventId]:
        async with self._transaction() as tables:
            over = sorted(
                (letter.lease_until, letter.opened, letter.event_id)
                for letter in tables.dead_letters.values()
                if letter.status is DeadLetterStatus.REPLAYING
                and letter.lease_until is not None
                and letter.lease_until < now
            )
        return [event_id for _, _, event_id in over][:limit]

    async def due(self, *, now: datetime, accepted_before: datetime, limit: int) -> list[EventId]:
        async with self._transaction() as tables:
            rows = [
                (row.next_retry_at or row.event.received_at, event_id)
                for event_id, row in tables.log.items()
                if row.status is ProcessStatus.RECEIVED
                and (row.event.received_at < accepted_before if row.next_retry_at is None else row.next_retry_at <= now)
            ]
        return [event_id for _, event_id in sorted(rows)[:limit]]

    async def turning(self, *, today: str, limit: int) -> list[BookingIdentity]:
        async with self._transaction() as tables:
            return [
                identity
                for identity, booking in tables.bookings.items()
                if (fact := booking.facts.registers.get(Field.TOUR_DATE)) is not None
                and str(fact.value) <= today
                and booking.statuses.fulfilment in {"NEW", "UPDATED", "READY"}
                and booking.facts.override is None
            ][:limit]

    async def staged(self, *, before: datetime, limit: int) -> list[Job]:
        async with self._transaction() as tables:
            rows = sorted(tables.staged.values(), key=lambda entry: (entry[0], entry[1].id))
        return [job for at, job in rows if at < before][:limit]

    async def unstage(self, job_ids: Sequence[str]) -> None:
        async with self._transaction() as tables:
            for job_id in job_ids:
                tables.staged.pop(job_id, None)

    async def forget_nonces(self, *, before: datetime) -> int:
        async with self._transaction() as tables:
            old = [nonce for nonce, seen in tables.nonces.items() if seen < before]
            for nonce in old:
                del tables.nonces[nonce]
        return len(old)

    async def set_ops(self, identity: BookingIdentity, ops: OpsInputs) -> None:
        """What operations and finance know of a booking; other use cases will write it."""
        async with self._transaction() as tables:
            tables.bookings[identity] = evolve(tables.bookings[identity], ops=ops)

    async def add_alias(self, alias: BookingIdentity, of: BookingIdentity) -> None:
        """Another name that finds a booking."""
        async with self._transaction() as tables:
            tables.aliases[alias] = of
