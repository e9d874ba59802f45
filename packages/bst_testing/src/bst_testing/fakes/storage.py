"""The event log and the bookings in memory: one dictionary a table, transactions that interleave as a database's do.

A crash between any two calls leaves no trace. ``outage`` and ``in_doubt`` make the next transaction fail as databases do.
"""

from collections.abc import AsyncIterator, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from attrs import define, evolve, field, frozen

from bst_application.errors import InDoubt, Unavailable
from bst_application.ports.bookings import BookingChange, ClaimedEvent, FailedEvent, RecordedFacts, StoredBooking
from bst_application.ports.event_log import KeyConflict, NewEvent, Priors
from bst_application.ports.queue import Job
from bst_domain.booking import NO_OPS, Field, OpsInputs
from bst_domain.ingest import ContentKey, DeadLetter, Failure, PriorEvent, decode
from bst_domain.lifecycles import ProcessStatus
from bst_domain.values import BookingIdentity, EventId
from bst_testing.fakes.transactions import Changes, Holder, Locks, Observer, View

CHANNELS = frozenset({"DIRECT", "GYG", "VIATOR", "BOKUN", "TRIPDOTCOM", "MANUAL"})


@frozen(kw_only=True)
class LogRow:
    """A row of the event log."""

    event: NewEvent
    status: ProcessStatus = ProcessStatus.RECEIVED
    executions: int = 0
    next_retry_at: datetime | None = None
    processed_at: datetime | None = None


@define(kw_only=True)
class Tables:
    """Everything that is committed. Tests may look, and may take a channel away."""

    channels: frozenset[str] = CHANNELS
    nonces: dict[str, datetime] = field(factory=dict)
    log: dict[EventId, LogRow] = field(factory=dict)
    staged: dict[str, tuple[datetime, Job]] = field(factory=dict)
    conflicts: dict[tuple[str, str], KeyConflict] = field(factory=dict)
    bookings: dict[BookingIdentity, StoredBooking] = field(factory=dict)
    aliases: dict[BookingIdentity, BookingIdentity] = field(factory=dict)
    recorded: dict[UUID, RecordedFacts] = field(factory=dict)
    dead_letters: dict[tuple[EventId, int], Failure] = field(factory=dict)


class Transaction:
    """The tables as one transaction sees them, and the locks that it holds."""

    def __init__(self, tables: Tables, locks: Locks) -> None:
        self.holder, self.locks, self.channels = Holder(), locks, tables.channels
        self.nonces = View(tables.nonces)
        self.log = View(tables.log)
        self.staged = View(tables.staged)
        self.conflicts = View(tables.conflicts)
        self.bookings = View(tables.bookings)
        self.aliases = View(tables.aliases)
        self.recorded = View(tables.recorded)
        self.dead_letters = View(tables.dead_letters)

    def commit(self) -> dict[str, Changes]:
        """Table -> what changed."""
        views = {name: view for name, view in vars(self).items() if isinstance(view, View)}
        return {name: view.commit() for name, view in views.items()}


class MemoryStorage:
    """EventLog, StagedJobs and BookingStore. ``observer`` is told of every commit."""

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

    @asynccontextmanager
    async def accepting(self) -> AsyncIterator["MemoryAccepting"]:
        async with self._transaction() as transaction:
            yield MemoryAccepting(transaction)

    @asynccontextmanager
    async def processing(self) -> AsyncIterator["MemoryProcessing"]:
        async with self._transaction() as transaction:
            yield MemoryProcessing(transaction)

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


class MemoryAccepting:
    """An accept transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._tables = transaction

    async def remember_nonces(self, nonces: Sequence[str], *, now: datetime, ttl: timedelta) -> set[str]:
        seen = self._tables.nonces
        for nonce in nonces:  # as inserting into a unique index waits for whoever inserts the same
            await self._tables.locks.take(("nonce", nonce), self._tables.holder)
        fresh = {nonce for nonce in nonces if nonce not in seen or seen[nonce] < now - ttl}
        seen.update(dict.fromkeys(fresh, now))
        return fresh

    async def registered_channels(self, channels: Sequence[str]) -> set[str]:
        return set(channels) & self._tables.channels

    async def insert(self, events: Sequence[NewEvent]) -> set[EventId]:
        inserted: set[EventId] = set()
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
            inserted.add(event.event_id)
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

    async def stage(self, job: Job, *, now: datetime) -> None:
        self._tables.staged[job.id] = (now, job)


class MemoryProcessing:
    """A processing transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._tables = transaction

    async def claim(self, event_ids: Sequence[EventId], *, now: datetime) -> list[ClaimedEvent]:
        return [_claimed(row) for row in self._due(event_ids, now)]

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

    async def save(self, changes: Sequence[BookingChange], *, now: datetime) -> None:  # noqa: ARG002 - the port's
        for change in changes:
            for entry in change.recorded:
                self._tables.recorded.setdefault(entry.event_id, entry)
            if not change.is_unchanged:
                self._tables.bookings[change.identity] = StoredBooking(
                    key=change.key,
                    identity=change.identity,
                    version=change.version,
                    facts=change.facts,
                    ops=NO_OPS if change.before is None else change.before.ops,
                    statuses=change.statuses,
                )

    async def finish(self, events: Sequence[EventId], *, now: datetime) -> None:
        for event_id in events:
            row = self._tables.log[event_id]
            self._tables.log[event_id] = evolve(
                row,
                status=ProcessStatus.DONE,
                executions=row.executions + 1,
                next_retry_at=None,
                processed_at=row.processed_at or now,
            )

    async def fail(self, events: Sequence[FailedEvent], *, now: datetime) -> None:  # noqa: ARG002 - the port's
        for failed in events:
            event_id = failed.event.event_id
            row = evolve(self._tables.log[event_id], executions=failed.event.executions + 1)
            if isinstance(failed.then, DeadLetter):
                self._tables.log[event_id] = evolve(row, status=ProcessStatus.FAILED, next_retry_at=None)
                self._tables.dead_letters[event_id, row.executions] = failed.then.failure
            else:
                self._tables.log[event_id] = evolve(row, next_retry_at=failed.then.at)


def _claimed(row: LogRow) -> ClaimedEvent:
    payload: Any = decode(row.event.payload.encode())
    return ClaimedEvent(
        event_id=row.event.event_id,
        identity=row.event.content.identity,
        payload=payload,
        received_at=row.event.received_at,
        executions=row.executions,
    )
