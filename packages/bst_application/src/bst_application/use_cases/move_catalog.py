"""Batch C: the two legacy catalogs become one, and what nobody can map alone is queued.

Source of the rules: semantics 8, predecessor rules 7 with the defects 82, 84 and 93 closed.
"""

from datetime import datetime

from attrs import frozen

from bst_application.ports.backfill import BackfillStore
from bst_application.ports.legacy import LegacySnapshot
from bst_application.use_cases.backfill import Tally
from bst_domain.migration import CatalogBridge, bridge, variant_row

BATCH = "C"


@frozen(kw_only=True)
class MoveCatalog:
    """One commit: catalogs are small."""

    store: BackfillStore
    now: datetime

    async def __call__(self, snapshot: LegacySnapshot, *, dry_run: bool) -> tuple[Tally, CatalogBridge]:
        """Also returns what the catalogs came to."""
        catalog = await snapshot.catalog()
        found = bridge(catalog)
        moved = len(found.products) + len(found.variants) + len(found.rates)
        rows = len(catalog.products) + len(catalog.variants) + len(catalog.rates) + len(catalog.packages)
        tally = Tally(rows=rows, done=rows, changed=moved, queued=len(found.queued), exceptions=len(found.exceptions))
        if not dry_run:
            async with self.store.moving() as tx:
                tally.written = await tx.save_catalog(found, now=self.now)
                tally.queued = await tx.queue(found.queued, now=self.now)
                tally.written += tally.queued
                named = [variant_row(row.variant_id) for row in catalog.variants]
                await tx.list_exceptions(BATCH, named, found.exceptions)
        return tally, found
