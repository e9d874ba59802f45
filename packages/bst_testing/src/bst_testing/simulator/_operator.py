"""Somebody in operations, who fails events, judges dead letters, replays, and acts on bookings, whatever is going on just now."""

from collections.abc import Awaitable
from functools import partial
from typing import Any

from bst_application.ports.repair import LetterReason
from bst_application.use_cases.assign_crew import AssignCrew, UnassignCrew, WantedCrew
from bst_application.use_cases.edit_booking import BookingEdit, EditBooking
from bst_application.use_cases.judge_booking import AcknowledgeBooking, OverrideStatus, StatusDecision
from bst_application.use_cases.repair import Author, ChangeDeadLetterStatus, MarkEventFailed, ReplayEvent
from bst_domain.booking import Field
from bst_domain.lifecycles import DeadLetterStatus
from bst_domain.values import FulfilmentStatus
from bst_testing.fakes.storage import MemoryStorage
from bst_testing.simulator._judge import BY_HAND
from bst_testing.simulator._ports import SteppingStorage
from bst_testing.simulator._world import World

OPERATOR = Author(actor="operator")


def operator_act(world: World, storage: MemoryStorage, api: str) -> tuple[str, Awaitable[Any]] | None:
    """What the operator does through this API, in words and as work; None: there is nothing to do it to."""
    random, ports = world.random, SteppingStorage(storage, world, api)
    desk: Any = ports
    now = partial(world.clock, api)
    what = random.choice(["fail", "judge", "judge", "replay", "replay", "booking", "booking"])
    if what == "booking":
        return booking_act(world, storage, api)
    if what == "fail":
        event_id = random.choice(sorted(storage.tables.log))
        reason = LetterReason(code=BY_HAND, detail=None, poison=False)
        work = MarkEventFailed(desk=desk, now=now, new_id=world.new_id)(event_id, reason, by=OPERATOR)
        return f"fail …{str(event_id)[-4:]}", work
    letters = sorted(storage.tables.dead_letters)
    if not letters:
        return None
    letter = storage.tables.dead_letters[random.choice(letters)]
    about = f"…{str(letter.event_id)[-4:]}"
    if what == "judge":
        wanted = random.choice([DeadLetterStatus.READY, DeadLetterStatus.READY, *DeadLetterStatus])
        return f"judge {wanted} {about}", ChangeDeadLetterStatus(desk=desk, now=now)(letter.key, wanted, by=OPERATOR)
    replay = ReplayEvent(desk=desk, now=now, new_id=world.new_id, stages_job=lambda: True)
    return f"replay {about}", replay(letter.event_id, reason="simulated", by=OPERATOR)


def booking_act(world: World, storage: MemoryStorage, api: str) -> tuple[str, Awaitable[Any]] | None:
    """The same for a booking: an edit, an assignment, an acknowledgement or a status by hand."""
    random = world.random
    if not storage.tables.bookings:
        return None
    identity = random.choice(sorted(storage.tables.bookings))
    desk: Any = SteppingStorage(storage, world, api)
    now, new_id = partial(world.clock, api), world.new_id
    version = storage.tables.bookings[identity].version
    given: dict[str, Any] = {"expected": random.choice([None, None, frozenset({version})]), "by": OPERATOR}
    match random.choice(["edit", "assign", "unassign", "acknowledge", "override"]):
        case "edit":
            said = {random.choice([Field.NOTE, Field.MEETING_POINT]): random.choice(["Lobby", "Gate", None])}
            edit = EditBooking(desk=desk, now=now, new_id=new_id)
            return f"edit {identity.ref}", edit(identity, BookingEdit(values=said), **given)
        case "assign":
            driver = random.randint(1, 3)
            assign = AssignCrew(desk=desk, now=now, new_id=new_id)
            return f"assign {driver} to {identity.ref}", assign(identity, WantedCrew(driver=driver), **given)
        case "unassign":
            return f"unassign {identity.ref}", UnassignCrew(desk=desk, now=now)(identity, **given)
        case "acknowledge":
            seen = random.choice([None, version, max(1, version - 1)])
            return f"acknowledge {identity.ref}", AcknowledgeBooking(desk=desk, now=now)(identity, seen, **given)
        case _:
            status = random.choice([FulfilmentStatus.READY, FulfilmentStatus.ATTENTION, FulfilmentStatus.NO_SHOW])
            wanted = StatusDecision(status=status, reason="simulated")
            override = OverrideStatus(desk=desk, now=now, new_id=new_id)
            return f"override {identity.ref} {status}", override(identity, wanted, **given)
