"""Publishing as tests tell it: products, and jobs on their way."""

from datetime import datetime, timedelta
from typing import Protocol
from uuid import UUID

from bst_application.ids import uuid7
from bst_application.ports.catalog import CatalogEditor
from bst_application.ports.publishing import KeyedRequest, PublishingDesk, PublishJob, Snapshot
from bst_application.use_cases.draft_catalog import DraftPublishJob
from bst_application.use_cases.publish_catalog import TakePublishStep
from bst_application.use_cases.repair import Author
from bst_domain.catalog import EditorItem
from bst_domain.lifecycles import FourEyes, PublishAction, PublishStatus
from bst_testing.deliveries import NOW

AYU, BUDI, CITRA = (Author(actor=name, request_id="request-1") for name in ("ayu", "budi", "citra"))
STEP = timedelta(minutes=1)
S, A = PublishStatus, PublishAction


class PublishingStorage(Protocol):
    """A desk beside the editor's catalog that it publishes from."""

    @property
    def desk(self) -> PublishingDesk: ...

    @property
    def catalog(self) -> CatalogEditor: ...


def product(number: int, **other: object) -> EditorItem:
    made = {"slug": f"tour-{number}", "name": f"Tour {number}", "description": "All day", "is_active": True, **other}
    return EditorItem(key=UUID(int=number), is_featured=False, created_at=NOW, updated_at=NOW, **made)  # type: ignore[arg-type]  # as a test spells them


async def put(storage: PublishingStorage, *items: EditorItem) -> None:
    """As an editor leaves them."""
    async with storage.catalog.editing() as tx:
        for item in items:
            if await tx.hold(item.key) is None:
                await tx.add(item, by="test")
            else:
                await tx.save(item, by="test")


async def draft(
    storage: PublishingStorage, *keys: UUID, at: datetime = NOW, by: Author = AYU, key: str | None = None
) -> PublishJob:
    def request(job: UUID) -> KeyedRequest | None:
        return None if key is None else KeyedRequest(key=key, path="jobs", body_hash="0" * 64, subject=str(job))

    job = await DraftPublishJob(desk=storage.desk, now=lambda: at, new_id=uuid7)(keys, None, by=by, request=request)
    assert isinstance(job, PublishJob)
    return job


def step(storage: PublishingStorage, at: datetime = NOW + STEP, rules: FourEyes | None = None) -> TakePublishStep:
    return TakePublishStep(desk=storage.desk, rules=rules or FourEyes(), now=lambda: at)


async def in_review(storage: PublishingStorage, *keys: UUID, by: Author = BUDI) -> PublishJob:
    job = await step(storage)(A.SUBMIT_REVIEW, (await draft(storage, *keys)).key, by=by)
    assert isinstance(job, PublishJob)
    return job


async def published(storage: PublishingStorage, *keys: UUID) -> PublishJob:
    job = await step(storage, NOW + 2 * STEP)(A.PUBLISH, (await in_review(storage, *keys)).key, by=CITRA)
    assert isinstance(job, PublishJob)
    return job


async def current(storage: PublishingStorage) -> Snapshot:
    version = (await storage.desk.publication()).version
    assert version is not None
    snapshot = await storage.desk.read_snapshot(version)
    assert snapshot is not None
    return snapshot
