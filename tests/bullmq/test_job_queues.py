"""One suite, three queues: the fake, Redis, PostgreSQL. What BullMQ alone can do is behind it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from subprocess import PIPE, Popen
from urllib.parse import urlsplit

import pytest
import redis
from attrs import evolve
from bullmq import Queue

from bst_application.ids import uuid7
from bst_application.ports.queue import Job, JobQueue
from bst_bullmq.bullmq_queue import JOB_NAME, BullMQJobQueue
from bst_bullmq.postgres_queue import PostgresJobQueue
from bst_bullmq.redis_queue import RedisJobQueue
from bst_domain.values import EventId
from bst_testing.conformance.job_queue import WITHIN_S, JobQueueConformance, accepts, consuming, job, until
from bst_testing.fakes.job_queue import MemoryJobQueue
from tests.faults.proxy import Proxy, a_proxy
from tests.servers import PostgresAddress

ROOT = Path(__file__).parents[2]
#: Short enough to wait for; BullMQ looks twice before it takes a job from a consumer that is silent.
SHORT_LEASE_S = 0.5
#: Room for so many jobs at once, as a worker has.
ROOM = 16
#: Of Redis, a job: to enqueue, fetch and end it are three, and two find that there is no other. BullMQ's own worker asks forty.
MOST_SCRIPTS_A_JOB = 7


class TestMemoryJobQueue(JobQueueConformance):
    @pytest.fixture
    def queue(self) -> MemoryJobQueue:
        return MemoryJobQueue()

    async def take_away(self, queue: JobQueue) -> None:
        assert isinstance(queue, MemoryJobQueue)
        queue.down = True

    async def bring_back(self, queue: JobQueue) -> None:
        assert isinstance(queue, MemoryJobQueue)
        queue.down = False

    async def die_with_a_job(self, queue: JobQueue) -> JobQueue:
        assert isinstance(queue, MemoryJobQueue)
        await queue.give_back(queue.take())
        return queue


class BullMQConformance(JobQueueConformance):
    """What the two brokers have in common: a proxy in front of them takes them away."""

    proxy: Proxy

    async def take_away(self, queue: JobQueue) -> None:
        self.proxy.refuse(True)
        self.proxy.cut()

    async def bring_back(self, queue: JobQueue) -> None:
        self.proxy.refuse(False)

    async def die_with_a_job(self, queue: JobQueue) -> JobQueue:
        assert isinstance(queue, BullMQJobQueue)
        module, kind, address = type(queue).__module__, type(queue).__name__, self.address()
        script = f"""
import asyncio, sys
from {module} import {kind}

async def handler(job):
    print(job.id, flush=True)
    await asyncio.Event().wait()

queue = {kind}({address!r}, "events", lease_s={SHORT_LEASE_S})
asyncio.run(queue.consume(handler, concurrency=1, stop=asyncio.Event()))
"""
        await asyncio.to_thread(_run_until_it_has_a_job, script)
        return self.made(SHORT_LEASE_S)

    def address(self) -> str:
        """Where the proxy is."""
        raise NotImplementedError("a subclass says it")

    def made(self, lease_s: float) -> BullMQJobQueue:
        """Another queue of the same jobs."""
        raise NotImplementedError("a subclass makes it")

    async def test_a_delayed_job_runs_when_its_time_has_come(self, queue: BullMQJobQueue) -> None:
        """BST delays nothing here, for retries are in the log; but a job that another program delays is understood."""
        event = EventId(uuid7())
        seen: list[Job] = []

        async def handler(one: Job) -> None:
            seen.append(one)

        async def came() -> bool:
            return bool(seen)

        await queue.counts()
        bull = Queue("events", queue._broker.queue_options())
        try:
            await bull.add(JOB_NAME, {"eventIds": [str(event)]}, {"jobId": "later", "delay": 700})
            counts = await queue.counts()
            assert (counts.waiting, counts.delayed) == (0, 1)
            async with consuming(queue, handler):
                await until(came)
        finally:
            await bull.close()
        assert seen == [Job("later", (event,))]
        assert (await queue.counts()).delayed == 0

    async def test_a_job_carries_its_trace(self, queue: JobQueue) -> None:
        """BullMQ carries the trace of a job where its own telemetry does, so that workers for Node find it."""
        traced = evolve(job(), trace_context="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        sent = [job(), traced]
        for one in sent:
            await queue.enqueue(one)
        seen: list[str | None] = []

        async def handler(one: Job) -> None:
            seen.append(one.trace_context)

        async def all_came() -> bool:
            return len(seen) == len(sent)

        async with consuming(queue, handler):
            await until(all_came)
        assert seen == [None, traced.trace_context]


def _run_until_it_has_a_job(script: str) -> None:
    with Popen([sys.executable, "-c", script], cwd=ROOT, stdout=PIPE) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline()
        finally:
            process.kill()


class TestRedisJobQueue(BullMQConformance):
    @pytest.fixture
    async def queue(self, redis_url: str) -> AsyncIterator[RedisJobQueue]:
        async with a_proxy(("127.0.0.1", urlsplit(redis_url).port or 6379)) as self.proxy:
            queue = RedisJobQueue(self.address(), "events")
            yield queue
            await queue.close()

    def address(self) -> str:
        return f"redis://127.0.0.1:{self.proxy.port}/0"

    def made(self, lease_s: float) -> RedisJobQueue:
        return RedisJobQueue(self.address(), "events", lease_s=lease_s)

    async def test_a_job_costs_a_few_scripts_however_much_room_there_is(
        self, queue: RedisJobQueue, redis_url: str
    ) -> None:
        """Room for more jobs is no reason to ask for each of them whenever one comes."""
        jobs = 20
        done = asyncio.Semaphore(0)

        async def handler(_: Job) -> None:
            done.release()

        async def comes_and_is_done() -> None:
            await queue.enqueue(job())
            async with asyncio.timeout(WITHIN_S):
                await done.acquire()

        with redis.Redis.from_url(redis_url) as client:
            async with consuming(queue, handler, concurrency=ROOM):
                await comes_and_is_done()  # so that all connections and scripts are there
                client.config_resetstat()
                for _ in range(jobs):
                    await comes_and_is_done()
                scripts = client.info("commandstats")["cmdstat_evalsha"]["calls"]
        assert jobs <= scripts <= MOST_SCRIPTS_A_JOB * jobs


class TestPostgresJobQueue(BullMQConformance):
    @pytest.fixture
    async def queue(self, postgres_dsn: str) -> AsyncIterator[PostgresJobQueue]:
        self.server = PostgresAddress(admin_dsn=postgres_dsn)
        await _make_tables(postgres_dsn)
        async with a_proxy(self.server.endpoint) as self.proxy:
            queue = PostgresJobQueue(self.address(), "events")
            yield queue
            await queue.close()

    def address(self) -> str:
        return self.server.through(self.proxy.port)

    def made(self, lease_s: float) -> PostgresJobQueue:
        return PostgresJobQueue(self.address(), "events", lease_s=lease_s)

    async def test_the_tables_are_made_when_they_are_first_needed(self, postgres_dsn: str) -> None:
        queue = PostgresJobQueue(postgres_dsn, "events")
        first = job()
        await until(partial(accepts, queue, first))
        assert (await queue.counts()).waiting == 1
        await queue.close()


async def _make_tables(dsn: str) -> None:
    """BullMQ makes its tables with the first question. On a busy machine that takes longer than a caller waits for an answer,
    and whoever asks in a test without a second try would hear Unavailable."""
    queue = Queue("events", {"backend": "postgres", "connection": dsn})
    await queue.backend.waitUntilReady()
    await queue.close()
