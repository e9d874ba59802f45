"""Redis is a wake-up and nothing more: stopped, emptied or restarted without its data, it loses no event."""

import asyncio
import signal
from pathlib import Path

import pytest
import redis

from tests.faults.judge import judge
from tests.faults.system import Day, a_system, until
from tests.servers import RedisProgram, free_port

pytestmark = pytest.mark.slow


async def test_redis_stops_and_comes_back_empty_while_events_are_queued_and_delayed(
    day: Day, postgres_dsn: str, tmp_path: Path
) -> None:
    broker = RedisProgram(folder=tmp_path, port=free_port())
    broker.start()
    try:
        async with a_system(dsn=postgres_dsn, redis_url=broker.url) as system:
            third = len(day.lines) // 3
            [worker] = system.workers
            worker.signal(signal.SIGSTOP)  # jobs pile up
            await system.send(day.lines[:third])
            # Some wait for a retry, in the log as well as for their job.
            delayed = await system.rows(
                "update ingest_event_log set attempt_count = 1, next_retry_at = now() + interval '3 seconds'"
                " where idempotency_key < 'g' returning 1"
            )
            assert len(delayed) > 10
            with redis.Redis.from_url(broker.url) as client:
                [waiting] = client.scan_iter("*:wait")  # jobs of the same moment are one job: there may be few
                assert client.llen(waiting)
                client.flushall()
            sending = asyncio.create_task(system.send(day.lines[third : 2 * third], rate=100))
            await until(lambda: system.has_events(third), "more events")
            broker.stop()
            worker.signal(signal.SIGCONT)
            await sending  # nobody who sends notices
            await system.send(day.lines[2 * third :])
            broker.start()
            await judge(system, day)
            assert await system.count("ingest_event_log where attempt_count > 1") == len(delayed)
    finally:
        broker.stop()
