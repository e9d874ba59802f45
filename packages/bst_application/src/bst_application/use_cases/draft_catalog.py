"""Drafting a publish job: which products it is for, and a note for whoever reviews it."""

from collections.abc import Callable, Sequence
from datetime import datetime
from uuid import UUID

from attrs import frozen

from bst_application.ports.publishing import KeyedRequest, PublishingDesk, PublishJob
from bst_application.use_cases.once_a_key import KeyReused, once
from bst_application.use_cases.publish_catalog import audit_job, known_job
from bst_application.use_cases.repair import Author
from bst_domain.catalog import PAYLOAD_VERSION
from bst_domain.lifecycles import PublishStatus


@frozen
class UnknownItems:
    """No product has these keys."""

    keys: tuple[UUID, ...]


@frozen(kw_only=True)
class DraftPublishJob:
    """A new job, DRAFT. Without keys it is for every product that is active when it is reviewed."""

    desk: PublishingDesk
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(
        self,
        item_keys: Sequence[UUID],
        note: str | None,
        *,
        by: Author,
        request: Callable[[UUID], KeyedRequest | None] = lambda _: None,
    ) -> PublishJob | UnknownItems | KeyReused:
        """``request`` makes the keyed request of the new job's key. Raises Unavailable and Conflict."""
        now, key = self.now(), self.new_id()
        async with self.desk.publishing() as tx:

            async def again(subject: str) -> PublishJob | UnknownItems:
                return await known_job(tx, UUID(subject))

            async def act() -> PublishJob | UnknownItems:
                known = {item.key for item in await tx.items(item_keys)} if item_keys else set()
                unknown = tuple(one for one in item_keys if one not in known)
                if unknown:
                    return UnknownItems(unknown)
                job = PublishJob(
                    key=key,
                    status=PublishStatus.DRAFT,
                    item_keys=tuple(item_keys),
                    item_count=len(item_keys),
                    note=note,
                    created_by=by.actor,
                    created_at=now,
                    updated_at=now,
                )
                await tx.save_job(job)
                metadata = {"payloadVersion": PAYLOAD_VERSION, "itemCount": job.item_count}
                await audit_job(tx, "CATALOG_PUBLISH_JOB_CREATED", job, by, metadata)
                return job

            return await once(
                tx, request(key), now, again=again, act=act, lasting=lambda done: isinstance(done, PublishJob)
            )
