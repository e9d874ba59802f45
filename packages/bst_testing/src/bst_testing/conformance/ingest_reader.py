"""What every reader of the ingest side must do, told of events that the use cases accepted, processed and repaired."""

from datetime import UTC, datetime, timedelta

import pytest

from bst_application.ids import uuid7
from bst_application.ports.reading import EventFilter, EventRecord, IngestReader, LetterFilter, Position
from bst_application.ports.repair import DeadLetterRecord
from bst_domain.ingest import RETRY_DELAYS
from bst_domain.lifecycles import DeadLetterStatus
from bst_testing.conformance.booking_store import accept, processing
from bst_testing.conformance.event_log import accepting
from bst_testing.conformance.failing_save import FailingSave
from bst_testing.conformance.repair import (
    AYU,
    BROKEN,
    LATER,
    RepairStorage,
    change,
    letters,
    made_ready,
    mark,
    replay,
)
from bst_testing.deliveries import NOW, body, delivery, paid

#: Long before anything here, also by the clock of a database that notes for itself when a row came.
LONG_AGO = datetime(2020, 1, 1, tzinfo=UTC)
SOMEHOW = body("UPDATED", ref="WEB-9", at="2026-03-02T00:00:00Z", raw=paid("P-9", "SOMEHOW"))


class IngestReaderConformance:
    """Subclass it, and give a ``storage`` fixture with nothing in it and a ``reader`` of the same."""

    @pytest.fixture
    def storage(self) -> RepairStorage:
        raise NotImplementedError("a subclass gives the storage")

    @pytest.fixture
    def reader(self, storage: RepairStorage) -> IngestReader:
        raise NotImplementedError("a subclass gives a reader of the storage")

    async def test_an_event_is_read_as_it_was_accepted(self, storage: RepairStorage, reader: IngestReader) -> None:
        said = body("UPDATED", at="2026-03-01T10:00:00.750Z", booking={"note": "José"})
        sent = delivery(said, "key-1", nonce="nonce-01")
        assert sent.event is not None
        await accepting(storage)([sent])
        record = await reader.event(sent.event.event_id)
        assert record is not None
        assert (record.event_id, record.idempotency_key, record.nonce) == (sent.event.event_id, "key-1", "nonce-01")
        assert (record.source, record.channel, record.ref, record.event_type) == (
            "DIRECT",
            "DIRECT",
            "WEB-1",
            "UPDATED",
        )
        assert record.event_time == datetime(2026, 3, 1, 10, 0, 0, 750_000, tzinfo=UTC)
        assert record.event_time_normalized == datetime(2026, 3, 1, 10, tzinfo=UTC)
        assert (record.payload, record.payload_hash) == (said, sent.event.payload_hash)
        assert (record.process_status, record.attempts, record.replay_count) == ("RECEIVED", 0, 0)
        assert (record.received_at, record.processed_at, record.next_retry_at) == (NOW, None, None)
        assert record.error_message is None
        assert await reader.event(uuid7()) is None

    async def test_an_event_says_what_became_of_it(self, storage: RepairStorage, reader: IngestReader) -> None:
        done, bad, waiting = await accept(storage, body(), SOMEHOW, body(ref="WEB-2"))
        later = NOW + LATER
        await processing(storage, later)([done, bad])
        await processing(FailingSave(storage), later)([waiting])
        records = {
            record.event_id: record for record in [await reader.event(each) for each in (done, bad, waiting)] if record
        }
        assert (records[done].process_status, records[done].processed_at, records[done].attempts) == ("DONE", later, 1)
        assert (records[bad].process_status, records[bad].processed_at) == ("FAILED", None)
        assert "SOMEHOW" in (records[bad].error_message or "")
        assert (records[waiting].process_status, records[waiting].attempts) == ("RECEIVED", 1)
        assert records[waiting].next_retry_at == later + RETRY_DELAYS[0]
        assert "TRANSIENT_ERROR" in (records[waiting].error_message or "")

    async def test_a_replay_is_counted_and_the_first_success_stands(
        self, storage: RepairStorage, reader: IngestReader
    ) -> None:
        [event_id] = await accept(storage, body())
        await processing(storage, NOW + LATER / 2)([event_id])
        await made_ready(storage, event_id)
        await replay(storage)(event_id, reason="x", by=AYU)
        await processing(storage, NOW + 9 * LATER)([event_id])
        record = await reader.event(event_id)
        assert record is not None
        assert (record.process_status, record.replay_count) == ("DONE", 1)
        assert record.processed_at == NOW + LATER / 2
        assert record.error_message is None

    async def test_pages_of_events_have_no_gaps_and_no_repeats(
        self, storage: RepairStorage, reader: IngestReader
    ) -> None:
        for minute in range(3):
            at = NOW + minute * LATER
            group = [delivery(body(ref=f"WEB-{minute}-{n}"), str(uuid7()), now=at) for n in range(3)]
            await accepting(storage)(group)
        seen: list[EventRecord] = []
        after: Position | None = None
        while page := await reader.events(EventFilter(), after=after, limit=2):
            seen += page
            after = Position(at=page[-1].received_at, key=page[-1].event_id)
        assert len({record.event_id for record in seen}) == len(seen) == 9
        places = [(record.received_at, record.event_id) for record in seen]
        assert places == sorted(places, reverse=True)
        assert {record.payload for record in seen} == {None}

    @pytest.mark.parametrize(
        ("wanted", "refs"),
        [
            (EventFilter(status="FAILED"), {"WEB-9"}),
            (EventFilter(source="GYG"), {"GYG-1"}),
            (EventFilter(ref="WEB-1"), {"WEB-1"}),
            (EventFilter(event_type="UPDATED"), {"WEB-9"}),
            (EventFilter(received_from=NOW + LATER), {"LATE"}),
            (EventFilter(received_to=NOW + LATER), {"WEB-1", "GYG-1", "WEB-9"}),
            (EventFilter(status="DONE", source="GYG"), set()),
        ],
    )
    async def test_all_given_conditions_hold_for_events(
        self, storage: RepairStorage, reader: IngestReader, wanted: EventFilter, refs: set[str]
    ) -> None:
        _, _, bad = await accept(storage, body(), body(ref="GYG-1", source="GYG"), SOMEHOW)
        await accepting(storage)([delivery(body(ref="LATE"), "late", now=NOW + LATER)])
        await processing(storage)([bad])
        assert {record.ref for record in await reader.events(wanted, after=None, limit=10)} == refs

    async def test_dead_letters_are_read_one_by_one_in_pages_and_by_filter(
        self, storage: RepairStorage, reader: IngestReader
    ) -> None:
        web, gyg, bad = await accept(storage, body(), body(ref="GYG-1", source="GYG"), SOMEHOW)
        await processing(storage)([bad])
        first = await mark(storage)(web, BROKEN, by=AYU)
        second = await mark(storage, 2 * LATER)(gyg, BROKEN, by=AYU)
        assert isinstance(first, DeadLetterRecord)
        assert isinstance(second, DeadLetterRecord)
        assert await reader.dead_letter(first.key) == first
        assert await reader.dead_letter(uuid7()) is None
        everything = await reader.dead_letters(LetterFilter(), after=None, limit=10)
        assert [letter.event_id for letter in everything] == [gyg, web, bad]
        seen: list[DeadLetterRecord] = []
        after: Position | None = None
        while page := await reader.dead_letters(LetterFilter(), after=after, limit=1):
            seen += page
            after = Position(at=page[-1].last_failed_at, key=page[-1].key)
        assert seen == everything
        await change(storage)(second.key, DeadLetterStatus.CLOSED, by=AYU)
        for wanted, expected in (
            (LetterFilter(status="CLOSED"), [gyg]),
            (LetterFilter(reason_code="SCHEMA_MISMATCH"), [bad]),
            (LetterFilter(source="GYG"), [gyg]),
            (LetterFilter(ref="WEB-1"), [web]),
            (LetterFilter(failed_from=NOW + 2 * LATER), [gyg]),
            (LetterFilter(failed_to=NOW + LATER), [bad]),
            (LetterFilter(status="OPEN", source="DIRECT"), [web, bad]),
        ):
            found = await reader.dead_letters(wanted, after=None, limit=10)
            assert [letter.event_id for letter in found] == expected, wanted

    async def test_dead_letters_are_grouped_and_counted(self, storage: RepairStorage, reader: IngestReader) -> None:
        assert await reader.dead_letter_groups() == []
        one, two, bad = await accept(storage, body(), body(ref="WEB-2"), SOMEHOW)
        await processing(storage)([bad])
        await made_ready(storage, one)
        await mark(storage, 2 * LATER)(two, BROKEN, by=AYU)
        groups = await reader.dead_letter_groups()
        assert [(group.reason_code, group.source, dict(group.by_status)) for group in groups] == [
            ("BY_HAND", "DIRECT", {"READY": 1, "OPEN": 1}),
            ("SCHEMA_MISMATCH", "DIRECT", {"OPEN": 1}),
        ]
        assert [group.newest_failure for group in groups] == [NOW + 2 * LATER, NOW]
        counts = await reader.dead_letter_counts()
        assert {status: count for status, count in counts.items() if count} == {"OPEN": 2, "READY": 1}

    async def test_processing_is_counted_with_its_latencies(self, storage: RepairStorage, reader: IngestReader) -> None:
        ids = await accept(storage, *(body(ref=f"WEB-{n}") for n in range(4)), SOMEHOW)
        await processing(storage, NOW + timedelta(seconds=1))(ids[:2])
        await processing(storage, NOW + timedelta(seconds=3))([ids[2], ids[4]])
        counts = await reader.processing_counts(since=LONG_AGO)
        assert (counts.received, counts.done, counts.failed, counts.processing, counts.pending) == (5, 3, 1, 0, 1)
        assert (counts.latency_samples, counts.latency_median_ms, counts.latency_max_ms) == (3, 1000, 3000)
        assert counts.latency_p95_ms == 2800
        nothing = await reader.processing_counts(since=NOW + timedelta(seconds=1))
        assert (nothing.received, nothing.latency_samples, nothing.latency_max_ms) == (0, 0, 0)

    async def test_a_worker_whose_clock_is_behind_took_no_negative_time(
        self, storage: RepairStorage, reader: IngestReader
    ) -> None:
        await processing(storage, NOW - timedelta(minutes=4))(await accept(storage, body()))
        counts = await reader.processing_counts(since=LONG_AGO)
        assert (counts.done, counts.latency_median_ms, counts.latency_max_ms) == (1, 0, 0)

    async def test_a_replay_is_one_execution_and_has_every_retry_for_itself(
        self, storage: RepairStorage, reader: IngestReader
    ) -> None:
        """An event that used all its retries, and one that never could succeed: only the first one is exhausted."""
        worn, bad = await accept(storage, body(), SOMEHOW)
        at = NOW
        for delay in (*RETRY_DELAYS, timedelta(0)):
            await processing(FailingSave(storage), at)([worn])
            at += delay
        await processing(storage, NOW)([bad])
        assert (await reader.retry_counts(now=at)).exhausted == 1
        for event, count in ((worn, 6), (bad, 1)):
            [letter] = await letters(storage, event)
            await change(storage, at - NOW)(letter.key, DeadLetterStatus.READY, by=AYU)
            await replay(storage, at - NOW)(event, reason="again", by=AYU)
            await processing(FailingSave(storage), at)([event])
            record = await reader.event(event)
            assert record is not None
            assert record.attempts == count + 1
        record = await reader.event(worn)
        assert record is not None
        assert (record.process_status, record.next_retry_at) == ("RECEIVED", at + RETRY_DELAYS[0])
        assert (await reader.retry_counts(now=at)).exhausted == 0

    async def test_events_that_wait_for_a_retry_are_counted_apart(
        self, storage: RepairStorage, reader: IngestReader
    ) -> None:
        waiting, worn, fresh = await accept(storage, body(), body(ref="WEB-2"), body(ref="WEB-3"))
        at = NOW
        for delay in (*RETRY_DELAYS, timedelta(0)):
            await processing(FailingSave(storage), at)([worn])
            at += delay
        await processing(FailingSave(storage), NOW)([waiting])
        retry_at = NOW + RETRY_DELAYS[0]
        before = await reader.retry_counts(now=retry_at - timedelta(seconds=1))
        assert (before.pending, before.due, before.exhausted, before.with_attempt) == (1, 0, 1, 2)
        assert (before.earliest, before.latest) == (retry_at, retry_at)
        assert dict(before.attempts) == {1: 1, 6: 1}
        assert (await reader.retry_counts(now=retry_at)).due == 1
        record = await reader.event(fresh)
        assert record is not None
        assert record.attempts == 0

    async def test_the_backlog_says_what_waits_and_since_when(
        self, storage: RepairStorage, reader: IngestReader
    ) -> None:
        empty = await reader.backlog(now=NOW)
        assert (empty.waiting, empty.due, empty.delayed, empty.oldest_receipt, empty.oldest_due) == (
            0,
            0,
            0,
            None,
            None,
        )
        delayed, fresh, done = await accept(storage, body(), body(ref="WEB-2"), body(ref="WEB-3"))
        await processing(FailingSave(storage), NOW)([delayed])
        await processing(storage)([done])
        now = await reader.backlog(now=NOW + timedelta(seconds=1))
        assert (now.waiting, now.due, now.delayed) == (2, 1, 1)
        assert (now.oldest_receipt, now.oldest_due) == (NOW, NOW)
        assert now.staged_jobs == 1  # the job of the three was never handed over
        later = await reader.backlog(now=NOW + RETRY_DELAYS[0])
        assert (later.waiting, later.due, later.delayed) == (2, 2, 0)
        await processing(storage)([fresh])
        retry_at = NOW + RETRY_DELAYS[0]
        assert (await reader.backlog(now=retry_at - timedelta(seconds=1))).oldest_due is None
        assert (
            await reader.backlog(now=retry_at + timedelta(hours=1))
        ).oldest_due == retry_at  # overdue since its delay ended
