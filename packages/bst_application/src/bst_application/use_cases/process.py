"""Processing events: lock the bookings, load their facts, decide, save, all in one commit.

Source of the rules: semantics 5 and 7; house, "how data flows". A bad event is split out of its group and retried or
dead-lettered alone. A job that arrives twice finds nothing to claim the second time.
"""

import logging
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import frozen

from bst_application.errors import Conflict, StillLocked, TooSlow, Unavailable
from bst_application.ports.audit import AuditEntry
from bst_application.ports.bookings import (
    BookingChange,
    BookingStore,
    ClaimedEvent,
    FailedEvent,
    ProcessingTransaction,
    RecordedFacts,
    SettledReplay,
    StoredBooking,
)
from bst_application.ports.tracing import NO_TRACING, Span, Tracing
from bst_application.ports.watching import UNWATCHED, ProcessingWatch
from bst_application.use_cases.changing import as_audited, change
from bst_application.use_cases.executions import Telling
from bst_application.use_cases.packages import packages_of, with_package
from bst_application.use_cases.repair import LEASE
from bst_domain.booking import NO_OPS, NOTHING, BookingFacts, PackageRef, merge
from bst_domain.ingest import (
    BookingEvent,
    ExternalReference,
    Failure,
    FailureCode,
    SchemaMismatch,
    decide_after_failure,
    external_references,
    facts_of,
    parse_event,
)
from bst_domain.values import BookingIdentity, BookingKey, EventId

_log = logging.getLogger(__name__)

#: Events in one commit; more would hold booking locks for longer and hardly cost less.
GROUP_SIZE = 200
CONFLICT_RETRIES = 3


@frozen(kw_only=True)
class _Read:
    """An event whose body could be read."""

    event: ClaimedEvent
    facts: BookingFacts
    references: tuple[ExternalReference, ...]


@frozen(kw_only=True)
class ProcessEvents:
    """Processes events of the log by id."""

    store: BookingStore
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    tracing: Tracing = NO_TRACING
    watch: ProcessingWatch = UNWATCHED

    async def __call__(self, event_ids: Sequence[EventId]) -> int:
        """Processes those that are due and in nobody else's hands; returns how many were finished or failed for good.

        Raises Unavailable when the store is; whatever was not committed stays due.
        """
        settled = 0
        for start in range(0, len(event_ids), GROUP_SIZE):
            settled += await self._group(event_ids[start : start + GROUP_SIZE])
        return settled

    async def _group(self, event_ids: Sequence[EventId]) -> int:
        failure: Failure | None = None
        for _ in range(CONFLICT_RETRIES):
            try:
                return await self._commit(event_ids)
            except TooSlow:  # of one event perhaps, and the others need not wait for it
                failure = Failure(FailureCode.INFRA_UNAVAILABLE, "a statement took too long")
                break
            except Unavailable:
                raise
            except Conflict as lost:
                self.watch.conflicted()
                failure = Failure(FailureCode.LOCK_CONFLICT, "another transaction kept winning")
                if isinstance(lost, StillLocked):
                    break
            except Exception as error:
                _log.exception("processing failed for a group of %d", len(event_ids))
                failure = Failure(FailureCode.TRANSIENT_ERROR, _without_guest_data(error))
                break
        assert failure is not None
        if len(event_ids) > 1:  # halves find the one bad event in a few steps, and hurt nobody else
            middle = len(event_ids) // 2
            return await self._group(event_ids[:middle]) + await self._group(event_ids[middle:])
        return await self._record_failure(event_ids[0], failure)

    async def _commit(self, event_ids: Sequence[EventId]) -> int:
        with self.tracing.span("process group") as span:
            return await self._commit_within(span, event_ids)

    async def _commit_within(self, span: Span, event_ids: Sequence[EventId]) -> int:
        now = self.now()
        telling = Telling(tracing=self.tracing, watch=self.watch)
        with ExitStack() as ending:
            async with self.store.processing() as tx:
                claimed = await tx.claim(event_ids, now=now)
                if not claimed:
                    return 0
                _say_what_for(span, claimed)
                read, failed = _read_all(claimed, now)
                changes: Sequence[BookingChange] = ()
                replays: list[SettledReplay] = []
                if read:
                    with self.tracing.span("fold"):
                        changes = await self._fold(tx, read, now)
                    replays += await tx.finish([entry.event for entry in read], now=now)
                if failed:
                    replays += await tx.fail(failed, now=now, lease=LEASE)
                if replays:
                    await tx.audit([_replay_entry(replay, changes, now) for replay in replays])
                ending.enter_context(self.tracing.span("commit"))
        telling.committed([entry.event for entry in read], failed, replays, group=span, now=now)
        return len(claimed)

    async def _fold(self, tx: ProcessingTransaction, read: Sequence[_Read], now: datetime) -> list[BookingChange]:
        # Sorted by a key: the comparisons that attrs makes would cost more than the whole merge.
        stored = await tx.load(sorted({entry.event.identity for entry in read}, key=lambda i: (i.channel, i.ref)))
        groups: defaultdict[BookingIdentity, list[_Read]] = defaultdict(list)
        bookings: dict[BookingIdentity, StoredBooking] = {}
        for entry in read:
            booking = stored.get(entry.event.identity)
            identity = entry.event.identity if booking is None else booking.identity
            groups[identity].append(entry)
            if booking is not None:
                bookings[identity] = booking
        merged = {identity: _merged(bookings.get(identity), group) for identity, group in groups.items()}
        packages = await packages_of(tx, merged)
        changes = [
            self._change(
                identity,
                group,
                stored=bookings.get(identity),
                facts=merged[identity],
                package=packages.get(identity),
                now=now,
            )
            for identity, group in groups.items()
        ]
        await tx.save(changes, now=now)
        return changes

    def _change(
        self,
        identity: BookingIdentity,
        group: Sequence[_Read],
        *,
        stored: StoredBooking | None,
        facts: BookingFacts,
        package: PackageRef | None,
        now: datetime,
    ) -> BookingChange:
        return change(
            key=BookingKey(self.new_id()) if stored is None else stored.key,
            identity=identity,
            stored=stored,
            facts=facts,
            ops=with_package(NO_OPS if stored is None else stored.ops, package),
            now=now,
            recorded=tuple(RecordedFacts(event_id=e.event.event_id, facts=e.facts) for e in group),
            references=tuple(dict.fromkeys(reference for e in group for reference in e.references)),
        )

    async def _record_failure(self, event_id: EventId, failure: Failure) -> int:
        now = self.now()
        telling = Telling(tracing=self.tracing, watch=self.watch)
        with self.tracing.span("record failure") as span:
            async with self.store.processing() as tx:
                claimed = await tx.claim([event_id], now=now)
                if not claimed:
                    return 0
                failed = [_failed(event, failure, now) for event in claimed]
                replays = await tx.fail(failed, now=now, lease=LEASE)
                if replays:
                    await tx.audit([_replay_entry(replay, (), now) for replay in replays])
            telling.committed([], failed, replays, group=span, now=now)
        return len(claimed)


def _say_what_for(span: Span, claimed: Sequence[ClaimedEvent]) -> None:
    span.set({"messaging.batch.message_count": len(claimed)})
    span.link([event.trace_context for event in claimed])


def _replay_entry(replay: SettledReplay, changes: Sequence[BookingChange], now: datetime) -> AuditEntry:
    """What the replay made of the booking: its version and statuses before and after, and the fields that moved."""
    own = next((c for c in changes if any(said.event_id == replay.event_id for said in c.recorded)), None)
    metadata: dict[str, Any] = {"deadLetterKey": str(replay.letter), "reason": replay.reason, **replay.proof}
    if own is not None:
        before = own.before
        metadata["bookingKey"] = str(own.key)
        metadata["before"] = None if before is None else as_audited(before.version, before.statuses)
        metadata["after"] = as_audited(own.version, own.statuses)
        metadata["changedFields"] = sorted(own.changed)
    return AuditEntry(
        event_type="INGEST_REPLAY_SUCCEEDED" if replay.succeeded else "INGEST_REPLAY_FAILED",
        actor=replay.actor,
        resource_type="INGEST_EVENT",
        resource_id=str(replay.event_id),
        metadata=metadata,
        at=now,
        request_id=replay.request_id,
    )


def _merged(stored: StoredBooking | None, group: Sequence[_Read]) -> BookingFacts:
    facts = NOTHING if stored is None else stored.facts
    for entry in group:
        facts = merge(facts, entry.facts)
    return facts


def _read_all(claimed: Iterable[ClaimedEvent], now: datetime) -> tuple[list[_Read], list[FailedEvent]]:
    read: list[_Read] = []
    failed: list[FailedEvent] = []
    for event in claimed:
        entry = _read(event)
        if isinstance(entry, Failure):
            failed.append(_failed(event, entry, now))
        else:
            read.append(entry)
    return read, failed


def _read(event: ClaimedEvent) -> _Read | Failure:
    parsed: BookingEvent | tuple[Any, ...] = parse_event(event.payload, now=event.received_at)
    if not isinstance(parsed, BookingEvent):
        return Failure(FailureCode.VALIDATION_ERROR, "; ".join(f"{p.path}: {p.code}" for p in parsed))
    facts = facts_of(parsed, event.event_id)
    if isinstance(facts, SchemaMismatch):
        return Failure(FailureCode.SCHEMA_MISMATCH, facts.detail)
    return _Read(event=event, facts=facts, references=external_references(parsed))


def _failed(event: ClaimedEvent, failure: Failure, now: datetime) -> FailedEvent:
    tried = event.executions - (event.before_replay or 0)  # a replay is a new beginning, with every retry
    then = decide_after_failure(failure, executions=tried + 1, now=now)
    return FailedEvent(event=event, code=failure.code, detail=f"{failure.code}: {failure.detail}", then=then)


def _without_guest_data(error: Exception) -> str:
    """An exception's text may quote what it choked on, so operators get its type; the log has the rest."""
    return f"{type(error).__module__}.{type(error).__qualname__}"
