"""Shadow reads: what core has just answered, held against what the old admin has; beside the answer, never in its way.

Source of the rules: predecessor rules 13 (read path), defect 99. An answer is offered to a queue that has a bound: when it is
full, or nobody wants shadows, the offer is forgotten. Looking into the other database is somebody else's work, later.
"""

from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final, Protocol

from attrs import define, field, frozen

from bst_application.errors import LegacyUnreadable, Unavailable
from bst_application.ports.cutover import ShadowCounts, ShadowExample, ShadowLedger
from bst_application.ports.legacy import LegacyLive
from bst_application.ports.reading import BookingDetail, BookingFilter, BookingReader, BookingRow, Position
from bst_domain.migration import (
    Differing,
    LegacyBooking,
    LegacySystem,
    ParityField,
    SeenBooking,
    cases_of,
    parity_differences,
)
from bst_domain.values import BookingIdentity, BookingKey, bali_day

#: Answers that wait to be compared, and how many are compared in one go.
MOST_WAITING: Final = 1000
AT_ONCE: Final = 200
MAX_SHOWN: Final = 200
#: What the back-fill calls a row of the old admin that has no reference.
ADMIN_REF: Final = "OPS-"


class ShadowFigures(Protocol):
    """What is counted of shadows. Must be quick and must not raise."""

    def offered(self, taken: int, dropped: int) -> None:
        """Bookings of an answer that was to be compared."""
        ...

    def compared(self, matched: int, unmatched: int, by_field: Mapping[str, int]) -> None: ...

    def failed(self) -> None:
        """The old admin's database could not be read."""
        ...


class _NoFigures:
    def offered(self, taken: int, dropped: int) -> None: ...

    def compared(self, matched: int, unmatched: int, by_field: Mapping[str, int]) -> None: ...

    def failed(self) -> None: ...


NO_FIGURES: Final[ShadowFigures] = _NoFigures()


@frozen(kw_only=True)
class Answered:
    """A booking as it was answered, and when."""

    row: BookingRow
    at: datetime


@define
class ShadowQueue:
    """``percentage`` of the reads are taken, evenly: with 25 every fourth."""

    _percentage: Callable[[], float]
    _now: Callable[[], datetime]
    _figures: ShadowFigures = NO_FIGURES
    _waiting: deque[Answered] = field(factory=deque)
    _share: float = 0.0

    def offer(self, rows: Sequence[BookingRow]) -> None:
        """Costs a few microseconds, raises nothing and waits for nothing."""
        wanted = self._percentage()
        if wanted <= 0 or not rows:
            return
        self._share += min(wanted, 100.0) / 100
        if self._share < 1:
            return
        self._share -= 1
        room = rows[: MOST_WAITING - len(self._waiting)]
        at = self._now()
        self._waiting.extend(Answered(row=row, at=at) for row in room)
        self._figures.offered(len(room), len(rows) - len(room))

    def take(self, most: int) -> list[Answered]:
        """The oldest that wait; they wait no more."""
        return [self._waiting.popleft() for _ in range(min(most, len(self._waiting)))]


@frozen
class ShadowedBookings:
    """BookingReader: another one's answers, each offered to the queue."""

    _reader: BookingReader
    _queue: ShadowQueue

    async def page(self, wanted: BookingFilter, *, after: Position | None, limit: int) -> list[BookingRow]:
        rows = await self._reader.page(wanted, after=after, limit=limit)
        self._queue.offer(rows)
        return rows

    async def find(self, name: str) -> list[tuple[BookingKey, BookingIdentity]]:
        return await self._reader.find(name)

    async def detail(self, key: BookingKey) -> BookingDetail | None:
        detail = await self._reader.detail(key)
        if detail is not None:
            self._queue.offer([detail.row])
        return detail


@frozen(kw_only=True)
class CompareShadows:
    """Takes what waits, and counts what differs."""

    queue: ShadowQueue
    legacy: LegacyLive
    ledger: ShadowLedger
    now: Callable[[], datetime]
    figures: ShadowFigures = NO_FIGURES

    async def __call__(self) -> int:
        """How many were compared. Raises Unavailable; what was taken is not compared then, and that is all."""
        taken = self.queue.take(AT_ONCE)
        if not taken:
            return 0
        try:
            counts = await compare_answers(self.legacy, self.ledger, taken)
        except LegacyUnreadable as error:
            self.figures.failed()
            raise Unavailable(str(error)) from error
        await self.ledger.add(counts, at=self.now())
        by_field = {about.value: count for about, count in counts.by_field.items()}
        self.figures.compared(counts.compared, counts.unmatched, by_field)
        return len(taken)


async def compare_answers(legacy: LegacyLive, ledger: ShadowLedger, answers: Sequence[Answered]) -> ShadowCounts:
    """Matches by channel and reference. Raises LegacyUnreadable and Unavailable.

    A row that the old admin has changed since the answer says nothing about it: it is counted as unmatched.
    """
    known = await ledger.admin_rows([one.row.key for one in answers])
    refs = [one.row.identity.ref for one in answers]
    ids = {row_id for rows in known.values() for row_id in rows} | {
        n for ref in refs if (n := _number(ref)) is not None
    }
    rows = await legacy.rows(LegacySystem.ADMIN, refs=refs, ids=sorted(ids))
    leading = leading_rows(rows)
    matched, by_field, examples = 0, Counter[ParityField](), list[ShadowExample]()
    for one in answers:
        theirs = leading.get(one.row.identity)
        if theirs is None or theirs.updated_at > one.at:
            continue
        matched += 1
        found = parity_differences(seen_booking(one.row), theirs, bali_day(one.at))
        by_field.update(each.about for each in found)
        examples += [example(one.row.identity, each, one.at) for each in found]
    return ShadowCounts(compared=matched, unmatched=len(answers) - matched, by_field=by_field, examples=examples)


def leading_rows(rows: Sequence[LegacyBooking]) -> dict[BookingIdentity, LegacyBooking]:
    """Of rows of one booking, the one that back-fill takes operations from."""
    cases, _ = cases_of(rows)
    return {case.identity: case.rows[0] for case in cases}


def seen_booking(row: BookingRow) -> SeenBooking:
    """A booking as the API answers it."""
    return SeenBooking(
        channel=row.identity.channel,
        ref=row.identity.ref,
        status=row.fulfilment_status,
        payment=row.payment_status,
        driver_id=row.assigned_driver_id,
        meeting_point=row.contact.meeting_point,
        note=row.note,
        tour_date=row.tour_date,
        tour_time=None if row.tour_time is None else f"{row.tour_time:%H:%M}",
    )


def example(identity: BookingIdentity, found: Differing, at: datetime) -> ShadowExample:
    """Texts are cut: an example shows where to look, and is no second copy of the guest's words."""
    core, legacy = found.core[:MAX_SHOWN], found.legacy[:MAX_SHOWN]
    return ShadowExample(identity=identity, about=found.about, core=core, legacy=legacy, at=at)


def _number(ref: str) -> int | None:
    digits = ref.removeprefix(ADMIN_REF)
    plain = ref.startswith(ADMIN_REF) and digits.isascii() and digits.isdigit() and len(digits) < 10
    return int(digits) if plain else None
