"""The law of mappings: whatever comes first, events or mappings, a booking shows the same in the end."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bst_application.ids import uuid7
from bst_application.ports.mappings import Entity, SourceRow, UnmappedFilter
from bst_application.use_cases.mappings import CreateMapping, NewMapping
from bst_application.use_cases.process import ProcessEvents
from bst_application.use_cases.refold_packages import RefoldPackages
from bst_application.use_cases.repair import Author
from bst_domain.booking import PackageRef, Reason
from bst_domain.lifecycles import MappingStatus
from bst_domain.values import BookingIdentity, ChannelReference, ExternalRef
from bst_testing.conformance.booking_store import accept
from bst_testing.deliveries import NOW, body
from bst_testing.fakes.storage import MemoryStorage

BOOKING = BookingIdentity("DIRECT", ExternalRef("WEB-1"))
EVENTS: list[dict[str, Any]] = [
    body(booking={"tourDate": "2031-05-01", "adult": 2, "legacyPackageId": 7}),
    body("UPDATED", at="2026-03-02T00:00:00Z", booking={"legacyPackageId": 8}),
    body("UPDATED", at="2026-03-01T12:00:00Z", booking={"adult": 3}),
    body("UPDATED", at="2026-03-01T13:00:00Z", booking={"legacyPackageId": 7}),
]
#: No variant has this number.
NOWHERE = 3
Step = tuple[str, MappingStatus, int]
#: What is said of which number; their order is kept, for the last word holds.
mapping_steps = st.lists(
    st.tuples(st.sampled_from(["7", "8"]), st.sampled_from(list(MappingStatus)), st.sampled_from([1, 2, NOWHERE])),
    max_size=5,
)


@st.composite
def turns_of(draw: st.DrawFn) -> tuple[list[str], list[int], list[Step]]:
    """Whose turn it is, in which order the events come, and what is said of mappings."""
    steps = draw(mapping_steps)
    turns = draw(st.permutations(["event"] * len(EVENTS) + ["mapping"] * len(steps)))
    return turns, draw(st.permutations(range(len(EVENTS)))), steps


@settings(max_examples=40, deadline=None)
@given(turns_of())
@example((["event"] * 4 + ["mapping"], [0, 1, 2, 3], [("8", MappingStatus.MAPPED, 1)]))
@example(
    (["event"] * 4 + ["mapping"] * 2, [3, 2, 1, 0], [("8", MappingStatus.MAPPED, 1), ("8", MappingStatus.MAPPED, 2)])
)
@example((["event", "mapping", "event", "event", "event"], [0, 1, 2, 3], [("8", MappingStatus.MAPPED, 1)]))
def test_events_and_mappings_in_any_order_show_the_same_package(
    said: tuple[list[str], list[int], list[Step]],
) -> None:
    turns, order, steps = said
    expected = asyncio.run(after(["mapping"] * len(steps) + ["event"] * len(order), sorted(order), steps))
    assert asyncio.run(after(turns, order, steps)) == expected


@settings(max_examples=40, deadline=None)
@given(turns_of())
@example((["event"] * 4 + ["mapping"] * 3, [0, 1, 2, 3], [("8", status, 1) for status in reversed(MappingStatus)]))
@example((["event"] * 4 + ["mapping"], [0, 1, 2, 3], [("8", MappingStatus.MAPPED, NOWHERE)]))
@example(
    (
        ["mapping"] + ["event"] * 4 + ["mapping"],
        [0, 1, 2, 3],
        [("8", MappingStatus.UNMAPPED, 1), ("8", MappingStatus.MAPPED, NOWHERE)],
    )
)
def test_a_booking_that_waits_for_a_package_has_an_entry_that_waits(
    said: tuple[list[str], list[int], list[Step]],
) -> None:
    storage = MemoryStorage()
    _, reasons = asyncio.run(after(*said, storage=storage))
    entries = asyncio.run(storage.entries(UnmappedFilter(waiting=True, ref="8"), after=None, limit=9))
    assert bool(entries) or Reason.UNMAPPED_PACKAGE not in reasons


async def test_a_package_that_cannot_be_folded_again_holds_up_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    storage = MemoryStorage()
    storage.tables.catalog |= {(Entity.CATALOG_VARIANT, UUID(int=1))}
    process = ProcessEvents(store=storage, now=lambda: NOW, new_id=uuid7)
    for event in EVENTS[:2]:
        await process(await accept(storage, event))
    create = CreateMapping(desk=storage, now=lambda: NOW, new_id=uuid7)
    for number in ("7", "8"):
        await create(_mapping(number, MappingStatus.MAPPED, 1), replace=True, by=Author(actor="ayu"))
    named_by = storage.named_by

    async def fails_for_the_first(package: ChannelReference, **more: Any) -> Any:
        if package == (await storage.refolds(limit=1))[0].package:
            raise ValueError("a bug")
        return await named_by(package, **more)

    monkeypatch.setattr(storage, "named_by", fails_for_the_first)
    first, _ = await storage.refolds(limit=9)
    await RefoldPackages(desk=storage, store=storage, now=lambda: NOW)()
    assert [refold.package for refold in await storage.refolds(limit=9)] == [first.package]


async def after(
    turns: list[str], order: list[int], steps: list[Step], *, storage: MemoryStorage | None = None
) -> tuple[PackageRef | None, set[str]]:
    """The package that the booking shows in the end, which is the one of 8, and the reasons for a look."""
    storage = storage or MemoryStorage()
    storage.tables.catalog |= {(Entity.CATALOG_VARIANT, UUID(int=1)), (Entity.CATALOG_VARIANT, UUID(int=2))}
    process = ProcessEvents(store=storage, now=lambda: NOW, new_id=uuid7)
    create = CreateMapping(desk=storage, now=lambda: NOW, new_id=uuid7)
    refold = RefoldPackages(desk=storage, store=storage, now=lambda: NOW)
    events, mappings = iter(order), iter(steps)
    for turn in turns:
        if turn == "event":
            await process(await accept(storage, EVENTS[next(events)]))
            continue
        number, status, entity = next(mappings)
        await create(_mapping(number, status, entity), replace=True, by=Author(actor="ayu"))
        while await refold():
            pass
    booking = storage.tables.bookings[BOOKING]
    return booking.ops.package, {reason.value for reason in booking.statuses.reasons}


def _mapping(number: str, status: MappingStatus, entity: int) -> NewMapping:
    return NewMapping(
        entity_type="CATALOG_VARIANT",
        reference=ChannelReference("DIRECT", "LEGACY_PACKAGE_ID", number),
        entity_key=UUID(int=entity),
        status=status,
        source=SourceRow(system="manual", table="manual_mapping", pk=number),
        reason="MANUAL_REVIEW",
    )
