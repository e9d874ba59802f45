"""Compares two sides by digests: one pass over each, then only the ranges that differ, down to rows."""

import asyncio
from collections.abc import Sequence

from attrs import frozen

from bst_application.ports.digests import DigestSide
from bst_domain.migration import KeyDifferences, KeyRange, after, row_differences

#: Ranges of the first pass: a million rows come to some 250 each, so that one difference costs little to find.
FIRST_RANGES = 4096


@frozen(kw_only=True)
class Bisected:
    """What differs, and what it took: ``ranges`` digested on each side in ``levels`` exchanges, ``read`` ranges row by row."""

    found: KeyDifferences
    ranges: int
    levels: int
    read: int


async def bisect(left: DigestSide, right: DigestSide, *, first_ranges: int = FIRST_RANGES) -> Bisected:
    """Exactly the keys that are not the same on both sides."""
    extents = [extent for side in (left, right) if (extent := await side.extent()) is not None]
    if not extents:
        return Bisected(found=KeyDifferences(), ranges=0, levels=0, read=0)
    whole = KeyRange(min(extent.low for extent in extents), max(extent.high for extent in extents))
    ranges = whole.cut(first_ranges)
    ours, theirs = await asyncio.gather(left.sweep(ranges), right.sweep(ranges))
    then = after(ranges, ours, theirs)
    asked, levels = len(ranges), 1
    to_read = list(then.read)
    while then.cut:
        ours, theirs = await asyncio.gather(left.digests(then.cut), right.digests(then.cut))
        asked, levels = asked + len(then.cut), levels + 1
        then = after(then.cut, ours, theirs)
        to_read += then.read
    found = await _read(left, right, to_read)
    return Bisected(found=found, ranges=asked, levels=levels, read=len(to_read))


async def _read(left: DigestSide, right: DigestSide, ranges: Sequence[KeyRange]) -> KeyDifferences:
    if not ranges:
        return KeyDifferences()
    ours, theirs = await asyncio.gather(left.rows(ranges), right.rows(ranges))
    return row_differences(ours, theirs)
