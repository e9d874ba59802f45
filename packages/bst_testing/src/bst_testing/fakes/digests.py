"""One side of a comparison by digests, in memory."""

from bisect import bisect_left
from collections.abc import Mapping, Sequence

from attrs import define, field

from bst_domain.migration import KeyRange, RangeDigest, digest_of


@define
class MemoryDigests:
    """DigestSide of these rows; counts what it was asked."""

    held: Mapping[int, int]
    asked: int = 0
    rows_read: int = 0
    _keys: list[int] = field(init=False)

    def __attrs_post_init__(self) -> None:
        self._keys = sorted(self.held)

    async def extent(self) -> KeyRange | None:
        return KeyRange(self._keys[0], self._keys[-1] + 1) if self._keys else None

    async def sweep(self, ranges: Sequence[KeyRange]) -> list[RangeDigest]:
        return await self.digests(ranges)

    async def digests(self, ranges: Sequence[KeyRange]) -> list[RangeDigest]:
        self.asked += len(ranges)
        return [digest_of(self.held[key] for key in self._within(span)) for span in ranges]

    async def rows(self, ranges: Sequence[KeyRange]) -> dict[int, int]:
        found = {key: self.held[key] for span in ranges for key in self._within(span)}
        self.rows_read += len(found)
        return found

    def _within(self, span: KeyRange) -> list[int]:
        return self._keys[bisect_left(self._keys, span.low) : bisect_left(self._keys, span.high)]
