"""Back-fill in chunks: read legacy rows, fold them, write what differs, remember how far it came; one commit a chunk.

Source of the rules: semantics 9. What rows say replaces what they said in earlier runs; what live events and operators said
stays, because the fold of all facts decides. A chunk that was committed is never needed again, one that was not is done anew.

Several chunks are under way at once, each in a lane of its own, in this process or in another one; they take their locks and
commit in order (turns.py), so that what is remembered is never ahead of what is done.
"""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from attrs import define, field, frozen

from bst_application.errors import Conflict
from bst_application.legacy_order import Chunk, LegacyOrder
from bst_application.ports.backfill import BackfillStore, BackfillTransaction, Run
from bst_application.ports.legacy import LegacySnapshot
from bst_application.turns import Turn, turns
from bst_domain.migration import LegacyBooking, LegacyCase, LegacySystem, Rejection, cases_of

#: Legacy rows in one commit: large enough that a statement more costs nothing, small enough for memory and the table of locks.
CHUNK_ROWS = 1000
#: Chunks that one process works on at once: while one waits for a database, the other one is folded.
LANES = 2
CONFLICT_RETRIES = 5


@define
class Tally:
    """What a run has come to so far."""

    rows: int = 0  # legacy rows there are
    done: int = 0
    created: int = 0
    changed: int = 0
    unchanged: int = 0
    rejected: int = 0
    queued: int = 0
    exceptions: int = 0
    written: int = 0  # rows of our tables
    told: list[str] = field(factory=list)  # what else came of it, for people

    def add(self, other: "Tally") -> None:
        self.created += other.created
        self.changed += other.changed
        self.unchanged += other.unchanged
        self.rejected += other.rejected
        self.queued += other.queued
        self.exceptions += other.exceptions
        self.written += other.written
        self.told += other.told


@frozen(kw_only=True)
class Gathered:
    """The rows of a chunk, grouped."""

    rows: Sequence[LegacyBooking]
    cases: Sequence[LegacyCase]
    rejected: Sequence[tuple[LegacyBooking, Rejection]]


class ChunkWork(Protocol):
    """What a batch does with a chunk, in its transaction. It says when it has all its locks, and waits until it is next before it
    writes what other chunks write, too."""

    async def read(self, snapshot: LegacySnapshot, system: LegacySystem, ids: Sequence[int]) -> Sequence[LegacyBooking]:
        """These rows, as far as the batch needs them."""
        ...

    async def __call__(self, tx: BackfillTransaction, gathered: Gathered, *, dry_run: bool, turn: Turn) -> Tally: ...


Progress = Callable[[Tally], None]


class _Undone(Exception):
    """Ends a transaction in which nothing is to stay."""


@asynccontextmanager
async def moving(store: BackfillStore, *, dry_run: bool) -> AsyncIterator[BackfillTransaction]:
    """A commit, which a dry run undoes: what it says would be written is what was, for a moment that nobody saw."""
    try:
        async with store.moving() as tx:
            yield tx
            if dry_run:
                raise _Undone
    except _Undone:
        return


class Lane(Protocol):
    """Takes a chunk through its transaction; one at a time. Committed when it returns, nothing happened when it raises."""

    async def ready(self) -> None:
        """Returns when it can begin."""
        ...

    async def __call__(self, chunk: Chunk, turn: Turn) -> Tally: ...


@frozen(kw_only=True)
class ChunkLane:
    """A lane in this process. Without a run it is a dry one: everything is decided and nothing is written."""

    store: BackfillStore
    work: ChunkWork
    snapshot: LegacySnapshot
    run: Run | None

    async def ready(self) -> None:
        """It is, wherever it is."""

    async def __call__(self, chunk: Chunk, turn: Turn) -> Tally:
        """Raises LegacyUnreadable, Unavailable and AnotherRuns."""
        gathered = await self._gather(chunk)
        await turn.may_lock()
        for _ in range(CONFLICT_RETRIES - 1):
            try:
                return await self._commit(chunk, gathered, turn)
            except Conflict:
                continue
        return await self._commit(chunk, gathered, turn)

    async def _gather(self, chunk: Chunk) -> Gathered:
        rows = [
            row for system in LegacySystem for row in await self.work.read(self.snapshot, system, chunk.ids[system])
        ]
        cases, rejected = cases_of(rows)
        return Gathered(rows=rows, cases=cases, rejected=rejected)

    async def _commit(self, chunk: Chunk, gathered: Gathered, turn: Turn) -> Tally:
        async with moving(self.store, dry_run=self.run is None) as tx:
            made = await self.work(tx, gathered, dry_run=self.run is None, turn=turn)
            await turn.is_next()
            if self.run is not None:
                await tx.come_to(self.run, chunk.end)
        return made


@frozen(kw_only=True)
class Backfill:
    """Takes a batch through all legacy bookings. ``helpers``: lanes of other processes, where chunks are enough for them."""

    store: BackfillStore
    work: ChunkWork
    chunk_rows: int = CHUNK_ROWS
    helpers: Sequence[Lane] = ()

    async def __call__(
        self, snapshot: LegacySnapshot, run: Run | None, *, progress: Progress = lambda _tally: None
    ) -> Tally:
        """Without a run it is a dry one: everything is decided and nothing is written.

        Raises LegacyUnreadable, Unavailable and AnotherRuns; the chunks before are committed and remembered.
        """
        order = await LegacyOrder.of(snapshot.names())
        after = None if run is None else run.resumed_at
        tally = Tally(rows=order.rows, done=0 if after is None else after.done)
        progress(tally)
        own = ChunkLane(store=self.store, work=self.work, snapshot=snapshot, run=run)
        road = _Road(todo=zip(order.chunks(self.chunk_rows, after), turns(), strict=False), tally=tally, tell=progress)
        helpers = self.helpers if order.rows > LANES * self.chunk_rows else ()
        driving = [asyncio.create_task(road.drive(lane)) for lane in (*(own,) * LANES, *helpers)]
        try:
            await asyncio.gather(*driving)
        finally:
            for lane in driving:
                lane.cancel()
            await asyncio.gather(*driving, return_exceptions=True)
        return tally


@define(kw_only=True)
class _Road:
    """What the lanes of a run share: the chunks that nobody has taken yet, and what came of the others."""

    todo: Iterator[tuple[Chunk, Turn]]
    tally: Tally
    tell: Progress

    async def drive(self, lane: Lane) -> None:
        await lane.ready()
        for chunk, turn in self.todo:
            self.tally.add(await lane(chunk, turn))
            self.tally.done = chunk.end.done
            self.tell(self.tally)
            turn.done()
