"""The two legacy databases, read and never written."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from attrs import frozen

from bst_application.ports.digests import DigestSide
from bst_domain.migration import LegacyBooking, LegacyCatalog, LegacyPaid, LegacySystem, ShopPayment, StoredPayment


@frozen
class LegacyName:
    """What tells which booking a row belongs to: enough to group rows without reading them."""

    system: LegacySystem
    row_id: int
    channel: str
    ref: str | None


@frozen
class FinanceName:
    """A row of the old admin's booking_finances, and the booking row that it stands at."""

    finance_id: int
    booking_id: int


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

    def payments(self, since: datetime | None = None) -> AsyncIterator[Sequence[ShopPayment]]:
        """Every payment row of the shop that is not older, some thousands at a time, by id."""
        ...

    async def payments_like(self, payments: Sequence[StoredPayment]) -> Sequence[ShopPayment]:
        """Rows of the shop that share a reference, capture or order with any of these, or stand at one of their bookings."""
        ...

    def finances(self) -> AsyncIterator[Sequence[FinanceName]]:
        """Every finance row of the old admin, some thousands at a time, by id."""
        ...

    async def catalog(self) -> LegacyCatalog:
        """Products, variants, rates and packages, by id."""
        ...

    def digests(self, system: LegacySystem) -> DigestSide:
        """Booking rows with everything below them, by their number."""
        ...

    def digest_lines(self, system: LegacySystem) -> AsyncIterator[bytes]:
        """The same of all rows, in blocks of lines: number, tab, 128 binary digits."""
        ...

    def word_lines(self, system: LegacySystem) -> AsyncIterator[bytes]:
        """Every booking row, in blocks of lines: number, tab, the status that is stored there."""
        ...

    def payment_ids(self) -> AsyncIterator[Sequence[tuple[int, int]]]:
        """Every payment of the shop as (payment, booking), some thousands at a time; orphans too."""
        ...

    async def sample(self, system: LegacySystem, seed: int, size: int) -> Sequence[int]:
        """Booking rows drawn by chance; the same seed draws the same rows of the same table."""
        ...


class LegacyDatabases(Protocol):
    """Raises LegacyUnreadable, before anything is read, when a table or column that back-fill needs is not there."""

    def snapshot(self) -> AbstractAsyncContextManager[LegacySnapshot]: ...


@frozen(kw_only=True)
class ChangedRow:
    """A booking row and when it, or what hangs on it, was changed last."""

    booking: LegacyBooking
    changed_at: datetime


class LegacyLive(Protocol):
    """The legacy databases while both old systems go on working: each question is a look of its own, read-only and brief.

    Raises LegacyUnreadable.
    """

    async def changed(
        self, system: LegacySystem, *, since: datetime, before: datetime, after: tuple[datetime, int] | None, limit: int
    ) -> list[ChangedRow]:
        """Rows changed at or after ``since`` and before ``before``, the oldest change first, then by id; those behind
        ``after``, a change and an id."""
        ...

    async def rows(
        self, system: LegacySystem, *, refs: Sequence[str] = (), ids: Sequence[int] = ()
    ) -> list[LegacyBooking]:
        """Rows with one of these references, as they are stored there, or one of these ids; by id."""
        ...

    async def newest(self, *, limit: int) -> list[LegacyBooking]:
        """The old admin's rows of the latest tour days, the latest first."""
        ...
