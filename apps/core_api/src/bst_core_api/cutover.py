"""Cutting over, wired: the flags' state for callers, reported writes, and shadow reads where there is an old admin to look at."""

from asyncio import Event
from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from bst_application.flags import Flag, FlagBoard
from bst_application.periodically import periodically
from bst_application.ports.cutover import ConflictCounter
from bst_application.ports.reading import BookingReader
from bst_application.settings import Settings
from bst_application.use_cases.report_write import ReportWrite
from bst_application.use_cases.shadow_reads import AT_ONCE, CompareShadows, ShadowedBookings, ShadowQueue
from bst_domain.cutover import canary_percentage
from bst_domain.migration import LegacySystem
from bst_legacy.live import LegacyLiveConnections
from bst_litestar.routes.cutover import CutoverParts
from bst_postgres.cutover import PostgresShadowLedger, PostgresWatchLedger, PostgresWriteLedger
from bst_postgres.database import Database
from bst_telemetry.shadow import ShadowInstruments

COMPARE_EVERY_S = 2.0


@frozen(kw_only=True)
class Cutover:
    """``bookings`` reads as the reader that was given, and offers its answers to be compared."""

    parts: CutoverParts
    conflicts: ConflictCounter
    bookings: BookingReader
    compare: CompareShadows | None

    async def keep_comparing(self, stop: Event) -> None:
        """To be run while the API runs. Full batches follow one another; else the old admin is left alone for a while."""
        if self.compare is not None:
            await periodically(
                "shadow reads", self.compare, every_s=COMPARE_EVERY_S, stop=stop, busy=lambda done: done >= AT_ONCE
            )


def cutover_from(
    settings: Settings,
    database: Database,
    board: FlagBoard,
    bookings: BookingReader,
    *,
    figures: ShadowInstruments,
    now: Callable[[], datetime],
) -> Cutover:
    """Connects to nothing."""
    ledger, watch = PostgresWriteLedger(database), PostgresWatchLedger(database)
    parts = CutoverParts(
        board=board,
        report=ReportWrite(ledger=ledger, now=now),
        ledger=ledger,
        queue=watch,
    )
    if settings.legacy_admin_url is None:
        return Cutover(parts=parts, conflicts=watch, bookings=bookings, compare=None)
    queue = ShadowQueue(lambda: canary_percentage(board.value(Flag.SHADOW_PERCENT)), now, figures)
    legacy = LegacyLiveConnections({LegacySystem.ADMIN: settings.legacy_admin_url})
    compare = CompareShadows(
        queue=queue, legacy=legacy, ledger=PostgresShadowLedger(database), now=now, figures=figures
    )
    shadowed = ShadowedBookings(bookings, queue)
    return Cutover(parts=parts, conflicts=watch, bookings=shadowed, compare=compare)
