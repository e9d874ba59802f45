"""Whether a batch may run: its predecessor's gates have passed, and no conflict has been open for too long."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from attrs import frozen

from bst_application.ports.gates import GateRecords
from bst_domain.migration import BLOCKS_AFTER, GATES_OF, Hold, batch_before, holds_of


@frozen(kw_only=True)
class HoldBatch:
    """Looks, and changes nothing."""

    records: GateRecords

    async def __call__(self, batch: str, *, now: datetime) -> Sequence[Hold]:
        """Everything that holds the batch now."""
        before = batch_before(batch)
        if before is None:
            return []
        run = await self.records.newest_run(before)
        return holds_of(
            batch,
            newest_run=run.key if run is not None and run.succeeded else None,
            records=await self.records.newest(GATES_OF[before]),
            conflicts_open_too_long=await self.records.conflicts_open_since_before(now - BLOCKS_AFTER),
        )


async def run_to_judge(records: GateRecords, batch: str) -> UUID | None:
    """The run that a gate which begins to measure now speaks for. One that has not come to its end is none."""
    run = await records.newest_run(batch)
    return run.key if run is not None and run.succeeded else None
