"""The broker goes, hangs, comes back empty: nobody waits long for it, and work goes on when it is back."""

import asyncio
import gc
import os
import signal
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from time import monotonic

import psycopg
import pytest

from bst_application.errors import Unavailable
from bst_application.ports.queue import Job
from bst_bullmq.postgres_queue import PostgresJobQueue
from bst_bullmq.redis_queue import QUEUE_CONNECTIONS, RedisJobQueue
from bst_testing.conformance.job_queue import A_SECOND, accepts, consuming, job, until
from tests.faults.proxy import a_proxy
from tests.servers import RedisProgram, free_port


@pytest.fixture
def redis(tmp_path: Path) -> Iterator[RedisProgram]:
    program = RedisProgram(folder=tmp_path, port=free_port())
    yield program
    program.stop()


@pytest.fixture
async def queue(redis: RedisProgram) -> AsyncIterator[RedisJobQueue]:
    queue = RedisJobQueue(redis.url, "events")
    yield queue
    await queue.close()


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    begun = monotonic()
    yield
    assert monotonic() - begun < seconds


async def test_a_broker_that_was_never_there_is_unavailable_at_once(queue: RedisJobQueue) -> None:
    with at_most(A_SECOND), pytest.raises(Unavailable):
        await queue.enqueue(job())
    with at_most(A_SECOND), pytest.raises(Unavailable):
        await queue.counts()


async def test_a_broker_that_hangs_is_unavailable_within_a_second(redis: RedisProgram, queue: RedisJobQueue) -> None:
    redis.start()
    await queue.enqueue(job())
    os.kill(redis.pid, signal.SIGSTOP)
    try:
        with at_most(A_SECOND), pytest.raises(Unavailable):
            await queue.enqueue(job())
        with at_most(0.1):  # the outage is remembered: the next callers do not wait again
            for _ in range(50):
                with pytest.raises(Unavailable):
                    await queue.enqueue(job())
    finally:
        os.kill(redis.pid, signal.SIGCONT)
    last = job()
    await until(lambda: accepts(queue, last))


async def test_whoever_is_cancelled_while_asking_leaves_nothing_behind(
    redis: RedisProgram, queue: RedisJobQueue
) -> None:
    """An abandoned question that failed later would be reported as an error of whatever runs then."""
    redis.start()
    await queue.enqueue(job())
    os.kill(redis.pid, signal.SIGSTOP)
    asking = asyncio.create_task(queue.enqueue(job()))
    await asyncio.sleep(0)  # until it has asked
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    await queue.close()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    assert not [task for task in others if "enqueue" in repr(task) or "Queue.add" in repr(task)]
    os.kill(redis.pid, signal.SIGCONT)


async def test_whoever_is_cancelled_as_the_error_comes_leaves_nothing_unread(queue: RedisJobQueue) -> None:
    """The question has failed and whoever asked is cancelled in the same turn: the loop must not report the error as lost."""
    reported: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: reported.append(context))

    async def ask_and_be_cancelled() -> None:
        asking = asyncio.create_task(queue.enqueue(job()))  # to a broker that was never there
        await asyncio.sleep(0)  # until it has asked
        (question,) = (task for task in asyncio.all_tasks() if "Queue.add" in repr(task))
        question.add_done_callback(lambda _: asking.cancel())
        with pytest.raises(asyncio.CancelledError):
            await asking

    await ask_and_be_cancelled()
    await queue.close()
    gc.collect()  # an error without a reader is reported when its task is thrown away
    assert reported == []


async def test_whoever_waits_his_turn_on_a_client_that_is_given_up_leaves_no_connection(redis: RedisProgram) -> None:
    """He would connect it again after its goodbye, and nobody would know of that connection."""
    redis.start()
    async with a_proxy(("127.0.0.1", redis.port)) as proxy:
        queue = RedisJobQueue(f"redis://127.0.0.1:{proxy.port}/0", "events")

        async def all_are_used() -> bool:
            return proxy.open == QUEUE_CONNECTIONS

        async def none_is_open() -> bool:
            return proxy.open == 0

        asking = [asyncio.create_task(accepts(queue, job())) for _ in range(10 * QUEUE_CONNECTIONS)]
        await until(all_are_used)
        proxy.cut()
        assert False in await asyncio.gather(*asking)
        await queue.close()
        await until(none_is_open)


async def test_after_a_restart_the_queue_works_without_ours(redis: RedisProgram, queue: RedisJobQueue) -> None:
    redis.start()
    await queue.enqueue(job())
    redis.stop()
    with at_most(A_SECOND), pytest.raises(Unavailable):
        await queue.enqueue(job())
    redis.start()
    one = job()
    await until(lambda: accepts(queue, one))
    assert (await queue.counts()).waiting == 1  # it came back empty


async def test_a_consumer_outlives_its_broker(redis: RedisProgram, queue: RedisJobQueue) -> None:
    seen: list[Job] = []

    async def handler(one: Job) -> None:
        seen.append(one)

    async def came(one: Job) -> bool:
        return one in seen

    async with consuming(queue, handler):  # before there is a broker
        for _ in range(2):
            redis.start()
            one = job()
            await until(partial(accepts, queue, one))
            await until(partial(came, one))
            redis.stop()


async def test_a_consumer_stops_while_its_broker_is_away(redis: RedisProgram, queue: RedisJobQueue) -> None:
    async def handler(_: Job) -> None:
        return None

    redis.start()
    with at_most(8):
        async with consuming(queue, handler):
            await queue.counts()
            redis.stop()


async def test_a_consumer_leaves_a_connection_that_fell_silent(
    redis: RedisProgram, queue: RedisJobQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nobody says goodbye: only the silence tells that nothing will ever come on this connection."""
    monkeypatch.setattr("bst_bullmq.redis_queue.WORKER_SILENCE_S", 1.5)
    redis.start()
    seen: list[Job] = []

    async def handler(one: Job) -> None:
        seen.append(one)

    async def came(one: Job) -> bool:
        return one in seen

    async with a_proxy(("127.0.0.1", redis.port)) as proxy:
        behind = RedisJobQueue(f"redis://127.0.0.1:{proxy.port}/0", "events")
        async with consuming(behind, handler):
            for _ in range(2):
                one = job()
                await queue.enqueue(one)
                await until(partial(came, one))
                proxy.abandon()
        await behind.close()


async def test_the_postgres_queue_outlives_its_connections(postgres_dsn: str) -> None:
    queue = PostgresJobQueue(postgres_dsn, "events")
    seen: list[Job] = []

    async def handler(one: Job) -> None:
        seen.append(one)

    async def came(one: Job) -> bool:
        return one in seen

    async with consuming(queue, handler):
        for _ in range(2):
            one = job()
            await until(partial(accepts, queue, one))
            await until(partial(came, one))
            await asyncio.to_thread(hang_up, postgres_dsn)
        last = job()
        await until(lambda: accepts(queue, last))
        await until(lambda: came(last))
    await queue.close()


def hang_up(dsn: str) -> None:
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(
            "select pg_terminate_backend(pid) from pg_stat_activity"
            " where datname = current_database() and pid <> pg_backend_pid()"
        )
