"""What every timeline must do, told of a booking that events and operators made."""

from typing import Protocol
from uuid import UUID

import pytest

from bst_application.ports.timeline import BookingTimeline, Happening, Moment, TimelineEntry
from bst_domain.values import BookingKey
from bst_testing.conformance.booking_store import WEB_1, accept, loaded, processing
from bst_testing.conformance.repair import BROKEN, RepairStorage, mark
from bst_testing.deliveries import body, paid
from bst_testing.ops_acts import AYU, DRIVER_8, LOBBY, READY, OpsStorage, assigning, editing, overriding, unassigning


class StoriedStorage(OpsStorage, RepairStorage, Protocol):
    """Everything that can happen to a booking."""


class BookingTimelineConformance:
    """Subclass it, and give a ``storage`` fixture with nothing in it and a ``timeline`` of the same."""

    @pytest.fixture
    def storage(self) -> StoriedStorage:
        raise NotImplementedError("a subclass gives the storage")

    @pytest.fixture
    def timeline(self, storage: StoriedStorage) -> BookingTimeline:
        raise NotImplementedError("a subclass gives a timeline of the storage")

    async def story(self, storage: StoriedStorage) -> BookingKey:
        """A booking with a life, and another one beside it."""
        [created] = await accept(storage, body())
        said = [body("UPDATED", at="2026-03-02T00:00:00Z", raw=paid("P-1")), body(ref="WEB-2")]
        await processing(storage)([created, *await accept(storage, *said)])
        await mark(storage)(created, BROKEN, by=AYU)
        await editing(storage)(WEB_1, LOBBY, expected=None, by=AYU)
        await assigning(storage)(WEB_1, DRIVER_8, expected=None, by=AYU)
        await unassigning(storage)(WEB_1, expected=None, by=AYU)
        await overriding(storage)(WEB_1, READY, expected=None, by=AYU)
        return (await loaded(storage)).key

    async def test_everything_is_told_oldest_first(self, storage: StoriedStorage, timeline: BookingTimeline) -> None:
        entries = await timeline.entries(await self.story(storage), after=None, limit=50)
        assert [entry.moment for entry in entries] == sorted(entry.moment for entry in entries)
        told = [_told(entry) for entry in entries]
        assert told[:2] == ["CREATED by DIRECT", "UPDATED by DIRECT"]
        assert sorted(told) == sorted(
            [
                "CREATED by DIRECT",
                "UPDATED by DIRECT",
                "UPDATED by OPERATOR",
                "UPDATED by OPERATOR",
                "ASSIGNED 8",
                "UNASSIGNED 8",
                "NEW PAID",
                "READY PAID",
                "INGEST_EVENT_MARKED_FAILED by ayu@ops.example.org",
                "BOOKING_UPDATED by ayu@ops.example.org",
                "BOOKING_ASSIGNED by ayu@ops.example.org",
                "BOOKING_UNASSIGNED by ayu@ops.example.org",
                "BOOKING_STATUS_OVERRIDDEN by ayu@ops.example.org",
            ]
        )
        first, second, *_ = entries
        assert first.details["facts"]["adult"] == 2
        assert first.details["eventTime"] == "2026-03-01T10:00:00.000Z"
        assert second.details["facts"] == {"payment.captured": "P-1"}
        said = [entry.details["facts"] for entry in entries if _told(entry) == "UPDATED by OPERATOR"]
        assert {"meetingPoint": "Lobby", "note": "vegetarian"} in said
        assert {"opsFulfillmentStatus": "READY"} in said

    async def test_pages_have_no_gaps_and_no_repeats(self, storage: StoriedStorage, timeline: BookingTimeline) -> None:
        key = await self.story(storage)
        seen: list[TimelineEntry] = []
        after: Moment | None = None
        while page := await timeline.entries(key, after=after, limit=2):
            assert len(page) <= 2
            seen += page
            after = page[-1].moment
        assert seen == await timeline.entries(key, after=None, limit=50)

    async def test_nobody_knows_nothing(self, storage: StoriedStorage, timeline: BookingTimeline) -> None:
        await self.story(storage)
        assert await timeline.entries(BookingKey(UUID(int=0)), after=None, limit=50) == []


def _told(entry: TimelineEntry) -> str:
    details = entry.details
    match entry.moment.kind:
        case Happening.FACT:
            return f"{details['eventType']} by {details['source']}"
        case Happening.ASSIGNMENT:
            return f"{details['change']} {details['driverId']}"
        case Happening.STATUS:
            return f"{details['opsFulfillmentStatus']} {details['customerPaymentStatus']}"
        case Happening.AUDIT:
            return f"{details['eventType']} by {details['actor']}"
