"""What every repair desk must do, told through the use cases. Source of the rules: semantics 7."""

from datetime import timedelta
from typing import Protocol
from uuid import UUID, uuid4

import pytest

from bst_application.ids import uuid7
from bst_application.ports.audit import AuditEntry
from bst_application.ports.repair import DeadLetterRecord, LetterReason, RepairDesk
from bst_application.use_cases.repair import (
    LEASE,
    Author,
    ChangeDeadLetterStatus,
    EventNotFound,
    LetterNotFound,
    MarkEventFailed,
    NotInDeadLetter,
    NotReady,
    ReplayEvent,
    ReplayStarted,
    TakeBackStuckReplays,
)
from bst_domain.lifecycles import DEAD_LETTER, DeadLetterStatus, NotAllowed, ProcessStatus
from bst_domain.values import EventId
from bst_testing.conformance.booking_store import BookingStorage, accept, loaded, processing
from bst_testing.conformance.failing_save import FailingSave
from bst_testing.deliveries import NOW, body, paid

AYU = Author(actor="ayu@ops.example.org", request_id="request-1", proof={"principal": {"role": "ADMIN"}})
BROKEN = LetterReason(code="BY_HAND", detail="the guest called", poison=False)
S = DeadLetterStatus
LATER = timedelta(minutes=1)


class RepairStorage(BookingStorage, RepairDesk, Protocol):
    """A repair desk beside the log and the bookings."""


def mark(storage: RepairDesk, at: timedelta = LATER) -> MarkEventFailed:
    return MarkEventFailed(desk=storage, now=lambda: NOW + at, new_id=uuid7)


def change(storage: RepairDesk, at: timedelta = LATER) -> ChangeDeadLetterStatus:
    return ChangeDeadLetterStatus(desk=storage, now=lambda: NOW + at)


def replay(storage: RepairDesk, at: timedelta = LATER, *, queue: bool = False) -> ReplayEvent:
    return ReplayEvent(desk=storage, now=lambda: NOW + at, new_id=uuid7, stages_job=lambda: queue)


async def letters(storage: RepairDesk, event_id: UUID) -> list[DeadLetterRecord]:
    async with storage.repairing() as tx:
        await tx.lock_event(event_id)
        return await tx.letters(event_id)


async def status(storage: RepairDesk, event_id: UUID) -> ProcessStatus | None:
    async with storage.repairing() as tx:
        return await tx.lock_event(event_id)


async def made_ready(storage: RepairStorage, event_id: EventId) -> DeadLetterRecord:
    """Marks an event failed and its dead letter READY."""
    letter = await mark(storage)(event_id, BROKEN, by=AYU)
    assert isinstance(letter, DeadLetterRecord)
    ready = await change(storage)(letter.key, S.READY, by=AYU)
    assert isinstance(ready, DeadLetterRecord)
    return ready


class RepairDeskConformance:
    """Subclass it, and give a ``storage`` fixture with nothing in it, and ``audited``."""

    @pytest.fixture
    def storage(self) -> RepairStorage:
        raise NotImplementedError("a subclass gives the storage")

    async def audited(self, storage: RepairStorage) -> list[AuditEntry]:
        """The audit trail, oldest first."""
        raise NotImplementedError("a subclass reads it")

    async def test_an_event_marked_failed_is_a_dead_letter(self, storage: RepairStorage) -> None:
        [event_id] = await accept(storage, body())
        letter = await mark(storage)(event_id, BROKEN, by=AYU)
        assert isinstance(letter, DeadLetterRecord)
        assert (letter.event_id, letter.status, letter.reason_code, letter.poison) == (
            event_id,
            S.OPEN,
            "BY_HAND",
            False,
        )
        assert (letter.reason_detail, letter.replay_count) == ("the guest called", 0)
        assert letter.first_failed_at == letter.last_failed_at == NOW + LATER
        assert (letter.source, letter.ref, letter.event_type) == ("DIRECT", "WEB-1", "CREATED")
        assert await status(storage, event_id) is ProcessStatus.FAILED
        assert await processing(storage, NOW + LATER)([event_id]) == 0
        [entry] = await self.audited(storage)
        assert (entry.event_type, entry.actor, entry.request_id) == (
            "INGEST_EVENT_MARKED_FAILED",
            AYU.actor,
            "request-1",
        )
        assert (entry.resource_type, entry.resource_id) == ("INGEST_EVENT", str(event_id))
        known = {"deadLetterKey": str(letter.key), "reasonCode": "BY_HAND", "poisonMessage": False}
        assert entry.metadata == {**known, **AYU.proof}

    async def test_a_second_failure_rewords_an_open_letter(self, storage: RepairStorage) -> None:
        [event_id] = await accept(storage, body())
        await mark(storage)(event_id, BROKEN, by=AYU)
        other = LetterReason(code="AGAIN", detail=None, poison=True)
        letter = await mark(storage, LATER * 2)(event_id, other, by=AYU)
        assert isinstance(letter, DeadLetterRecord)
        assert (letter.reason_code, letter.reason_detail, letter.poison) == ("AGAIN", None, True)
        assert (letter.first_failed_at, letter.last_failed_at) == (NOW + LATER, NOW + LATER * 2)
        assert [letter] == await letters(storage, event_id)

    @pytest.mark.parametrize("settled", [S.RESOLVED, S.CLOSED])
    async def test_what_was_settled_is_never_re_opened(self, storage: RepairStorage, settled: DeadLetterStatus) -> None:
        [event_id] = await accept(storage, body())
        first = await mark(storage)(event_id, BROKEN, by=AYU)
        assert isinstance(first, DeadLetterRecord)
        await change(storage)(first.key, settled, by=AYU)
        second = await mark(storage, LATER * 2)(event_id, BROKEN, by=AYU)
        assert isinstance(second, DeadLetterRecord)
        assert second.key != first.key
        assert [letter.status for letter in await letters(storage, event_id)] == [S.OPEN, settled]

    async def test_a_done_event_marked_failed_keeps_its_facts(self, storage: RepairStorage) -> None:
        [event_id] = await accept(storage, body())
        await processing(storage)([event_id])
        before = await loaded(storage)
        ready = await made_ready(storage, event_id)
        assert await loaded(storage) == before
        started = await replay(storage)(event_id, reason="try again", by=AYU)
        assert isinstance(started, ReplayStarted)
        assert await processing(storage, NOW + LATER)([event_id]) == 1
        assert await status(storage, event_id) is ProcessStatus.DONE
        assert await loaded(storage) == before
        [letter] = await letters(storage, event_id)
        assert (letter.key, letter.status, letter.replay_count) == (ready.key, S.SUCCEEDED, 1)

    async def test_a_replay_is_audited_with_the_booking_before_and_after(self, storage: RepairStorage) -> None:
        created, update = await accept(
            storage, body(), body("UPDATED", at="2026-03-02T00:00:00Z", booking={"adult": 4})
        )
        await processing(storage)([created])
        await made_ready(storage, update)
        await replay(storage)(update, reason="mapping is fixed", by=AYU)
        await processing(storage, NOW + LATER)([update])
        *_, requested, succeeded = await self.audited(storage)
        assert (requested.event_type, requested.actor) == ("INGEST_REPLAY_REQUESTED", AYU.actor)
        assert requested.metadata == {
            "queued": False,
            "processedInline": False,
            "reason": "mapping is fixed",
            **AYU.proof,
        }
        assert (succeeded.event_type, succeeded.actor) == ("INGEST_REPLAY_SUCCEEDED", AYU.actor)
        assert succeeded.metadata["reason"] == "mapping is fixed"
        assert succeeded.metadata["principal"] == AYU.proof["principal"]
        assert succeeded.request_id == requested.request_id == AYU.request_id
        before, after = succeeded.metadata["before"], succeeded.metadata["after"]
        assert (before["version"], before["opsFulfillmentStatus"]) == (1, "NEW")
        assert (after["version"], after["opsFulfillmentStatus"]) == (2, "UPDATED")
        assert succeeded.metadata["changedFields"] == ["adult"]
        assert not any("@" in str(value) for value in succeeded.metadata.values())

    async def test_a_replay_that_fails_again_is_failed_not_doubled(self, storage: RepairStorage) -> None:
        [event_id] = await accept(storage, body(raw=paid("P-1", "SOMEHOW")))
        await processing(storage)([event_id])
        [letter] = await letters(storage, event_id)
        assert letter.poison
        await change(storage)(letter.key, S.READY, by=AYU)
        await replay(storage)(event_id, reason="again", by=AYU)
        await processing(storage, NOW + LATER)([event_id])
        [letter] = await letters(storage, event_id)
        assert (letter.status, letter.replay_count, letter.reason_code) == (S.FAILED, 1, "SCHEMA_MISMATCH")
        assert (await self.audited(storage))[-1].event_type == "INGEST_REPLAY_FAILED"
        assert await status(storage, event_id) is ProcessStatus.FAILED

    async def test_a_replay_needs_a_ready_letter(self, storage: RepairStorage) -> None:
        [event_id] = await accept(storage, body())
        again = replay(storage)
        assert await again(event_id, reason="x", by=AYU) == NotInDeadLetter()
        missing = uuid4()
        assert await again(missing, reason="x", by=AYU) == EventNotFound()
        await mark(storage)(event_id, BROKEN, by=AYU)
        assert await again(event_id, reason="x", by=AYU) == NotReady(S.OPEN)
        rejected = [entry for entry in await self.audited(storage) if entry.event_type == "INGEST_REPLAY_REJECTED"]
        assert [entry.metadata["error"] for entry in rejected] == [
            "EVENT_NOT_IN_DEAD_LETTER",
            f"Ingest event not found: {missing}",
            "DEAD_LETTER_NOT_READY_FOR_REPLAY:OPEN",
        ]

    async def test_one_replay_at_a_time(self, storage: RepairStorage) -> None:
        [event_id] = await accept(storage, body())
        await made_ready(storage, event_id)
        assert isinstance(await replay(storage)(event_id, reason="x", by=AYU), ReplayStarted)
        assert await replay(storage)(event_id, reason="x", by=AYU) == NotReady(S.REPLAYING)
        assert (await letters(storage, event_id))[0].replay_count == 1

    async def test_with_the_queue_on_a_replay_is_staged_with_its_commit(self, storage: RepairStorage) -> None:
        [event_id] = await accept(storage, body())
        await made_ready(storage, event_id)
        started = await replay(storage, queue=True)(event_id, reason="x", by=AYU)
        assert isinstance(started, ReplayStarted)
        assert started.queued
        assert started.job is not None
        assert started.job.event_ids == (event_id,)
        staged = await storage.staged(before=NOW + timedelta(days=1), limit=9)  # type: ignore[attr-defined]  # a StagedJobs, too
        assert started.job in staged

    async def test_a_replay_that_waits_for_a_retry_keeps_its_lease(self, storage: RepairStorage) -> None:
        [event_id] = await accept(storage, body())
        await made_ready(storage, event_id)
        await replay(storage)(event_id, reason="x", by=AYU)
        await processing(FailingSave(storage), NOW + LATER)([event_id])  # a transient failure: tried again later
        [letter] = await letters(storage, event_id)
        assert letter.status is S.REPLAYING
        soon = NOW + LATER + LEASE + timedelta(seconds=1)
        assert await storage.expired_leases(now=soon, limit=9) == []
        [due] = await storage.due(now=NOW + timedelta(hours=3), accepted_before=NOW, limit=9)
        assert await processing(storage, NOW + timedelta(hours=3))([due]) == 1
        assert (await letters(storage, event_id))[0].status is S.SUCCEEDED

    async def test_a_replay_that_outlives_its_lease_is_ready_again(self, storage: RepairStorage) -> None:
        [event_id] = await accept(storage, body())
        await made_ready(storage, event_id)
        await replay(storage)(event_id, reason="x", by=AYU)
        in_time = TakeBackStuckReplays(desk=storage, now=lambda: NOW + LATER + LEASE)
        assert await in_time() == 0
        late = NOW + LATER + LEASE + timedelta(microseconds=1)
        assert await TakeBackStuckReplays(desk=storage, now=lambda: late)() == 1
        [letter] = await letters(storage, event_id)
        assert (letter.status, letter.next_replay_at) == (S.READY, late)
        assert await status(storage, event_id) is ProcessStatus.FAILED
        assert (await self.audited(storage))[-1].event_type == "INGEST_REPLAY_TAKEN_BACK"
        assert isinstance(await replay(storage)(event_id, reason="once more", by=AYU), ReplayStarted)

    async def test_moves_follow_the_table_and_are_audited(self, storage: RepairStorage) -> None:
        [event_id] = await accept(storage, body())
        letter = await mark(storage)(event_id, BROKEN, by=AYU)
        assert isinstance(letter, DeadLetterRecord)
        current = S.OPEN
        for wanted in (
            S.SUCCEEDED,
            S.READY,
            S.CLOSED,
            S.REPLAYING,
            S.READY,
            S.REPLAYING,
            S.FAILED,
            S.RESOLVED,
            S.OPEN,
            S.CLOSED,
        ):
            moved = await change(storage)(letter.key, wanted, by=AYU)
            if DEAD_LETTER.refuse(current, wanted) is None:
                assert isinstance(moved, DeadLetterRecord)
                assert moved.status is wanted
                assert (moved.next_replay_at is not None) == (wanted is S.READY)
                current = wanted
            else:
                assert isinstance(moved, NotAllowed)
                assert (moved.current, moved.wanted) == (current, wanted)
        trail = [entry for entry in await self.audited(storage) if entry.resource_type == "INGEST_DEAD_LETTER"]
        assert [entry.metadata["status"] for entry in trail] == [
            "READY", "REPLAYING", "READY", "REPLAYING", "FAILED", "RESOLVED", "CLOSED",
        ]  # fmt: skip
        assert await change(storage)(uuid4(), S.READY, by=AYU) == LetterNotFound()

    async def test_an_event_that_is_not_there_cannot_fail(self, storage: RepairStorage) -> None:
        assert await mark(storage)(uuid4(), BROKEN, by=AYU) == EventNotFound()
        assert await self.audited(storage) == []

    async def test_failing_a_running_replay_ends_it(self, storage: RepairStorage) -> None:
        [event_id] = await accept(storage, body())
        await made_ready(storage, event_id)
        await replay(storage)(event_id, reason="x", by=AYU)
        letter = await mark(storage, LATER * 2)(event_id, BROKEN, by=AYU)
        assert isinstance(letter, DeadLetterRecord)
        assert letter.status is S.FAILED
        assert await processing(storage, NOW + LATER * 2)([event_id]) == 0
