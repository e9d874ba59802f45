"""A running API for each test."""

from collections.abc import AsyncIterator

import pytest

from tests.api.harness import Api, running


@pytest.fixture
async def api(postgres_dsn: str, redis_url: str) -> AsyncIterator[Api]:
    async with running(postgres_dsn, redis_url) as api:
        yield api
