"""Who has written a moment ago, so that they read what they wrote."""

from collections.abc import Callable
from time import monotonic
from typing import Final

#: Beyond so many, those whose time is over are forgotten.
MOST: Final = 1024


class RecentWriters:
    """Callers by any hashable name; only those whose writes succeeded are noted, so there are as many as there are tokens.

    A copy that serves is never further behind than ``within_s``; so after that time it has what was written.
    """

    def __init__(self, within_s: float, clock: Callable[[], float] = monotonic) -> None:
        self._within_s = within_s
        self._clock = clock
        self._until: dict[int, float] = {}

    def wrote(self, caller: str) -> None:
        now = self._clock()
        if len(self._until) >= MOST:
            self._until = {name: until for name, until in self._until.items() if until > now}
        self._until[hash(caller)] = now + self._within_s  # the caller's name is a token, which is kept nowhere

    def has_just_written(self, caller: str) -> bool:
        return self._until.get(hash(caller), 0.0) > self._clock()
