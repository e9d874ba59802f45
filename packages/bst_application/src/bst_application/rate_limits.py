"""Token buckets: so many a minute, and as many at once, per key.

Kept as the instant at which a bucket would be full again (the generic cell rate algorithm): one number per key, no timer, no
lock. Limits hold per process. Where keys come from outside, they are folded onto a fixed number of slots, so that no number of
keys can make the memory grow; two keys on one slot share it, so a limit may come sooner than said, never later. Which keys
those are differs from process to process, because Python's hash of a text does.
"""

from collections.abc import Callable, Hashable
from math import ceil
from time import monotonic
from typing import Final

SLOTS: Final = 1 << 16
#: What adding up many small intervals may be off by.
_ROUNDING_S: Final = 1e-6


class Buckets:
    """``slots`` None: a bucket for each key, for keys that are ours."""

    def __init__(self, per_minute: int, *, slots: int | None = SLOTS, clock: Callable[[], float] = monotonic) -> None:
        self._interval_s = 60 / per_minute
        self._tolerance_s = 60 - self._interval_s  # a minute's worth at once
        self._slots = slots
        self._clock = clock
        self._full_at: dict[Hashable, float] = {}

    def take(self, key: Hashable) -> int:
        """Takes one. 0: it was there; else whole seconds, at least 1, after which there will be one, and nothing is taken."""
        now = self._clock()
        slot = self._slot(key)
        full_at = self._full_at.get(slot, now)
        full_at = max(full_at, now)
        if wait_s := self._wait_s(full_at, now):
            return wait_s
        self._full_at[slot] = full_at + self._interval_s
        return 0

    def wait(self, key: Hashable) -> int:
        """What ``take`` would say, without taking."""
        full_at = self._full_at.get(self._slot(key))
        if full_at is None:  # the ordinary case, on the way of every request
            return 0
        return self._wait_s(full_at, self._clock())

    def _wait_s(self, full_at: float, now: float) -> int:
        return max(0, ceil(full_at - now - self._tolerance_s - _ROUNDING_S))

    @property
    def is_exact(self) -> bool:
        """Whether each key has a bucket of its own."""
        return self._slots is None

    def __len__(self) -> int:
        """How many buckets are remembered."""
        return len(self._full_at)

    def _slot(self, key: Hashable) -> Hashable:
        return key if self._slots is None else hash(key) % self._slots
