"""Where back-fill writes: folded bookings and money in large groups, and the record of runs."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

from attrs import frozen

from bst_application.ports.bookings import BookingChange, StoredBooking
from bst_domain.booking import PackageRef
from bst_domain.gates import Override
from bst_domain.migration import (
    CatalogBridge,
    LegacyCase,
    LegacyFinance,
    LegacyPaid,
    LegacySystem,
    MigrationException,
    PackageMap,
    SourceRow,
    ToQueue,
)
from bst_domain.values import BookingIdentity, BookingKey, ChannelReference


@frozen(kw_only=True)
class Assigned:
    """Who drives, and whether somebody said so here: then the old admin's word counts no more."""

    driver_id: int | None
    by_core: bool


@frozen(kw_only=True)
class BookingMove:
    """A booking that a case of legacy rows came to. ``assigns``: the old admin's assignment is to be taken over."""

    change: BookingChange
    case: LegacyCase
    driver_id: int | None
    assigned_at: datetime | None
    assigns: bool


@frozen(kw_only=True)
class MoneyMove:
    """Payments and finance of a stored booking. ``change.before`` is never None."""

    change: BookingChange
    payments: Sequence[LegacyPaid]
    finance: LegacyFinance | None


@frozen(kw_only=True)
class Position:
    """How far a batch has come: everything up to this row, in the order shop before admin, by id."""

    system: LegacySystem
    row_id: int
    done: int  # rows


@frozen(kw_only=True)
class Run:
    """One run of a batch. ``resumed_at`` is where an earlier one was interrupted."""

    key: UUID
    batch: str
    resumed_at: Position | None


@frozen(kw_only=True)
class SavedCatalog:
    """How many rows of a catalog were written: products, variants and rates; what is told of products; references."""

    things: int
    texts: int
    references: int


class AnotherRuns(Exception):
    """Another runner of the same batch is at work, or took this one's place."""


class BackfillTransaction(Protocol):
    """One commit for a group of cases. Leaving the context without an exception commits; else nothing happened."""

    async def load(self, identities: Sequence[BookingIdentity]) -> Mapping[BookingIdentity, StoredBooking]:
        """As ProcessingTransaction.load: locked in key order, found by their own name or an alias."""
        ...

    async def load_for_money(self, identities: Sequence[BookingIdentity]) -> Mapping[BookingIdentity, StoredBooking]:
        """The same bookings, for whoever moves payments and finance alone: of the facts there may be no more than statuses and
        payments follow from, and they are not to be written."""
        ...

    async def assigned(self, keys: Sequence[BookingKey]) -> Mapping[BookingKey, Assigned]:
        """Of these bookings."""
        ...

    async def mapped_packages(self, named: Sequence[ChannelReference]) -> Mapping[ChannelReference, PackageRef]:
        """As ProcessingTransaction.mapped_packages."""
        ...

    async def save_bookings(self, moves: Sequence[BookingMove], *, now: datetime) -> int:
        """Writes what differs, each booking at most once; returns how many rows that were."""
        ...

    async def save_money(self, moves: Sequence[MoneyMove], *, now: datetime) -> int:
        """The same, of payments and finance and the statuses that follow from them."""
        ...

    async def save_catalog(self, bridge: CatalogBridge, *, now: datetime) -> SavedCatalog:
        """Products, variants, rates and the references that lead to them: what differs is written.

        Bookings whose package means something else by that are asked to be folded again. A mapping that a person has written
        stays.

        A product of the same slug, or a variant of the same code, is the same one whatever its key. What somebody has changed
        here since it was moved in stays as it is.
        """
        ...

    async def list_exceptions(
        self, batch: str, rows: Sequence[SourceRow], exceptions: Sequence[MigrationException]
    ) -> None:
        """These rows' exceptions are now these: what is listed of them and is not here is taken off the list."""
        ...

    async def listed(self, batch: str) -> frozenset[SourceRow]:
        """The rows that the batch's list names."""
        ...

    async def queue(self, entries: Sequence[ToQueue], *, now: datetime) -> int:
        """Adds to the unmapped queue what is not there yet, whatever became of it; returns how many that were."""
        ...

    async def come_to(self, run: Run, position: Position) -> None:
        """Remembers how far the run has come, in this commit. Raises AnotherRuns when the run is not ours any more."""
        ...


class BackfillStore(Protocol):
    """Raises Unavailable and Conflict; both leave nothing behind."""

    def running(
        self,
        batch: str,
        *,
        now: datetime,
        script: str,
        checksum: str,
        holds_the_day: bool = False,
        afresh: bool = False,
        override: Override | None = None,
    ) -> AbstractAsyncContextManager[Run]:
        """A run in the log, which ends as SUCCEEDED or, with an exception, as FAILED. Raises AnotherRuns.

        An interrupted run of the batch is gone on with; a failed one, too. ``holds_the_day``: the run says which day it is, so
        the scheduled recompute waits for its end (see ProcessingTransaction.may_turn). ``afresh``: the batch is undone: nothing
        is gone on with, now or later, and a later batch that runs, or has run, is in the way as another runner is. An
        ``override`` is in the run's row and in the audit trail, in the commit that begins the run.
        """
        ...

    def moving(self) -> AbstractAsyncContextManager[BackfillTransaction]: ...

    async def packages(self) -> PackageMap:
        """What the catalog bridge has moved in, by the legacy ids."""
        ...

    async def finish(self, run: Run, *, rows: int) -> None:
        """Forgets how far the run came: it has come to its end. ``rows`` were written."""
        ...
