"""Batches D and E with helper processes, as the command runs them, in small chunks."""

from bst_application.use_cases.backfill import Backfill, Progress, Tally
from bst_application.use_cases.move_money import queue_left_behind
from bst_cli.migrating.helpers import Job, helping
from bst_cli.migrating.works import work_of
from bst_legacy.databases import LegacyConnections
from bst_postgres.backfill import PostgresBackfillStore
from bst_postgres.database import Database
from tests.legacy.moving import AS_OF, NOW
from tests.legacy.world import World

CHUNK_ROWS = 15


async def move_helped(
    world: World, dsn: str, batch: str, *, processes: int, progress: Progress = lambda _tally: None, name: str = "bst"
) -> Tally:
    """``processes`` beside this one. ``name``: of this one's connections."""
    database = Database(dsn, pool_size=4, application_name=name)
    store = PostgresBackfillStore(database)
    try:
        work = await work_of(batch, store, as_of=AS_OF, now=NOW)
        async with (
            LegacyConnections(world.urls).snapshot() as snapshot,
            store.running(batch, now=NOW, script="test", checksum="0") as run,
        ):
            moments = await snapshot.moments()
            job = Job(dsn=dsn, urls=world.urls, moments=moments, batch=batch, run=run, as_of=AS_OF, now=NOW)
            async with helping(job, processes) as helpers:
                moving = Backfill(store=store, work=work, chunk_rows=CHUNK_ROWS, helpers=helpers)
                tally = await moving(snapshot, run, progress=progress)
            if batch == "E":
                left = await snapshot.payments_without_booking()
                tally.add(await queue_left_behind(store, left, now=NOW, dry_run=False))
            await store.finish(run, rows=tally.written)
        return tally
    finally:
        await database.close()
