"""What is kept while two systems do the same work, in memory."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from attrs import define, evolve, field

from bst_application.ports.audit import AuditEntry
from bst_application.ports.backfill import AnotherRuns
from bst_application.ports.cutover import (
    ConflictCounts,
    CoreFinance,
    CrewAt,
    QueuedConflict,
    SeenRow,
    ShadowCounts,
    ShadowExample,
    ShadowTally,
    WatchMark,
    WriteKept,
)
from bst_domain.booking import settlement_status
from bst_domain.cutover import ParityField, TimedWrite, blocks_next_batch
from bst_domain.migration import LegacyFinance, LegacySystem, SourceRow
from bst_domain.values import BookingIdentity, BookingKey
from bst_testing.fakes.operating import MemoryOperating, assignments_of
from bst_testing.fakes.tables import Tables


class MemoryComparing(MemoryOperating):
    """A transaction."""

    async def name_of(self, row: SourceRow, names: Sequence[BookingIdentity]) -> BookingIdentity | None:  # noqa: ARG002 - nothing is moved in here
        return next((name for name in names if name in self._tables.bookings or name in self._tables.aliases), None)

    async def seen(self, row: SourceRow) -> SeenRow | None:
        return self._tables.seen.get(row)

    async def note_seen(self, seen: SeenRow, *, now: datetime) -> None:  # noqa: ARG002 - their order says when
        self._tables.seen.pop(seen.row, None)
        self._tables.seen[seen.row] = seen

    async def crew_at(self, booking: BookingKey) -> CrewAt | None:
        said = [
            CrewAt(driver=made.driver, partner=made.partner, at=made.at)
            if row.ended_at is None
            else CrewAt(driver=None, partner=None, at=row.ended_at)
            for row in assignments_of(self._tables, booking)
            for made in [row.assignment]
        ]
        return max(said, key=lambda one: (one.at, one.driver is not None), default=None)

    async def finance(self, booking: BookingKey) -> CoreFinance | None:
        return self._tables.finances.get(booking)

    async def take_finance(self, booking: BookingKey, finance: LegacyFinance, *, now: datetime) -> None:  # noqa: ARG002 - nobody asks when
        settlement = settlement_status(finance.items, finance.items_paid)
        self._tables.finances[booking] = CoreFinance(
            finance_id=finance.finance_id,
            pattern_id=finance.pattern_id,
            validated_at=finance.validated_at,
            locked=finance.locked,
            settlement=settlement.value,
        )


@define
class MemoryWatchLedger:
    """WatchLedger over the tables of the storage in memory."""

    _tables: Tables
    _marks: dict[LegacySystem, WatchMark] = field(factory=dict)
    _looked: dict[LegacySystem, datetime] = field(factory=dict)
    _lock: asyncio.Lock = field(factory=asyncio.Lock)

    @asynccontextmanager
    async def watching(self) -> AsyncIterator[None]:
        if self._lock.locked():
            raise AnotherRuns("the legacy systems are being watched by somebody else")
        async with self._lock:
            yield

    async def mark(self, system: LegacySystem) -> WatchMark | None:
        return self._marks.get(system)

    async def come_to(self, system: LegacySystem, mark: WatchMark) -> None:
        self._marks[system] = max(mark, self._marks.get(system, mark))

    async def looked(self, system: LegacySystem, *, now: datetime) -> None:
        self._looked[system] = now

    async def looked_at(self, system: LegacySystem) -> datetime | None:
        return self._looked.get(system)

    async def unreached(self, *, limit: int) -> list[SeenRow]:
        return [seen for seen in self._tables.seen.values() if seen.booking is None and seen.note is None][:limit]

    async def moved_in_at(self) -> datetime | None:
        return None

    async def conflicts(self, *, limit: int) -> list[QueuedConflict]:
        names = {booking.key: identity for identity, booking in self._tables.bookings.items()}
        waiting = [record for record in self._tables.disputes.values() if record.settled is None]
        waiting.sort(key=lambda record: (record.due_at, record.key))
        return [QueuedConflict(record=record, identity=names[record.booking]) for record in waiting[:limit]]

    async def conflict_counts(self, *, now: datetime) -> ConflictCounts:
        waiting = [record for record in self._tables.disputes.values() if record.settled is None]
        return ConflictCounts(
            open=len(waiting),
            overdue=sum(record.due_at < now for record in waiting),
            blocking=sum(blocks_next_batch(record.opened_at, now) for record in waiting),
        )


@define
class MemoryShadowLedger:
    """ShadowLedger in memory."""

    rows: dict[BookingKey, tuple[int, ...]] = field(factory=dict)
    _tallies: dict[tuple[datetime, ParityField], ShadowTally] = field(factory=dict)
    _examples: dict[tuple[BookingIdentity, ParityField], ShadowExample] = field(factory=dict)

    async def admin_rows(self, bookings: Sequence[BookingKey]) -> Mapping[BookingKey, tuple[int, ...]]:
        return {key: self.rows[key] for key in bookings if key in self.rows}

    async def add(self, counts: ShadowCounts, *, at: datetime) -> None:
        if not counts.compared:
            return
        hour = _hour(at)
        for about in ParityField:
            known = self._tallies.get((hour, about), ShadowTally(about=about, compared=0, mismatched=0))
            self._tallies[hour, about] = evolve(
                known,
                compared=known.compared + counts.compared,
                mismatched=known.mismatched + counts.by_field.get(about, 0),
            )
        for one in counts.examples:
            self._examples[one.identity, one.about] = one

    async def tallies(self, *, since: datetime) -> list[ShadowTally]:
        found = [tally for (hour, _), tally in self._tallies.items() if hour >= _hour(since)]
        return [
            ShadowTally(
                about=about,
                compared=sum(one.compared for one in found if one.about is about),
                mismatched=sum(one.mismatched for one in found if one.about is about),
            )
            for about in ParityField
            if any(one.about is about for one in found)
        ]

    async def examples(self, *, limit: int) -> list[ShadowExample]:
        return sorted(self._examples.values(), key=lambda one: one.at, reverse=True)[:limit]


@define
class MemoryWriteLedger:
    """WriteLedger in memory."""

    audit: list[AuditEntry] = field(factory=list)
    _kept: dict[str, tuple[TimedWrite, str]] = field(factory=dict)

    async def keep(self, write: TimedWrite, entry: AuditEntry, *, digest: str) -> WriteKept:
        known = self._kept.get(write.write_id)
        if known is not None:
            return WriteKept(False, known[1] == digest)
        self._kept[write.write_id] = (write, digest)
        self.audit.append(entry)
        return WriteKept(True, True)

    async def writes(self, *, since: datetime) -> list[TimedWrite]:
        found = [write for write, _ in self._kept.values() if write.at >= since]
        return sorted(found, key=lambda one: (one.at, one.write_id), reverse=True)


def _hour(at: datetime) -> datetime:
    return at.replace(minute=0, second=0, microsecond=0)
