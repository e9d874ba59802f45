"""Repairing without an engineer: dead letters, and events that are failed or replayed by hand."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from attrs import frozen

from bst_application.ports.audit import AuditEntry
from bst_application.ports.queue import Job
from bst_domain.lifecycles import DeadLetterStatus, ProcessStatus
from bst_domain.values import EventId


@frozen(kw_only=True)
class DeadLetterRecord:
    """A dead letter as stored, with what identifies its event to people."""

    key: UUID
    event_id: EventId
    status: DeadLetterStatus
    reason_code: str
    reason_detail: str | None
    poison: bool
    replay_count: int
    first_failed_at: datetime
    last_failed_at: datetime
    next_replay_at: datetime | None
    source: str
    channel: str
    ref: str
    event_type: str


@frozen(kw_only=True)
class LetterChange:
    """A move along the table of dead letters; the store writes it as it stands.

    What follows ``counts_replay`` but for ``next_replay_at`` belongs to a replay and is forgotten by any other move. One that is
    now REPLAYING remembers how often its event was executed before: a replay has all retries for itself.
    """

    key: UUID
    status: DeadLetterStatus
    counts_replay: bool = False
    next_replay_at: datetime | None = None
    lease_until: datetime | None = None
    actor: str | None = None
    reason: str | None = None
    request_id: str | None = None
    proof: Mapping[str, Any] = {}  # how the actor is known; see Author


@frozen(kw_only=True)
class LetterReason:
    """Why an event is a dead letter. The code has at most 64 characters; the detail holds no guest data of ours."""

    code: str
    detail: str | None
    poison: bool


class RepairTransaction(Protocol):
    """One commit for a change by hand. Leaving the context without an exception commits; else nothing happened."""

    async def lock_event(self, event_id: UUID) -> ProcessStatus | None:
        """Waits until nobody else works on the event, holds it until the commit, and says its status; None: no such event."""
        ...

    async def letters(self, event_id: UUID) -> list[DeadLetterRecord]:
        """The event's dead letters, newest first, held until the commit. Lock the event before."""
        ...

    async def event_of(self, letter: UUID) -> EventId | None:
        """The event of a dead letter, without holding anything."""
        ...

    async def move(self, change: LetterChange, *, now: datetime) -> None:
        """Writes a move of a dead letter that ``letters`` gave."""
        ...

    async def reword(self, letter: UUID, reason: LetterReason, *, now: datetime) -> None:
        """The letter failed once more, for this reason; its status stays."""
        ...

    async def open_letter(self, key: UUID, event_id: EventId, reason: LetterReason, *, now: datetime) -> None:
        """A new dead letter, OPEN."""
        ...

    async def mark_failed(self, event_id: EventId, detail: str) -> None:
        """The event shows FAILED and waits for nothing; ``processed_at`` of an earlier success stands."""
        ...

    async def reopen(self, event_id: EventId) -> None:
        """The event is RECEIVED again and due at once; this counts as an execution."""
        ...

    async def stage(self, job: Job, *, now: datetime) -> None:
        """As in accepting: the job exists exactly if the commit does."""
        ...

    async def settle_item(self, job: UUID, event_id: EventId, outcome: str, *, now: datetime) -> bool:
        """Writes what became of an item of a replay job; False, and nothing, when it is settled already."""
        ...

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        """Appends to the audit trail, in this commit."""
        ...


class RepairDesk(Protocol):
    """Raises Unavailable and Conflict; both leave nothing behind."""

    def repairing(self) -> AbstractAsyncContextManager[RepairTransaction]: ...

    async def expired_leases(self, *, now: datetime, limit: int) -> list[EventId]:
        """Events of dead letters that are REPLAYING although their lease is over; oldest lease first."""
        ...
