"""A running API for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.api.harness import Api, running
from tests.api.predecessor import Caller
from tests.servers import has_redis


@pytest.fixture
def broker_url(request: pytest.FixtureRequest) -> str:
    """Redis where there is one; else empty, and the queue runs on PostgreSQL."""
    return str(request.getfixturevalue("redis_url")) if has_redis() else ""


@pytest.fixture
async def api(postgres_dsn: str, broker_url: str) -> AsyncIterator[Api]:
    async with running(postgres_dsn, broker_url) as api:
        yield api


@pytest.fixture
async def replaying(postgres_dsn: str, broker_url: str) -> AsyncIterator[Api]:
    """The same with replay switched on."""
    async with running(postgres_dsn, broker_url, INGEST_REPLAY_ENABLED="true") as api:
        yield api


@pytest.fixture
def call(api: Api) -> Caller:
    """A caller of the predecessor."""
    return Caller(api.http)
