"""PostgreSQL restarts, crashes, hangs up, is slow, is full: producers wait a little, and everything comes right."""

import asyncio
import signal
from functools import partial
from urllib.parse import urlsplit

import pytest

from bst_postgres.migrate import upgrade
from tests.faults.judge import judge
from tests.faults.proxy import a_proxy
from tests.faults.system import Day, a_system, until
from tests.servers import PostgresAddress, a_postgres

pytestmark = pytest.mark.slow

#: A crash of the server loses what the operating system has not been given; fsync is about crashes of the machine.
SURVIVES_A_CRASH = ("fsync=off",)


async def test_postgresql_is_restarted_and_crashes_while_events_come_in(day: Day, redis_url: str) -> None:
    with a_postgres(*SURVIVES_A_CRASH) as postgres:
        dsn = postgres.address.create("ops")
        await asyncio.to_thread(upgrade, dsn)
        async with a_system(dsn=dsn, redis_url=redis_url) as system:
            sending = asyncio.create_task(system.send(day.lines, rate=100, concurrency=16))
            for how, after in ((signal.SIGINT, 40), (signal.SIGQUIT, 90)):
                await until(partial(system.has_events, after), "some events")
                await asyncio.to_thread(postgres.stop, how)
                await asyncio.to_thread(postgres.start)
            outcome = await sending
            assert outcome.retries > 0  # they met the fault
            await judge(system, day)


async def test_connections_are_cut_again_and_again(day: Day, postgres_dsn: str, redis_url: str) -> None:
    """By the server, which ends its backends in the middle of whatever they do."""
    async with a_system(dsn=postgres_dsn, redis_url=redis_url) as system:
        sending = asyncio.create_task(system.send(day.lines, rate=100, concurrency=16))
        ended = 0
        while not sending.done():
            [(more,)] = await system.rows(
                "select count(*) from (select pg_terminate_backend(pid) from pg_stat_activity"
                " where datname = current_database() and application_name like 'bst-%') as cut"
            )
            ended += int(str(more))
            await asyncio.wait({sending}, timeout=0.3)
        await sending
        assert ended > 20
        await judge(system, day)


async def test_the_network_resets_falls_silent_and_refuses(day: Day, postgres_dsn: str, redis_url: str) -> None:
    """Both ways, to the database and to Redis, lead through a proxy that does what networks do."""
    async with (
        a_proxy(PostgresAddress(admin_dsn=postgres_dsn).endpoint) as to_database,
        a_proxy(("127.0.0.1", urlsplit(redis_url).port or 6379)) as to_redis,
        a_system(
            dsn=postgres_dsn,
            behind=PostgresAddress(admin_dsn=postgres_dsn).through(to_database.port),
            redis_url=f"redis://127.0.0.1:{to_redis.port}/0",
        ) as system,
    ):
        sending = asyncio.create_task(system.send(day.lines, rate=100, concurrency=16))
        for after, proxy in ((30, to_database), (60, to_redis), (90, to_database), (120, to_redis)):
            await until(partial(system.has_events, after), "some events")
            proxy.cut()
            proxy.fall_silent()
            await asyncio.wait({sending}, timeout=0.8)
            proxy.refuse(True)
            proxy.cut()
            proxy.flow()
            await asyncio.wait({sending}, timeout=0.5)
            proxy.refuse(False)
        outcome = await sending
        assert outcome.retries > 0
        await judge(system, day)
