"""What every booking store must do, told through the use cases. Source of the rules: semantics 1, 2, 4, 5 and 7."""

import asyncio
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import UTC, datetime, timedelta
from functools import reduce
from typing import Any, Protocol

import pytest
from attrs import evolve

from bst_application.ids import uuid7
from bst_application.ports.bookings import BookingStore, StoredBooking
from bst_application.ports.event_log import EventLog
from bst_application.use_cases.accept import Delivery
from bst_application.use_cases.process import ProcessEvents
from bst_application.use_cases.recompute import RecomputeTurning
from bst_domain.booking import NOTHING, BookingFacts, Field, merge
from bst_domain.ingest import RETRY_DELAYS, Accepted, BookingEvent, SchemaMismatch, facts_of, parse_event
from bst_domain.values import BookingIdentity, EventId, ExternalRef, FulfilmentStatus, PaymentStatus
from bst_testing.conformance.event_log import accepting
from bst_testing.conformance.failing_save import FailingSave
from bst_testing.deliveries import NOW, body, delivery, paid

WEB_1 = BookingIdentity("DIRECT", ExternalRef("WEB-1"))


class BookingStorage(BookingStore, EventLog, Protocol):
    """Bookings beside the log that they are folded from."""


#: The example of the W3C recommendation.
TRACE = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"


async def accept(storage: EventLog, *said: dict[str, Any]) -> list[EventId]:
    """Accepts bodies, each under a key of its own; the ids in order."""
    outcomes, _ = await accepting(storage)([delivery(one, str(uuid7())) for one in said])
    assert all(isinstance(outcome, Accepted) for outcome in outcomes)
    return [outcome.event_id for outcome in outcomes if isinstance(outcome, Accepted)]


def processing(storage: BookingStore, at: datetime = NOW) -> ProcessEvents:
    return ProcessEvents(store=storage, now=lambda: at, new_id=uuid7)


async def load(storage: BookingStore, identity: BookingIdentity = WEB_1) -> StoredBooking | None:
    async with storage.processing() as tx:
        return (await tx.load([identity])).get(identity)


async def loaded(storage: BookingStore, identity: BookingIdentity = WEB_1) -> StoredBooking:
    booking = await load(storage, identity)
    assert booking is not None
    return booking


def folded(said: Sequence[dict[str, Any]], ids: Sequence[EventId]) -> BookingFacts:
    """What the domain makes of the same events."""
    facts: list[BookingFacts] = []
    for one, event_id in zip(said, ids, strict=True):
        event = parse_event(one, now=NOW)
        assert isinstance(event, BookingEvent)
        made = facts_of(event, event_id)
        assert not isinstance(made, SchemaMismatch)
        facts.append(made)
    return reduce(merge, facts, NOTHING)


STORY = [
    body(customer={"name": "Guest", "email": "a@mail.example.org", "phone": "+6281234567890"}),
    body("UPDATED", at="2026-03-01T11:00:00Z", booking={"adult": 3, "pickupLocation": "Kuta"}),
    body("UPDATED", at="2026-03-01T11:00:00.5Z", customer={"name": "José Núñez", "email": None}),
    body("UPDATED", at="2026-03-02T00:00:00Z", raw=paid("P-1", orderId="O-1")),
    body("UPDATED", at="2026-03-03T00:00:00Z", raw=paid("R-1", "REFUNDED", 50.25)),
    body("UPDATED", at="2026-03-01T10:30:00Z", booking={"currency": "EUR", "totalPrice": 99.5, "infant": 1}),
    body("UPDATED", at="2026-03-01T10:40:00Z", booking={"legacyPackageId": 7, "note": None}),
    body("CANCELLED", at="2026-03-04T00:00:00Z"),
]


class BookingStoreConformance:
    """Subclass it, and give a ``storage`` fixture with nothing in it."""

    @pytest.fixture
    def storage(self) -> BookingStorage:
        raise NotImplementedError("a subclass gives the storage")

    async def test_events_become_a_booking(self, storage: BookingStorage) -> None:
        ids = await accept(storage, STORY[0])
        assert await processing(storage)(ids) == 1
        booking = await loaded(storage)
        assert booking.version == 1
        assert booking.facts == folded(STORY[:1], ids)
        assert booking.statuses.fulfilment is FulfilmentStatus.NEW
        assert booking.statuses.payment is PaymentStatus.PENDING_PAYMENT

    async def test_the_trace_of_a_request_comes_out_of_the_log_with_its_event(self, storage: BookingStorage) -> None:
        without, with_one = delivery(body(), "k1"), delivery(body(ref="WEB-2"), "k2")
        assert with_one.event is not None
        traced = Delivery(nonce=with_one.nonce, event=evolve(with_one.event, trace_context=TRACE))
        outcomes, _ = await accepting(storage)([without, traced])
        ids = [outcome.event_id for outcome in outcomes if isinstance(outcome, Accepted)]
        async with storage.processing() as tx:
            claimed = await tx.claim(ids, now=NOW)
        assert [event.trace_context for event in claimed] == [None, TRACE]

    async def test_what_is_stored_is_what_the_domain_folds(self, storage: BookingStorage) -> None:
        ids = await accept(storage, *STORY)
        await processing(storage)(ids)
        booking = await loaded(storage)
        assert booking.facts == folded(STORY, ids)
        assert booking.statuses.fulfilment is FulfilmentStatus.CANCELLED
        assert booking.statuses.payment is PaymentStatus.PAID

    @pytest.mark.parametrize("order", [range(8), range(7, -1, -1), (3, 0, 7, 2, 6, 1, 5, 4)])
    async def test_any_order_one_at_a_time_gives_one_booking(
        self, storage: BookingStorage, order: Sequence[int]
    ) -> None:
        ids = await accept(storage, *STORY)
        for at in order:
            await processing(storage)([ids[at]])
        assert (await loaded(storage)).facts == folded(STORY, ids)

    async def test_a_job_that_arrives_twice_does_nothing_the_second_time(self, storage: BookingStorage) -> None:
        ids = await accept(storage, *STORY[:2])
        assert await processing(storage)(ids) == len(ids)
        before = await loaded(storage)
        assert await processing(storage)(ids) == 0
        assert await loaded(storage) == before

    async def test_two_workers_at_once_give_one_booking(self, storage: BookingStorage) -> None:
        ids = await accept(storage, *STORY)
        settled = await asyncio.gather(*(processing(storage)(part) for part in (ids[:4], ids[4:], ids, ids[::-1])))
        assert sum(settled) <= len(ids)
        await processing(storage)(ids)  # what one of them skipped because another one had it and lost
        assert (await loaded(storage)).facts == folded(STORY, ids)

    async def test_events_of_one_booking_at_once_lose_no_update(self, storage: BookingStorage) -> None:
        parts: list[dict[str, Any]] = [
            {"note": "n"},
            {"adult": 3},
            {"child": 1},
            {"infant": 1},
            {"tourTime": "09:00"},
            {"pickupLocation": "Kuta"},
            {"meetingPoint": "Lobby"},
            {"tourDate": "2031-06-01"},
        ]
        updates = [body("UPDATED", at=f"2026-03-01T11:00:{n:02d}Z", booking=part) for n, part in enumerate(parts)]
        said = [STORY[0], *updates]
        ids = await accept(storage, *said)
        await processing(storage)(ids[:1])
        await asyncio.gather(*(processing(storage)([event_id]) for event_id in ids[1:]))
        booking = await loaded(storage)
        assert booking.facts == folded(said, ids)
        assert booking.version == len(said)

    async def test_the_version_moves_exactly_when_something_does(self, storage: BookingStorage) -> None:
        ids = await accept(storage, STORY[0])
        await processing(storage)(ids)
        update = body("UPDATED", at="2026-03-01T09:00:00Z", booking={"adult": 9})  # older than CREATED: loses
        ids = await accept(storage, update)
        await processing(storage)(ids)
        moved = await loaded(storage)
        assert moved.version == 2  # the booking is older than was known
        assert moved.facts.registers[Field.ADULT].value == 2
        ids = await accept(storage, body("UPDATED", at="2026-03-01T09:30:00Z", booking={"adult": 8}))
        await processing(storage)(ids)
        assert (await loaded(storage)).version == 2

    async def test_a_dead_letter_hurts_nobody_else(self, storage: BookingStorage) -> None:
        unknown = body("UPDATED", at="2026-03-01T12:00:00Z", raw=paid("P-9", "SOMEHOW"))
        ids = await accept(storage, STORY[0], unknown, body(ref="WEB-2"))
        assert await processing(storage)(ids) == 3
        assert await self.dead_letters(storage) == [("SCHEMA_MISMATCH", "SOMEHOW")]
        assert (await loaded(storage)).facts == folded(STORY[:1], ids[:1])
        assert await load(storage, BookingIdentity("DIRECT", ExternalRef("WEB-2"))) is not None
        assert await storage.due(now=NOW + timedelta(days=9), accepted_before=NOW + timedelta(days=9), limit=9) == []

    async def dead_letters(self, storage: BookingStorage) -> list[tuple[str, str]]:
        """The dead letters as (reason code, the last quoted word of the detail)."""
        raise NotImplementedError("a subclass lists them")

    async def test_a_bug_that_one_event_meets_splits_it_out_of_its_group(self, storage: BookingStorage) -> None:
        """The others are done at once; it alone is tried again, and nothing of the failed commits stays."""
        bad = BookingIdentity("DIRECT", ExternalRef("WEB-4"))
        ids = await accept(storage, *(body(ref=f"WEB-{number}") for number in range(1, 8)))
        assert await processing(FailingSave(storage, bad))(ids) == len(ids)
        for number in (1, 2, 3, 5, 6, 7):
            assert (await loaded(storage, evolve(bad, ref=ExternalRef(f"WEB-{number}")))).version == 1
        assert await load(storage, bad) is None
        at = NOW + RETRY_DELAYS[0]
        assert await storage.due(now=at, accepted_before=NOW + timedelta(days=1), limit=9) == [ids[3]]

    async def test_every_delay_is_used_and_then_it_is_a_dead_letter(self, storage: BookingStorage) -> None:
        [event_id] = await accept(storage, STORY[0])
        at = NOW
        for delay in RETRY_DELAYS:
            await self.fail_once(storage, event_id, at)
            retry_at = at + delay
            just_before = retry_at - timedelta(seconds=1)
            assert await storage.due(now=just_before, accepted_before=at + timedelta(days=1), limit=9) == []
            assert await storage.due(now=retry_at, accepted_before=NOW, limit=9) == [event_id]
            at = retry_at
        assert await self.dead_letters(storage) == []
        await self.fail_once(storage, event_id, at)
        assert [code for code, _ in await self.dead_letters(storage)] == ["TRANSIENT_ERROR"]
        assert await storage.due(now=at + timedelta(days=9), accepted_before=at, limit=9) == []

    async def fail_once(self, storage: BookingStorage, event_id: EventId, at: datetime) -> None:
        """Processes an event at an instant while the storage refuses to save bookings."""
        process = processing(FailingSave(storage), at)
        await process([event_id])

    async def test_due_events_come_oldest_first(self, storage: BookingStorage) -> None:
        ids = await accept(storage, body(ref="WEB-1"), body(ref="WEB-2"))
        assert await storage.due(now=NOW, accepted_before=NOW, limit=9) == []
        later = NOW + timedelta(seconds=1)
        assert set(await storage.due(now=later, accepted_before=later, limit=9)) == set(ids)
        assert len(await storage.due(now=later, accepted_before=later, limit=1)) == 1

    async def test_another_name_finds_the_booking(self, storage: BookingStorage) -> None:
        ids = await accept(storage, STORY[0])
        await processing(storage)(ids)
        alias = BookingIdentity("DIRECT", ExternalRef("DIRECT-17"))
        await self.add_alias(storage, alias, WEB_1)
        ids = await accept(storage, body("UPDATED", ref="direct-17", at="2026-03-05T00:00:00Z", booking={"adult": 5}))
        await processing(storage)(ids)
        found = await loaded(storage, alias)
        assert found.identity == WEB_1
        assert found.facts.registers[Field.ADULT].value == 5
        assert found == await loaded(storage)

    async def add_alias(self, storage: BookingStorage, alias: BookingIdentity, of: BookingIdentity) -> None:
        """Records another reference of a booking."""
        raise NotImplementedError("a subclass records it")

    async def test_the_day_turns_exactly_the_bookings_whose_tour_day_begins(self, storage: BookingStorage) -> None:
        today = {"tourDate": "2026-06-02", "adult": 1}
        ids = await accept(storage, body(booking=today), body(ref="WEB-2"), body(ref="WEB-3", booking=today))
        cancelled = await accept(storage, body("CANCELLED", ref="WEB-3", at="2026-03-02T00:00:00Z"))
        await processing(storage)([*ids, *cancelled])
        midnight_in_bali = datetime.fromisoformat("2026-06-01T16:00:00+00:00")
        before = RecomputeTurning(store=storage, now=lambda: midnight_in_bali - timedelta(seconds=1))
        assert await before() == 0
        assert await RecomputeTurning(store=storage, now=lambda: midnight_in_bali)() == 1
        assert (await loaded(storage)).statuses.fulfilment is FulfilmentStatus.ATTENTION
        assert await RecomputeTurning(store=storage, now=lambda: midnight_in_bali)() == 0

    def held_day(self, storage: BookingStorage) -> AbstractAsyncContextManager[None]:
        """While a run of back-fill says which day it is."""
        raise NotImplementedError("a subclass holds it")

    async def test_the_day_waits_for_a_run_that_says_which_day_it_is(self, storage: BookingStorage) -> None:
        await processing(storage)(await accept(storage, body(booking={"tourDate": "2026-06-02", "adult": 1})))
        recompute = RecomputeTurning(store=storage, now=lambda: datetime(2026, 6, 3, tzinfo=UTC))
        async with self.held_day(storage), self.held_day(storage):
            assert await recompute() == 0
            assert (await loaded(storage)).statuses.fulfilment is FulfilmentStatus.NEW
        assert await recompute() == 1
        assert (await loaded(storage)).statuses.fulfilment is FulfilmentStatus.ATTENTION

    async def test_a_payment_known_by_its_order_first_is_one_payment(self, storage: BookingStorage) -> None:
        by_order = body("UPDATED", at="2026-03-02T00:00:00Z", raw=paid("O-1", "PENDING", orderId="O-1"))
        captured = body("UPDATED", at="2026-03-02T00:01:00Z", raw=paid("O-1", "COMPLETED", orderId="O-1"))
        by_capture = body("UPDATED", at="2026-03-02T00:02:00Z", raw=paid("P-1", "COMPLETED", orderId="O-1"))
        said = [STORY[0], by_order, captured, by_capture]
        ids = await accept(storage, *said)
        for event_id in ids:
            await processing(storage)([event_id])
        assert (await loaded(storage)).facts == folded(said, ids)
        assert (await loaded(storage)).statuses.payment is PaymentStatus.PAID

    async def test_two_bookings_that_claim_one_payment_reference_are_both_kept(self, storage: BookingStorage) -> None:
        said = [body(ref=ref, raw=paid("P-1")) for ref in ("WEB-1", "WEB-2")]
        ids = await accept(storage, *said)
        for _ in range(2):
            await processing(storage)(ids)
        for ref in ("WEB-1", "WEB-2"):
            booking = await loaded(storage, BookingIdentity("DIRECT", ExternalRef(ref)))
            assert booking.statuses.payment is PaymentStatus.PAID
