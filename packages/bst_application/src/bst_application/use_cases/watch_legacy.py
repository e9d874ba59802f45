"""Watches both legacy systems while they go on working: every row that changes is compared with its booking, once.

The place in the order of changes is kept for each source. A round looks back a little, because a change that was under way at
the last look may carry an earlier time; rows of the last moments wait for the next round, so that the event that a system
sends about the same change can arrive first.
"""

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from attrs import define, evolve, field, frozen

from bst_application.ports.cutover import DualWriteDesk, SeenRow, WatchLedger, WatchMark
from bst_application.ports.legacy import ChangedRow, LegacyLive
from bst_application.use_cases.compare_legacy import Compared, CompareLegacyRow
from bst_domain.cutover import Module
from bst_domain.migration import LegacySystem

OVERLAP: Final = timedelta(minutes=5)
SETTLE: Final = timedelta(seconds=30)
CHUNK: Final = 500
#: Rows that core did not have, looked at again in each round; where there are more they take turns.
AGAIN: Final = 500
GONE: Final = "DELETED"


@define
class WatchTally:
    """What a round came to."""

    rows: int = 0
    seen: int = 0
    missing: int = 0
    rejected: int = 0
    reviews: int = 0
    tickets: int = 0
    played: dict[Module, int] = field(factory=dict)

    def add(self, compared: Compared) -> None:
        self.rows += 1
        self.seen += compared.seen
        self.missing += compared.missing
        self.rejected += compared.rejected
        for module in compared.played:
            self.played[module] = self.played.get(module, 0) + 1
        tickets = sum(one.module is Module.OPS_FINANCE_BRIDGE for one in compared.opened)
        self.tickets += tickets
        self.reviews += len(compared.opened) - tickets


Progress = Callable[[WatchTally], None]


@frozen(kw_only=True)
class WatchLegacy:
    """One round over both sources."""

    legacy: LegacyLive
    ledger: WatchLedger
    desk: DualWriteDesk
    compare: CompareLegacyRow
    now: Callable[[], datetime]
    overlap: timedelta = OVERLAP
    settle: timedelta = SETTLE
    chunk: int = CHUNK
    again: int = AGAIN

    async def __call__(self, *, since: datetime | None = None, progress: Progress = lambda _tally: None) -> WatchTally:
        """``since``: where the first round begins; else when the newest back-fill of bookings began, else now.

        Raises LegacyUnreadable, AnotherRuns, Unavailable and Conflict; what was compared before stays so.
        """
        tally = WatchTally()
        async with self.ledger.watching():
            for system in LegacySystem:
                await self._again(system, tally)
                await self._round(system, since, tally, progress)
        return tally

    async def _round(self, system: LegacySystem, since: datetime | None, tally: WatchTally, progress: Progress) -> None:
        mark, before = await self.ledger.mark(system), self.now() - self.settle
        begin = since or await self.ledger.moved_in_at() or before
        start, after = (begin if mark is None else mark.at - self.overlap), None
        if mark is None:
            await self.ledger.come_to(system, WatchMark(at=begin, row_id=0))
        while rows := await self.legacy.changed(system, since=start, before=before, after=after, limit=self.chunk):
            for row in rows:
                tally.add(await self.compare(row))
            progress(tally)
            last = rows[-1]
            after = (last.changed_at, last.booking.row_id)
            await self.ledger.come_to(system, WatchMark(at=last.changed_at, row_id=last.booking.row_id))
            if len(rows) < self.chunk:
                break
        await self.ledger.looked(system, now=self.now())

    async def _again(self, system: LegacySystem, tally: WatchTally) -> None:
        """Rows whose booking was not here: it may have come since."""
        missing = [one for one in await self.ledger.unreached(limit=self.again) if one.row.system is system]
        if not missing:
            return
        there = {row.row_id: row for row in await self.legacy.rows(system, ids=[one.row.row_id for one in missing])}
        gone: list[SeenRow] = []
        for one in missing:
            if (row := there.get(one.row.row_id)) is None:
                gone.append(one)
                continue
            compared = await self.compare(ChangedRow(booking=row, changed_at=one.changed_at))
            if not compared.missing:
                tally.add(compared)
        await self._forget(gone)

    async def _forget(self, gone: Sequence[SeenRow]) -> None:
        """What was deleted over there is nothing that core lacks."""
        for one in gone:
            async with self.desk.comparing() as tx:
                await tx.note_seen(evolve(one, note=GONE), now=self.now())
