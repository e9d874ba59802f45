"""Operators' acts over a storage, for the suites that tell of them."""

from datetime import timedelta
from typing import Protocol

from bst_application.ids import uuid7
from bst_application.ports.bookings import StoredBooking
from bst_application.ports.crew import CrewRegister
from bst_application.ports.operations import Assignment, ConflictRecord, OpsDesk
from bst_application.use_cases.assign_crew import AssignCrew, UnassignCrew, WantedCrew
from bst_application.use_cases.booking_conflicts import (
    RaiseConflict,
    ResolveConflict,
)
from bst_application.use_cases.edit_booking import BookingEdit, EditBooking
from bst_application.use_cases.judge_booking import (
    AcknowledgeBooking,
    OverrideStatus,
    StatusDecision,
    SyncStatus,
)
from bst_application.use_cases.repair import Author
from bst_domain.booking import Field, shown
from bst_domain.values import BookingIdentity, ExternalRef, FulfilmentStatus
from bst_testing.conformance.booking_store import WEB_1, BookingStorage, accept, processing
from bst_testing.deliveries import NOW, body

AYU = Author(actor="ayu@ops.example.org", request_id="request-1", proof={"principal": {"role": "ADMIN"}})
LATER = NOW + timedelta(minutes=1)
NOBODY = BookingIdentity("DIRECT", ExternalRef("NOBODY"))
LOBBY = BookingEdit(values={Field.MEETING_POINT: "Lobby", Field.NOTE: "vegetarian"})
DRIVER_8 = WantedCrew(driver=8)
READY = StatusDecision(status=FulfilmentStatus.READY, reason="the driver called")
MOVED = body("UPDATED", at="2026-03-02T00:00:00Z", booking={"adult": 3})


class OpsStorage(BookingStorage, OpsDesk, CrewRegister, Protocol):
    """An ops desk beside the log, the bookings and the crew."""


def editing(storage: OpsDesk) -> EditBooking:
    return EditBooking(desk=storage, now=lambda: LATER, new_id=uuid7)


def assigning(storage: OpsDesk) -> AssignCrew:
    return AssignCrew(desk=storage, now=lambda: LATER, new_id=uuid7)


def unassigning(storage: OpsDesk) -> UnassignCrew:
    return UnassignCrew(desk=storage, now=lambda: LATER + timedelta(minutes=1))


def syncing(storage: OpsDesk, after: timedelta = timedelta(0)) -> SyncStatus:
    return SyncStatus(desk=storage, now=lambda: LATER + after)


def acknowledging(storage: OpsDesk) -> AcknowledgeBooking:
    return AcknowledgeBooking(desk=storage, now=lambda: LATER)


def overriding(storage: OpsDesk) -> OverrideStatus:
    return OverrideStatus(desk=storage, now=lambda: LATER, new_id=uuid7)


def raising(storage: OpsDesk) -> RaiseConflict:
    return RaiseConflict(desk=storage, now=lambda: LATER, new_id=uuid7)


def resolving(storage: OpsDesk) -> ResolveConflict:
    return ResolveConflict(desk=storage, now=lambda: LATER, new_id=uuid7)


async def assigned(storage: OpsDesk) -> Assignment | None:
    async with storage.operating() as tx:
        stored = await tx.load(WEB_1)
        assert stored is not None
        return await tx.assignment(stored.key)


async def disputed(storage: OpsStorage) -> ConflictRecord:
    """A booking that the other system has on another day."""
    await processing(storage)(await accept(storage, body()))
    raised = await raising(storage)(WEB_1, {"tour_date": "2031-05-02"}, legacy_at=LATER, by=AYU)
    assert isinstance(raised, ConflictRecord)
    return raised


def day_of(booking: StoredBooking) -> object:
    return shown(booking.facts)[Field.TOUR_DATE].value
