"""What batches D and E do with a chunk, for the process that runs them and for its helpers."""

from datetime import datetime

from bst_application.ports.backfill import BackfillStore
from bst_application.use_cases.backfill import ChunkWork
from bst_application.use_cases.move_bookings import MoveBookings
from bst_application.use_cases.move_money import MoveMoney

APPLICATION_NAME = "bst-migrate"


async def work_of(batch: str, store: BackfillStore, *, as_of: datetime, now: datetime) -> ChunkWork:
    """``as_of`` is the instant whose day in Bali is "today" for the rules. Raises Unavailable."""
    if batch == "D":
        return MoveBookings(packages=await store.packages(), as_of=as_of, now=now)
    await store.packages()
    return MoveMoney(as_of=as_of, now=now)
