"""What the health routes make of databases that are not there."""

from datetime import UTC, datetime

import pytest
from litestar import Litestar
from litestar.testing import AsyncTestClient

from bst_litestar.routes.health import health_routes
from bst_testing.fakes.job_queue import MemoryJobQueue
from bst_testing.fakes.probe import MemoryProbe


@pytest.mark.parametrize(
    ("probes", "status"),
    [
        ([MemoryProbe(configured=False), MemoryProbe(configured=False)], "degraded"),
        ([MemoryProbe(), MemoryProbe(configured=False)], "ok"),
        ([MemoryProbe(), MemoryProbe(reachable=False)], "degraded"),
    ],
)
async def test_a_database_that_is_not_configured_is_no_database_that_is_well(
    probes: list[MemoryProbe], status: str
) -> None:
    """Predecessor's defect 42: ok, with nothing configured at all."""
    routes = health_routes(probes, MemoryJobQueue(), now=lambda: datetime.now(UTC))
    async with AsyncTestClient(app=Litestar(route_handlers=routes)) as client:
        answer = await client.get("/health/db")
    assert answer.json()["data"]["status"] == status
