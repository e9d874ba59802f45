"""What every event log must do, told through the use case that writes it. Source of the rules: semantics 6."""

import asyncio
from collections.abc import Sequence
from datetime import timedelta
from typing import Protocol

import pytest

from bst_application.errors import Conflict
from bst_application.ids import uuid7
from bst_application.ports.event_log import EventLog, Group, NewEvent, StagedJobs, Stored
from bst_application.ports.queue import Job
from bst_application.use_cases.accept import AcceptDeliveries, BodyRefused, Delivery
from bst_domain.ingest import Accepted, ChannelNotRegistered, KeyReused, NonceReused, Replayed
from bst_testing.deliveries import NOW, body, delivery

TTL = timedelta(minutes=10)


class EventLogStorage(EventLog, StagedJobs, Protocol):
    """An event log with its staged jobs."""


def accepting(log: EventLog, *, at: timedelta = timedelta(0), stages_jobs: bool = True) -> AcceptDeliveries:
    return AcceptDeliveries(log=log, now=lambda: NOW + at, new_id=uuid7, nonce_ttl=TTL, stages_jobs=lambda: stages_jobs)


def group(nonces: Sequence[str], events: Sequence[tuple[str, NewEvent]], job_id: str | None = None) -> Group:
    return Group(nonces=nonces, events=events, now=NOW, nonce_ttl=TTL, job_id=job_id or str(uuid7()))


class EventLogConformance:
    """Subclass it, and give a ``log`` fixture with an empty log and the six channels registered."""

    @pytest.fixture
    def log(self) -> EventLogStorage:
        raise NotImplementedError("a subclass gives the log")

    async def test_an_unknown_key_is_a_new_event(self, log: EventLogStorage) -> None:
        outcomes, job = await accepting(log)([delivery(body(), "k1")])
        assert isinstance(outcomes[0], Accepted)
        assert job is not None
        assert job.event_ids == (outcomes[0].event_id,)

    async def test_the_same_key_and_body_is_a_replay_of_the_first(self, log: EventLogStorage) -> None:
        accept = accepting(log)
        [first], _ = await accept([delivery(body(), "k1")])
        assert isinstance(first, Accepted)
        [again], job = await accept([delivery(body(), "k1")])
        assert again == Replayed(first.event_id, "RECEIVED")
        assert job is None

    async def test_the_same_key_with_another_body_is_refused_and_kept(self, log: EventLogStorage) -> None:
        accept = accepting(log)
        [first], _ = await accept([delivery(body(), "k1")])
        assert isinstance(first, Accepted)
        for _ in range(2):
            [other], job = await accept([delivery(body(ref="WEB-2"), "k1")])
            assert other == KeyReused(first.event_id)
            assert job is None
        assert await self.conflicts(log) == 1

    async def conflicts(self, log: EventLogStorage) -> int:
        """How many refused bodies are kept."""
        raise NotImplementedError("a subclass counts them")

    async def test_an_equal_body_under_another_key_is_a_replay(self, log: EventLogStorage) -> None:
        accept = accepting(log)
        [first], _ = await accept([delivery(body(), "k1")])
        assert isinstance(first, Accepted)
        [again], _ = await accept([delivery(body(), "k2")])
        assert again == Replayed(first.event_id, "RECEIVED")

    async def test_another_body_in_the_same_second_is_a_new_event(self, log: EventLogStorage) -> None:
        accept = accepting(log)
        said = body("UPDATED", at="2026-03-01T10:00:00.100Z", booking={"adult": 2})
        other = body("UPDATED", at="2026-03-01T10:00:00.900Z", booking={"adult": 3})
        outcomes, _ = await accept([delivery(said, "k1"), delivery(other, "k2")])
        assert all(isinstance(outcome, Accepted) for outcome in outcomes)

    async def test_equal_deliveries_in_one_group_get_one_event(self, log: EventLogStorage) -> None:
        group = [delivery(body(), "k1"), delivery(body(), "k1"), delivery(body(), "k2")]
        outcomes, job = await accepting(log)(group)
        ids = {outcome.event_id for outcome in outcomes if isinstance(outcome, Accepted | Replayed)}
        assert len(ids) == 1
        assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 1
        assert job is not None
        assert set(job.event_ids) == ids

    async def test_equal_deliveries_at_the_same_instant_get_one_event(self, log: EventLogStorage) -> None:
        accept = accepting(log)
        answers = await asyncio.gather(*(accept([delivery(body(), "k1")]) for _ in range(8)))
        outcomes = [outcome for [outcome], _ in answers]
        ids = {outcome.event_id for outcome in outcomes if isinstance(outcome, Accepted | Replayed)}
        assert len(ids) == 1
        assert sum(isinstance(outcome, Accepted) for outcome in outcomes) == 1

    async def test_groups_that_share_events_in_opposite_order_all_end(self, log: EventLogStorage) -> None:
        accept = accepting(log)
        bodies = [body(ref=f"WEB-{n}") for n in range(20)]
        there = [delivery(said, f"k{n}") for n, said in enumerate(bodies)]
        back = [delivery(said, f"k{n}") for n, said in reversed(list(enumerate(bodies)))]
        answers = await asyncio.gather(accept(there), accept(back))
        assert sum(isinstance(outcome, Accepted) for outcomes, _ in answers for outcome in outcomes) == len(bodies)

    async def test_a_nonce_is_used_once_within_its_time(self, log: EventLogStorage) -> None:
        [first], _ = await accepting(log)([delivery(body(), "k1", nonce="nonce-01")])
        assert isinstance(first, Accepted)
        [again], _ = await accepting(log, at=TTL)([delivery(body(), "k1", nonce="nonce-01")])
        assert again == NonceReused()
        [later], _ = await accepting(log, at=TTL * 2 + timedelta(seconds=1))([delivery(body(), "k1", nonce="nonce-01")])
        assert later == Replayed(first.event_id, "RECEIVED")

    async def test_a_nonce_twice_in_one_group_counts_once(self, log: EventLogStorage) -> None:
        group = [delivery(body(), "k1", nonce="nonce-01"), delivery(body(ref="WEB-2"), "k2", nonce="nonce-01")]
        outcomes, _ = await accepting(log)(group)
        assert isinstance(outcomes[0], Accepted)
        assert outcomes[1] == NonceReused()

    async def test_a_refused_body_uses_up_its_nonce(self, log: EventLogStorage) -> None:
        accept = accepting(log)
        [refused], job = await accept([Delivery(nonce="nonce-01", event=None)])
        assert refused == BodyRefused()
        assert job is None
        [again], _ = await accept([delivery(body(), "k1", nonce="nonce-01")])
        assert again == NonceReused()

    async def test_old_nonces_are_forgotten(self, log: EventLogStorage) -> None:
        await accepting(log)([delivery(body(), "k1", nonce="nonce-01")])
        assert await log.forget_nonces(before=NOW) == 0
        assert await log.forget_nonces(before=NOW + timedelta(seconds=1)) == 1

    async def test_a_channel_that_is_not_registered_is_refused(self, log: EventLogStorage) -> None:
        await self.unregister(log, "TRIPDOTCOM")
        group = [delivery(body(source="TRIPDOTCOM"), "k1"), delivery(body(), "k2")]
        outcomes, _ = await accepting(log)(group)
        assert outcomes[0] == ChannelNotRegistered()
        assert isinstance(outcomes[1], Accepted)

    async def unregister(self, log: EventLogStorage, channel: str) -> None:
        """Takes a channel away."""
        raise NotImplementedError("a subclass takes it away")

    async def test_a_job_is_staged_with_its_events_until_it_is_handed_over(self, log: EventLogStorage) -> None:
        _, job = await accepting(log)([delivery(body(), "k1"), delivery(body(ref="WEB-2"), "k2")])
        assert job is not None
        assert await log.staged(before=NOW, limit=10) == []
        assert await log.staged(before=NOW + timedelta(seconds=1), limit=10) == [job]
        await log.unstage([job.id, str(uuid7())])
        assert await log.staged(before=NOW + timedelta(seconds=1), limit=10) == []

    async def test_without_a_queue_nothing_is_staged(self, log: EventLogStorage) -> None:
        [outcome], job = await accepting(log, stages_jobs=False)([delivery(body(), "k1")])
        assert isinstance(outcome, Accepted)
        assert job is None
        assert await log.staged(before=NOW + timedelta(days=1), limit=10) == []

    async def test_a_store_that_fails_leaves_nothing(self, log: EventLogStorage) -> None:
        good, other = (
            delivery(body(), "k1", nonce="nonce-01"),
            delivery(body(source="TRIPDOTCOM"), "k2", nonce="nonce-02"),
        )
        assert good.event is not None
        assert other.event is not None
        await self.unregister(log, "TRIPDOTCOM")
        events = [("nonce-01", good.event), ("nonce-02", other.event)]
        with pytest.raises(Conflict):
            await log.store(group(["nonce-01", "nonce-02"], events))
        assert await log.staged(before=NOW + timedelta(days=1), limit=10) == []
        [outcome], job = await accepting(log)([delivery(body(), "k1", nonce="nonce-01")])
        assert isinstance(outcome, Accepted)
        assert await log.staged(before=NOW + timedelta(seconds=1), limit=10) == [job]

    async def test_what_is_stored_says_what_was_new(self, log: EventLogStorage) -> None:
        said = delivery(body(), "k1", nonce="nonce-01")
        assert said.event is not None
        events = [("nonce-01", said.event)]
        job_id = str(uuid7())
        new = await log.store(group(["nonce-01", "nonce-02"], events, job_id))
        assert new == Stored(nonces={"nonce-01", "nonce-02"}, events={said.event.event_id})
        assert await log.staged(before=NOW + timedelta(days=1), limit=10) == [Job(job_id, (said.event.event_id,))]
        again = await log.store(group(["nonce-01", "nonce-03"], events))
        assert again == Stored(nonces={"nonce-03"}, events=set())
        assert len(await log.staged(before=NOW + timedelta(days=1), limit=10)) == 1
