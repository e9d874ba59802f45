"""Laws of the token buckets, with time as an argument."""

from hypothesis import example, given
from hypothesis import strategies as st

from bst_application.rate_limits import Buckets


class Clock:
    """Seconds that a test moves."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


#: Seconds until the next request, most of them close together.
PAUSES = st.lists(st.one_of(st.just(0.0), st.floats(0, 1), st.floats(0, 200)), max_size=80)


@given(per_minute=st.integers(1, 60), pauses=PAUSES)
def test_never_more_than_the_burst_and_the_rate_times_the_time(per_minute: int, pauses: list[float]) -> None:
    """In every window, not only from the beginning."""
    clock = Clock()
    buckets = Buckets(per_minute, clock=clock)
    taken: list[float] = []
    for pause in pauses:
        clock.now += pause
        if buckets.take("somebody") == 0:
            taken.append(clock.now)
    for first, begun in enumerate(taken):
        for last in range(first, len(taken)):
            window_s = taken[last] - begun
            assert last - first + 1 <= per_minute + per_minute * window_s / 60 + 1e-6


@given(per_minute=st.integers(1, 1_000_000), pauses=PAUSES)
@example(per_minute=1, pauses=[0.9742, 0.0])  # full a rounding error later than a minute from now
def test_whoever_waits_as_told_is_let_through(per_minute: int, pauses: list[float]) -> None:
    clock = Clock()
    buckets = Buckets(per_minute, clock=clock)
    for pause in pauses:
        clock.now += pause
        wait_s = buckets.take("somebody")
        assert buckets.wait("somebody") >= wait_s
        if wait_s:
            assert 1 <= wait_s <= 60
            clock.now += wait_s
            assert buckets.take("somebody") == 0


@given(per_minute=st.integers(1, 1000))
def test_a_minutes_worth_may_come_at_once_and_no_more(per_minute: int) -> None:
    buckets = Buckets(per_minute, clock=Clock())
    assert [buckets.take("somebody") for _ in range(per_minute)] == [0] * per_minute
    assert buckets.take("somebody") >= 1


def test_a_steady_flow_at_the_rate_is_never_refused() -> None:
    clock = Clock()
    buckets = Buckets(600, clock=clock)
    for _ in range(10_000):
        assert buckets.take("somebody") == 0
        clock.now += 0.1


def test_looking_takes_nothing() -> None:
    buckets = Buckets(1, clock=Clock())
    assert [buckets.wait("somebody") for _ in range(5)] == [0] * 5
    assert buckets.take("somebody") == 0
    assert buckets.wait("somebody") == buckets.take("somebody") == 60


def test_one_callers_flood_is_not_anothers() -> None:
    buckets = Buckets(1, slots=None, clock=Clock())
    assert buckets.take("one") == 0
    assert buckets.take("one") == 60
    assert buckets.take("other") == 0


def test_a_million_addresses_take_no_more_memory_than_the_slots() -> None:
    buckets = Buckets(60, slots=1024, clock=Clock())
    for number in range(1_000_000):
        buckets.take(f"10.{number >> 16}.{number >> 8 & 255}.{number & 255}")
    assert len(buckets) <= 1024


def test_addresses_that_share_a_slot_are_limited_sooner_never_later() -> None:
    buckets = Buckets(5, slots=1, clock=Clock())
    let_through = sum(buckets.take(f"10.0.0.{number}") == 0 for number in range(100))
    assert let_through == 5
