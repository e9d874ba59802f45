"""Finding the rows in which two large sets differ, by digests of key ranges.

Each row has a key and a 128-bit digest of everything that it says, its key included. The digest of a range is the exclusive or of
its rows' digests: it does not depend on their order, and no row can be in a range twice. Ranges whose digests differ are cut, the
others are never looked at again, so the work grows with the differences and not with the rows.
"""

from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from itertools import pairwise
from operator import xor

from attrs import frozen

#: A range with at most so many rows is read row by row: cutting it further costs more than reading it.
LEAF_ROWS = 64
#: Into how many parts a differing range is cut.
FAN_OUT = 16


@frozen
class KeyRange:
    """Keys from ``low`` up to, and without, ``high``. Keys are whole numbers."""

    low: int
    high: int

    def cut(self, parts: int) -> "list[KeyRange]":
        """Equal parts that cover it without a gap; fewer where there are fewer keys."""
        width = self.high - self.low
        parts = max(1, min(parts, width))
        edges = [self.low + width * at // parts for at in range(parts + 1)]
        return [KeyRange(low, high) for low, high in pairwise(edges)]


@frozen
class RangeDigest:
    """How many rows a range has, and what they come to."""

    rows: int
    digest: int


NO_ROWS = RangeDigest(0, 0)


@frozen(kw_only=True)
class Next:
    """What is to be asked after a level: ranges to digest, and ranges to read."""

    cut: Sequence[KeyRange]
    read: Sequence[KeyRange]


@frozen(kw_only=True)
class KeyDifferences:
    """Keys that one side lacks, and keys whose rows say something else."""

    left_only: frozenset[int] = frozenset()
    right_only: frozenset[int] = frozenset()
    differing: frozenset[int] = frozenset()

    @property
    def all(self) -> frozenset[int]:
        """Every key that is not the same on both sides."""
        return self.left_only | self.right_only | self.differing

    def __or__(self, other: "KeyDifferences") -> "KeyDifferences":
        return KeyDifferences(
            left_only=self.left_only | other.left_only,
            right_only=self.right_only | other.right_only,
            differing=self.differing | other.differing,
        )


def digest_of(digests: Iterable[int]) -> RangeDigest:
    """Of the rows of a range."""
    known = list(digests)
    return RangeDigest(len(known), reduce(xor, known, 0))


def after(ranges: Sequence[KeyRange], left: Sequence[RangeDigest], right: Sequence[RangeDigest]) -> Next:
    """Which of the ranges differ, and how each of them is gone on with."""
    cut: list[KeyRange] = []
    read: list[KeyRange] = []
    for span, ours, theirs in zip(ranges, left, right, strict=True):
        if ours == theirs:
            continue
        if max(ours.rows, theirs.rows) <= LEAF_ROWS or span.high - span.low == 1:
            read.append(span)
        else:
            cut.extend(span.cut(FAN_OUT))
    return Next(cut=cut, read=read)


def row_differences(left: Mapping[int, int], right: Mapping[int, int]) -> KeyDifferences:
    """Of rows that were read: key -> digest."""
    return KeyDifferences(
        left_only=frozenset(left.keys() - right.keys()),
        right_only=frozenset(right.keys() - left.keys()),
        differing=frozenset(key for key in left.keys() & right.keys() if left[key] != right[key]),
    )
