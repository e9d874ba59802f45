"""The two legacy databases, read and never written."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol

from attrs import frozen

from bst_domain.migration import LegacyBooking, LegacyCatalog, LegacyPaid, LegacySystem


@frozen
class LegacyName:
    """What tells which booking a row belongs to: enough to group rows without reading them."""

    system: LegacySystem
    row_id: int
    channel: str
    ref: str | None


class LegacySnapshot(Protocol):
    """Both databases as they were at one moment each; nothing that is written there later is seen.

    Raises LegacyUnreadable when a database is lost on the way.
    """

    def names(self) -> AsyncIterator[Sequence[LegacyName]]:
        """Every booking row, some thousands at a time: the shop's by id, then the old admin's by id."""
        ...

    async def bookings(self, system: LegacySystem, ids: Sequence[int]) -> Sequence[LegacyBooking]:
        """Rows with everything below them, by id. An id without a row is left out."""
        ...

    async def money(self, system: LegacySystem, ids: Sequence[int]) -> Sequence[LegacyBooking]:
        """The same rows, with what moving money needs and no more (see ``money_alone``)."""
        ...

    async def payments_without_booking(self) -> Sequence[LegacyPaid]:
        """Payments of the shop whose booking has been deleted."""
        ...

    async def catalog(self) -> LegacyCatalog:
        """Products, variants, rates and packages, by id."""
        ...


class LegacyDatabases(Protocol):
    """Raises LegacyUnreadable, before anything is read, when a table or column that back-fill needs is not there."""

    def snapshot(self) -> AbstractAsyncContextManager[LegacySnapshot]: ...
