"""Chunks of back-fill that are under way at once, and who goes first.

A chunk takes its locks when the one before has all of its own, and commits when that one is committed. So none ever waits for
a lock of one that waits for it, and how far a run came is one place: everything before it is done.
"""

import asyncio
from collections.abc import Iterator
from typing import Protocol

from attrs import define, field


class Turn(Protocol):
    """A chunk's place in the row. Waiting may be repeated, and so may saying."""

    async def may_lock(self) -> None:
        """Waits until the chunk before has its locks."""
        ...

    def locked(self) -> None:
        """Says that this chunk has them."""
        ...

    async def is_next(self) -> None:
        """Waits until the chunk before is committed: then this one may write what others write, too, and commit. Never returns
        where that one failed: whoever takes chunks through ends the waiting."""
        ...

    def done(self) -> None:
        """Says that this chunk is committed."""
        ...


@define(eq=False)
class _Place:
    """A turn within one process. None before it: it is the first, or nobody has to be waited for any more."""

    before: "_Place | None"
    has_locks: asyncio.Event = field(factory=asyncio.Event, init=False)
    is_done: asyncio.Event = field(factory=asyncio.Event, init=False)

    async def may_lock(self) -> None:
        if self.before is not None:
            await self.before.has_locks.wait()

    def locked(self) -> None:
        self.has_locks.set()

    async def is_next(self) -> None:
        if self.before is not None:
            await self.before.is_done.wait()

    def done(self) -> None:
        self.has_locks.set()
        self.is_done.set()
        self.before = None  # else the whole row would stay


def turns() -> Iterator[Turn]:
    """One a chunk, in their order."""
    place = None
    while True:
        place = _Place(place)
        yield place
