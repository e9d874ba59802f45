"""Back-fill's storage in memory. A transaction works on copies and puts them in place when it commits; one at a time."""

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any

from attrs import define, evolve, field

from bst_application.ids import uuid7
from bst_application.ports.backfill import AnotherRuns, Assigned, BookingMove, MoneyMove, Position, Run, SavedCatalog
from bst_application.ports.bookings import BookingChange, StoredBooking
from bst_domain.booking import OpsInputs, PackageRef, looked_up_as
from bst_domain.gates import Override
from bst_domain.migration import CatalogBridge, MigrationException, PackageMap, SourceRow, ToQueue
from bst_domain.values import BookingIdentity, BookingKey, ChannelReference


@define(kw_only=True)
class Kept:
    """Everything that is committed."""

    bookings: dict[BookingIdentity, StoredBooking] = field(factory=dict)
    aliases: dict[BookingIdentity, BookingIdentity] = field(factory=dict)
    drivers: dict[BookingKey, int | None] = field(factory=dict)
    exceptions: dict[tuple[str, SourceRow, str], MigrationException] = field(factory=dict)
    queued: set[tuple[str, SourceRow, str]] = field(factory=set)
    checkpoints: dict[str, tuple[Run, Position | None]] = field(factory=dict)
    packages: PackageMap = field(factory=PackageMap)
    finances: dict[BookingKey, Any] = field(factory=dict)
    mappings: dict[ChannelReference, PackageRef] = field(factory=dict)


class MemoryBackfill:
    """BackfillStore."""

    def __init__(self) -> None:
        self.kept = Kept()
        self.log: dict[Run, str] = {}
        self.overrides: dict[Run, Override] = {}
        self._running: set[str] = set()
        self._one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def running(
        self,
        batch: str,
        *,
        now: datetime,  # noqa: ARG002 - the log of the fake is brief
        script: str,  # noqa: ARG002 - the same
        checksum: str,  # noqa: ARG002 - the same
        holds_the_day: bool = False,  # noqa: ARG002 - nothing recomputes what the fake keeps
        afresh: bool = False,
        override: Override | None = None,
    ) -> AsyncIterator[Run]:
        if batch in self._running:
            raise AnotherRuns(f"batch {batch} is being run by somebody else")
        self._running.add(batch)
        _, position = (None, None) if afresh else self.kept.checkpoints.get(batch, (None, None))
        run = Run(key=uuid7(), batch=batch, resumed_at=position)
        self.kept.checkpoints[batch] = (run, position)
        self.log[run] = "FAILED"
        if override is not None:
            self.overrides[run] = override
        try:
            yield run
            self.log[run] = "SUCCEEDED"
        finally:
            self._running.discard(batch)

    @asynccontextmanager
    async def moving(self) -> AsyncIterator["_Moving"]:
        async with self._one_at_a_time:
            copy = Kept(
                bookings=dict(self.kept.bookings),
                aliases=dict(self.kept.aliases),
                drivers=dict(self.kept.drivers),
                exceptions=dict(self.kept.exceptions),
                queued=set(self.kept.queued),
                checkpoints=dict(self.kept.checkpoints),
                packages=self.kept.packages,
                finances=dict(self.kept.finances),
                mappings=self.kept.mappings,
            )
            yield _Moving(copy)
            self.kept = copy

    async def packages(self) -> PackageMap:
        return self.kept.packages

    async def finish(self, run: Run, *, rows: int) -> None:  # noqa: ARG002 - nobody asks the fake for it
        self.kept.checkpoints.pop(run.batch, None)


class _Moving:
    """One transaction."""

    def __init__(self, tables: Kept) -> None:
        self._tables = tables

    async def load(self, identities: Sequence[BookingIdentity]) -> Mapping[BookingIdentity, StoredBooking]:
        own = {asked: self._tables.aliases.get(asked, asked) for asked in identities}
        return {
            asked: self._tables.bookings.get(asked, self._tables.bookings.get(of))  # type: ignore[misc]
            for asked, of in own.items()
            if asked in self._tables.bookings or of in self._tables.bookings
        }

    async def load_for_money(self, identities: Sequence[BookingIdentity]) -> Mapping[BookingIdentity, StoredBooking]:
        return await self.load(identities)

    async def assigned(self, keys: Sequence[BookingKey]) -> Mapping[BookingKey, Assigned]:
        return {key: Assigned(driver_id=self._tables.drivers.get(key), by_core=False) for key in keys}

    async def mapped_packages(self, named: Sequence[ChannelReference]) -> Mapping[ChannelReference, PackageRef]:
        mapped = self._tables.mappings
        found = {of: next((mapped[name] for name in looked_up_as(of) if name in mapped), None) for of in named}
        return {reference: package for reference, package in found.items() if package is not None}

    async def save_bookings(self, moves: Sequence[BookingMove], *, now: datetime) -> int:  # noqa: ARG002 - no times
        written = 0
        for move in moves:
            names = [BookingIdentity(move.case.identity.channel, ref) for ref in move.case.aliases]
            for alias in {move.case.identity, *names} - {move.change.identity}:
                self._tables.aliases.setdefault(alias, move.change.identity)
            if not move.change.is_unchanged:
                self._tables.drivers[move.change.key] = move.driver_id
                self._put(move.change, move.change.ops)
                written += 1
        return written

    async def save_money(self, moves: Sequence[MoneyMove], *, now: datetime) -> int:  # noqa: ARG002 - no times
        written = 0
        for move in moves:
            assert move.change.before is not None
            ops, finance = move.change.before.ops, move.finance
            if finance is not None and self._tables.finances.get(move.change.key) != finance:
                self._tables.finances[move.change.key] = finance
                written += 1
            if finance is not None:
                settled = 0 < finance.items <= finance.items_paid
                ops = evolve(
                    ops,
                    cost_pattern_set=finance.pattern_id is not None,
                    finance_items=int(settled),
                    finance_items_paid=int(settled),
                    finance_validated=finance.validated_at is not None,
                )
            if not move.change.is_unchanged or ops != move.change.before.ops:
                self._put(move.change, ops)
                written += 1
        return written

    def _put(self, change: BookingChange, ops: OpsInputs) -> None:
        self._tables.bookings[change.identity] = StoredBooking(
            key=change.key,
            identity=change.identity,
            version=change.version,
            facts=change.facts,
            ops=ops,
            statuses=change.statuses,
        )

    async def save_catalog(self, bridge: CatalogBridge, *, now: datetime) -> SavedCatalog:  # noqa: ARG002 - no times
        found = bridge.package_map()
        mapped = {source: ref for source, ref in found.packages.items() if ref.key is not None}
        known, self._tables.packages = self._tables.packages, PackageMap(packages=mapped, variants=found.variants)
        written = 0 if known == self._tables.packages else len(mapped) + len(found.variants)
        return SavedCatalog(things=0, texts=0, references=written)

    async def listed(self, batch: str) -> frozenset[SourceRow]:
        return frozenset(row for named, row, _ in self._tables.exceptions if named == batch)

    async def list_exceptions(
        self, batch: str, rows: Sequence[SourceRow], exceptions: Sequence[MigrationException]
    ) -> None:
        places = set(rows)
        kept = {at: said for at, said in self._tables.exceptions.items() if at[0] != batch or at[1] not in places}
        self._tables.exceptions = {**kept, **{(batch, said.row, said.kind): said for said in exceptions}}

    async def queue(self, entries: Sequence[ToQueue], *, now: datetime) -> int:  # noqa: ARG002 - no times
        fresh = {(entry.type.value, entry.row, entry.reason) for entry in entries} - self._tables.queued
        self._tables.queued |= fresh
        return len(fresh)

    async def come_to(self, run: Run, position: Position) -> None:
        ours, _ = self._tables.checkpoints.get(run.batch, (None, None))
        if ours != run:
            raise AnotherRuns(f"another run of batch {run.batch} took over; this one stops")
        self._tables.checkpoints[run.batch] = (run, position)
