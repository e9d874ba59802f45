"""The laws of comparing by digests: exactly the differences are found, and the work grows with them and not with the rows."""

from hashlib import blake2b
from itertools import pairwise
from math import ceil, log

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bst_application.use_cases.bisect import bisect
from bst_domain.migration import FAN_OUT, LEAF_ROWS, KeyRange
from bst_testing.conformance.digests import DigestSideConformance
from bst_testing.fakes.digests import MemoryDigests

pytestmark = pytest.mark.anyio

KEYS = st.one_of(st.integers(0, 300), st.integers(0, (1 << 128) - 1))
SIDES = st.dictionaries(KEYS, st.integers(0, 3), max_size=200)


def held(contents: dict[int, int]) -> MemoryDigests:
    """Rows with the digest of what they say, as a hash function makes it."""
    return MemoryDigests({key: _digest(key, said) for key, said in contents.items()})


def _digest(key: int, said: int) -> int:
    return int.from_bytes(blake2b(f"{key} {said}".encode(), digest_size=16).digest(), "big")


class TestMemoryDigests(DigestSideConformance):
    @pytest.fixture
    def side(self) -> MemoryDigests:
        return MemoryDigests({3: 11, 9: 12, 1 << 100: 13, (1 << 128) - 1: 14})


@given(SIDES, SIDES, st.integers(1, 40))
async def test_exactly_the_differences_are_found(left: dict[int, int], right: dict[int, int], first: int) -> None:
    found = (await bisect(held(left), held(right), first_ranges=first)).found
    assert found.left_only == left.keys() - right.keys()
    assert found.right_only == right.keys() - left.keys()
    assert found.differing == {key for key in left.keys() & right.keys() if left[key] != right[key]}


@given(SIDES)
async def test_equal_sides_are_swept_once_and_no_row_is_read(rows: dict[int, int]) -> None:
    left, right = held(rows), held(rows)
    done = await bisect(left, right, first_ranges=16)
    assert not done.found.all
    assert (done.levels, left.rows_read, right.rows_read) == (1 if rows else 0, 0, 0)
    assert left.asked <= 16


@settings(max_examples=25)
@given(st.sets(st.integers(0, 19_999), min_size=1, max_size=30), st.integers(1, 64))
async def test_the_work_grows_with_the_differences_and_not_with_the_rows(changed: set[int], first: int) -> None:
    rows = dict.fromkeys(range(20_000), 1)
    left, right = held(rows), held({**rows, **dict.fromkeys(changed, 0)})
    done = await bisect(left, right, first_ranges=first)
    assert done.found.differing == changed
    depth = ceil(log(len(rows) / LEAF_ROWS, FAN_OUT)) + 1
    assert left.asked == right.asked == done.ranges <= first + len(changed) * FAN_OUT * depth
    assert left.rows_read <= len(changed) * LEAF_ROWS


@given(KEYS, st.integers(1, 1 << 128), st.integers(1, 5000))
def test_the_parts_of_a_range_cover_it_without_a_gap(low: int, width: int, parts: int) -> None:
    cut = KeyRange(low, low + width).cut(parts)
    assert len(cut) == min(parts, width)
    assert (cut[0].low, cut[-1].high) == (low, low + width)
    assert all(one.high == other.low and one.low < one.high for one, other in pairwise(cut))
