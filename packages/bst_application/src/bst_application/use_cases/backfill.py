"""Back-fill in chunks: read legacy rows, fold them, write what differs, remember how far it came; one commit a chunk.

Source of the rules: semantics 9. What rows say replaces what they said in earlier runs; what live events and operators said
stays, because the fold of all facts decides. A chunk that was committed is never needed again, one that was not is done anew.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from contextlib import suppress
from typing import Protocol

from attrs import define, field, frozen

from bst_application.errors import Conflict
from bst_application.legacy_order import Chunk, LegacyOrder
from bst_application.ports.backfill import BackfillStore, BackfillTransaction, Position, Run
from bst_application.ports.legacy import LegacySnapshot
from bst_domain.migration import (
    LegacyBooking,
    LegacyCase,
    LegacySystem,
    Rejection,
    cases_of,
)

#: Legacy rows in one commit: large enough that a statement more costs nothing, small enough for memory and the table of locks.
CHUNK_ROWS = 2000
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
    """What a batch does with a chunk, in its transaction."""

    async def __call__(self, tx: BackfillTransaction, gathered: Gathered, *, dry_run: bool) -> Tally: ...


Progress = Callable[[Tally], None]


@frozen(kw_only=True)
class Backfill:
    """Takes a batch through all legacy bookings."""

    store: BackfillStore
    work: ChunkWork
    chunk_rows: int = CHUNK_ROWS

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
        under_way: deque[tuple[Position, asyncio.Task[Tally]]] = deque()

        async def settle() -> None:
            end, writing = under_way.popleft()
            tally.add(await writing)
            tally.done = end.done
            progress(tally)

        try:
            async for end, gathered in _gathered(snapshot, order.chunks(self.chunk_rows, after)):
                before = under_way[-1][1] if under_way else None
                under_way.append((end, asyncio.create_task(self._commit(gathered, run, end, before))))
                if len(under_way) > 1:
                    await settle()
            while under_way:
                await settle()
        finally:
            for _, writing in under_way:
                writing.cancel()
            await asyncio.gather(*(writing for _, writing in under_way), return_exceptions=True)
        return tally

    async def _commit(
        self, gathered: Gathered, run: Run | None, end: Position, before: "asyncio.Task[Tally] | None"
    ) -> Tally:
        """A chunk is decided and written while the one before is still on its way, and committed after it: what is remembered
        is never ahead of what is done."""
        for attempt in range(CONFLICT_RETRIES):
            try:
                async with self.store.moving() as tx:
                    made = await self.work(tx, gathered, dry_run=run is None)
                    if before is not None:
                        await asyncio.wait([before])
                        before.result()
                    if run is not None:
                        await tx.come_to(run, end)
                return made
            except Conflict:
                if attempt == CONFLICT_RETRIES - 1:
                    raise
        raise AssertionError("unreachable")


async def _gathered(snapshot: LegacySnapshot, chunks: Iterator[Chunk]) -> AsyncIterator[tuple[Position, Gathered]]:
    """The chunks' rows; the next ones are read while these are written."""
    ahead: asyncio.Task[Gathered] | None = None
    try:
        chunk = next(chunks, None)
        ahead = None if chunk is None else asyncio.create_task(_gather(snapshot, chunk))
        while chunk is not None and ahead is not None:
            ready, end = await ahead, chunk.end
            chunk = next(chunks, None)
            ahead = None if chunk is None else asyncio.create_task(_gather(snapshot, chunk))
            yield end, ready
    finally:
        if ahead is not None and not ahead.done():
            ahead.cancel()
            with suppress(asyncio.CancelledError):
                await ahead


async def _gather(snapshot: LegacySnapshot, chunk: Chunk) -> Gathered:
    rows = [row for system in LegacySystem for row in await snapshot.bookings(system, chunk.ids[system])]
    cases, rejected = cases_of(rows)
    return Gathered(rows=rows, cases=cases, rejected=rejected)
