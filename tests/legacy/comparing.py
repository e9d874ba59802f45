"""``bst recon run`` as the command runs it, against a world."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime

from bst_application.comparison_report import ComparisonReport
from bst_application.ports.comparing import ComparisonTransaction
from bst_application.ports.legacy import LegacySnapshot
from bst_application.use_cases.compare_moved import CompareMoved
from bst_legacy.databases import LegacyConnections
from bst_postgres.comparing import PostgresComparisonStore
from bst_postgres.database import Database
from tests.legacy.moving import AS_OF
from tests.legacy.world import World


@asynccontextmanager
async def both_sides(world: World, dsn: str) -> AsyncIterator[tuple[LegacySnapshot, ComparisonTransaction]]:
    database = Database(dsn, pool_size=2)
    try:
        async with (
            LegacyConnections(world.urls).snapshot() as legacy,
            PostgresComparisonStore(database).comparing() as ours,
        ):
            yield legacy, ours
    finally:
        await database.close()


async def compare(
    world: World, dsn: str, batch: str, *, full: bool = False, checksum: str = "0", as_of: datetime = AS_OF
) -> ComparisonReport:
    async with both_sides(world, dsn) as (legacy, ours):
        compared = CompareMoved(legacy=legacy, ours=ours, as_of=as_of, checksum=checksum, full=full, sample_size=20)
        return await compared(batch)
