"""One suite, three queues: the fake, Redis, PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from attrs import evolve

from bst_application.ports.queue import Job, JobQueue
from bst_bullmq.postgres_queue import PostgresJobQueue
from bst_bullmq.redis_queue import RedisJobQueue
from bst_testing.conformance.job_queue import JobQueueConformance, consuming, job
from bst_testing.fakes.job_queue import MemoryJobQueue


class CarriesTraces:
    """BullMQ carries the trace of a job where its own telemetry does, so that workers for Node find it."""

    async def test_a_job_carries_its_trace(self, queue: JobQueue) -> None:
        traced = evolve(job(), trace_context="00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01")
        sent = [job(), traced]
        for one in sent:
            await queue.enqueue(one)
        seen: list[str | None] = []

        async def handler(one: Job) -> None:
            seen.append(one.trace_context)

        async with consuming(queue, handler):
            async with asyncio.timeout(20):
                while len(seen) < len(sent):  # noqa: ASYNC110 - a broker has no event to wait for
                    await asyncio.sleep(0.02)
        assert seen == [None, traced.trace_context]


class TestMemoryJobQueue(JobQueueConformance):
    @pytest.fixture
    def queue(self) -> MemoryJobQueue:
        return MemoryJobQueue()


class TestRedisJobQueue(JobQueueConformance, CarriesTraces):
    @pytest.fixture
    async def queue(self, redis_url: str) -> AsyncIterator[RedisJobQueue]:
        queue = RedisJobQueue(redis_url, "events")
        yield queue
        await queue.close()


class TestPostgresJobQueue(JobQueueConformance, CarriesTraces):
    @pytest.fixture
    async def queue(self, postgres_dsn: str) -> AsyncIterator[PostgresJobQueue]:
        queue = PostgresJobQueue(postgres_dsn, "events")
        yield queue
        await queue.close()
