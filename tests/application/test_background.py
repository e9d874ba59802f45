"""Group commit, hand-over, relay and sweep: nothing waits for the queue, and nothing is lost with it."""

import asyncio
import logging
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from bst_application.errors import Conflict, InDoubt, Unavailable
from bst_application.flags import Flag, FlagBoard, initial_flags
from bst_application.grouping import GroupCommit
from bst_application.ids import uuid7
from bst_application.periodically import periodically, while_on
from bst_application.ports.event_log import NewEvent, Priors, Stored
from bst_application.ports.queue import Job
from bst_application.use_cases.hand_over import HandOver, combined, in_groups
from bst_application.use_cases.process import GROUP_SIZE, ProcessEvents
from bst_application.use_cases.process_jobs import ProcessJobs
from bst_application.use_cases.relay import RelayStagedJobs, SweepDueEvents
from bst_domain.cutover import evaluate_canary
from bst_domain.ingest import Accepted
from bst_domain.values import EventId
from bst_testing.conformance.event_log import accepting
from bst_testing.deliveries import NOW, body, delivery
from bst_testing.fakes.job_queue import MemoryJobQueue
from bst_testing.fakes.storage import MemoryStorage


async def test_a_single_request_does_not_wait_for_company() -> None:
    async def flush(requests: Sequence[int]) -> list[int]:
        return [request * 2 for request in requests]

    group: GroupCommit[int, int] = GroupCommit(flush)
    assert await group(21) == 42


async def test_who_comes_during_a_commit_shares_the_next() -> None:
    sizes: list[int] = []
    begun, gate = asyncio.Event(), asyncio.Event()

    async def flush(requests: Sequence[int]) -> list[int]:
        sizes.append(len(requests))
        begun.set()
        await gate.wait()
        return list(requests)

    group: GroupCommit[int, int] = GroupCommit(flush, most=4, flushers=1)
    tasks = [asyncio.create_task(group(number)) for number in range(10)]
    await begun.wait()
    gate.set()
    assert await asyncio.gather(*tasks) == list(range(10))
    assert sizes[0] <= 4
    assert sum(sizes) == 10
    assert max(sizes) == 4


async def test_a_group_weighs_no_more_than_it_may() -> None:
    groups: list[list[int]] = []

    async def flush(weights: Sequence[int]) -> list[int]:
        groups.append(list(weights))
        await asyncio.sleep(0)
        return list(weights)

    group: GroupCommit[int, int] = GroupCommit(flush, most=10, flushers=1, weigh=lambda weight: weight)
    await asyncio.gather(*(group(weight) for weight in (1, 4, 5, 3, 12, 2)))
    assert groups == [[1, 4, 5], [3], [12], [2]]


async def test_jobs_that_wait_share_a_commit_and_each_event_is_processed_once() -> None:
    storage = MemoryStorage()
    outcomes, _ = await accepting(storage)([delivery(body(ref=f"WEB-{n}"), f"key-{n}") for n in range(6)])
    ids = [outcome.event_id for outcome in outcomes if isinstance(outcome, Accepted)]
    commits: list[int] = []
    process = ProcessEvents(store=storage, now=lambda: NOW, new_id=uuid7)

    class Counting(ProcessEvents):
        async def __call__(self, event_ids: Sequence[EventId]) -> int:
            commits.append(len(event_ids))
            await asyncio.sleep(0)
            return await process(event_ids)

    handle = ProcessJobs(Counting(store=storage, now=lambda: NOW, new_id=uuid7))
    await asyncio.gather(*(handle(Job(str(n), (ids[n], ids[0]))) for n in range(6)))
    assert commits == [6]  # the event that every job names, once
    assert await process(ids) == 0  # nothing is left to do


async def test_groups_that_begin_apart_share_what_comes_meanwhile_and_a_crowd_does_not_wait() -> None:
    flushed: list[list[str]] = []

    async def flush(requests: Sequence[str]) -> list[str]:
        flushed.append(list(requests))
        return list(requests)

    group: GroupCommit[str, str] = GroupCommit(flush, flushers=1, apart_s=3600, crowd=2)
    async with asyncio.timeout(5):
        await group("first, at once")
        second = asyncio.create_task(group("second"))
        for _ in range(9):
            await asyncio.sleep(0)  # turns of the loop, in which a group that does not wait would have begun
        assert flushed == [["first, at once"]]
        await group("third")
        assert await second == "second"
    assert flushed[1:] == [["second", "third"]]


async def test_whoever_is_alone_between_two_groups_waits_no_longer_than_they_are_apart() -> None:
    async def flush(requests: Sequence[str]) -> list[str]:
        return list(requests)

    group: GroupCommit[str, str] = GroupCommit(flush, flushers=1, apart_s=0.01, crowd=2)
    async with asyncio.timeout(5):
        assert [await group(name) for name in "abc"] == ["a", "b", "c"]
        await group.close()


async def test_a_failed_group_tells_all_of_it_and_the_next_group_works() -> None:
    async def flush(requests: Sequence[str]) -> list[str]:
        if "bad" in requests:
            raise Unavailable("away")
        return list(requests)

    group: GroupCommit[str, str] = GroupCommit(flush, flushers=1)
    answers = await asyncio.gather(group("bad"), group("bad"), return_exceptions=True)
    assert all(isinstance(answer, Unavailable) for answer in answers)
    assert await group("good") == "good"


async def test_closing_waits_for_what_is_in_and_then_ends() -> None:
    flushed: list[str] = []

    async def flush(requests: Sequence[str]) -> list[str]:
        await asyncio.sleep(0)
        flushed.extend(requests)
        return list(requests)

    group: GroupCommit[str, str] = GroupCommit(flush, flushers=1)
    asked = asyncio.create_task(group("a"))
    await asyncio.sleep(0)
    async with asyncio.timeout(5):
        await group.close()
        await group.close()
    assert flushed == ["a"]
    assert await asked == "a"


async def test_what_the_queue_cannot_take_stays_staged_and_is_relayed() -> None:
    storage, queue = MemoryStorage(), MemoryJobQueue()
    _, job = await accepting(storage)([delivery(body(), "k1")])
    assert job is not None
    queue.down = True
    hand_over = HandOver(queue=queue, staged_jobs=storage)
    await hand_over.hand_over([job])
    await hand_over.unstage()
    later = NOW + timedelta(minutes=1)
    relay = RelayStagedJobs(staged_jobs=storage, queue=queue, now=lambda: later)
    assert await relay() == 0
    assert await storage.staged(before=later, limit=9) == [job]
    queue.down = False
    assert await relay() == 1
    assert await storage.staged(before=later, limit=9) == []
    assert (await queue.counts()).waiting == 1


async def test_jobs_of_one_moment_become_one_job_and_the_relay_may_still_repeat_any_of_them() -> None:
    storage, queue = MemoryStorage(), MemoryJobQueue()
    jobs = []
    for n in range(3):
        _, job = await accepting(storage)([delivery(body(ref=f"WEB-{n}"), f"k{n}")])
        assert job is not None
        jobs.append(job)
    hand_over = HandOver(queue=queue, staged_jobs=storage)
    await hand_over.hand_over(jobs)
    assert (await queue.counts()).waiting == 1
    later = NOW + timedelta(minutes=1)
    assert await RelayStagedJobs(staged_jobs=storage, queue=queue, now=lambda: later)() == 3
    assert (await queue.counts()).waiting == 4  # none of them is taken for the one that holds all
    await hand_over.unstage()
    assert await storage.staged(before=later, limit=9) == []


def test_a_job_of_many_events_keeps_to_itself() -> None:
    large = Job("large", tuple(EventId(uuid7()) for _ in range(GROUP_SIZE)))
    small = [Job(f"small-{n}", (EventId(uuid7()),)) for n in range(3)]
    assert [len(group) for group in in_groups([small[0], large, small[1], small[2]])] == [1, 1, 2]
    assert combined([large]) is large
    assert combined(small).event_ids == tuple(event_id for job in small for event_id in job.event_ids)


async def test_a_handed_over_job_is_no_longer_staged() -> None:
    storage, queue = MemoryStorage(), MemoryJobQueue()
    _, job = await accepting(storage)([delivery(body(), "k1")])
    assert job is not None
    hand_over = HandOver(queue=queue, staged_jobs=storage)
    await hand_over.hand_over([job])
    await hand_over.unstage()
    assert await storage.staged(before=NOW + timedelta(days=1), limit=9) == []
    assert (await queue.counts()).waiting == 1


async def test_losing_a_deadlock_while_unstaging_does_not_end_handing_over(monkeypatch: pytest.MonkeyPatch) -> None:
    storage, queue = MemoryStorage(), MemoryJobQueue()
    _, job = await accepting(storage)([delivery(body(), "k1")])
    assert job is not None

    async def loses(_job_ids: object) -> None:
        raise Conflict("deadlock with the relay")

    monkeypatch.setattr(storage, "unstage", loses)
    hand_over = HandOver(queue=queue, staged_jobs=storage)
    await hand_over.hand_over([job])
    await hand_over.unstage()
    assert (await queue.counts()).waiting == 1


async def test_the_sweep_needs_no_queue() -> None:
    storage = MemoryStorage()
    [outcome], _ = await accepting(storage)([delivery(body(), "k1")])
    assert isinstance(outcome, Accepted)

    def sweep(after: timedelta) -> SweepDueEvents:
        process = ProcessEvents(store=storage, now=lambda: NOW + after, new_id=uuid7)
        return SweepDueEvents(store=storage, process=process, now=lambda: NOW + after)

    assert await sweep(timedelta(seconds=5))() == 0  # its job may still come
    assert await sweep(timedelta(seconds=6))() == 1
    assert await sweep(timedelta(seconds=7))() == 0


async def test_a_commit_in_doubt_is_not_tried_again() -> None:
    storage = MemoryStorage()
    storage.in_doubt = True
    with pytest.raises(InDoubt):
        await accepting(storage)([delivery(body(), "k1", nonce="nonce-01")])
    assert len(storage.tables.log) == 1  # it had happened; the producer's own repeat finds it


async def test_a_storage_that_is_away_for_a_moment_is_tried_again(monkeypatch: pytest.MonkeyPatch) -> None:
    storage = MemoryStorage()
    real = storage.store
    failures = [Unavailable("gone"), Conflict("deadlock")]

    async def flaky(*asked: Any, **named: Any) -> Stored:
        if failures:
            raise failures.pop()
        return await real(*asked, **named)

    monkeypatch.setattr(storage, "store", flaky)
    [outcome], _ = await accepting(storage)([delivery(body(), "k1")])
    assert isinstance(outcome, Accepted)
    assert not failures


async def test_new_events_have_their_answer_when_nobody_can_say_what_the_others_repeat(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    storage = MemoryStorage()
    await accepting(storage)([delivery(body(), "k1")])

    async def away(deliveries: Sequence[NewEvent]) -> Priors:
        raise Unavailable(f"gone since the commit, with {len(deliveries)}")

    monkeypatch.setattr(storage, "find", away)
    [repeat, new], job = await accepting(storage)([delivery(body(), "k1"), delivery(body(ref="WEB-2"), "k2")])
    assert repeat is None
    assert isinstance(new, Accepted)
    assert job is not None
    assert job.event_ids == (new.event_id,)


async def test_background_work_outlives_outages_and_bugs(caplog: pytest.LogCaptureFixture) -> None:
    stop = asyncio.Event()
    results: list[Exception | int] = [Unavailable("away"), Unavailable("away"), RuntimeError("a bug"), 1, 0]

    async def work() -> int:
        result = results.pop(0)
        if not results:
            stop.set()
        if isinstance(result, Exception):
            raise result
        return result

    with caplog.at_level(logging.INFO):
        await periodically("the work", work, every_s=0.001, stop=stop)
    said = [record.message for record in caplog.records]
    assert said.count("the work waits: away") == 1
    assert "the work failed; it goes on" in said
    assert said[-1] == "the work works again"


async def test_what_can_be_switched_off_is_ended_and_begun_again() -> None:
    stop, switch = asyncio.Event(), {"on": False}
    told: asyncio.Queue[str] = asyncio.Queue()

    async def work(off: asyncio.Event) -> None:
        told.put_nowait("begun")
        await off.wait()
        told.put_nowait("ended")

    loop = asyncio.create_task(while_on("it", lambda: switch["on"], work, stop=stop, look_every_s=0.001))
    async with asyncio.timeout(5):
        for on, expected in ((True, "begun"), (False, "ended"), (True, "begun")):
            switch["on"] = on
            assert await told.get() == expected
        stop.set()
        await loop
    assert told.get_nowait() == "ended"
    assert told.empty()


async def test_what_is_off_can_be_stopped() -> None:
    stop = asyncio.Event()

    async def never(_off: asyncio.Event) -> None:
        raise AssertionError("it is off")

    loop = asyncio.create_task(while_on("it", lambda: False, never, stop=stop, look_every_s=0.001))
    stop.set()
    async with asyncio.timeout(5):
        await loop


async def test_the_board_decides_who_is_a_canary() -> None:
    values, _ = initial_flags({"OPS_WRITE_CORE_ENABLED": "true", "OPS_WRITE_CORE_PERCENT": "0"})
    board = FlagBoard({**values, Flag.WRITE_CORE_EMAILS: "vip@example.com"}, MemoryStorage())
    assert evaluate_canary(board.write_canary(), email="VIP@example.com", user_id=None).on
    assert not evaluate_canary(board.write_canary(), email="ops@example.com", user_id=None).on
    assert not evaluate_canary(board.read_canary(), email="vip@example.com", user_id=None).on
