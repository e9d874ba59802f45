"""A runner that kills itself, as kill -9 would: at the n-th statement that it is about to send to the operational database."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import psycopg

from bst_domain.migration import LegacySystem
from bst_postgres.backfill import PostgresBackfillStore
from bst_postgres.backfill.runs import lock_number
from bst_postgres.database import Database
from tests.legacy.helped import move_helped
from tests.legacy.moving import move_bookings, move_money
from tests.legacy.world import World

CHUNK_ROWS = 60


class Doomed:
    """Counts statements on connections of the back-fill; those of the legacy databases do not count."""

    def __init__(self, at: int) -> None:
        self.left = at

    def tick(self, connection: psycopg.AsyncConnection[Any]) -> None:
        if connection.info.parameter_status("application_name") != "bst-test-doomed":
            return
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)


async def run(world: World, dsn: str, batch: str, at: int, helpers: int) -> None:
    doomed = Doomed(at)
    execute, cursor_copy = psycopg.AsyncConnection.execute, psycopg.AsyncCursor.copy

    async def dying_execute(self: Any, *given: Any, **options: Any) -> Any:
        doomed.tick(self)
        return await execute(self, *given, **options)

    def dying_copy(self: Any, *given: Any, **options: Any) -> Any:
        doomed.tick(self.connection)
        return cursor_copy(self, *given, **options)

    psycopg.AsyncConnection.execute = dying_execute  # type: ignore[method-assign]
    psycopg.AsyncCursor.copy = dying_copy  # type: ignore[method-assign]
    if helpers:
        await move_helped(world, dsn, batch, processes=helpers, name="bst-test-doomed")
        return
    database = Database(dsn, pool_size=4, application_name="bst-test-doomed")
    store = PostgresBackfillStore(database)
    move = move_bookings if batch == "D" else move_money
    await move(world, store, chunk_rows=CHUNK_ROWS)
    await database.close()


def die_at(world: World, dsn: str, batch: str, moments: Sequence[int], helpers: int) -> Iterator[int]:
    """A process of its own for each moment, forked from this one, which has imported everything and holds no connection.

    Yields what each ended with: -9, or 0 when it came to its end before.
    """
    for at in moments:
        child = os.fork()
        if child == 0:
            asyncio.run(run(world, dsn, batch, at, helpers))
            os._exit(0)
        _, status = os.waitpid(child, 0)
        yield os.waitstatus_to_exitcode(status)
        number = lock_number(batch)
        with psycopg.connect(
            dsn
        ) as connection:  # the lock of a dead runner ends with its session: the server has noticed
            connection.execute("select pg_advisory_xact_lock(%s)", (number,))


if __name__ == "__main__":
    shop, admin, dsn, batch, moments, helpers = sys.argv[1:]
    sources = World(urls={LegacySystem.SHOP: shop, LegacySystem.ADMIN: admin}, folder=Path())
    for code in die_at(sources, dsn, batch, [int(at) for at in moments.split(",")], int(helpers)):
        print(code, flush=True)
