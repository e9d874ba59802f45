"""Replay jobs in memory."""

from collections import Counter

from bst_application.ports.reading import LetterFilter
from bst_application.ports.replay_jobs import NewReplayJob, PendingItem, ReplayJob
from bst_domain.lifecycles import DeadLetterStatus
from bst_testing.fakes.tables import LetterRow, ReplayItemRow, Transaction

REPLAYABLE = frozenset({DeadLetterStatus.OPEN, DeadLetterStatus.READY, DeadLetterStatus.FAILED})


def chosen(tables: Transaction, wanted: LetterFilter) -> list[LetterRow]:
    """The newest matching letter of each event, the newest failure first."""
    newest: dict[object, LetterRow] = {}
    for row in sorted(tables.dead_letters.values(), key=lambda row: row.opened):
        if _matches(tables, row, wanted):
            newest[row.event_id] = row
    return sorted(newest.values(), key=lambda row: (row.last_failed_at, row.opened), reverse=True)


def _matches(tables: Transaction, row: LetterRow, wanted: LetterFilter) -> bool:
    identity = tables.log[row.event_id].event.content.identity
    return (
        (row.status in REPLAYABLE if wanted.status is None else row.status == wanted.status)
        and wanted.reason_code in {None, row.reason.code}
        and wanted.source in {None, identity.channel}
        and wanted.ref in {None, identity.ref}
        and (wanted.failed_from is None or wanted.failed_from <= row.last_failed_at)
        and (wanted.failed_to is None or row.last_failed_at < wanted.failed_to)
    )


def begin(tables: Transaction, job: NewReplayJob) -> None:
    tables.replay_jobs[job.key] = job
    for row in chosen(tables, job.wanted):
        tables.replay_items[job.key, row.event_id] = ReplayItemRow(letter=row.key)


def job_of(tables: Transaction, job: NewReplayJob) -> ReplayJob:
    items = [item for (key, _), item in tables.replay_items.items() if key == job.key]
    settled = [item for item in items if item.outcome is not None]
    letters = [tables.dead_letters.get(item.letter) for item in settled if item.outcome == "STARTED"]
    over = len(settled) == len(items)
    return ReplayJob(
        key=job.key,
        asked=job.asked,
        actor=job.actor,
        reason=job.reason,
        total=len(items),
        pending=len(items) - len(settled),
        outcomes=Counter(str(item.outcome) for item in settled),
        letters=Counter(row.status.value for row in letters if row is not None),
        created_at=job.at,
        finished_at=max((item.settled_at for item in settled if item.settled_at), default=job.at) if over else None,
    )


def pending(tables: Transaction, limit: int) -> list[PendingItem]:
    waiting = [
        PendingItem(
            job=key,
            letter=item.letter,
            event_id=event_id,
            actor=job.actor,
            reason=job.reason,
            request_id=job.request_id,
            proof=job.proof,
        )
        for (key, event_id), item in tables.replay_items.items()
        for job in (tables.replay_jobs[key],)
        if item.outcome is None
    ]
    return sorted(waiting, key=lambda item: (tables.replay_jobs[item.job].at, item.job, item.event_id))[:limit]
