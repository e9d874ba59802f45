"""Replaying many events at once: a job remembers what was chosen, by whom and why, and what has become of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from attrs import frozen

from bst_application.ports.audit import AuditEntry
from bst_application.ports.reading import LetterFilter
from bst_application.ports.repair import DeadLetterRecord
from bst_domain.values import EventId


@frozen(kw_only=True)
class NewReplayJob:
    """What was asked for. ``asked`` is the filter as the caller wrote it, for people."""

    key: UUID
    wanted: LetterFilter
    asked: Mapping[str, str]
    actor: str
    reason: str
    request_id: str | None
    proof: Mapping[str, Any]  # how the actor is known; see Author
    at: datetime


@frozen(kw_only=True)
class ReplayJob:
    """How a job stands. ``outcomes`` counts settled items: STARTED, or the machine string of a refusal.

    ``letters`` counts the dead letters of started items by their status now, so it tells how the replays end.
    """

    key: UUID
    asked: Mapping[str, str]
    actor: str
    reason: str
    total: int
    pending: int
    outcomes: Mapping[str, int]
    letters: Mapping[str, int]
    created_at: datetime
    finished_at: datetime | None


@frozen(kw_only=True)
class PendingItem:
    """A dead letter that a job has still to replay."""

    job: UUID
    letter: UUID
    event_id: EventId
    actor: str
    reason: str
    request_id: str | None
    proof: Mapping[str, Any]


class ReplayJobs(Protocol):
    """Raises Unavailable and Conflict; both leave nothing behind."""

    async def choose(self, wanted: LetterFilter, *, sample: int) -> tuple[int, list[DeadLetterRecord]]:
        """How many events a job would replay, and the newest ``sample`` of their dead letters.

        Without a status, the filter means dead letters that can be replayed: OPEN, READY and FAILED. Of each event the newest
        matching letter counts.
        """
        ...

    async def begin(self, job: NewReplayJob, entry: AuditEntry) -> None:
        """Writes the job, an item for each event that the filter chooses now, and the audit entry, in one commit."""
        ...

    async def job(self, key: UUID) -> ReplayJob | None: ...

    async def pending(self, *, limit: int) -> Sequence[PendingItem]:
        """Items that wait, the oldest job first. They are not held: settling decides who did it."""
        ...
