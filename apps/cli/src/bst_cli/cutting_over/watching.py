"""The watcher as a process: rounds over both legacy databases until somebody stops it."""

import os
from asyncio import Event, wait_for
from collections.abc import Callable
from datetime import UTC, datetime

import click

from bst_application.errors import Conflict, LegacyUnreadable, Unavailable
from bst_application.ids import uuid7
from bst_application.use_cases.compare_legacy import CompareLegacyRow
from bst_application.use_cases.watch_legacy import WatchLegacy, WatchTally
from bst_cli.cutting_over.state import opened
from bst_cli.gates.carrying import stopping_on_interrupt
from bst_cli.migrating.running import legacy_urls
from bst_legacy.live import LegacyLiveConnections
from bst_postgres.cutover import PostgresDualWriteDesk, PostgresWatchLedger
from bst_postgres.database import Database


def watcher(database: Database, legacy: LegacyLiveConnections) -> WatchLegacy:
    """Over the real databases."""

    def now() -> datetime:
        return datetime.now(UTC)

    desk = PostgresDualWriteDesk(database)
    return WatchLegacy(
        legacy=legacy,
        ledger=PostgresWatchLedger(database),
        desk=desk,
        compare=CompareLegacyRow(desk=desk, now=now, new_id=uuid7),
        now=now,
    )


async def keep_watching(
    dsn: str, *, interval: int | None, since: datetime | None, tell: Callable[[WatchTally], None]
) -> None:
    """One round without an interval. Raises Trouble; with an interval an outage is said, and the next round tries again."""
    legacy = LegacyLiveConnections(legacy_urls(os.environ))
    with stopping_on_interrupt() as stop:
        async with opened(dsn) as database:
            watch = watcher(database, legacy)
            while True:
                try:
                    tell(await watch(since=since))
                except (LegacyUnreadable, Unavailable, Conflict) as error:
                    if interval is None:
                        raise
                    click.echo(f"· waits: {error}", err=True)
                if interval is None or await _pause(stop, interval):
                    return


async def _pause(stop: Event, seconds: float) -> bool:
    """Whether somebody wants to stop."""
    try:
        await wait_for(stop.wait(), seconds)
    except TimeoutError:
        return False
    return True
