"""Turning a flag: checked, reasoned, audited, and known to the process that does it at once."""

from collections.abc import Callable
from datetime import datetime

from attrs import frozen

from bst_application.flags import BadFlagValue, Flag, FlagBoard, FlagState, normal_value
from bst_application.ports.audit import AuditEntry
from bst_application.ports.flags import FlagOverride, FlagStore
from bst_application.use_cases.repair import Author


@frozen(kw_only=True)
class TurnFlag:
    """Sets an override, or takes it away so that the environment's word holds again."""

    store: FlagStore
    board: FlagBoard
    now: Callable[[], datetime]

    async def __call__(self, flag: Flag, text: str | None, *, reason: str, by: Author) -> FlagState | BadFlagValue:
        """``text`` None takes the override away. Raises Unavailable and Conflict."""
        value = None if text is None else normal_value(flag, text)
        if isinstance(value, BadFlagValue):
            return value
        now = self.now()
        await self.board.refresh()
        before = self.board.value(flag)
        override = None if value is None else FlagOverride(value=value, actor=by.actor, reason=reason, at=now)
        entry = AuditEntry(
            event_type="FLAG_CLEARED" if override is None else "FLAG_SET",
            actor=by.actor,
            resource_type="FLAG",
            resource_id=flag.value,
            metadata={"before": before, "value": value, "reason": reason, **by.proof},
            at=now,
            request_id=by.request_id,
        )
        await self.store.change(flag.value, override, entry)
        await self.board.refresh()
        return next(state for state in self.board.states() if state.flag is flag)
