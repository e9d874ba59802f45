"""What is kept while two systems do the same work: how far the watcher is, what shadow reads found, what dual writes came to."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol

from attrs import frozen

from bst_application.ports.audit import AuditEntry
from bst_application.ports.operations import ConflictRecord, OpsTransaction
from bst_domain.cutover import ParityField, TimedWrite
from bst_domain.migration import LegacyFinance, LegacySystem, SourceRow
from bst_domain.values import BookingIdentity, BookingKey


@frozen(kw_only=True, order=True)
class WatchMark:
    """A place in the order in which a source's rows were changed."""

    at: datetime
    row_id: int


@frozen(kw_only=True)
class SeenRow:
    """A legacy row as the watcher saw it. ``booking`` None: core does not have it; ``note``: why it is not expected to."""

    row: SourceRow
    changed_at: datetime
    digest: str
    booking: BookingKey | None
    note: str | None = None


@frozen(kw_only=True)
class QueuedConflict:
    """A conflict with the name of its booking."""

    record: ConflictRecord
    identity: BookingIdentity


@frozen(kw_only=True)
class ConflictCounts:
    """Of the conflicts that wait for a decision. ``blocking``: those that have for longer than a day."""

    open: int
    overdue: int
    blocking: int


@frozen(kw_only=True)
class CrewAt:
    """Who drives since when; a driver of None was taken off then."""

    driver: int | None
    partner: int | None
    at: datetime


@frozen(kw_only=True)
class CoreFinance:
    """What core has of a booking's finance."""

    finance_id: int | None
    pattern_id: int | None
    validated_at: datetime | None
    locked: bool
    settlement: str | None


class ComparingTransaction(OpsTransaction, Protocol):
    """The commit in which one legacy row is compared with its booking, and what follows is done."""

    async def name_of(self, row: SourceRow, names: Sequence[BookingIdentity]) -> BookingIdentity | None:
        """The booking that the row was moved in as, whatever it is called now, else the first of these names that there is."""
        ...

    async def seen(self, row: SourceRow) -> SeenRow | None:
        """As it was seen last."""
        ...

    async def note_seen(self, seen: SeenRow, *, now: datetime) -> None:
        """In this commit."""
        ...

    async def crew_at(self, booking: BookingKey) -> CrewAt | None:
        """The latest word of core's own about who drives; None where only the old admin ever said any."""
        ...

    async def finance(self, booking: BookingKey) -> CoreFinance | None: ...

    async def take_finance(self, booking: BookingKey, finance: LegacyFinance, *, now: datetime) -> None:
        """The old admin's finance is core's from now on. Save the booking as well."""
        ...


class DualWriteDesk(Protocol):
    """Raises Unavailable and Conflict; both leave nothing behind."""

    def comparing(self) -> AbstractAsyncContextManager[ComparingTransaction]: ...


class ConflictCounter(Protocol):
    """How much waits for a decision. Raises Unavailable and Conflict."""

    async def conflict_counts(self, *, now: datetime) -> ConflictCounts: ...


class WatchLedger(ConflictCounter, Protocol):
    """Raises Unavailable and Conflict."""

    def watching(self) -> AbstractAsyncContextManager[None]:
        """One watcher at a time. Raises AnotherRuns."""
        ...

    async def mark(self, system: LegacySystem) -> WatchMark | None:
        """How far the watcher has come; None before the first round."""
        ...

    async def come_to(self, system: LegacySystem, mark: WatchMark) -> None:
        """Everything up to there has been compared. A mark never goes back."""
        ...

    async def looked(self, system: LegacySystem, *, now: datetime) -> None:
        """A round has been through the source; it may have found nothing new."""
        ...

    async def looked_at(self, system: LegacySystem) -> datetime | None:
        """When a round was last through the source."""
        ...

    async def unreached(self, *, limit: int) -> list[SeenRow]:
        """Rows whose booking core did not have when they were seen, those first that were looked at longest ago."""
        ...

    async def moved_in_at(self) -> datetime | None:
        """When the newest successful run of batch D began, or the interrupted ones that it went on from: rows changed since are
        the watcher's."""
        ...

    async def conflicts(self, *, limit: int) -> list[QueuedConflict]:
        """Those that wait for a decision, the soonest due first."""
        ...


@frozen(kw_only=True)
class ShadowExample:
    """A difference between what core answered and what the old admin has."""

    identity: BookingIdentity
    about: ParityField
    core: str
    legacy: str
    at: datetime


@frozen(kw_only=True)
class ShadowTally:
    """Of one field, over a while."""

    about: ParityField
    compared: int
    mismatched: int


@frozen(kw_only=True)
class ShadowCounts:
    """What a look at some reads came to. ``unmatched``: the old admin has no such row."""

    compared: int
    unmatched: int
    by_field: Mapping[ParityField, int]
    examples: Sequence[ShadowExample]


class ShadowLedger(Protocol):
    """Raises Unavailable and Conflict."""

    async def admin_rows(self, bookings: Sequence[BookingKey]) -> Mapping[BookingKey, tuple[int, ...]]:
        """The old admin's row ids that bookings were moved in from, as far as known."""
        ...

    async def add(self, counts: ShadowCounts, *, at: datetime) -> None:
        """Adds to what was counted in this hour, and keeps the newest example of each booking and field."""
        ...

    async def tallies(self, *, since: datetime) -> list[ShadowTally]:
        """By field, in the order of the fields; those that were never compared are left out."""
        ...

    async def examples(self, *, limit: int) -> list[ShadowExample]:
        """The newest first."""
        ...


@frozen
class WriteKept:
    """``new`` is False for a report that was there already; ``same`` is False when it said something else then."""

    new: bool
    same: bool


class WriteLedger(Protocol):
    """Raises Unavailable and Conflict."""

    async def keep(self, write: TimedWrite, entry: AuditEntry, *, digest: str) -> WriteKept:
        """A report with its audit entry, in one commit; nothing where its id is known."""
        ...

    async def writes(self, *, since: datetime) -> list[TimedWrite]:
        """The reports since then, the newest first."""
        ...
