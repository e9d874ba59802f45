"""Batch D: legacy bookings become bookings of ours, their money aside.

Source of the rules: semantics 9, predecessor rules 8 with the defects 83 to 89 closed.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from attrs import evolve, frozen

from bst_application.ports.backfill import Assigned, BackfillTransaction, BookingMove
from bst_application.ports.bookings import RecordedFacts, StoredBooking, WrittenBy
from bst_application.ports.legacy import LegacySnapshot
from bst_application.turns import Turn
from bst_application.use_cases.backfill import Gathered, Tally
from bst_application.use_cases.changing import change
from bst_application.use_cases.packages import packages_of, with_package
from bst_domain.booking import NO_OPS, BookingFacts, OpsInputs, PackageRef, merge, without_backfill
from bst_domain.migration import (
    LegacyBooking,
    LegacyCase,
    LegacySystem,
    MigrationException,
    PackageMap,
    booking_exceptions,
    booking_facts,
    rows_to_name,
    said_by_rows,
)
from bst_domain.values import BookingIdentity, BookingKey, EventId, backfilled_booking_key

BATCH = "D"


@frozen(kw_only=True)
class MoveBookings:
    """The work of batch D on one chunk. ``as_of`` is the instant whose day in Bali rules speak of.

    Packages that nobody has mapped are asked about once, by batch C, and not once more for each channel that names them.
    """

    packages: PackageMap
    as_of: datetime
    now: datetime

    async def read(self, snapshot: LegacySnapshot, system: LegacySystem, ids: Sequence[int]) -> Sequence[LegacyBooking]:
        return await snapshot.bookings(system, ids)

    async def __call__(self, tx: BackfillTransaction, gathered: Gathered, *, dry_run: bool, turn: Turn) -> Tally:
        asked = {case.identity: (case.identity, *_aliases(case)) for case in gathered.cases}
        names = sorted({name for names in asked.values() for name in names}, key=lambda i: (i.channel, i.ref))
        stored = await tx.load(names)
        known = {of: found for of, names in asked.items() if (found := _found(stored, names)) is not None}
        folded = self._folded(gathered.cases, known)
        mapped = await packages_of(tx, {fold.identity: fold.facts for fold in folded})
        turn.locked()
        assigned = await tx.assigned([booking.key for booking in known.values()])
        moves = self._moves(folded, assigned, mapped)
        exceptions = booking_exceptions(gathered.rows, gathered.cases, gathered.rejected)
        tally = _tally(moves, gathered.rejected, exceptions)
        if not dry_run:
            tally.written = await tx.save_bookings(moves, now=self.now)
            await tx.list_exceptions(BATCH, [name for row in gathered.rows for name in rows_to_name(row)], exceptions)
        return tally

    def _folded(self, cases: Sequence[LegacyCase], known: Mapping[BookingIdentity, StoredBooking]) -> list["_Folded"]:
        return [self._fold(case, known.get(case.identity)) for case in cases]

    def _fold(self, case: LegacyCase, stored: StoredBooking | None) -> "_Folded":
        said = said_by_rows(case, self.packages)
        legacy = booking_facts(case, said)
        facts = legacy if stored is None else merge(without_backfill(stored.facts), legacy)
        identity = case.identity if stored is None else stored.identity
        return _Folded(case=case, stored=stored, identity=identity, said=said, facts=facts)

    def _moves(
        self,
        folded: Sequence["_Folded"],
        assigned: Mapping[BookingKey, Assigned],
        mapped: Mapping[BookingIdentity, PackageRef],
    ) -> list[BookingMove]:
        return [self._move(fold, assigned, mapped.get(fold.identity)) for fold in folded]

    def _move(
        self, fold: "_Folded", assigned: Mapping[BookingKey, Assigned], package: PackageRef | None
    ) -> BookingMove:
        case, stored = fold.case, fold.stored
        lead = next((row for row in case.rows if row.system is LegacySystem.ADMIN), None)
        driver, at = (None, None) if lead is None else (lead.driver_id, lead.assigned_at)
        here = None if stored is None else assigned.get(stored.key)
        if here is not None and (here.by_core or lead is None):
            driver, at = here.driver_id, None
        assigns = driver != (None if here is None else here.driver_id)
        ops = with_package(_assigned(NO_OPS if stored is None else stored.ops, driver is not None), package)
        moved = change(
            key=BookingKey(backfilled_booking_key(case.identity)) if stored is None else stored.key,
            identity=fold.identity,
            stored=stored,
            facts=fold.facts,
            ops=ops,
            now=self.as_of,
            touched=assigns,
            recorded=tuple(RecordedFacts(event_id=EventId(event), facts=each) for event, each in fold.said),
            written_by=WrittenBy.BACKFILL,
        )
        return BookingMove(change=moved, case=case, driver_id=driver, assigned_at=at, assigns=assigns)


@frozen(kw_only=True)
class _Folded:
    """What a case, and the stored booking that it is, come to together."""

    case: LegacyCase
    stored: StoredBooking | None
    identity: BookingIdentity
    said: Sequence[tuple[UUID, BookingFacts]]
    facts: BookingFacts


_ASSIGNED = evolve(NO_OPS, driver_assigned=True)


def _assigned(ops: OpsInputs, driver_assigned: bool) -> OpsInputs:
    if ops.driver_assigned == driver_assigned:
        return ops
    return _ASSIGNED if ops is NO_OPS else evolve(ops, driver_assigned=driver_assigned)


def _aliases(case: LegacyCase) -> list[BookingIdentity]:
    return [BookingIdentity(case.identity.channel, alias) for alias in case.aliases]


def _found(stored: Mapping[BookingIdentity, StoredBooking], names: Sequence[BookingIdentity]) -> StoredBooking | None:
    return next((stored[name] for name in names if name in stored), None)


def _tally(moves: Sequence[BookingMove], rejected: Sequence[object], exceptions: Sequence[MigrationException]) -> Tally:
    created = sum(move.change.is_new for move in moves)
    unchanged = sum(move.change.is_unchanged for move in moves)
    return Tally(
        created=created,
        changed=len(moves) - created - unchanged,
        unchanged=unchanged,
        rejected=len(rejected),
        exceptions=len(exceptions),
    )
