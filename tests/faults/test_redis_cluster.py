"""Two APIs and two workers on a Redis Cluster: the node that has the queue dies and comes back, and no event is lost."""

import asyncio

import pytest

from tests.faults.judge import judge
from tests.faults.system import Day, System, a_system, until
from tests.redis_cluster import Cluster

pytestmark = pytest.mark.slow


async def test_the_node_that_has_the_queue_dies_and_comes_back(
    day: Day, postgres_dsn: str, redis_cluster: Cluster
) -> None:
    """Without replicas nobody takes its slots over, so for some seconds the cluster serves no key at all."""
    async with a_system(
        dsn=postgres_dsn, redis_url=redis_cluster.url, api_clocks=(0, 0), worker_clocks=(0, 0)
    ) as system:
        third = len(day.lines) // 3
        await system.send(day.lines[:third])
        home = redis_cluster.owner_of("ingest-bookings-events")
        assert home.ask("KEYS", "{ingest-bookings-events}:*"), "the queue is not where it should be"
        home.stop()
        try:
            lines = day.lines[third : 2 * third]
            await asyncio.gather(system.send(lines), system.send(lines, to=1, shuffle=1))  # nobody who sends notices
            await until(lambda: all_is_done(system), "all work without a queue")
        finally:
            home.start()
        await asyncio.to_thread(redis_cluster.until_well)
        await system.send(day.lines[2 * third :])
        await judge(system, day)
        queue = (await system.answers("/v1/ingest/metrics/queue")).json()["data"]["queue"]
        assert queue["connected"]


async def all_is_done(system: System) -> bool:
    return await system.count("ingest_event_log where process_status = 'RECEIVED'") == 0
