"""Batches C to E as commands run them, against a world."""

from datetime import UTC, datetime

from bst_application.use_cases.backfill import Backfill, Progress, Tally
from bst_application.use_cases.gone_rows import listed_rows, take_off_gone
from bst_application.use_cases.move_bookings import MoveBookings
from bst_application.use_cases.move_catalog import MoveCatalog
from bst_application.use_cases.move_money import MoveMoney, queue_left_behind
from bst_application.use_cases.note_moved import note_after, note_before
from bst_legacy.databases import LegacyConnections
from bst_postgres.backfill import PostgresBackfillStore
from bst_postgres.comparing import PostgresMarkStore
from bst_postgres.database import Database
from tests.legacy.world import World

#: The "present" of the generated data.
AS_OF = datetime(2026, 2, 28, 16, tzinfo=UTC)
NOW = datetime(2026, 3, 1, 3, tzinfo=UTC)


async def move_catalog(world: World, store: PostgresBackfillStore) -> Tally:
    async with (
        LegacyConnections(world.urls).snapshot() as snapshot,
        store.running("C", now=NOW, script="test", checksum="0") as run,
    ):
        tally, _ = await MoveCatalog(store=store, now=NOW)(snapshot, dry_run=False)
        await store.finish(run, rows=tally.written)
    return tally


async def move_bookings(
    world: World, store: PostgresBackfillStore, *, chunk_rows: int = 500, progress: Progress = lambda _tally: None
) -> Tally:
    marks = PostgresMarkStore(store.database)
    work = MoveBookings(packages=await store.packages(), as_of=AS_OF, now=NOW)
    async with (
        LegacyConnections(world.urls).snapshot() as snapshot,
        store.running("D", now=NOW, script="test", checksum="0") as run,
    ):
        await note_before(marks, snapshot, "D", resumed=run.resumed_at is not None)
        listed = await listed_rows(store, "D")
        tally = await Backfill(store=store, work=work, chunk_rows=chunk_rows)(snapshot, run, progress=progress)
        await take_off_gone(store, snapshot, "D", listed)
        await note_after(marks, "D")
        await store.finish(run, rows=tally.written)
    return tally


async def move_money(
    world: World, store: PostgresBackfillStore, *, chunk_rows: int = 500, progress: Progress = lambda _tally: None
) -> Tally:
    marks = PostgresMarkStore(store.database)
    work = MoveMoney(as_of=AS_OF, now=NOW)
    async with (
        LegacyConnections(world.urls).snapshot() as snapshot,
        store.running("E", now=NOW, script="test", checksum="0") as run,
    ):
        listed = await listed_rows(store, "E")
        tally = await Backfill(store=store, work=work, chunk_rows=chunk_rows)(snapshot, run, progress=progress)
        await note_after(marks, "E")
        tally.add(await queue_left_behind(store, await snapshot.payments_without_booking(), now=NOW, dry_run=False))
        await take_off_gone(store, snapshot, "E", listed)
        await store.finish(run, rows=tally.written)
    return tally


async def move_all(world: World, dsn: str) -> tuple[Tally, Tally, Tally]:
    database = Database(dsn, pool_size=4)
    store = PostgresBackfillStore(database)
    try:
        return await move_catalog(world, store), await move_bookings(world, store), await move_money(world, store)
    finally:
        await database.close()
