"""Going back to a version of the catalog that was current before: said with a reason, audited, and an event like any publish."""

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from bst_application.ports.publishing import (
    KeyedRequest,
    PublishEvent,
    PublishEventKind,
    PublishingDesk,
    PublishTransaction,
    SnapshotHead,
)
from bst_application.use_cases.once_a_key import KeyReused, once
from bst_application.use_cases.repair import Author, entry_of


@frozen
class VersionNotFound:
    """No version has this number, or it was never current."""


@frozen
class VersionIsCurrent:
    """There is nothing to go back to."""


RollbackOutcome = SnapshotHead | VersionNotFound | VersionIsCurrent


@frozen(kw_only=True)
class RollBackCatalog:
    """Makes an earlier version current as it was, whatever its products are now. The versions after it stay."""

    desk: PublishingDesk
    now: Callable[[], datetime]

    async def __call__(
        self, version: int, *, reason: str, by: Author, request: KeyedRequest | None = None
    ) -> RollbackOutcome | KeyReused:
        """The version that is current now. Raises Unavailable and Conflict."""
        now = self.now()
        async with self.desk.publishing() as tx:

            async def again(subject: str) -> RollbackOutcome:
                snapshot = await tx.snapshot(int(subject))
                assert snapshot is not None, "a frozen payload stays"
                return snapshot.head

            async def act() -> RollbackOutcome:
                return await _act(tx, version, reason, by, now)

            return await once(
                tx, request, now, again=again, act=act, lasting=lambda done: isinstance(done, SnapshotHead)
            )


async def _act(tx: PublishTransaction, version: int, reason: str, by: Author, now: datetime) -> RollbackOutcome:
    publication = await tx.lock_publication()
    snapshot = await tx.snapshot(version)
    if snapshot is None or snapshot.head.published_at is None:
        return VersionNotFound()
    if publication.version == version:
        return VersionIsCurrent()
    head = snapshot.head
    event = PublishEvent(
        sequence=publication.last_sequence + 1,
        kind=PublishEventKind.ROLLED_BACK,
        version=version,
        previous_version=publication.version,
        job=head.job,
        checksum=head.checksum,
        item_count=head.item_count,
        actor=by.actor,
        reason=reason,
        at=now,
    )
    await tx.make_current(event)
    metadata = {
        "previousVersion": publication.version,
        "reason": reason,
        "jobId": str(head.job),
        "checksum": head.checksum,
    }
    resource = ("CATALOG_PUBLISH_VERSION", version)
    await tx.audit([entry_of("CATALOG_PUBLISH_ROLLED_BACK", by, now, resource=resource, metadata=metadata)])
    return head
