"""Two APIs and two workers at once: killed at random moments, with clocks that differ, and under ten times the usual load."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Sequence

import httpx
import psutil
import pytest

from bst_cli.sending import Line
from tests.api.harness import PATH, signed
from tests.faults.judge import judge
from tests.faults.system import Day, System, a_day, a_system

pytestmark = pytest.mark.slow

#: Deliveries per second; the burst is ten times as many.
USUAL = 15.0
BURST_S = 3.0
#: What a waiting delivery may cost: its body, its row, its future, and what the allocator keeps.
MEMORY_MIB = 96


async def test_two_apis_and_two_workers_are_killed_at_random_moments(
    day: Day, postgres_dsn: str, redis_url: str
) -> None:
    """Everything is sent to both doors at once, in two orders; any of the four processes dies at any moment."""
    chance = random.Random(20261121)
    async with a_system(dsn=postgres_dsn, redis_url=redis_url, api_clocks=(0, 0), worker_clocks=(0, 0)) as system:
        sending = [asyncio.create_task(system.send(day.lines, to=door, rate=80, shuffle=door)) for door in range(2)]
        programs = [*system.apis, *system.workers]
        killed: Counter[str] = Counter()
        for victim in chance.sample(programs, len(programs)):
            await asyncio.wait(sending, timeout=chance.uniform(0.2, 0.8))
            victim.kill()
            victim.start()
            killed[victim.log.name] += 1
        outcomes = await asyncio.gather(*sending)
        assert len(killed) == len(programs)
        assert sum(outcome.retries for outcome in outcomes) > 0
        await judge(system, day)


async def test_clocks_that_are_minutes_apart_change_nothing(day: Day, postgres_dsn: str, redis_url: str) -> None:
    async with a_system(
        dsn=postgres_dsn, redis_url=redis_url, api_clocks=(-230.0, 230.0), worker_clocks=(-600.0, 600.0)
    ) as system:
        await asyncio.gather(*(system.send(day.lines, to=door, shuffle=door) for door in range(2)))
        await judge(system, day)
        # Some were processed minutes before they came in, by these clocks; no figure is below zero for it.
        early = await system.count("ingest_event_log where processed_at < request_received_at")
        assert early > 0
        latency = (await system.answers("/v1/ingest/metrics/processing?windowMinutes=1440")).json()["data"]
        assert min(_numbers(latency)) >= 0


async def test_ten_times_the_usual_rate_is_taken_or_told_to_come_back(postgres_dsn: str, redis_url: str) -> None:
    day = a_day(11, 110)
    burst = day.lines[: int(10 * USUAL * BURST_S)]
    async with a_system(dsn=postgres_dsn, redis_url=redis_url) as system:
        before = _memory(system)
        begun = time.monotonic()
        # One of them per delivery is 202; every other is a refusal that says when to come back.
        said = Counter(await _bombard(system, burst))
        took = time.monotonic() - begun
        assert said[202] == len(burst)
        assert said.keys() <= {202, 429, 503}
        assert took < 10 * BURST_S
        assert _memory(system) - before < MEMORY_MIB
        await system.send(day.lines[len(burst) :])
        await judge(system, day)


async def _bombard(system: System, lines: Sequence[Line]) -> list[int]:
    """All at once, each until it is accepted; every status that was answered."""
    statuses: list[int] = []
    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(base_url=system.urls[0], timeout=30, limits=limits, trust_env=False) as client:

        async def deliver(line: Line) -> None:
            while True:
                answer = await client.post(PATH, content=line.body, headers=signed(line.body, key=line.key))
                statuses.append(answer.status_code)
                if answer.status_code == httpx.codes.ACCEPTED:
                    return
                await asyncio.sleep(int(answer.headers["retry-after"]))

        await asyncio.gather(*(deliver(line) for line in lines))
    return statuses


def _memory(system: System) -> float:
    """MiB."""
    return float(psutil.Process(system.apis[0].pid).memory_info().rss / (1 << 20))


def _numbers(value: object) -> list[float]:
    if isinstance(value, dict):
        return [number for each in value.values() for number in _numbers(each)]
    return [value] if isinstance(value, int | float) else [0]
