"""Batch C ends in a published catalog: draft, review and publish, as any catalog is published, by the principal of the run.

Source of the rules: issue "Moving in", batch C. What is published already is not published again, and a catalog that a person has
published since stays: from then on it is theirs to publish.
"""

from asyncio import to_thread
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from attrs import frozen

from bst_application.ports.publishing import Publication, PublishingDesk, PublishJob
from bst_application.use_cases.draft_catalog import DraftPublishJob
from bst_application.use_cases.publish_catalog import TakePublishStep
from bst_application.use_cases.repair import Author
from bst_domain.catalog import frozen_json, payload_items, payload_text
from bst_domain.lifecycles import FourEyes, PublishAction, PublishStatus

#: The principal of the run, in the audit trail and in the events of publishing.
BRIDGE = "bst migrate"
_NOTE = "batch C"


@frozen
class Published:
    """This version is current now."""

    version: int


@frozen
class WouldPublish:
    """A dry run: with what it would change, it may come to another catalog than the published one."""


@frozen
class Unchanged:
    """Nothing was published; ``why`` is a sentence."""

    version: int | None
    why: str


@frozen(kw_only=True)
class PublishMoved:
    """One principal drafts, reviews and publishes: nobody else is there yet."""

    desk: PublishingDesk
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(self, *, dry_run: bool = False, to_come: int = 0) -> Published | WouldPublish | Unchanged:
        """``to_come``: rows of the catalog that a dry run did not write.

        Raises Unavailable and Conflict; asked again, it goes on with a job that it had drafted.
        """
        publication = await self.desk.publication()
        somebody = await self._published_by_another(publication)
        if somebody is not None:
            return Unchanged(publication.version, f"{somebody} has published it; what is new waits for them")
        if not to_come and not await self._differs(publication):
            why = "it is published as it is" if publication.version is not None else "there is nothing to publish"
            return Unchanged(publication.version, why)
        if dry_run:
            return WouldPublish()
        return await self._publish()

    async def _publish(self) -> Published | Unchanged:
        by = Author(actor=BRIDGE)
        job = await self._job(by)
        step = TakePublishStep(desk=self.desk, rules=FourEyes(), now=self.now)
        for action in (PublishAction.SUBMIT_REVIEW, PublishAction.PUBLISH):
            made = await step(action, job.key, by=by)
            if not isinstance(made, PublishJob):
                return Unchanged(None, f"job {job.key} could not be published: {made}")
        published = await self.desk.publication()
        assert published.version is not None
        return Published(published.version)

    async def _published_by_another(self, publication: Publication) -> str | None:
        events = await self.desk.events(after=publication.last_sequence - 1, limit=1)
        if publication.version is None or not events or events[-1].actor == BRIDGE:
            return None
        return events[-1].actor

    async def _differs(self, publication: Publication) -> bool:
        async with self.desk.publishing() as tx:
            items = [frozen_json(item) for item in await tx.items(None)]
        if not items:  # an empty catalog is not published
            return False
        current = None if publication.version is None else await self.desk.read_snapshot(publication.version)
        if current is None:
            return True
        text = await to_thread(payload_text, items, job=current.head.job, at=self.now())
        return payload_items(text) != await to_thread(payload_items, current.payload)

    async def _job(self, by: Author) -> PublishJob:
        left = [
            job
            for job in await self.desk.jobs(limit=20)
            if job.created_by == BRIDGE and job.status is PublishStatus.DRAFT and not job.item_keys
        ]
        if left:
            return left[0]
        made = await DraftPublishJob(desk=self.desk, now=self.now, new_id=self.new_id)((), _NOTE, by=by)
        assert isinstance(made, PublishJob), "a job for every product names none that is not there"
        return made
