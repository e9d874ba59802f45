"""A database that is full or slow: producers are told to come back, workers wait, and nothing is given up."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx
import pytest

from tests.api.harness import PATH, signed
from tests.faults.judge import judge
from tests.faults.proxy import a_proxy
from tests.faults.system import Day, System, a_system, until
from tests.servers import PostgresAddress

pytestmark = pytest.mark.slow

#: What PostgreSQL says when a file cannot grow: 53100, disk_full.
FULL = """
create function disk_is_full() returns trigger language plpgsql as $$
begin raise exception 'could not extend file: No space left on device' using errcode = '53100'; end $$
"""
ON_INSERT = "create trigger full_disk before insert on {0} for each row execute function disk_is_full()"
#: A deferred trigger speaks up during the commit, as a full disk may.
ON_COMMIT = (
    "create constraint trigger full_disk after insert on {0} deferrable initially deferred"
    " for each row execute function disk_is_full()"
)


@asynccontextmanager
async def full(system: System, table: str, how: str) -> AsyncIterator[None]:
    """No room for rows of this table while the block runs."""
    await system.rows(how.format(table))
    try:
        yield
    finally:
        await system.rows(f"drop trigger full_disk on {table}")


async def test_a_full_disk_is_said_waited_for_and_forgotten(day: Day, postgres_dsn: str, redis_url: str) -> None:
    async with a_system(dsn=postgres_dsn, redis_url=redis_url) as system:
        await system.rows(FULL)
        for how in (ON_INSERT, ON_COMMIT):
            async with full(system, "ingest_event_log", how):
                answer = await post(system, day, 0)
                assert answer.status_code == httpx.codes.SERVICE_UNAVAILABLE
                assert int(answer.headers["retry-after"]) >= 1
                assert answer.json()["error"]["message"] == "INGEST_STORE_UNAVAILABLE"
                assert "device" not in answer.text
            assert await system.count("ingest_event_log") == 0
            assert await system.count("ingest_nonce") == 0
        async with full(system, "booking_core", ON_INSERT):
            async with full(system, "ingest_event_log", ON_COMMIT):
                refused = len(system.apis[0].said("INGEST_STORE_UNAVAILABLE"))
                sending = asyncio.create_task(system.send(day.lines, concurrency=32))
                await until(lambda: _is(len(system.apis[0].said("INGEST_STORE_UNAVAILABLE")) > refused), "a refusal")
            # The worker finds the disk full, each time that it is woken and each second when it sweeps.
            await until(lambda: system.has_events(len(day.lines) // 3), "events")
            await until(lambda: _is(bool(system.workers[0].said("the sweep waits"))), "a sweep in vain")
            assert await system.count("booking_core") == 0
            assert (
                await system.count("ingest_event_log where attempt_count > 0") == 0
            )  # the disk's fault, not the event's
            assert await system.count("ingest_dead_letter") == 0
        outcome = await sending
        assert outcome.retries > 0
        await judge(system, day)


async def test_a_slow_database_slows_and_breaks_nothing(day: Day, postgres_dsn: str, redis_url: str) -> None:
    address = PostgresAddress(admin_dsn=postgres_dsn)
    async with (
        a_proxy(address.endpoint) as proxy,
        a_system(dsn=postgres_dsn, behind=address.through(proxy.port), redis_url=redis_url) as system,
    ):
        proxy.latency_s = 0.02  # 40 ms there and back, for each statement
        outcome = await system.send(day.lines, concurrency=32)
        assert outcome.retries == 0
        assert outcome.percentile_ms(0.5) > 80
        await judge(system, day)


async def post(system: System, day: Day, at: int) -> httpx.Response:
    line = day.lines[at]
    async with httpx.AsyncClient(base_url=system.urls[0], timeout=20, trust_env=False) as client:
        return await client.post(PATH, content=line.body, headers=signed(line.body, key=line.key))


async def _is(value: bool) -> bool:
    return value
