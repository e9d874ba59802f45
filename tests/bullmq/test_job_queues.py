"""One suite, three queues: the fake, Redis, PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from bst_bullmq.postgres_queue import PostgresJobQueue
from bst_bullmq.redis_queue import RedisJobQueue
from bst_testing.conformance.job_queue import JobQueueConformance
from bst_testing.fakes.job_queue import MemoryJobQueue


class TestMemoryJobQueue(JobQueueConformance):
    @pytest.fixture
    def queue(self) -> MemoryJobQueue:
        return MemoryJobQueue()


class TestRedisJobQueue(JobQueueConformance):
    @pytest.fixture
    async def queue(self, redis_url: str) -> AsyncIterator[RedisJobQueue]:
        queue = RedisJobQueue(redis_url, "events")
        yield queue
        await queue.close()


class TestPostgresJobQueue(JobQueueConformance):
    @pytest.fixture
    async def queue(self, postgres_dsn: str) -> AsyncIterator[PostgresJobQueue]:
        queue = PostgresJobQueue(postgres_dsn, "events")
        yield queue
        await queue.close()
