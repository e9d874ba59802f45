"""One changed row of a legacy system against its booking: the conflict playbook, played in one commit.

Source of the rules: semantics 10. A row that was seen as it is now is passed over, so reading it again, after a crash or
because the watcher looks back a little, raises nothing, audits nothing and writes nothing a second time.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from hashlib import blake2b
from typing import Any, Final
from uuid import UUID

from attrs import evolve, frozen

from bst_application.ports.audit import AuditEntry
from bst_application.ports.bookings import StoredBooking
from bst_application.ports.cutover import ComparingTransaction, CoreFinance, DualWriteDesk, SeenRow
from bst_application.ports.legacy import ChangedRow
from bst_application.ports.operations import ConflictRecord
from bst_application.use_cases.booking_conflicts import (
    CHANNEL,
    RAISED,
    Contradiction,
    contradiction,
    held,
    told_of,
)
from bst_application.use_cases.operate import Act, write
from bst_application.use_cases.repair import Author, entry_of
from bst_domain.booking import NOTHING, BookingFacts, FactValue, OpsInputs, settlement_status
from bst_domain.migration import (
    LegacyBooking,
    LegacyFinance,
    LegacySystem,
    Module,
    Rejection,
    active_items,
    find_conflict,
    identify,
    party_and_total,
    row_of,
)
from bst_domain.values import BookingIdentity, bali_day, format_instant

ASSIGNMENT_KEPT: Final = "DUAL_WRITE_ASSIGNMENT_KEPT"
STATUS_RECOMPUTED: Final = "DUAL_WRITE_STATUS_RECOMPUTED"
FINANCE_TAKEN: Final = "DUAL_WRITE_FINANCE_TAKEN"
WATCHER: Final = Author(actor="cutover watcher")


@frozen(kw_only=True)
class Compared:
    """What became of a row. ``seen``: it was compared before as it is now; ``missing``: core does not have its booking."""

    seen: bool = False
    missing: bool = False
    rejected: bool = False
    played: frozenset[Module] = frozenset()  # where the two systems differed, and something was done about it
    opened: tuple[ConflictRecord, ...] = ()


@frozen(kw_only=True)
class _Finance:
    """What the old admin's finance comes to. ``record``: what differs is worth a ticket."""

    taken: LegacyFinance | None = None
    record: ConflictRecord | None = None


@frozen(kw_only=True)
class CompareLegacyRow:
    """The rows come from whoever watches the legacy databases."""

    desk: DualWriteDesk
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(self, changed: ChangedRow) -> Compared:
        """Raises Unavailable and Conflict; then nothing has happened, and the row may be given again."""
        row, place = changed.booking, row_of(changed.booking)
        refs = identify(row)
        sight = SeenRow(row=place, changed_at=changed.changed_at, digest=digest_of(changed), booking=None)
        now = self.now()
        async with self.desk.comparing() as tx:
            if isinstance(refs, Rejection):  # back-fill lists it by name; core is not expected to have it
                await tx.note_seen(evolve(sight, note=refs.value), now=now)
                return Compared(rejected=True)
            names = [BookingIdentity(row.channel, ref) for ref in (refs.ref, *refs.aliases)]
            name = await tx.name_of(place, names)
            stored = None if name is None else await tx.load(name)
            if stored is None:
                await tx.note_seen(sight, now=now)
                return Compared(missing=True)
            before = await tx.seen(place)
            if before is not None and (before.digest, before.booking) == (sight.digest, stored.key):
                return Compared(seen=True)
            done = await self._play(tx, stored, changed, now)
            await tx.note_seen(evolve(sight, booking=stored.key), now=now)
            return done

    async def _play(
        self, tx: ComparingTransaction, stored: StoredBooking, changed: ChangedRow, now: datetime
    ) -> Compared:
        row = changed.booking
        found = await contradiction(tx, stored, claimed_by(row), legacy_at=changed.changed_at, now=now)
        record = found.record(self.new_id(), WATCHER.actor, now) if isinstance(found, Contradiction) else None
        finance, entries, turned = _Finance(), list[AuditEntry](), False
        if row.system is LegacySystem.ADMIN:
            finance = await self._finance(tx, stored, changed, now)
            entries = await self._assignment(tx, stored, changed, now)
            turned = _status_differs(stored, changed, now)
        acts = [
            *([] if record is None else [(RAISED, told_of(record))]),
            *([] if finance.taken is None else [(FINANCE_TAKEN, _told_of_finance(finance))]),
            *([(STATUS_RECOMPUTED, {"legacyStatus": row.ops_status})] if turned else []),
        ]
        if acts:
            said = NOTHING if record is None else held(stored, record, now)
            await self._write(tx, stored, acts, said=said, finance=finance.taken, place=str(row_of(row)), now=now)
        opened = [one for one in (record, finance.record) if one is not None]
        for one in opened:
            await tx.open_conflict(one)
        await tx.audit(entries)
        modules = {
            Module.BOOKING_CORE: record is not None,
            Module.OPS_FINANCE_BRIDGE: finance.taken is not None,
            Module.OPS_BOOKING_STATE: turned,
            Module.OPS_ASSIGNMENT: bool(entries),
        }
        return Compared(played=frozenset(module for module, done in modules.items() if done), opened=tuple(opened))

    async def _write(
        self,
        tx: ComparingTransaction,
        stored: StoredBooking,
        acts: list[tuple[str, dict[str, Any]]],
        *,
        said: BookingFacts,
        finance: LegacyFinance | None,
        place: str,
        now: datetime,
    ) -> None:
        """One write of the booking, whatever there was to do; each act has its own audit entry."""
        (first, told), *others = acts
        ops = stored.ops if finance is None else with_finance(stored.ops, finance)
        act = Act(event_type=first, by=WATCHER, now=now, metadata={**told, "legacyRow": place})
        await write(tx, stored, act, said=said, ops=ops, touched=finance is not None)
        if finance is not None:
            await tx.take_finance(stored.key, finance, now=now)
        resource = ("BOOKING", stored.key)
        await tx.audit(
            [
                entry_of(event_type, WATCHER, now, resource=resource, metadata={**more, "legacyRow": place})
                for event_type, more in others
            ]
        )

    async def _finance(
        self, tx: ComparingTransaction, stored: StoredBooking, changed: ChangedRow, now: datetime
    ) -> _Finance:
        """The old admin writes finance until it is cut over: its value is taken; a ticket where somebody should know."""
        theirs = changed.booking.finance
        if theirs is None:
            return _Finance()
        ours = await tx.finance(stored.key)
        if ours is None:
            return _Finance(taken=theirs)
        if ours.finance_id not in {None, theirs.finance_id} or not _finance_differs(ours, theirs):
            return _Finance()
        core: dict[str, FactValue] = {"validated_at": _instant(ours.validated_at), "is_locked": ours.locked}
        legacy: dict[str, FactValue] = {"validated_at": _instant(theirs.validated_at), "is_locked": theirs.locked}
        at = changed.changed_at
        found = find_conflict(Module.OPS_FINANCE_BRIDGE, core=core, legacy=legacy, core_at=now, legacy_at=at)
        if found is None:
            return _Finance(taken=theirs)
        claim = {name: legacy[name] for name in found.fields}
        ticket = Contradiction(
            found=found,
            booking=stored.key,
            shown=claim,  # from this commit on
            core={name: core[name] for name in found.fields},
            legacy=claim,
        )
        return _Finance(taken=theirs, record=ticket.record(self.new_id(), WATCHER.actor, now))

    async def _assignment(
        self, tx: ComparingTransaction, stored: StoredBooking, changed: ChangedRow, now: datetime
    ) -> list[AuditEntry]:
        """Core's driver stays; what the old admin says at nearly the same time is only put on record."""
        row, crew = changed.booking, await tx.crew_at(stored.key)
        if crew is None:
            return []
        at = changed.changed_at if row.driver_id is None or row.assigned_at is None else row.assigned_at
        core: Mapping[str, object] = {"driver_id": crew.driver}
        found = find_conflict(
            Module.OPS_ASSIGNMENT, core=core, legacy={"driver_id": row.driver_id}, core_at=crew.at, legacy_at=at
        )
        if found is None:
            return []
        metadata = {
            "coreDriverId": crew.driver,
            "coreAt": format_instant(crew.at),
            "legacyDriverId": row.driver_id,
            "legacyAt": format_instant(at),
            "legacyRow": str(row_of(row)),
        }
        return [entry_of(ASSIGNMENT_KEPT, WATCHER, now, resource=("BOOKING", stored.key), metadata=metadata)]


def claimed_by(row: LegacyBooking) -> dict[str, FactValue]:
    """What a row says of the fields that both systems write, by the playbook's names."""
    *_, total = party_and_total(row, active_items(row))
    return {"tour_date": bali_day(row.tour_at).isoformat(), "total_price": total, CHANNEL: row.channel}


def digest_of(changed: ChangedRow) -> str:
    """Of everything that is compared, and of when it was changed: a later write is a new statement, even of the same."""
    row = changed.booking
    said = (changed.changed_at, claimed_by(row), row.driver_id, row.assigned_at, row.ops_status, row.finance)
    return blake2b(repr(said).encode(), digest_size=16).hexdigest()


def with_finance(ops: OpsInputs, finance: LegacyFinance) -> OpsInputs:
    """What operations know of a booking with this finance."""
    return evolve(
        ops,
        cost_pattern_set=finance.pattern_id is not None,
        finance_items=finance.items,
        finance_items_paid=finance.items_paid,
        finance_validated=finance.validated_at is not None,
    )


def _finance_differs(ours: CoreFinance, theirs: LegacyFinance) -> bool:
    return (ours.pattern_id, ours.validated_at, ours.locked, ours.settlement) != (
        theirs.pattern_id,
        theirs.validated_at,
        theirs.locked,
        settlement_status(theirs.items, theirs.items_paid).value,
    )


def _status_differs(stored: StoredBooking, changed: ChangedRow, now: datetime) -> bool:
    found = find_conflict(
        Module.OPS_BOOKING_STATE,
        core={"ops_fulfillment_status": stored.statuses.fulfilment.value},
        legacy={"ops_fulfillment_status": changed.booking.ops_status},
        core_at=now,
        legacy_at=changed.changed_at,
    )
    return found is not None


def _told_of_finance(finance: _Finance) -> dict[str, Any]:
    return {} if finance.record is None else told_of(finance.record)


def _instant(at: datetime | None) -> str | None:
    return None if at is None else format_instant(at)
