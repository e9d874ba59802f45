"""Publishing the catalog: jobs, payloads that were frozen at review, which one is current, and an event for each change."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from attrs import frozen

from bst_application.ports.audit import AuditEntry
from bst_domain.catalog import EditorItem
from bst_domain.lifecycles import PublishStatus


@frozen(kw_only=True)
class SnapshotHead:
    """A frozen payload without its text. ``published_*`` tell of the first time it was current; null: never yet."""

    version: int
    job: UUID
    checksum: str
    item_count: int
    frozen_at: datetime
    frozen_by: str
    published_at: datetime | None = None
    published_by: str | None = None


@frozen(kw_only=True)
class Snapshot:
    """A frozen payload. ``payload`` is text: the checksum is of its very bytes."""

    head: SnapshotHead
    payload: str


@frozen(kw_only=True)
class PublishJob:
    """A job. ``item_keys`` empty: every active product. ``reviewed`` is what was frozen for it last."""

    key: UUID
    status: PublishStatus
    item_keys: tuple[UUID, ...]
    item_count: int
    note: str | None
    created_by: str
    reviewed_by: str | None = None
    published_by: str | None = None
    published_at: datetime | None = None
    failure_reason: str | None = None
    reviewed: SnapshotHead | None = None
    created_at: datetime
    updated_at: datetime


@frozen(kw_only=True)
class Publication:
    """What is current (None: nothing was ever published), and the counters. They start at 0 and only count up."""

    version: int | None
    newest_version: int  # that was ever current
    last_version: int  # that was ever frozen
    last_sequence: int  # of the events


class PublishEventKind(StrEnum):
    PUBLISHED = "PUBLISHED"
    ROLLED_BACK = "ROLLED_BACK"


@frozen(kw_only=True)
class PublishEvent:
    """The current catalog is another one now. Sequences count up without gaps, in the order of the commits."""

    sequence: int
    kind: PublishEventKind
    version: int
    previous_version: int | None
    job: UUID
    checksum: str
    item_count: int
    actor: str
    reason: str | None
    at: datetime


@frozen(kw_only=True)
class KeyedRequest:
    """A request with an idempotency key. Keys count per path, so that a caller may name a whole job by one.

    ``subject``: the job or version that it was about, for whoever answers the repeat.
    """

    key: str
    path: str
    body_hash: str
    subject: str


class PublishTransaction(Protocol):
    """One commit of publishing. Leaving the context without an exception commits; else nothing happened.

    Lock the job before the publication: then nobody waits in a circle.
    """

    async def claim(self, request: KeyedRequest, *, now: datetime) -> KeyedRequest | None:
        """Takes the key and path for this request, for as long as keys live; or gives the request that has them already.

        Waits for whoever claims the same at this moment.
        """
        ...

    async def give_back(self, request: KeyedRequest) -> None:
        """The request that was claimed came to nothing: a repeat of it is a new attempt."""
        ...

    async def lock_job(self, key: UUID) -> PublishJob | None:
        """The job, held until the commit."""
        ...

    async def lock_publication(self) -> Publication:
        """What is current, held until the commit."""
        ...

    async def items(self, keys: Sequence[UUID] | None) -> list[EditorItem]:
        """The products as the editor has them now, in the catalog's order; None: every active one. Unknown keys are left out."""
        ...

    async def save_job(self, job: PublishJob) -> None:
        """Writes a job, new or not, as it stands; of ``reviewed`` the version."""
        ...

    async def freeze(self, snapshot: Snapshot) -> None:
        """Adds a payload that was never current. Its version is the publication's ``last_version`` plus one, and becomes that."""
        ...

    async def snapshot(self, version: int) -> Snapshot | None: ...

    async def make_current(self, event: PublishEvent) -> None:
        """The event's version is current from this commit on, and whoever listens is told.

        The first time that it is, its snapshot remembers by whom and when.
        """
        ...

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        """Appends to the audit trail, in this commit."""
        ...


class PublishingDesk(Protocol):
    """Raises Unavailable and Conflict; both leave nothing behind."""

    def publishing(self) -> AbstractAsyncContextManager[PublishTransaction]: ...

    async def take_nonce(self, nonce: str, *, now: datetime, ttl: timedelta) -> bool:
        """Whether it was not taken within this time; then it is taken now, in a commit of its own."""
        ...

    async def job(self, key: UUID) -> PublishJob | None: ...

    async def jobs(self, *, limit: int) -> list[PublishJob]:
        """The most recently changed first."""
        ...

    async def publication(self) -> Publication: ...

    async def versions(self, *, limit: int) -> list[SnapshotHead]:
        """Those that were current at some time, the newest first."""
        ...

    async def read_snapshot(self, version: int) -> Snapshot | None: ...

    async def events(self, *, after: int, limit: int) -> list[PublishEvent]:
        """Those with a greater sequence, the oldest first."""
        ...
