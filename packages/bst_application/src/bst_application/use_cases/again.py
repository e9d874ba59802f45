"""Trying a commit again that the database chose as a loser: each time it sees what the winner left."""

from collections.abc import Awaitable, Callable
from typing import TypeVar

from bst_application.errors import Conflict, StillLocked

T = TypeVar("T")
TRIES = 3


async def again_after_conflict(once: Callable[[], Awaitable[T]]) -> T:
    """A row that appeared meanwhile is there the next time. Raises what the last attempt raised."""
    for _ in range(TRIES - 1):
        try:
            return await once()
        except StillLocked:  # to try again at once is to wait again
            raise
        except Conflict:
            continue
    return await once()
