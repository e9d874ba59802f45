"""Somebody in operations, who fails events, judges dead letters and replays, whatever is going on just now."""

from collections.abc import Awaitable
from functools import partial
from typing import Any

from bst_application.ports.repair import LetterReason
from bst_application.use_cases.repair import Author, ChangeDeadLetterStatus, MarkEventFailed, ReplayEvent
from bst_domain.lifecycles import DeadLetterStatus
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
    what = random.choice(["fail", "judge", "judge", "replay", "replay"])
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
