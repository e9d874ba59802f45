"""Transactions in memory that interleave as PostgreSQL's do at READ COMMITTED.

A transaction sees what others have committed and what it has written itself; its writes appear to others at once when it
commits, or never. Named locks are held until it ends; whoever would wait in a circle gets ``Conflict``, as in a database.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Hashable, Iterator, MutableMapping
from typing import Any, Generic, TypeVar

from attrs import define, field

from bst_application.errors import Conflict

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_GONE: Any = object()

Changes = dict[Hashable, tuple[Any, Any]]
"""Key -> the row before and after, either None."""


class View(MutableMapping[K, V], Generic[K, V]):
    """A table as one transaction sees it: the committed rows under its own."""

    def __init__(self, committed: dict[K, V]) -> None:
        self._committed = committed
        self._own: dict[K, V] = {}

    def __getitem__(self, key: K) -> V:
        row = self._own[key] if key in self._own else self._committed[key]
        if row is _GONE:
            raise KeyError(key)
        return row

    def __setitem__(self, key: K, row: V) -> None:
        self._own[key] = row

    def __delitem__(self, key: K) -> None:
        self[key]  # raises KeyError, as a dictionary does
        self._own[key] = _GONE

    def __iter__(self) -> Iterator[K]:
        yield from (key for key in list(self._committed) if key not in self._own)
        yield from (key for key, row in list(self._own.items()) if row is not _GONE)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def commit(self) -> Changes:
        """Writes the own rows through, and says what changed."""
        changes: Changes = {}
        for key, row in self._own.items():
            changes[key] = (self._committed.get(key), None if row is _GONE else row)
            if row is _GONE:
                self._committed.pop(key, None)
            else:
                self._committed[key] = row
        return changes


@define(eq=False)
class Holder:
    """A transaction, as the locks know it."""

    waits_for: "Holder | None" = None
    held: dict[Hashable, None] = field(factory=dict)  # in the order in which they were taken


class Locks:
    """Named locks, each held by one transaction until it ends. Waiting is first come, first served."""

    def __init__(self) -> None:
        self._holders: dict[Hashable, Holder] = {}
        self._waiting: dict[Hashable, deque[asyncio.Future[None]]] = {}

    def take_if_free(self, name: Hashable, holder: Holder) -> bool:
        """Whether the holder has the lock now; never waits."""
        if self._holders.setdefault(name, holder) is not holder:
            return False
        holder.held[name] = None
        return True

    async def take(self, name: Hashable, holder: Holder) -> None:
        """Waits for the lock. Raises Conflict instead of waiting in a circle."""
        while not self.take_if_free(name, holder):
            holder.waits_for = self._holders[name]
            try:
                self._refuse_circle(holder)
                turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                self._waiting.setdefault(name, deque()).append(turn)
                await turn
            finally:
                holder.waits_for = None

    def release(self, holder: Holder) -> None:
        """Gives back everything that the holder has."""
        for name in holder.held:
            del self._holders[name]
            for turn in self._waiting.pop(name, ()):
                if not turn.done():
                    turn.set_result(None)
        holder.held.clear()

    @staticmethod
    def _refuse_circle(holder: Holder) -> None:
        other = holder.waits_for
        while other is not None:
            if other is holder:
                raise Conflict("two transactions wait for each other")
            other = other.waits_for


Observer = Callable[[dict[str, Changes]], None]
"""Told what each commit changed: table -> key -> (before, after)."""
