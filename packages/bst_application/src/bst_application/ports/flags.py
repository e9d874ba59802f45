"""Overrides of flags: the few words that every process reads every other second, and which processes have read them."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Protocol
from uuid import UUID

from attrs import field, frozen

from bst_application.ports.audit import AuditEntry


@frozen(kw_only=True)
class FlagOverride:
    """Who turned a flag, to what, and why."""

    value: str
    actor: str
    reason: str
    at: datetime


Overrides = Mapping[str, FlagOverride]


@frozen(kw_only=True)
class Revision:
    """Overrides to set, or to take away (None), by the flag's name, with their audit entries."""

    changes: Mapping[str, FlagOverride | None]
    entries: Sequence[AuditEntry]


@frozen(kw_only=True)
class Sight:
    """A process and how the flags are for it. ``seen_at`` is its latest sign of life."""

    process: UUID
    component: str
    host: str
    pid: int
    values: Mapping[str, str] = field(factory=dict)
    seen_at: datetime


class FlagStore(Protocol):
    """Raises Unavailable and Conflict; both leave nothing behind."""

    async def overrides(self) -> Overrides:
        """By the flag's name."""
        ...

    async def change(self, name: str, override: FlagOverride | None, entry: AuditEntry) -> None:
        """Sets an override, or takes it away (None), with its audit entry in one commit."""
        ...

    async def revise(self, decide: Callable[[Overrides], Revision]) -> Overrides:
        """Several at once, in one commit: what ``decide`` makes of the overrides that there are; nobody else changes any
        between its look and its word. Returns the overrides afterwards. ``decide`` may be asked more than once."""
        ...

    async def sighted(self, sight: Sight) -> None:
        """A process tells how the flags are for it; the same process tells it again and again."""
        ...

    async def sights(self, *, since: datetime) -> list[Sight]:
        """The processes that have told since then, by component, host and pid."""
        ...
