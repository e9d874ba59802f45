"""What every side of a comparison by digests must do. ``side`` has at least three rows."""

import pytest

from bst_application.ports.digests import DigestSide
from bst_domain.migration import KeyRange, digest_of

pytestmark = pytest.mark.anyio


class DigestSideConformance:
    """Subclasses give ``side``, with three rows or more."""

    async def test_a_sweep_adds_up_to_the_rows(self, side: DigestSide) -> None:
        extent = await side.extent()
        assert extent is not None
        rows = await side.rows([extent])
        assert len(rows) >= 3
        assert (min(rows), max(rows) + 1) == (extent.low, extent.high)
        assert all(0 < digest < 1 << 128 for digest in rows.values())
        assert len(set(rows.values())) == len(rows)
        ranges = extent.cut(7)
        expected = [digest_of(digest for key, digest in rows.items() if r.low <= key < r.high) for r in ranges]
        assert list(await side.sweep(ranges)) == expected

    async def test_a_range_that_is_looked_up_says_what_the_sweep_says(self, side: DigestSide) -> None:
        extent = await side.extent()
        assert extent is not None
        ranges = extent.cut(5)
        assert list(await side.digests(ranges[::-1])) == list(await side.sweep(ranges))[::-1]

    async def test_each_row_is_found_by_its_key_alone(self, side: DigestSide) -> None:
        extent = await side.extent()
        assert extent is not None
        rows = await side.rows([extent])
        alone = [KeyRange(key, key + 1) for key in rows]
        assert await side.rows(alone) == rows
        assert list(await side.digests(alone)) == [digest_of([digest]) for digest in rows.values()]

    async def test_keys_without_rows_come_to_nothing(self, side: DigestSide) -> None:
        extent = await side.extent()
        assert extent is not None
        behind = KeyRange(extent.high, extent.high + 10)
        assert list(await side.digests([behind])) == [digest_of([])]
        assert await side.rows([behind]) == {}
