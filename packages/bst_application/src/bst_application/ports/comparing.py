"""Comparing what was moved in with where it came from: the legacy side with its digests, our side with what back-fill noted."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from attrs import frozen

from bst_application.ports.backfill import Assigned
from bst_application.ports.bookings import StoredBooking
from bst_application.ports.digests import DigestSide
from bst_domain.migration import CatalogBridge, Difference, LegacySystem, MigrationException, PackageMap, SourceRow
from bst_domain.values import BookingIdentity


class Part(StrEnum):
    """What of a booking is digested by itself: batch D writes the one, batch E the other."""

    BODY = "body"
    MONEY = "money"


class MarkStore(Protocol):
    """What back-fill notes for later comparisons. Raises Unavailable and Conflict; both leave nothing behind."""

    async def note_sources(self, system: LegacySystem, lines: AsyncIterator[bytes], *, resumed: bool) -> None:
        """Before a run moves bookings: its rows as they are read, instead of what was noted before.

        Of a run that goes on with an interrupted one, a row that has changed meanwhile may have been moved as it was or as it
        is: it is noted as unknown.
        """
        ...

    async def note_bookings(self, part: Part) -> None:
        """After a run: what was written of bookings whose version has moved since they were noted last. Bookings that somebody
        here spoke of are noted as unknown, so that each comparison looks at them."""
        ...


@frozen(kw_only=True)
class LastRun:
    """The newest run of a batch."""

    status: str
    started_at: datetime
    checksum: str


@frozen(kw_only=True)
class StoredRecord:
    """A booking as its rows here say, beside what was folded. ``fields`` by the names of the comparison, as text."""

    booking: StoredBooking
    fields: Mapping[str, str | None]
    items: Mapping[str, str]  # key -> what it says
    payments: Mapping[str, str]
    sources: frozenset[str]  # "bstadmin:bookings:17"
    assigned: Assigned


@frozen(kw_only=True)
class RowsAccounted:
    """What became of a system's booking rows. Their sum is ``rows`` when every row is explained."""

    rows: int
    bookings: int  # to which the rows lead; a booking that both systems have counts for each
    moved: int
    rejected: int
    unexplained: int


@frozen(kw_only=True)
class PaymentRows:
    """The shop's payments: linked to a booking here, listed as orphans or rejected, and the ``others`` as (payment, booking)."""

    linked: int
    orphans: int
    rejected: int
    others: Sequence[tuple[int, int]]


@frozen(kw_only=True)
class MoneyByCurrency:
    """Of bookings that were moved in."""

    currency: str | None
    bookings: int
    total: Decimal


@frozen(kw_only=True)
class Figures:
    """Counts of our side. ``drift``: (system, stored word there, status here) -> rows."""

    bookings: int
    live_only: int
    adults: int
    children: int
    infants: int
    header_pax: int
    item_pax: int
    pax_mismatches: int
    totals: Sequence[MoneyByCurrency]
    payments_here: int
    payment_totals: Sequence[MoneyByCurrency]
    drift: Mapping[tuple[LegacySystem, str, str], int]
    duplicates: int
    orphans: Mapping[str, int]
    due_for_recompute: int


class ComparisonTransaction(Protocol):
    """Our side as it was at one moment. Raises Unavailable."""

    async def last_run(self, batch: str) -> LastRun | None: ...

    def source_marks(self, system: LegacySystem) -> DigestSide:
        """Rows as back-fill read them, by their number."""
        ...

    def stored(self, part: Part) -> DigestSide:
        """Bookings as they are here, by their key as a number; those that only live events made are left out."""
        ...

    def booking_marks(self, part: Part) -> DigestSide:
        """Bookings as back-fill wrote them."""
        ...

    async def take_rows(self, system: LegacySystem, lines: AsyncIterator[bytes]) -> None:
        """The other side's rows, as LegacySnapshot.word_lines says them; kept as long as the comparison."""
        ...

    async def take_payments(self, payments: Sequence[tuple[int, int, UUID]]) -> None:
        """The other side's payments with the key of each: (payment, booking, key)."""
        ...

    async def accounted(self, system: LegacySystem) -> RowsAccounted:
        """Of the rows that were taken."""
        ...

    async def unexplained_rows(self) -> Sequence[SourceRow]:
        """Taken rows that lead to no booking here and are not listed as rejected."""
        ...

    async def unexpected_bookings(self) -> Sequence[UUID]:
        """Bookings here that no taken row leads to, and that no live event made."""
        ...

    async def strays(self) -> Sequence[Difference]:
        """References of bookings that are not there, and bookings whose name is another one's, spelling aside."""
        ...

    async def payments_accounted(self) -> PaymentRows:
        """Of the taken payments."""
        ...

    async def sources_of(self, keys: Sequence[UUID]) -> Mapping[UUID, Sequence[SourceRow]]:
        """The legacy rows that lead to these bookings."""
        ...

    async def records(
        self, identities: Sequence[BookingIdentity], keys: Sequence[UUID]
    ) -> tuple[Mapping[BookingIdentity, StoredRecord], Mapping[UUID, StoredRecord]]:
        """By any name of theirs, and by key; what is not there is left out."""
        ...

    async def spoiled(self, part: Part, keys: Sequence[UUID]) -> Mapping[UUID, str]:
        """Of bookings whose digest is not what back-fill noted: those that nobody has touched by a door of ours since, with what
        a person calls them."""
        ...

    async def packages(self) -> PackageMap: ...

    async def figures(self, today: date) -> Figures: ...

    async def exceptions(self, batch: str) -> Sequence[MigrationException]:
        """As they are listed by name."""
        ...

    async def queued(self) -> Mapping[str, Mapping[str, int]]:
        """Entries of the unmapped queue that back-fill made, by type and status."""
        ...

    async def queued_payments(self) -> frozenset[int]:
        """Payments of the shop that are in the queue, whatever became of the entry."""
        ...

    async def catalog_differences(
        self, bridge: CatalogBridge
    ) -> tuple[Sequence[Difference], Mapping[str, tuple[int, int]]]:
        """What is stored of the catalog against this one; and by entity how many there must be and how many there are."""
        ...


class ComparisonStore(Protocol):
    """Raises Unavailable, and SchemaBehind where a table is missing."""

    def comparing(self) -> AbstractAsyncContextManager[ComparisonTransaction]: ...
