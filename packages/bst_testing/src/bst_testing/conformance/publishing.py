"""What every publishing desk must do, told through the use cases. Source of the rules: predecessor rules 14, and our own."""

import asyncio
from collections import Counter
from datetime import timedelta
from uuid import UUID

import pytest

from bst_application.errors import Conflict, Unavailable
from bst_application.ids import uuid7
from bst_application.ports.audit import AuditEntry
from bst_application.ports.publishing import (
    KeyedRequest,
    Publication,
    PublishEventKind,
    PublishJob,
    Snapshot,
    SnapshotHead,
)
from bst_application.use_cases.draft_catalog import DraftPublishJob, UnknownItems
from bst_application.use_cases.once_a_key import KeyReused
from bst_application.use_cases.publish_catalog import JobNotFound, PublishFailed, StepRefused
from bst_application.use_cases.roll_back_catalog import RollBackCatalog, VersionIsCurrent, VersionNotFound
from bst_domain.catalog import ItemsNotActive, Superseded, frozen_json, payload_checksum, payload_items
from bst_domain.lifecycles import FourEyes, PublishRefusal
from bst_testing.deliveries import NOW
from bst_testing.publishing import (
    AYU,
    BUDI,
    CITRA,
    STEP,
    A,
    PublishingStorage,
    S,
    current,
    draft,
    in_review,
    product,
    published,
    put,
    step,
)


class PublishingConformance:
    """Subclass it; give a ``storage`` fixture with nothing in it, and ``audited``."""

    @pytest.fixture
    def storage(self) -> PublishingStorage:
        raise NotImplementedError("a subclass gives the storage")

    async def audited(self, storage: PublishingStorage) -> list[AuditEntry]:
        """The audit trail, oldest first."""
        raise NotImplementedError("a subclass reads it")

    async def test_nothing_is_published_at_first(self, storage: PublishingStorage) -> None:
        nothing = Publication(version=None, newest_version=0, last_version=0, last_sequence=0)
        assert await storage.desk.publication() == nothing
        assert await storage.desk.jobs(limit=10) == []
        assert await storage.desk.versions(limit=10) == []
        assert await storage.desk.events(after=0, limit=10) == []
        assert await storage.desk.job(UUID(int=1)) is None
        assert await storage.desk.read_snapshot(1) is None

    async def test_a_job_is_kept_as_it_was_made(self, storage: PublishingStorage) -> None:
        await put(storage, product(1), product(2))
        job = await draft(storage, UUID(int=2), UUID(int=1))
        assert (job.status, job.item_keys, job.item_count) == (S.DRAFT, (UUID(int=2), UUID(int=1)), 2)
        assert await storage.desk.job(job.key) == job
        unknown = await DraftPublishJob(desk=storage.desk, now=lambda: NOW, new_id=uuid7)(
            [UUID(int=1), UUID(int=9)], None, by=AYU
        )
        assert unknown == UnknownItems((UUID(int=9),))
        assert await storage.desk.jobs(limit=10) == [job]

    async def test_review_freezes_and_publish_makes_current_what_was_reviewed(self, storage: PublishingStorage) -> None:
        await put(storage, product(1), product(2, is_active=False))
        before = [frozen_json(item) for item in await storage.catalog.items(None)]
        job = await in_review(storage)
        assert job.reviewed is not None
        assert (job.status, job.reviewed_by, job.reviewed.version, job.reviewed.item_count) == (
            S.IN_REVIEW,
            "budi",
            1,
            1,
        )
        assert (await storage.desk.publication()).version is None
        assert await storage.desk.versions(limit=10) == []
        await put(storage, product(1, description="edited since"), product(3))
        done = await step(storage, NOW + 2 * STEP)(A.PUBLISH, job.key, by=CITRA)
        assert isinstance(done, PublishJob)
        assert done.reviewed is not None
        assert (done.status, done.published_by, done.item_count) == (S.PUBLISHED, "citra", 1)
        snapshot = await current(storage)
        assert payload_items(snapshot.payload) == before
        assert payload_checksum(snapshot.payload) == snapshot.head.checksum == job.reviewed.checksum
        assert (snapshot.head.published_at, snapshot.head.published_by) == (NOW + 2 * STEP, "citra")
        assert await storage.desk.versions(limit=10) == [snapshot.head]
        [event] = await storage.desk.events(after=0, limit=10)
        assert (event.sequence, event.kind, event.version, event.previous_version) == (
            1,
            PublishEventKind.PUBLISHED,
            1,
            None,
        )
        assert (event.job, event.checksum, event.actor, event.at) == (
            job.key,
            snapshot.head.checksum,
            "citra",
            NOW + 2 * STEP,
        )
        kept = await storage.desk.job(job.key)
        assert kept is not None
        assert kept.reviewed == snapshot.head
        assert [(entry.event_type, entry.actor) for entry in await self.audited(storage)][-3:] == [
            ("CATALOG_PUBLISH_JOB_CREATED", "ayu"),
            ("CATALOG_PUBLISH_JOB_SUBMITTED_REVIEW", "budi"),
            ("CATALOG_PUBLISH_JOB_PUBLISHED", "citra"),
        ]

    async def test_a_step_that_the_table_does_not_have_is_refused(self, storage: PublishingStorage) -> None:
        await put(storage, product(1))
        job = await draft(storage)
        for action in (A.PUBLISH, A.RETRY):
            refused = await step(storage)(action, job.key, by=BUDI)
            assert refused == StepRefused(action, PublishRefusal.WRONG_STATUS, S.DRAFT)
        assert await storage.desk.job(job.key) == job
        assert await step(storage)(A.PUBLISH, UUID(int=404), by=BUDI) == JobNotFound()
        same = FourEyes(reviewer_is_not_creator=True)
        refused = await step(storage, rules=same)(A.SUBMIT_REVIEW, job.key, by=AYU)
        assert refused == StepRefused(A.SUBMIT_REVIEW, PublishRefusal.REVIEWER_IS_CREATOR, S.DRAFT)

    async def test_an_older_payload_never_replaces_a_newer_one_by_publishing(self, storage: PublishingStorage) -> None:
        await put(storage, product(1), product(2))
        older = await in_review(storage, UUID(int=1))
        newer = await published(storage, UUID(int=2))
        failed = await step(storage, NOW + 3 * STEP)(A.PUBLISH, older.key, by=CITRA)
        assert isinstance(failed, PublishFailed)
        assert failed.why == Superseded(1, 2)
        kept = await storage.desk.job(older.key)
        assert kept is not None
        assert (kept.status, kept.failure_reason) == (S.FAILED, "CATALOG_PUBLISH_SUPERSEDED:1<2")
        assert (await current(storage)).head.job == newer.key
        again = await step(storage, NOW + 4 * STEP)(A.RETRY, older.key, by=CITRA)
        assert isinstance(again, PublishJob)
        assert again.reviewed is not None
        # Nothing has changed since the review, so it is still the reviewer's.
        assert (again.status, again.reviewed_by, again.reviewed.version) == (S.PUBLISHED, "budi", 3)

    async def test_what_is_inactive_is_not_published(self, storage: PublishingStorage) -> None:
        await put(storage, product(1), product(2))
        job = await in_review(storage)
        await put(storage, product(2, is_active=False))
        failed = await step(storage)(A.PUBLISH, job.key, by=CITRA)
        assert isinstance(failed, PublishFailed)
        assert failed.why == ItemsNotActive((UUID(int=2),))
        assert (await storage.desk.publication()).version is None
        assert [entry.event_type for entry in await self.audited(storage)][-1] == "CATALOG_PUBLISH_JOB_FAILED"
        again = await step(storage)(A.RETRY, job.key, by=CITRA)
        assert isinstance(again, PublishJob)
        assert (again.reviewed_by, again.item_count) == ("citra", 1)  # what she published, nobody had reviewed before

    async def test_going_back(self, storage: PublishingStorage) -> None:
        await put(storage, product(1), product(2))
        await published(storage, UUID(int=1))
        await published(storage, UUID(int=2))
        await in_review(storage, UUID(int=1))
        back = RollBackCatalog(desk=storage.desk, now=lambda: NOW + 5 * STEP)
        for version in (3, 4, 0):
            assert await back(version, reason="r", by=AYU) == VersionNotFound()
        assert await back(2, reason="r", by=AYU) == VersionIsCurrent()
        head = await back(1, reason="wrong prices", by=AYU)
        assert isinstance(head, SnapshotHead)
        assert await storage.desk.publication() == Publication(
            version=1, newest_version=2, last_version=3, last_sequence=3
        )
        assert head.published_at == NOW + 2 * STEP  # the first time
        [event] = await storage.desk.events(after=2, limit=10)
        assert (event.kind, event.version, event.previous_version, event.reason, event.actor) == (
            PublishEventKind.ROLLED_BACK,
            1,
            2,
            "wrong prices",
            "ayu",
        )
        entry = (await self.audited(storage))[-1]
        assert (entry.event_type, entry.resource_id) == ("CATALOG_PUBLISH_ROLLED_BACK", "1")

    async def test_twenty_publishers_of_one_job_at_once_publish_it_once(self, storage: PublishingStorage) -> None:
        await put(storage, product(1))
        job = await in_review(storage)
        outcomes = await asyncio.gather(*(step(storage)(A.PUBLISH, job.key, by=CITRA) for _ in range(20)))
        assert Counter(type(outcome) for outcome in outcomes) == {PublishJob: 1, StepRefused: 19}
        assert len(await storage.desk.events(after=0, limit=100)) == 1

    async def test_twenty_jobs_at_once_are_numbered_without_gaps_and_the_newest_stays(
        self, storage: PublishingStorage
    ) -> None:
        await put(storage, *(product(number) for number in range(1, 21)))
        jobs = [await draft(storage, UUID(int=number)) for number in range(1, 21)]
        reviewed = await asyncio.gather(*(step(storage)(A.SUBMIT_REVIEW, job.key, by=BUDI) for job in jobs))
        versions = sorted(job.reviewed.version for job in reviewed if isinstance(job, PublishJob) and job.reviewed)
        assert versions == list(range(1, 21))
        outcomes = await asyncio.gather(*(step(storage)(A.PUBLISH, job.key, by=CITRA) for job in jobs))
        assert {type(outcome) for outcome in outcomes} <= {PublishJob, PublishFailed}
        publication = await storage.desk.publication()
        assert (publication.version, publication.newest_version) == (20, 20)
        events = await storage.desk.events(after=0, limit=100)
        assert [event.sequence for event in events] == list(range(1, len(events) + 1))
        assert [event.version for event in events] == sorted(event.version for event in events)
        assert len(events) == sum(isinstance(outcome, PublishJob) for outcome in outcomes)

    async def test_a_key_is_done_once(self, storage: PublishingStorage) -> None:
        await put(storage, product(1))
        jobs = await asyncio.gather(*(draft(storage, key="k") for _ in range(20)))
        assert len({job.key for job in jobs}) == 1
        assert len(await storage.desk.jobs(limit=100)) == 1
        key = jobs[0].key
        request = KeyedRequest(key="k", path="submit", body_hash="0" * 64, subject=str(key))
        first = await step(storage)(A.SUBMIT_REVIEW, key, by=BUDI, request=request)
        again = await step(storage)(A.SUBMIT_REVIEW, key, by=BUDI, request=request)
        assert isinstance(first, PublishJob)
        assert first == again
        other = KeyedRequest(key="k", path="submit", body_hash="1" * 64, subject=str(key))
        assert await step(storage)(A.SUBMIT_REVIEW, key, by=BUDI, request=other) == KeyReused()
        refused = KeyedRequest(key="k", path="retry", body_hash="0" * 64, subject=str(key))
        for _ in range(2):  # what was refused was not done
            assert isinstance(await step(storage)(A.RETRY, key, by=BUDI, request=refused), StepRefused)
        # After five weeks a key is anybody's again.
        late = await step(storage, NOW + timedelta(days=36))(A.SUBMIT_REVIEW, key, by=BUDI, request=request)
        assert isinstance(late, StepRefused)

    async def test_a_nonce_is_taken_once_within_its_time(self, storage: PublishingStorage) -> None:
        ttl = timedelta(minutes=10)
        taken = await asyncio.gather(*(storage.desk.take_nonce("n", now=NOW, ttl=ttl) for _ in range(20)))
        assert Counter(taken) == {True: 1, False: 19}
        assert await storage.desk.take_nonce("other", now=NOW, ttl=ttl)
        assert not await storage.desk.take_nonce("n", now=NOW + ttl, ttl=ttl)
        assert await storage.desk.take_nonce("n", now=NOW + ttl + timedelta(seconds=1), ttl=ttl)

    async def test_a_commit_that_fails_leaves_nothing(self, storage: PublishingStorage) -> None:
        await put(storage, product(1))
        job = await in_review(storage)
        snapshot = await storage.desk.read_snapshot(1)
        assert snapshot is not None
        with pytest.raises((Unavailable, Conflict)):
            async with storage.desk.publishing() as tx:
                await tx.lock_job(job.key)
                publication = await tx.lock_publication()
                await tx.claim(KeyedRequest(key="k", path="p", body_hash="0" * 64, subject="1"), now=NOW)
                head = SnapshotHead(
                    version=publication.last_version + 1,
                    job=job.key,
                    checksum="0" * 64,
                    item_count=0,
                    frozen_at=NOW,
                    frozen_by="ayu",
                )
                await tx.freeze(Snapshot(head=head, payload="{}"))
                raise Unavailable("the connection is lost")
        assert (await storage.desk.publication()).last_version == 1
        assert await storage.desk.read_snapshot(2) is None
        assert isinstance(await draft(storage, key="k"), PublishJob)

    async def test_lists_begin_with_the_newest_and_end_where_they_should(self, storage: PublishingStorage) -> None:
        await put(storage, product(1))
        jobs = [await draft(storage, at=NOW + number * STEP) for number in range(4)]
        assert [job.key for job in await storage.desk.jobs(limit=3)] == [job.key for job in jobs[::-1][:3]]
        for _ in range(3):
            await published(storage)
        assert [head.version for head in await storage.desk.versions(limit=2)] == [3, 2]
        assert [event.sequence for event in await storage.desk.events(after=1, limit=1)] == [2]
