"""One side of a comparison by digests: rows with keys, wherever they are."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from bst_domain.migration import KeyRange, RangeDigest


class DigestSide(Protocol):
    """Rows of one moment; each call sees the same. Raises what its database raises.

    Keys are whole numbers from 0 to 2**128 - 1; a digest has 128 bits and says everything about a row.
    """

    async def extent(self) -> KeyRange | None:
        """From the least key to behind the greatest one; None without rows."""
        ...

    async def sweep(self, ranges: Sequence[KeyRange]) -> Sequence[RangeDigest]:
        """Of ranges that follow one another without a gap: one pass over everything."""
        ...

    async def digests(self, ranges: Sequence[KeyRange]) -> Sequence[RangeDigest]:
        """Of a few ranges, each looked up by key."""
        ...

    async def rows(self, ranges: Sequence[KeyRange]) -> Mapping[int, int]:
        """Key -> digest of every row in these ranges."""
        ...
