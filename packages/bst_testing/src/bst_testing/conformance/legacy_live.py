"""What every reader of the legacy databases at work must do."""

from collections.abc import Callable, Sequence
from datetime import timedelta

import pytest

from bst_application.errors import LegacyUnreadable
from bst_application.ports.legacy import LegacyLive
from bst_domain.migration import LegacyBooking, LegacySystem
from bst_testing.legacy_rows import AT, legacy_booking, legacy_finance

SHOP, ADMIN = LegacySystem.SHOP, LegacySystem.ADMIN
LATER = AT + timedelta(minutes=1)
ROWS = (
    legacy_booking(SHOP, 1, "BST-1"),
    legacy_booking(SHOP, 2, "BST-2", updated_at=LATER),
    legacy_booking(ADMIN, 4, "GYG4", channel="GYG", finance=legacy_finance(31, items=2, items_paid=1)),
    legacy_booking(ADMIN, 3, None, tour_at=AT, updated_at=LATER),
    legacy_booking(ADMIN, 5, "GYG5", channel="GYG", tour_at=LATER),
)
Living = Callable[[Sequence[LegacyBooking]], LegacyLive]


class LegacyLiveConformance:
    """A subclass gives ``living``, and ``unreadable``: databases of which something is missing."""

    async def test_changes_come_in_order_page_by_page(self, living: Living) -> None:
        legacy = living(ROWS)
        every = {"since": AT, "before": LATER + timedelta(seconds=1)}
        first = await legacy.changed(ADMIN, after=None, limit=2, **every)
        assert [(row.booking.row_id, row.changed_at) for row in first] == [(4, AT), (5, AT)]
        assert first[0].booking == ROWS[2]
        rest = await legacy.changed(ADMIN, after=(AT, 5), limit=2, **every)
        assert [row.booking.row_id for row in rest] == [3]
        assert await legacy.changed(ADMIN, after=(LATER, 3), limit=2, **every) == []

    async def test_the_bounds_of_a_look(self, living: Living) -> None:
        legacy = living(ROWS)
        assert await legacy.changed(SHOP, since=AT, before=AT, after=None, limit=9) == []
        early = await legacy.changed(SHOP, since=AT, before=LATER, after=None, limit=9)
        assert [row.booking for row in early] == [ROWS[0]]
        late = await legacy.changed(SHOP, since=LATER, before=LATER + timedelta(seconds=1), after=None, limit=9)
        assert [row.booking for row in late] == [ROWS[1]]

    async def test_rows_are_found_by_reference_and_by_id(self, living: Living) -> None:
        legacy = living(ROWS)
        assert await legacy.rows(ADMIN, refs=["GYG5", "BST-1"], ids=[4]) == [ROWS[2], ROWS[4]]
        assert await legacy.rows(SHOP, refs=["BST-1"]) == [ROWS[0]]
        assert await legacy.rows(SHOP) == []

    async def test_the_newest_tour_days_come_first(self, living: Living) -> None:
        assert await living(ROWS).newest(limit=2) == [ROWS[2], ROWS[4]]

    async def test_what_lacks_something_cannot_be_asked(self, unreadable: LegacyLive) -> None:
        with pytest.raises(LegacyUnreadable, match="is missing"):
            await unreadable.newest(limit=1)
