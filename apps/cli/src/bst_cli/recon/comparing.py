"""Compares against real databases."""

import os
from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from bst_application.comparison_report import ComparisonReport
from bst_application.use_cases.compare_moved import CompareMoved
from bst_cli.migrating.running import legacy_urls, rules_checksum
from bst_legacy.databases import LegacyConnections
from bst_postgres.comparing import PostgresComparisonStore
from bst_postgres.database import Database


@frozen(kw_only=True)
class Comparer:
    """``as_of`` is the instant whose day in Bali is "today"; ``sample``: rows of each legacy database."""

    dsn: str
    as_of: datetime
    full: bool
    seed: int
    sample: int
    told: Callable[[str, int, int], None]

    async def __call__(self, batch: str) -> ComparisonReport:
        """Raises Unavailable, LegacyUnreadable, and Trouble when settings are missing."""
        urls = legacy_urls(os.environ)
        database = Database(self.dsn, pool_size=2, application_name="bst-recon")
        try:
            async with (
                LegacyConnections(urls).snapshot() as legacy,
                PostgresComparisonStore(database).comparing() as ours,
            ):
                compare = CompareMoved(
                    legacy=legacy,
                    ours=ours,
                    as_of=self.as_of,
                    checksum=rules_checksum(),
                    full=self.full,
                    seed=self.seed,
                    sample_size=self.sample,
                    told=self.told,
                )
                return await compare(batch)
        finally:
            await database.close()
