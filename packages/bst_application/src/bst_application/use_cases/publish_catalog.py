"""Publishing the catalog: review, publish, retry.

Source of the rules: predecessor rules 14. What is reviewed is frozen, and nothing but that is published. Each step holds its job,
and what is current where it matters, so of several at once one is taken and the others are refused by the table. Every act is
audited in the commit that does it, and a repeat of a keyed request is answered without being done again. Payloads are written and
read in a thread, because a large one takes longer than other requests of the process should wait.
"""

from asyncio import to_thread
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any, assert_never
from uuid import UUID

from attrs import evolve, frozen

from bst_application.ports.publishing import (
    KeyedRequest,
    PublishEvent,
    PublishEventKind,
    PublishingDesk,
    PublishJob,
    PublishTransaction,
    Snapshot,
    SnapshotHead,
)
from bst_application.use_cases.once_a_key import KeyReused, once
from bst_application.use_cases.repair import Author, entry_of
from bst_domain.catalog import (
    PAYLOAD_VERSION,
    EmptyPayload,
    ItemsNotActive,
    JsonObject,
    Superseded,
    Unpublishable,
    frozen_json,
    payload_checksum,
    payload_items,
    payload_text,
    refuse_payload,
    reviewer_of,
    snapshot_path,
)
from bst_domain.lifecycles import (
    PUBLISH_JOB,
    FourEyes,
    PublishAction,
    PublishRefusal,
    PublishStatus,
    refuse_publish_action,
)

_S = PublishStatus


@frozen
class JobNotFound:
    """No publish job has this key."""


@frozen
class StepRefused:
    """The step cannot be taken, or not by this actor; nothing happened."""

    action: PublishAction
    why: PublishRefusal
    status: PublishStatus


@frozen
class PublishFailed:
    """The reviewed payload cannot be published: the job is FAILED now."""

    job: PublishJob
    why: Unpublishable


StepOutcome = PublishJob | JobNotFound | StepRefused | PublishFailed


@frozen(kw_only=True)
class TakePublishStep:
    """Submits for review, publishes, or retries a job."""

    desk: PublishingDesk
    rules: FourEyes
    now: Callable[[], datetime]

    async def __call__(
        self, action: PublishAction, key: UUID, *, by: Author, request: KeyedRequest | None = None
    ) -> StepOutcome | KeyReused:
        """The job as it is now, or why not. A payload that cannot be published makes the job FAILED, in a commit.

        Raises Unavailable and Conflict.
        """
        now = self.now()
        async with self.desk.publishing() as tx:

            async def again(subject: str) -> StepOutcome:
                return await known_job(tx, UUID(subject))

            async def act() -> StepOutcome:
                return await self._act(tx, action, key, by, now)

            return await once(tx, request, now, again=again, act=act, lasting=lambda done: isinstance(done, PublishJob))

    async def _act(
        self, tx: PublishTransaction, action: PublishAction, key: UUID, by: Author, now: datetime
    ) -> StepOutcome:
        job = await tx.lock_job(key)
        if job is None:
            return JobNotFound()
        refused = refuse_publish_action(
            action,
            status=job.status,
            actor=by.actor,
            creator=job.created_by,
            reviewer=job.reviewed_by,
            rules=self.rules,
        )
        if refused is not None:
            return StepRefused(action, refused, job.status)
        match action:
            case PublishAction.SUBMIT_REVIEW:
                return await _submit(tx, job, by, now)
            case PublishAction.PUBLISH:
                return await _publish(tx, job, by, now, "CATALOG_PUBLISH_JOB_PUBLISHED")
            case PublishAction.RETRY:
                return await _retry(tx, job, by, now)
            case _:
                assert_never(action)


async def _submit(tx: PublishTransaction, job: PublishJob, by: Author, now: datetime) -> PublishJob:
    submitted = _moved(
        job,
        _S.IN_REVIEW,
        now,
        reviewed=await _freeze(tx, job, await _items_now(tx, job), reviewer=by.actor, now=now),
        reviewed_by=by.actor,
        failure_reason=None,
    )
    await tx.save_job(submitted)
    metadata = {"previousStatus": job.status.value, **_of_review(submitted)}
    await audit_job(tx, "CATALOG_PUBLISH_JOB_SUBMITTED_REVIEW", submitted, by, metadata)
    return submitted


async def _retry(tx: PublishTransaction, job: PublishJob, by: Author, now: datetime) -> PublishJob | PublishFailed:
    """Reviews once more and publishes. The review stays the reviewer's where nothing has changed since."""
    items = await _items_now(tx, job)
    before = None if job.reviewed is None else await tx.snapshot(job.reviewed.version)
    reviewer = reviewer_of(
        reviewed=None if before is None else await to_thread(payload_items, before.payload),
        frozen_now=items,
        reviewer=job.reviewed_by,
        actor=by.actor,
    )
    reviewed = await _freeze(tx, job, items, reviewer=reviewer, now=now)
    again = _moved(job, _S.IN_REVIEW, now, reviewed=reviewed, reviewed_by=reviewer, failure_reason=None)
    return await _publish(tx, again, by, now, "CATALOG_PUBLISH_JOB_RETRIED")


async def _publish(
    tx: PublishTransaction, job: PublishJob, by: Author, now: datetime, event_type: str
) -> PublishJob | PublishFailed:
    publication = await tx.lock_publication()
    assert job.reviewed is not None, "what is in review has been frozen"
    head = job.reviewed
    snapshot = await tx.snapshot(head.version)
    assert snapshot is not None, "a frozen payload stays"
    items = await to_thread(payload_items, snapshot.payload)
    reviewed = [(UUID(item["itemId"]), bool(item["isActive"])) for item in items]
    active = {item.key for item in await tx.items([key for key, _ in reviewed]) if item.is_active}
    why = refuse_payload(reviewed, active_now=active, version=head.version, newest=publication.newest_version)
    if why is not None:
        failed = _moved(job, _S.FAILED, now, failure_reason=failure_text(why))
        await tx.save_job(failed)
        await audit_job(
            tx, "CATALOG_PUBLISH_JOB_FAILED", failed, by, {"reason": failure_text(why), **_of_review(failed)}
        )
        return PublishFailed(failed, why)
    published = _moved(job, _S.PUBLISHED, now, item_count=head.item_count, published_by=by.actor, published_at=now)
    await tx.save_job(published)
    await tx.make_current(
        PublishEvent(
            sequence=publication.last_sequence + 1,
            kind=PublishEventKind.PUBLISHED,
            version=head.version,
            previous_version=publication.version,
            job=job.key,
            checksum=head.checksum,
            item_count=head.item_count,
            actor=by.actor,
            reason=None,
            at=now,
        )
    )
    metadata = {
        "payloadVersion": PAYLOAD_VERSION,
        "itemCount": head.item_count,
        "snapshotPath": snapshot_path(job.key),
        "previousVersion": publication.version,
        **_of_review(published),
    }
    await audit_job(tx, event_type, published, by, metadata)
    return published


async def _items_now(tx: PublishTransaction, job: PublishJob) -> list[JsonObject]:
    """What would be frozen. Whoever holds the publication reads no older state than any version that is frozen already."""
    await tx.lock_publication()
    return [frozen_json(item) for item in await tx.items(job.item_keys or None)]


async def _freeze(
    tx: PublishTransaction, job: PublishJob, items: Sequence[JsonObject], *, reviewer: str, now: datetime
) -> SnapshotHead:
    publication = await tx.lock_publication()
    text = await to_thread(payload_text, items, job=job.key, at=now)
    head = SnapshotHead(
        version=publication.last_version + 1,
        job=job.key,
        checksum=payload_checksum(text),
        item_count=len(items),
        frozen_at=now,
        frozen_by=reviewer,
    )
    await tx.freeze(Snapshot(head=head, payload=text))
    return head


def _moved(job: PublishJob, status: PublishStatus, now: datetime, **changes: Any) -> PublishJob:
    assert PUBLISH_JOB.refuse(job.status, status) is None, "each step is one that the table has"
    return evolve(job, status=status, updated_at=now, **changes)


def _of_review(job: PublishJob) -> dict[str, Any]:
    assert job.reviewed is not None
    return {"version": job.reviewed.version, "checksum": job.reviewed.checksum, "reviewedBy": job.reviewed_by}


async def audit_job(
    tx: PublishTransaction, event_type: str, job: PublishJob, by: Author, metadata: dict[str, Any]
) -> None:
    """The entry of a step that the job has just taken."""
    resource = ("CATALOG_PUBLISH_JOB", job.key)
    await tx.audit([entry_of(event_type, by, job.updated_at, resource=resource, metadata=metadata)])


async def known_job(tx: PublishTransaction, key: UUID) -> PublishJob:
    """A job that there is."""
    job = await tx.lock_job(key)
    assert job is not None, "jobs stay"
    return job


def failure_text(why: Unpublishable) -> str:
    """The machine string, as the job keeps it and callers show it."""
    match why:
        case EmptyPayload():
            return "CATALOG_PUBLISH_EMPTY_PAYLOAD"
        case ItemsNotActive(keys):
            return f"CATALOG_PUBLISH_ITEM_NOT_ACTIVE:{keys_text(keys)}"
        case Superseded(version, newest):
            return f"CATALOG_PUBLISH_SUPERSEDED:{version}<{newest}"
        case _:
            assert_never(why)


def keys_text(keys: Sequence[UUID]) -> str:
    """Comma-separated, as many as fit a message."""
    return ",".join(map(str, keys[:MOST_NAMED]))


#: So many products are named in a message.
MOST_NAMED = 50
