"""The publishing desk in memory, beside an editor's catalog in memory."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from uuid import UUID

from attrs import evolve

from bst_application.errors import Unavailable
from bst_application.ports.audit import AuditEntry
from bst_application.ports.publishing import (
    KeyedRequest,
    Publication,
    PublishEvent,
    PublishJob,
    PublishTransaction,
    Snapshot,
    SnapshotHead,
)
from bst_domain.catalog import EditorItem
from bst_testing.fakes.catalog import MemoryCatalogEditor
from bst_testing.fakes.transactions import Holder, Locks, View

KEYS_LIVE = timedelta(days=35)
_ONLY = "publication"
_UNPUBLISHED = Publication(version=None, newest_version=0, last_version=0, last_sequence=0)


class MemoryPublishingDesk:
    """PublishingDesk. ``heard`` is what a listener of the database would have heard."""

    def __init__(self, catalog: MemoryCatalogEditor) -> None:
        self.catalog = catalog
        self.job_rows: dict[UUID, PublishJob] = {}
        self.snapshots: dict[int, Snapshot] = {}
        self.current: dict[str, Publication] = {_ONLY: _UNPUBLISHED}
        self.event_rows: dict[int, PublishEvent] = {}
        self.nonces: dict[str, datetime] = {}
        self.requests: dict[tuple[str, str], tuple[datetime, KeyedRequest]] = {}
        self.trail: dict[int, AuditEntry] = {}
        self.outage = False
        self._locks = Locks()

    @property
    def heard(self) -> list[int]:
        return [event.version for _, event in sorted(self.event_rows.items())]

    @asynccontextmanager
    async def publishing(self) -> AsyncIterator[PublishTransaction]:
        self._require_up()
        transaction = _Publishing(self, self._locks)
        try:
            yield transaction
            transaction.commit()
        finally:
            self._locks.release(transaction.holder)

    async def take_nonce(self, nonce: str, *, now: datetime, ttl: timedelta) -> bool:
        self._require_up()
        seen = self.nonces.get(nonce)
        if seen is not None and seen >= now - ttl:
            return False
        self.nonces[nonce] = now
        return True

    async def job(self, key: UUID) -> PublishJob | None:
        self._require_up()
        return self._with_its_snapshot(self.job_rows.get(key))

    async def jobs(self, *, limit: int) -> list[PublishJob]:
        self._require_up()
        newest = sorted(self.job_rows.values(), key=lambda job: (job.updated_at, job.key), reverse=True)
        return [job for row in newest[:limit] if (job := self._with_its_snapshot(row)) is not None]

    async def publication(self) -> Publication:
        self._require_up()
        return self.current[_ONLY]

    async def versions(self, *, limit: int) -> list[SnapshotHead]:
        self._require_up()
        heads = [snapshot.head for snapshot in self.snapshots.values() if snapshot.head.published_at is not None]
        return sorted(heads, key=lambda head: head.version, reverse=True)[:limit]

    async def read_snapshot(self, version: int) -> Snapshot | None:
        self._require_up()
        return self.snapshots.get(version)

    async def events(self, *, after: int, limit: int) -> list[PublishEvent]:
        self._require_up()
        return [event for sequence, event in sorted(self.event_rows.items()) if sequence > after][:limit]

    def _with_its_snapshot(self, job: PublishJob | None) -> PublishJob | None:
        if job is None or job.reviewed is None:
            return job
        return evolve(job, reviewed=self.snapshots[job.reviewed.version].head)

    def _require_up(self) -> None:
        if self.outage:
            raise Unavailable("the storage is down")


class _Publishing:
    """One publishing transaction."""

    def __init__(self, desk: MemoryPublishingDesk, locks: Locks) -> None:
        self.holder, self._locks, self._catalog = Holder(), locks, desk.catalog
        self._jobs, self._snapshots, self._current = View(desk.job_rows), View(desk.snapshots), View(desk.current)
        self._events, self._requests, self._trail = View(desk.event_rows), View(desk.requests), View(desk.trail)

    def commit(self) -> None:
        for view in (self._jobs, self._snapshots, self._current, self._events, self._requests, self._trail):
            view.commit()

    async def claim(self, request: KeyedRequest, *, now: datetime) -> KeyedRequest | None:
        name = (request.key, request.path)
        await self._locks.take(("request", name), self.holder)
        at, earlier = self._requests.get(name, (now, None))
        if earlier is not None and at >= now - KEYS_LIVE:
            return earlier
        self._requests[name] = (now, request)
        return None

    async def give_back(self, request: KeyedRequest) -> None:
        del self._requests[request.key, request.path]

    async def lock_job(self, key: UUID) -> PublishJob | None:
        if key not in self._jobs:
            return None
        await self._locks.take(("job", key), self.holder)
        job = self._jobs[key]
        return job if job.reviewed is None else evolve(job, reviewed=self._snapshots[job.reviewed.version].head)

    async def lock_publication(self) -> Publication:
        await self._locks.take(_ONLY, self.holder)
        return self._current[_ONLY]

    async def items(self, keys: Sequence[UUID] | None) -> list[EditorItem]:
        return await self._catalog.items(keys)

    async def save_job(self, job: PublishJob) -> None:
        self._jobs[job.key] = job

    async def freeze(self, snapshot: Snapshot) -> None:
        self._snapshots[snapshot.head.version] = snapshot
        self._current[_ONLY] = evolve(self._current[_ONLY], last_version=snapshot.head.version)

    async def snapshot(self, version: int) -> Snapshot | None:
        return self._snapshots.get(version)

    async def make_current(self, event: PublishEvent) -> None:
        snapshot = self._snapshots[event.version]
        if snapshot.head.published_at is None:
            first = evolve(snapshot.head, published_at=event.at, published_by=event.actor)
            self._snapshots[event.version] = evolve(snapshot, head=first)
        self._events[event.sequence] = event
        known = self._current[_ONLY]
        self._current[_ONLY] = evolve(
            known,
            version=event.version,
            newest_version=max(known.newest_version, event.version),
            last_sequence=event.sequence,
        )

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        await self._locks.take("the trail", self.holder)
        for entry in entries:
            self._trail[len(self._trail)] = entry
