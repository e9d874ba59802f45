"""What every store of flags must do, told through the board and the use case."""

from datetime import timedelta
from typing import Protocol

import pytest

from bst_application.flags import BadFlagValue, Flag, FlagBoard, FlagState, initial_flags
from bst_application.ports.audit import AuditEntry
from bst_application.ports.flags import FlagStore
from bst_application.use_cases.repair import Author
from bst_application.use_cases.turn_flag import TurnFlag
from bst_testing.deliveries import NOW

AYU = Author(actor="ayu", request_id="request-1")


class FlagStorage(FlagStore, Protocol):
    """A store of flags whose audit trail can be read."""


def board(store: FlagStore, **environ: str) -> FlagBoard:
    values, problems = initial_flags(environ)
    assert problems == []
    return FlagBoard(values, store)


class FlagStoreConformance:
    """Subclass it, and give a ``storage`` fixture with nothing in it, and ``audited``."""

    @pytest.fixture
    def storage(self) -> FlagStorage:
        raise NotImplementedError("a subclass gives the storage")

    async def audited(self, storage: FlagStorage) -> list[AuditEntry]:
        """The audit trail, oldest first."""
        raise NotImplementedError("a subclass reads it")

    async def test_an_override_stands_until_it_is_taken_away(self, storage: FlagStorage) -> None:
        here, elsewhere = board(storage), board(storage)
        turn = TurnFlag(store=storage, board=here, now=lambda: NOW)
        on = await turn(Flag.QUEUE, "ON", reason="go live", by=AYU)
        assert isinstance(on, FlagState)
        assert (on.value, on.initial) == ("true", "false")
        assert on.override is not None
        assert (on.override.actor, on.override.reason, on.override.at) == ("ayu", "go live", NOW)
        assert here.is_on(Flag.QUEUE)
        assert not elsewhere.is_on(Flag.QUEUE)
        await elsewhere.refresh()
        assert elsewhere.is_on(Flag.QUEUE)
        restarted = board(storage, INGEST_QUEUE_ENABLED="false")
        await restarted.refresh()
        assert restarted.is_on(Flag.QUEUE)
        cleared = await turn(Flag.QUEUE, None, reason="back to normal", by=AYU)
        assert isinstance(cleared, FlagState)
        assert (cleared.value, cleared.override) == ("false", None)
        assert not here.is_on(Flag.QUEUE)

    async def test_every_change_is_audited_in_its_commit(self, storage: FlagStorage) -> None:
        turn = TurnFlag(store=storage, board=board(storage), now=lambda: NOW + timedelta(seconds=1))
        await turn(Flag.WRITE_CORE_PERCENT, "12.50", reason="canary", by=AYU)
        await turn(Flag.WRITE_CORE_PERCENT, "0", reason="stop", by=AYU)
        await turn(Flag.WRITE_CORE_PERCENT, None, reason="done", by=AYU)
        trail = await self.audited(storage)
        assert [(e.event_type, e.resource_id, e.metadata) for e in trail] == [
            ("FLAG_SET", "OPS_WRITE_CORE_PERCENT", {"before": "100", "value": "12.5", "reason": "canary"}),
            ("FLAG_SET", "OPS_WRITE_CORE_PERCENT", {"before": "12.5", "value": "0", "reason": "stop"}),
            ("FLAG_CLEARED", "OPS_WRITE_CORE_PERCENT", {"before": "0", "value": None, "reason": "done"}),
        ]
        assert {(e.actor, e.request_id, e.resource_type) for e in trail} == {("ayu", "request-1", "FLAG")}

    async def test_a_bad_value_changes_nothing(self, storage: FlagStorage) -> None:
        turn = TurnFlag(store=storage, board=board(storage), now=lambda: NOW)
        refused = await turn(Flag.WEBHOOK, "maybe", reason="x", by=AYU)
        assert refused == BadFlagValue("INGEST_WEBHOOK_ENABLED must be one of true, false, 1, 0, yes, no, on, off")
        assert await storage.overrides() == {}
        assert await self.audited(storage) == []
