"""Looks at bookings one by one: derives them from their legacy rows and holds them against what is stored."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from uuid import UUID

from attrs import define, field, frozen

from bst_application.comparison_report import Derivation, FieldCount
from bst_application.derived import Derived, Deriving, told_twice
from bst_application.judged import FIELDS, differences, missing
from bst_application.legacy_order import LegacyOrder
from bst_application.listed import Lists, list_differences
from bst_application.ports.comparing import ComparisonTransaction, Part, StoredRecord
from bst_application.ports.legacy import LegacySnapshot
from bst_domain.migration import (
    ExceptionKind,
    LegacyBooking,
    LegacyCase,
    LegacySystem,
    MigrationException,
    SourceRow,
    booking_exceptions,
    cases_of,
    done_not_paid,
    is_done_not_paid,
    latest_said_here,
    money_exceptions,
    row_of,
    rows_to_name,
)
from bst_domain.values import BookingIdentity

CHUNK_ROWS = 2000
#: So many rows are looked at by themselves; of more, all are read in order, and memory stays flat.
MOST_SUSPECTS = 20_000
Told = Callable[[int, int], None]


@frozen(kw_only=True)
class CompareBookings:
    """``sample`` are rows that are looked at whatever digests say; ``lists``: what the batch has listed by name."""

    legacy: LegacySnapshot
    ours: ComparisonTransaction
    deriving: Deriving
    part: Part
    sample: Collection[SourceRow]
    lists: Lists
    told: Told = lambda _done, _all: None

    async def everything(self) -> Derivation:
        """Every legacy row, in bounded memory."""
        found = Derivation()
        order = await LegacyOrder.of(self.legacy.names())
        for chunk in order.chunks(CHUNK_ROWS, None):
            rows = [row for system in LegacySystem for row in await self.legacy.bookings(system, chunk.ids[system])]
            await self._judge(rows, found)
            self.told(chunk.end.done, order.rows)
        return found

    async def suspects(self, rows: Iterable[SourceRow], keys: Iterable[UUID]) -> Derivation | None:
        """The bookings of these rows and of these keys. None when they are so many that all may as well be looked at."""
        gathered = await self._gathered(set(rows), set(keys))
        if gathered is None:
            return None
        found = Derivation()
        done = 0
        async for group in _in_groups(gathered):
            await self._judge(group, found)
            done += len(group)
            self.told(done, len(gathered))
        return found

    async def _gathered(self, wanted: set[SourceRow], keys: set[UUID]) -> list[LegacyBooking] | None:
        """Their rows, and those that share a booking with one of them, here or by name."""
        read: dict[SourceRow, LegacyBooking] = {}
        asked: set[SourceRow] = set()
        for known in (await self.ours.sources_of(list(keys))).values():
            wanted.update(known)
        while fresh := wanted - asked:
            if len(wanted) > MOST_SUSPECTS:
                return None
            asked |= fresh
            rows = await self._read(fresh)
            read.update({row_of(row): row for row in rows})
            names = [name for case in cases_of(rows)[0] for name in _names(case)]
            by_name, _ = await self.ours.records(names, []) if names else ({}, {})
            leading = await self.ours.sources_of([record.booking.key for record in by_name.values()])
            wanted = {*asked, *(row for known in leading.values() for row in known)}
        return list(read.values())

    async def _read(self, rows: Collection[SourceRow]) -> list[LegacyBooking]:
        found: list[LegacyBooking] = []
        for system in LegacySystem:
            ids = sorted(row.row_id for row in rows if row.system is system)
            for at in range(0, len(ids), CHUNK_ROWS):
                found += await self.legacy.bookings(system, ids[at : at + CHUNK_ROWS])
        return found

    async def _judge(self, rows: Sequence[LegacyBooking], found: Derivation) -> None:
        cases, rejected = cases_of(rows)
        names = [name for case in cases for name in _names(case)]
        records, _ = await self.ours.records(names, []) if names else ({}, {})
        must = await asyncio.to_thread(self._judge_cases, cases, records, found)
        found.rejected += len(rejected)
        if self.part is Part.BODY:
            must.listed += booking_exceptions(rows, cases, rejected)
        else:
            must.listed += money_exceptions(rows, rejected)
        named = [name for row in rows for name in rows_to_name(row)]
        found.differences += list_differences(must.listed, self.lists, named, undecided=must.undecided)

    def _judge_cases(
        self, cases: Sequence[LegacyCase], records: Mapping[BookingIdentity, StoredRecord], found: Derivation
    ) -> "_MustBeListed":
        must = _MustBeListed()
        for case in cases:
            found.bookings += 1
            record = next((records[name] for name in _names(case) if name in records), None)
            faults = self._judged(case, record, found, must)
            if any(row_of(row) in self.sample for row in case.rows):
                found.sampled += 1
                found.sampled_differing += bool(faults)
        return must

    def _judged(self, case: LegacyCase, record: StoredRecord | None, found: Derivation, must: "_MustBeListed") -> int:
        alone = self.deriving.alone(case)
        if record is None:
            found.differences.append(missing(case))
            shift(found, alone.fields, -1)
            return 1
        here = self.deriving.here(case, alone, record)
        if self.part is Part.MONEY:
            must.take(case, here, record)
        made = list(differences(case, self.part, alone, here, record))
        found.differences += made
        if made:
            found.touched.add(record.booking.key)
        found.told_twice.update(told_twice(case, here))
        if (record.fields["currency"], record.fields["totalPrice"]) != (
            here.fields["currency"],
            here.fields["totalPrice"],
        ):
            shift(found, record.fields, 1)
            shift(found, here.fields, -1)
        for name in FIELDS[self.part]:
            found.fields.setdefault(name, FieldCount()).compared += 1
        for one in made:
            count = found.fields.setdefault(one.field, FieldCount())
            if one.explained is None:
                count.differing += 1
            else:
                count.explained += 1
        return sum(one.explained is None for one in made)


@define
class _MustBeListed:
    """What bookings come to has to be listed, too: settled, and not paid for. ``undecided``: somebody has spoken since."""

    listed: list[MigrationException] = field(factory=list)
    undecided: set[tuple[ExceptionKind, SourceRow]] = field(factory=set)

    def take(self, case: LegacyCase, here: Derived, record: StoredRecord) -> None:
        said = record.booking.facts
        if latest_said_here(said) is not None or any(fact.origin for fact in said.payments.values()):
            self.undecided.update((ExceptionKind.DONE_NOT_PAID, row_of(row)) for row in case.rows)
        if is_done_not_paid(here.booking.fulfilment_status, here.booking.payment_status):
            self.listed.append(done_not_paid(case, here.booking.payment_status))


def _names(case: LegacyCase) -> list[BookingIdentity]:
    return [case.identity, *(BookingIdentity(case.identity.channel, alias) for alias in case.aliases)]


def shift(found: Derivation, fields: Mapping[str, str | None], sign: int) -> None:
    """A booking's money, as what is here beyond what must be."""
    currency, total = fields["currency"], fields["totalPrice"]
    if currency is not None and total is not None:
        found.shift[currency] += sign * int(Decimal(total).scaleb(2))
        found.shifted_bookings[currency] += sign


async def _in_groups(rows: Sequence[LegacyBooking]) -> AsyncIterator[list[LegacyBooking]]:
    """Rows of one booking together, about a chunk at a time."""
    cases, rejected = cases_of(rows)
    group = [row for row, _ in rejected]
    for case in cases:
        group += case.rows
        if len(group) >= CHUNK_ROWS:
            yield group
            group = []
    if group:
        yield group
