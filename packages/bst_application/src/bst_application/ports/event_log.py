"""The log of accepted events: the truth that everything else is derived from."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
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


class AcceptTransaction(Protocol):
    """One commit for a group of deliveries. Leaving the context without an exception commits; else nothing happened."""

    async def remember_nonces(self, nonces: Sequence[str], *, now: datetime, ttl: timedelta) -> set[str]:
        """Stores nonces that were not seen within ``ttl`` and returns those; the others were seen. No repeats in ``nonces``."""
        ...

    async def registered_channels(self, channels: Sequence[str]) -> set[str]:
        """Those of the channels that this operator has."""
        ...

    async def insert(self, events: Sequence[NewEvent]) -> set[EventId]:
        """Adds the events whose key and content are both new, as RECEIVED; returns their ids.

        Of several in one call that are equal by key or content the first wins. Waits for other transactions that hold an
        equal one, so that what is not returned can be found by ``find`` afterwards.
        """
        ...

    async def find(self, deliveries: Sequence[NewEvent]) -> Priors:
        """What the log holds under the keys and the contents of these deliveries."""
        ...

    async def keep_conflicts(self, conflicts: Sequence[KeyConflict]) -> None:
        """Keeps the refused bodies for a person to look at. A repeat of one that is kept adds nothing."""
        ...

    async def stage(self, job: Job, *, now: datetime) -> None:
        """Stages a job: it exists exactly if the commit does, and stays until ``StagedJobs.unstage``."""
        ...


class EventLog(Protocol):
    """Raises Unavailable and Conflict; both leave nothing behind."""

    def accepting(self) -> AbstractAsyncContextManager[AcceptTransaction]: ...


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
