"""What this process answered lately: exact counts and latencies of the core's own paths, for windows up to a day.

Counted by slots of time instead of samples, so that a busy quarter of an hour is never cut short. Health, documents, metrics
and unknown paths are left out: a look at the figures must not change them (predecessor's defect 43).
"""

from collections import Counter, deque
from collections.abc import Callable
from math import ceil
from time import monotonic

from attrs import define, field, frozen

SLOT_S = 15
KEPT_S = 24 * 60 * 60


@frozen(kw_only=True)
class RequestFigures:
    """Answers of one window. Times in whole milliseconds, percentiles by nearest rank; zeros where nothing was answered."""

    requests: int
    by_class: Counter[int]  # 2, 3, 4, 5
    by_method: Counter[str]
    average_ms: float
    median_ms: int
    p95_ms: int
    max_ms: int
    span_s: float  # what was watched: the window, or as long as the process has lived
    uptime_s: float


@define
class _Slot:
    number: int
    by_class: Counter[int] = field(factory=Counter)
    by_method: Counter[str] = field(factory=Counter)
    by_ms: Counter[int] = field(factory=Counter)
    total_s: float = 0.0


class RequestCounts:
    """Counts per process; all of it is forgotten with the process."""

    def __init__(self, clock: Callable[[], float] = monotonic) -> None:
        self._clock = clock
        self._started = clock()
        self._slots: deque[_Slot] = deque(maxlen=KEPT_S // SLOT_S)

    def add(self, method: str, status: int, seconds: float) -> None:
        """One answer."""
        number = int(self._clock() // SLOT_S)
        if not self._slots or self._slots[-1].number != number:
            self._slots.append(_Slot(number))
        slot = self._slots[-1]
        slot.by_class[status // 100] += 1
        slot.by_method[method] += 1
        slot.by_ms[round(seconds * 1000)] += 1
        slot.total_s += seconds

    def figures(self, window_s: int) -> RequestFigures:
        """The last ``window_s`` seconds, to a slot."""
        now = self._clock()
        first = int((now - window_s) // SLOT_S) + 1
        seen = _Slot(first)
        for slot in reversed(self._slots):
            if slot.number < first:
                break
            seen.by_class.update(slot.by_class)
            seen.by_method.update(slot.by_method)
            seen.by_ms.update(slot.by_ms)
            seen.total_s += slot.total_s
        requests = seen.by_ms.total()
        uptime = now - self._started
        return RequestFigures(
            requests=requests,
            by_class=seen.by_class,
            by_method=seen.by_method,
            average_ms=seen.total_s * 1000 / requests if requests else 0.0,
            median_ms=_nearest_rank(seen.by_ms, 0.5),
            p95_ms=_nearest_rank(seen.by_ms, 0.95),
            max_ms=max(seen.by_ms, default=0),
            span_s=min(float(window_s), uptime),
            uptime_s=uptime,
        )


def _nearest_rank(by_ms: Counter[int], share: float) -> int:
    """The smallest value that at least this share of the answers did not exceed; 0 of none."""
    wanted, reached = ceil(share * by_ms.total()), 0
    for value in sorted(by_ms):
        reached += by_ms[value]
        if reached >= wanted:
            return value
    return 0
