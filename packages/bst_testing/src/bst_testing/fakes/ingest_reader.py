"""The ingest side for readers, over the tables of the storage in memory."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import datetime
from statistics import quantiles
from typing import Any, TypeVar
from uuid import UUID

from bst_application.ports.reading import (
    Backlog,
    EventFilter,
    EventRecord,
    LetterFilter,
    LetterGroup,
    Position,
    ProcessingCounts,
    RetryCounts,
)
from bst_application.ports.repair import DeadLetterRecord
from bst_domain.ingest import RETRYABLE, decode
from bst_domain.lifecycles import ProcessStatus
from bst_domain.values import EventId
from bst_testing.fakes.repairing import letter_record
from bst_testing.fakes.tables import LetterRow, LogRow, Tables

R = TypeVar("R")


class MemoryIngestReader:
    """IngestReader."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def event(self, event_id: UUID) -> EventRecord | None:
        row = self._tables.log.get(EventId(event_id))
        return None if row is None else self._record(row, payload=decode(row.event.payload.encode()))

    async def events(self, wanted: EventFilter, *, after: Position | None, limit: int) -> list[EventRecord]:
        records = [self._record(row, payload=None) for row in self._tables.log.values()]
        chosen = [record for record in records if _event_matches(record, wanted)]
        return _page(chosen, lambda record: (record.received_at, record.event_id), after, limit)

    async def dead_letter(self, key: UUID) -> DeadLetterRecord | None:
        row = self._tables.dead_letters.get(key)
        return None if row is None else self._letter(row)

    async def dead_letters(self, wanted: LetterFilter, *, after: Position | None, limit: int) -> list[DeadLetterRecord]:
        chosen = [letter for letter in self._letters() if _letter_matches(letter, wanted)]
        return _page(chosen, lambda letter: (letter.last_failed_at, letter.key), after, limit)

    async def dead_letter_groups(self) -> list[LetterGroup]:
        groups: dict[tuple[str, str], list[DeadLetterRecord]] = {}
        for letter in self._letters():
            groups.setdefault((letter.reason_code, letter.source), []).append(letter)
        made = [
            LetterGroup(
                reason_code=reason,
                source=source,
                by_status=Counter(letter.status.value for letter in letters),
                newest_failure=max(letter.last_failed_at for letter in letters),
            )
            for (reason, source), letters in groups.items()
        ]
        return sorted(made, key=lambda group: (-sum(group.by_status.values()), group.reason_code, group.source))

    async def processing_counts(self, *, since: datetime) -> ProcessingCounts:
        rows = [row for row in self._tables.log.values() if row.event.received_at >= since]
        said = Counter(row.status for row in rows)
        waits = [
            max(0.0, (row.processed_at - row.event.received_at).total_seconds() * 1000)
            for row in rows
            if row.status is ProcessStatus.DONE and row.processed_at is not None and not self._was_given_up(row)
        ]
        share = quantiles([*waits, *waits[:1]] if len(waits) == 1 else waits, n=20, method="inclusive") if waits else []
        return ProcessingCounts(
            received=len(rows),
            done=said[ProcessStatus.DONE],
            failed=said[ProcessStatus.FAILED],
            processing=said[ProcessStatus.PROCESSING],
            pending=said[ProcessStatus.RECEIVED],
            latency_samples=len(waits),
            latency_median_ms=round(share[9]) if share else 0,
            latency_p95_ms=round(share[18]) if share else 0,
            latency_max_ms=round(max(waits, default=0)),
        )

    def _used_every_retry(self, row: LogRow) -> bool:
        letters = [one for one in self._tables.dead_letters.values() if one.event_id == row.event.event_id]
        newest = max(letters, key=lambda one: one.last_failed_at, default=None)
        return newest is not None and any(newest.reason.code == code and again for code, again in RETRYABLE.items())

    def _was_given_up(self, row: LogRow) -> bool:
        """Before it succeeded; then it waited for people, and that time says nothing of how fast events are processed."""
        return row.processed_at is not None and any(
            one.event_id == row.event.event_id and one.first_failed_at < row.processed_at
            for one in self._tables.dead_letters.values()
        )

    async def retry_counts(self, *, now: datetime) -> RetryCounts:
        rows = list(self._tables.log.values())
        received = [row for row in rows if row.status is ProcessStatus.RECEIVED]
        retries = [row.next_retry_at for row in received if row.next_retry_at is not None]
        attempts = Counter(row.executions for row in rows if row.executions > 0)
        return RetryCounts(
            pending=len(retries),
            due=sum(at <= now for at in retries),
            processing=sum(row.status is ProcessStatus.PROCESSING and row.executions > 0 for row in rows),
            queued=sum(row.next_retry_at is None and row.executions > 0 for row in received),
            exhausted=sum(row.status is ProcessStatus.FAILED and self._used_every_retry(row) for row in rows),
            with_attempt=sum(attempts.values()),
            earliest=min(retries, default=None),
            latest=max(retries, default=None),
            attempts=attempts,
        )

    async def backlog(self, *, now: datetime) -> Backlog:
        waiting = [row for row in self._tables.log.values() if row.status is ProcessStatus.RECEIVED]
        since = [row.next_retry_at or row.event.received_at for row in waiting]
        return Backlog(
            waiting=len(waiting),
            due=sum(at <= now for at in since),
            delayed=sum(row.next_retry_at is not None and row.next_retry_at > now for row in waiting),
            staged_jobs=len(self._tables.staged),
            oldest_receipt=min((row.event.received_at for row in waiting), default=None),
            oldest_due=min((at for at in since if at <= now), default=None),
        )

    async def dead_letter_counts(self) -> Mapping[str, int]:
        return Counter(row.status.value for row in self._tables.dead_letters.values())

    def _letters(self) -> Iterable[DeadLetterRecord]:
        return [self._letter(row) for row in self._tables.dead_letters.values()]

    def _letter(self, row: LetterRow) -> DeadLetterRecord:
        return letter_record(row, self._tables.log[row.event_id].event.content)

    def _record(self, row: LogRow, *, payload: Any) -> EventRecord:
        event, content = row.event, row.event.content
        replays = [
            letter.replay_count for letter in self._tables.dead_letters.values() if letter.event_id == event.event_id
        ]
        return EventRecord(
            event_id=event.event_id,
            idempotency_key=event.idempotency_key,
            nonce=event.nonce,
            process_status=row.status.value,
            source=content.identity.channel,
            channel=content.identity.channel,
            ref=content.identity.ref,
            event_type=content.event_type.value,
            event_time=event.event_time,
            event_time_normalized=content.second,
            payload_hash=event.payload_hash,
            payload=payload,
            error_message=row.error,
            attempts=row.executions,
            next_retry_at=row.next_retry_at,
            replay_count=max(replays, default=0),
            received_at=event.received_at,
            processed_at=row.processed_at,
        )


def _event_matches(record: EventRecord, wanted: EventFilter) -> bool:
    return (
        wanted.status in {None, record.process_status}
        and wanted.source in {None, record.source}
        and wanted.ref in {None, record.ref}
        and wanted.event_type in {None, record.event_type}
        and (wanted.received_from is None or record.received_at >= wanted.received_from)
        and (wanted.received_to is None or record.received_at < wanted.received_to)
    )


def _letter_matches(letter: DeadLetterRecord, wanted: LetterFilter) -> bool:
    return (
        wanted.status in {None, letter.status}
        and wanted.reason_code in {None, letter.reason_code}
        and wanted.source in {None, letter.source}
        and wanted.ref in {None, letter.ref}
        and (wanted.failed_from is None or letter.last_failed_at >= wanted.failed_from)
        and (wanted.failed_to is None or letter.last_failed_at < wanted.failed_to)
    )


def _page(
    records: Sequence[R], place: Callable[[R], tuple[datetime, UUID]], after: Position | None, limit: int
) -> list[R]:
    ordered = sorted(records, key=place, reverse=True)
    return [record for record in ordered if after is None or place(record) < (after.at, after.key)][:limit]
