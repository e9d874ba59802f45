"""Replaying many dead letters at once: chosen when asked for, done one by one by the worker.

Every item is a commit of its own: made READY by the table, sent through the processing door again, audited with the job's actor
and reason, and settled. A crash between two items loses nothing and repeats nothing.
"""

import logging
from collections.abc import Callable, Mapping
from datetime import datetime
from uuid import UUID

from attrs import frozen

from bst_application.errors import Conflict, Unavailable
from bst_application.log_fields import fields
from bst_application.ports.reading import LetterFilter
from bst_application.ports.repair import RepairDesk, RepairTransaction
from bst_application.ports.replay_jobs import NewReplayJob, PendingItem, ReplayJob, ReplayJobs
from bst_application.use_cases.repair import (
    Author,
    ReplayEvent,
    ReplayStarted,
    entry_of,
    letter_of,
    move_by_hand,
    refusal_text,
)
from bst_domain.lifecycles import DEAD_LETTER, DeadLetterStatus

STARTED = "STARTED"

_log = logging.getLogger(__name__)


@frozen(kw_only=True)
class BeginReplayJob:
    """Chooses the events of a new job."""

    jobs: ReplayJobs
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(self, wanted: LetterFilter, asked: Mapping[str, str], *, reason: str, by: Author) -> ReplayJob:
        """The job as it stands. Raises Unavailable and Conflict."""
        now, key = self.now(), self.new_id()
        metadata = {"filter": dict(asked), "reason": reason}
        entry = entry_of("DEAD_LETTER_REPLAY_JOB_CREATED", by, now, resource=("REPLAY_JOB", key), metadata=metadata)
        new = NewReplayJob(
            key=key,
            wanted=wanted,
            asked=asked,
            actor=by.actor,
            reason=reason,
            request_id=by.request_id,
            proof=by.proof,
            at=now,
        )
        await self.jobs.begin(new, entry)
        job = await self.jobs.job(key)
        assert job is not None, "a job that was begun is there"
        return job


@frozen(kw_only=True)
class RunReplayJobs:
    """Works off what waits, ``at_once`` items a round. Any number of runners may do so: an item is settled once."""

    jobs: ReplayJobs
    desk: RepairDesk
    replay: ReplayEvent
    now: Callable[[], datetime]
    at_once: int

    async def __call__(self) -> int:
        """One round; returns how many items it settled. Raises Unavailable and Conflict."""
        items = await self.jobs.pending(limit=self.at_once)
        done = 0
        for item in items:
            try:
                await self._do(item)
            except Conflict:  # another runner settled it first, or the database chose a loser: the next round sees
                continue
            except Unavailable:
                raise
            except Exception:  # the others need not wait for what is wrong with this one
                _log.exception("a replay failed", extra=fields(eventId=str(item.event_id), jobId=str(item.job)))
                continue
            done += 1
        return done

    async def _do(self, item: PendingItem) -> None:
        now = self.now()
        by = Author(actor=item.actor, request_id=item.request_id, proof={**item.proof, "jobId": str(item.job)})
        async with self.desk.repairing() as tx:
            await tx.lock_event(item.event_id)
            await _make_ready(tx, item, by, now)
            outcome = await self.replay.within(tx, item.event_id, reason=item.reason, by=by, now=now)
            settled = STARTED if isinstance(outcome, ReplayStarted) else refusal_text(outcome, item.event_id)
            if not await tx.settle_item(item.job, item.event_id, settled[:191], now=now):
                raise Conflict("another runner has done it")


async def _make_ready(tx: RepairTransaction, item: PendingItem, by: Author, now: datetime) -> None:
    """OPEN and FAILED become READY first; whoever asked for the job decided that for all of them."""
    letter = await letter_of(tx, item.event_id, item.letter)
    ready = DeadLetterStatus.READY
    if letter is None or DEAD_LETTER.refuse(letter.status, ready) is not None:
        return
    if letter.status is DeadLetterStatus.REPLAYING:  # somebody else's replay is under way
        return
    await move_by_hand(tx, letter, ready, by=by, now=now)
