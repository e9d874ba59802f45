"""Laws of the request figures, checked against a plain list of samples."""

from math import ceil

from hypothesis import given
from hypothesis import strategies as st

from bst_litestar.request_counts import KEPT_S, SLOT_S, RequestCounts

SAMPLE = st.tuples(
    st.integers(0, 40),  # seconds since the sample before
    st.sampled_from(["GET", "POST", "PATCH"]),
    st.sampled_from([200, 202, 304, 404, 409, 503]),
    st.integers(0, 3000),  # milliseconds
)


class Clock:
    def __init__(self) -> None:
        self.at = 1000.0 * SLOT_S

    def __call__(self) -> float:
        return self.at


@given(st.lists(SAMPLE, max_size=60), st.integers(1, 60))
def test_figures_are_those_of_the_samples_in_the_window(samples: list[tuple[int, str, int, int]], minutes: int) -> None:
    clock = Clock()
    counts = RequestCounts(clock)
    kept = []
    for pause, method, status, ms in samples:
        clock.at += pause
        counts.add(method, status, ms / 1000)
        kept.append((clock.at, method, status, ms))
    first_slot = int((clock.at - minutes * 60) // SLOT_S) + 1
    inside = [(method, status, ms) for at, method, status, ms in kept if at // SLOT_S >= first_slot]
    seen = counts.figures(minutes * 60)
    assert seen.requests == len(inside)
    assert seen.by_class.total() == seen.by_method.total() == len(inside)
    assert seen.by_class[4] == sum(400 <= status < 500 for _, status, _ in inside)
    latencies = sorted(ms for _, _, ms in inside)
    for share, said in ((0.5, seen.median_ms), (0.95, seen.p95_ms), (1.0, seen.max_ms)):
        assert said == (latencies[ceil(share * len(latencies)) - 1] if latencies else 0)


def test_memory_stays_bounded_and_busy_windows_are_whole() -> None:
    clock = Clock()
    counts = RequestCounts(clock)
    for _ in range(50_000):  # more than the predecessor's 20,000 samples
        counts.add("POST", 202, 0.004)
    assert counts.figures(60).requests == 50_000
    for _ in range(2 * KEPT_S // SLOT_S):
        clock.at += SLOT_S
        counts.add("GET", 200, 0.001)
    assert counts.figures(KEPT_S).requests <= KEPT_S // SLOT_S


def test_a_young_process_is_measured_over_its_life() -> None:
    clock = Clock()
    counts = RequestCounts(clock)
    clock.at += 10
    counts.add("GET", 200, 0.001)
    assert counts.figures(900).span_s == 10
