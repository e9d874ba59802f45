"""The log of accepted events: the truth that everything else is derived from."""

from collections.abc import Mapping, Sequence, Set
from datetime import datetime, timedelta
from typing import Protocol

from attrs import frozen

from bst_application.ports.queue import Job
from bst_domain.ingest import ContentKey, PriorEvent
from bst_domain.values import EventId


@frozen(kw_only=True)
class NewEvent:
    """A delivery whose body passed: what its row in the log would hold."""

    event_id: EventId
    idempotency_key: str
    nonce: str
    content: ContentKey
    event_time: datetime
    payload_hash: str  # lower-case hex SHA-256 of the raw bytes
    payload: str  # the body in its canonical spelling
    received_at: datetime
    trace_context: str | None = None  # of the request that brought it


@frozen(kw_only=True)
class KeyConflict:
    """A body that came under a key that another body holds; kept in unmapped_queue as INGEST_CONFLICT / OPEN."""

    first: EventId
    delivery: NewEvent


@frozen(kw_only=True)
class Priors:
    """The events that the log holds already, by what makes them equal to a delivery."""

    by_key: Mapping[str, PriorEvent]
    by_content: Mapping[ContentKey, PriorEvent]


@frozen(kw_only=True)
class Group:
    """What is stored in one commit. No nonce stands twice; each event comes with its own, and no two with the same."""

    nonces: Sequence[str]
    events: Sequence[tuple[str, NewEvent]]
    now: datetime
    nonce_ttl: timedelta
    job_id: str | None  # None: no job is staged


@frozen(kw_only=True)
class Stored:
    """What of a group was new to the log."""

    nonces: Set[str]
    events: Set[EventId]


class EventLog(Protocol):
    """Each method is a commit of its own. Raises Unavailable and Conflict; both leave nothing behind."""

    async def registered_channels(self) -> Set[str]:
        """The channels that this operator has; what was asked a few seconds ago may be answered from memory."""
        ...

    async def store(self, group: Group) -> Stored:
        """Stores the nonces that were not seen within their time, and under them the events whose key and content are both new.

        An event becomes RECEIVED if its nonce is stored. Of several events that are equal by key or content the first wins. Waits
        for other commits that hold an equal one, so that what is not stored can be found by ``find`` afterwards. With a job's id
        and an event that is new, the job of all new ones is staged: it exists exactly if they do, and stays until
        ``StagedJobs.unstage``.

        Raises Conflict for an event of a channel that is registered no longer, and InDoubt when nobody knows what was stored.
        """
        ...

    async def find(self, deliveries: Sequence[NewEvent]) -> Priors:
        """What the log holds under the keys and the contents of these deliveries."""
        ...

    async def keep_conflicts(self, conflicts: Sequence[KeyConflict]) -> None:
        """Keeps the refused bodies for a person to look at. A repeat of one that is kept adds nothing."""
        ...


class StagedJobs(Protocol):
    """Jobs that were committed with their events and not yet handed to the queue. Raises Unavailable and Conflict."""

    async def staged(self, *, before: datetime, limit: int) -> list[Job]:
        """Jobs staged before an instant, oldest first."""
        ...

    async def unstage(self, job_ids: Sequence[str]) -> None:
        """Forgets staged jobs; unknown ids are ignored."""
        ...

    async def forget_nonces(self, *, before: datetime) -> int:
        """Deletes nonces seen before an instant; returns how many."""
        ...
