"""The two legacy databases in memory."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from attrs import field, frozen

from bst_application.errors import LegacyUnreadable
from bst_application.ports.legacy import LegacyName
from bst_domain.migration import LegacyBooking, LegacyCatalog, LegacyPaid, LegacySystem, money_alone

EMPTY_CATALOG = LegacyCatalog(products=(), variants=(), rates=(), packages=())


@frozen(kw_only=True)
class MemoryLegacy:
    """LegacyDatabases and its snapshot: values do not change, so one is as good as the other."""

    rows: Sequence[LegacyBooking] = ()
    left_behind: Sequence[LegacyPaid] = ()
    products: LegacyCatalog = field(default=EMPTY_CATALOG)
    lacks: str | None = None  # what is missing, and makes it unreadable
    at_once: int = 2

    @asynccontextmanager
    async def snapshot(self) -> AsyncIterator["MemoryLegacy"]:
        if self.lacks is not None:
            raise LegacyUnreadable(f"{self.lacks} is missing")
        yield self

    async def names(self) -> AsyncIterator[Sequence[LegacyName]]:
        order = list(LegacySystem)
        rows = sorted(self.rows, key=lambda row: (order.index(row.system), row.row_id))
        named = [LegacyName(row.system, row.row_id, row.channel, row.ref) for row in rows]
        for start in range(0, len(named), self.at_once):
            yield named[start : start + self.at_once]

    async def bookings(self, system: LegacySystem, ids: Sequence[int]) -> list[LegacyBooking]:
        wanted = [row for row in self.rows if row.system is system and row.row_id in ids]
        return sorted(wanted, key=lambda row: row.row_id)

    async def money(self, system: LegacySystem, ids: Sequence[int]) -> list[LegacyBooking]:
        return [money_alone(row) for row in await self.bookings(system, ids)]

    async def payments_without_booking(self) -> Sequence[LegacyPaid]:
        return self.left_behind

    async def catalog(self) -> LegacyCatalog:
        return self.products
