"""What every audit trail must do: keep what was appended, and read it newest first."""

from datetime import timedelta
from typing import Any, Protocol

import pytest

from bst_application.ports.audit import AuditEntry, AuditTrail
from bst_application.ports.reading import AuditFilter, AuditReader, AuditRecord, Position
from bst_testing.deliveries import NOW

EVERYTHING = AuditFilter()


class Trail(AuditTrail, AuditReader, Protocol):
    """A trail that can be written and read."""


def entry(number: int, **more: Any) -> AuditEntry:
    """An entry of its own minute."""
    usual: dict[str, Any] = {
        "event_type": "FLAG_SET",
        "actor": "ayu",
        "resource_type": "FLAG",
        "resource_id": f"F-{number}",
        "metadata": {"number": number},
        "at": NOW + timedelta(minutes=number),
        "request_id": f"request-{number}",
    }
    return AuditEntry(**{**usual, **more})


class AuditTrailConformance:
    """Subclass it, and give a ``trail`` fixture with nothing in it."""

    @pytest.fixture
    def trail(self) -> Trail:
        raise NotImplementedError("a subclass gives the trail")

    async def test_what_was_appended_is_read_as_it_was(self, trail: Trail) -> None:
        full = entry(1, metadata={"before": None, "list": [1, "two", {"three": 3.5}], "name": "José 王小明"})
        bare = entry(2, resource_type=None, resource_id=None, metadata={}, request_id=None)
        for one in (full, bare):
            await trail.append(one)
        assert [record.entry for record in await trail.entries(EVERYTHING, after=None, limit=10)] == [bare, full]

    async def test_the_newest_comes_first_whatever_the_order_of_writing(self, trail: Trail) -> None:
        for number in (2, 0, 3, 1):
            await trail.append(entry(number))
        read = await trail.entries(EVERYTHING, after=None, limit=10)
        assert [record.entry for record in read] == [entry(number) for number in (3, 2, 1, 0)]

    async def test_equal_entries_are_two(self, trail: Trail) -> None:
        for _ in range(2):
            await trail.append(entry(1))
        assert len({record.key for record in await trail.entries(EVERYTHING, after=None, limit=10)}) == 2

    async def test_pages_have_no_gaps_and_no_repeats(self, trail: Trail) -> None:
        for number in range(7):
            await trail.append(entry(number % 3))  # several of one instant
        seen: list[AuditRecord] = []
        after: Position | None = None
        while page := await trail.entries(EVERYTHING, after=after, limit=2):
            assert len(page) <= 2
            seen += page
            after = Position(at=page[-1].entry.at, key=page[-1].key)
        assert seen == await trail.entries(EVERYTHING, after=None, limit=10)
        assert len(seen) == 7

    @pytest.mark.parametrize(
        ("wanted", "numbers"),
        [
            (AuditFilter(actor="made"), [2]),
            (AuditFilter(event_type="RETENTION_RUN"), [1]),
            (AuditFilter(resource_type="EVENT"), [3]),
            (AuditFilter(resource_id="F-1"), [1]),
            (AuditFilter(since=NOW + timedelta(minutes=2)), [3, 2]),
            (AuditFilter(until=NOW + timedelta(minutes=2)), [1, 0]),
            (AuditFilter(actor="ayu", since=NOW + timedelta(minutes=1), until=NOW + timedelta(minutes=3)), [1]),
            (AuditFilter(actor="nobody"), []),
        ],
    )
    async def test_all_given_conditions_hold(self, trail: Trail, wanted: AuditFilter, numbers: list[int]) -> None:
        for one in (
            entry(0),
            entry(1, event_type="RETENTION_RUN"),
            entry(2, actor="made"),
            entry(3, resource_type="EVENT"),
        ):
            await trail.append(one)
        read = await trail.entries(wanted, after=None, limit=10)
        assert [record.entry.metadata["number"] for record in read] == numbers
