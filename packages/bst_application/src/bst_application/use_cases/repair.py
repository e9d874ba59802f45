"""Failing, judging and replaying events by hand, and taking back replays that got stuck.

Source of the rules: semantics 7. Every move of a dead letter goes through its table, every act has an actor and is audited in
the commit that does it, and a replayed event goes through the same processing door as any other.
"""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from attrs import field, frozen

from bst_application.ports.audit import AuditEntry
from bst_application.ports.queue import Job
from bst_application.ports.repair import (
    DeadLetterRecord,
    LetterChange,
    LetterReason,
    RepairDesk,
    RepairTransaction,
)
from bst_domain.lifecycles import DEAD_LETTER, DeadLetterStatus, NotAllowed, ProcessStatus
from bst_domain.values import EventId

#: A replay that has not ended within this time of its last sign of life is taken back.
LEASE = timedelta(minutes=15)
LEASES_AT_ONCE = 50

_S = DeadLetterStatus
#: What a failure by hand does with the newest letter of an event: these stay and get the new reason ...
_REWORDED = frozenset({_S.OPEN, _S.FAILED})
#: ... a running replay ends as failed; beside every other letter a new one is opened, because nobody re-opens what was settled.


@frozen
class EventNotFound:
    """No event has this id."""


@frozen
class LetterNotFound:
    """No dead letter has this key."""


@frozen
class NotInDeadLetter:
    """The event has no dead letter to replay."""


@frozen
class NotReady:
    """None of the event's dead letters is READY; this is the newest one's status."""

    status: DeadLetterStatus


@frozen
class ReplayStarted:
    """The event is on its way again. ``queued``: a job for it is staged."""

    event_id: EventId
    letter: UUID
    queued: bool
    job: Job | None


@frozen(kw_only=True)
class Author:
    """Who acts, and in which request. ``proof`` goes into the metadata of the audit: how the actor is known."""

    actor: str
    request_id: str | None = None
    proof: Mapping[str, Any] = field(factory=dict)


def entry_of(
    event_type: str, by: Author, at: datetime, *, resource: tuple[str, object], metadata: Mapping[str, Any]
) -> AuditEntry:
    """What an act comes to in the audit trail."""
    kind, key = resource
    return AuditEntry(
        event_type=event_type,
        actor=by.actor,
        resource_type=kind,
        resource_id=str(key),
        metadata={**metadata, **by.proof},
        at=at,
        request_id=by.request_id,
    )


@frozen(kw_only=True)
class MarkEventFailed:
    """Makes an event a dead letter, in whatever state it is; a DONE event's facts stay applied."""

    desk: RepairDesk
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(self, event_id: UUID, reason: LetterReason, *, by: Author) -> DeadLetterRecord | EventNotFound:
        """The dead letter as it is now. Raises Unavailable and Conflict."""
        now = self.now()
        async with self.desk.repairing() as tx:
            if await tx.lock_event(event_id) is None:
                return EventNotFound()
            event = EventId(event_id)
            newest = next(iter(await tx.letters(event)), None)
            if newest is not None and newest.status is _S.REPLAYING:
                await tx.move(LetterChange(key=newest.key, status=_S.FAILED), now=now)
                await tx.reword(newest.key, reason, now=now)
            elif newest is not None and newest.status in _REWORDED:
                await tx.reword(newest.key, reason, now=now)
            else:
                await tx.open_letter(self.new_id(), event, reason, now=now)
            detail = reason.code if reason.detail is None else f"{reason.code}: {reason.detail}"
            await tx.mark_failed(event, detail)
            letter = (await tx.letters(event))[0]
            metadata = {
                "deadLetterKey": str(letter.key),
                "reasonCode": letter.reason_code,
                "poisonMessage": letter.poison,
            }
            entry = entry_of(
                "INGEST_EVENT_MARKED_FAILED", by, now, resource=("INGEST_EVENT", event_id), metadata=metadata
            )
            await tx.audit([entry])
        return letter


@frozen(kw_only=True)
class ChangeDeadLetterStatus:
    """A person's decision about a dead letter, by the table."""

    desk: RepairDesk
    now: Callable[[], datetime]

    async def __call__(
        self, key: UUID, wanted: DeadLetterStatus, *, by: Author
    ) -> DeadLetterRecord | LetterNotFound | NotAllowed[DeadLetterStatus]:
        """The dead letter as it is now. Raises Unavailable and Conflict."""
        now = self.now()
        async with self.desk.repairing() as tx:
            event_id = await tx.event_of(key)
            if event_id is None:
                return LetterNotFound()
            await tx.lock_event(event_id)
            letter = await letter_of(tx, event_id, key)
            if letter is None:
                return LetterNotFound()
            refused = DEAD_LETTER.refuse(letter.status, wanted)
            if refused is not None:
                return refused
            await move_by_hand(tx, letter, wanted, by=by, now=now)
            moved = await letter_of(tx, event_id, key)
        assert moved is not None
        return moved


async def move_by_hand(
    tx: RepairTransaction, letter: DeadLetterRecord, wanted: DeadLetterStatus, *, by: Author, now: datetime
) -> None:
    """Moves a letter for which the table allows it, and audits that."""
    change = LetterChange(
        key=letter.key,
        status=wanted,
        next_replay_at=now if wanted is _S.READY else None,
        lease_until=now + LEASE if wanted is _S.REPLAYING else None,
        actor=by.actor if wanted is _S.REPLAYING else None,
        request_id=by.request_id if wanted is _S.REPLAYING else None,
        proof=by.proof if wanted is _S.REPLAYING else {},
    )
    await tx.move(change, now=now)
    metadata = {"status": wanted.value, "previousStatus": letter.status.value, "eventId": str(letter.event_id)}
    resource = ("INGEST_DEAD_LETTER", letter.key)
    await tx.audit([entry_of("INGEST_DEAD_LETTER_STATUS_UPDATED", by, now, resource=resource, metadata=metadata)])


@frozen(kw_only=True)
class ReplayEvent:
    """Sends a failed event through the processing door again. ``stages_job`` says whether the queue is on."""

    desk: RepairDesk
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]
    stages_job: Callable[[], bool]

    async def __call__(
        self, event_id: UUID, *, reason: str, by: Author
    ) -> ReplayStarted | EventNotFound | NotInDeadLetter | NotReady:
        """Takes the newest READY dead letter of the event. A refusal is audited, too. Raises Unavailable and Conflict."""
        async with self.desk.repairing() as tx:
            return await self.within(tx, event_id, reason=reason, by=by, now=self.now())

    async def within(
        self, tx: RepairTransaction, event_id: UUID, *, reason: str, by: Author, now: datetime
    ) -> ReplayStarted | EventNotFound | NotInDeadLetter | NotReady:
        """The same, in a commit that does more than this."""
        outcome = await self._start(tx, event_id, reason, by, now)
        resource = ("INGEST_EVENT", event_id)
        if isinstance(outcome, ReplayStarted):
            metadata: dict[str, Any] = {"queued": outcome.queued, "processedInline": False, "reason": reason}
            entry = entry_of("INGEST_REPLAY_REQUESTED", by, now, resource=resource, metadata=metadata)
        else:
            metadata = {"error": refusal_text(outcome, event_id), "reason": reason}
            entry = entry_of("INGEST_REPLAY_REJECTED", by, now, resource=resource, metadata=metadata)
        await tx.audit([entry])
        return outcome

    async def _start(
        self, tx: RepairTransaction, event_id: UUID, reason: str, by: Author, now: datetime
    ) -> ReplayStarted | EventNotFound | NotInDeadLetter | NotReady:
        status = await tx.lock_event(event_id)
        if status is None:
            return EventNotFound()
        letters = await tx.letters(event_id)
        if not letters:
            return NotInDeadLetter()
        ready = next((letter for letter in letters if letter.status is _S.READY), None)
        if ready is None or status is not ProcessStatus.FAILED:
            return NotReady(letters[0].status if ready is None else _S.REPLAYING)
        event = EventId(event_id)
        change = LetterChange(
            key=ready.key,
            status=_S.REPLAYING,
            counts_replay=True,
            lease_until=now + LEASE,
            actor=by.actor,
            reason=reason,
            request_id=by.request_id,
            proof=by.proof,
        )
        await tx.move(change, now=now)
        await tx.reopen(event)
        job = Job(str(self.new_id()), (event,)) if self.stages_job() else None
        if job is not None:
            await tx.stage(job, now=now)
        return ReplayStarted(event, ready.key, job is not None, job)


@frozen(kw_only=True)
class TakeBackStuckReplays:
    """A replay that outlives its lease goes back to READY, and its event to FAILED: somebody may try again."""

    desk: RepairDesk
    now: Callable[[], datetime]

    async def __call__(self) -> int:
        """Returns how many were taken back. Raises Unavailable and Conflict."""
        now = self.now()
        taken = 0
        for event_id in await self.desk.expired_leases(now=now, limit=LEASES_AT_ONCE):
            async with self.desk.repairing() as tx:
                taken += await self._take_back(tx, event_id, now)
        return taken

    async def _take_back(self, tx: RepairTransaction, event_id: EventId, now: datetime) -> int:
        status = await tx.lock_event(event_id)  # whoever was processing it has settled the letter by now
        stuck = [letter for letter in await tx.letters(event_id) if letter.status is _S.REPLAYING]
        for letter in stuck:
            await tx.move(LetterChange(key=letter.key, status=_S.READY, next_replay_at=now), now=now)
            metadata = {"status": _S.READY.value, "previousStatus": _S.REPLAYING.value, "eventId": str(event_id)}
            resource = ("INGEST_DEAD_LETTER", letter.key)
            by = Author(actor="system")
            await tx.audit([entry_of("INGEST_REPLAY_TAKEN_BACK", by, now, resource=resource, metadata=metadata)])
        if stuck and status is ProcessStatus.RECEIVED:
            await tx.mark_failed(event_id, "the replay outlived its lease")
        return len(stuck)


def refusal_text(refused: EventNotFound | NotInDeadLetter | NotReady, event_id: UUID) -> str:
    """The machine string of a refused replay, as callers of the predecessor know it."""
    match refused:
        case EventNotFound():
            return f"Ingest event not found: {event_id}"
        case NotInDeadLetter():
            return "EVENT_NOT_IN_DEAD_LETTER"
        case NotReady(status):
            return f"DEAD_LETTER_NOT_READY_FOR_REPLAY:{status}"


async def letter_of(tx: RepairTransaction, event_id: EventId, key: UUID) -> DeadLetterRecord | None:
    """The event's letter with this key."""
    letters: Sequence[DeadLetterRecord] = await tx.letters(event_id)
    return next((letter for letter in letters if letter.key == key), None)
