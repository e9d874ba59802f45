"""Overrides of flags: the few words that every process reads every other second."""

from collections.abc import Mapping
from datetime import datetime
from typing import Protocol

from attrs import frozen

from bst_application.ports.audit import AuditEntry


@frozen(kw_only=True)
class FlagOverride:
    """Who turned a flag, to what, and why."""

    value: str
    actor: str
    reason: str
    at: datetime


class FlagStore(Protocol):
    """Raises Unavailable and Conflict; both leave nothing behind."""

    async def overrides(self) -> Mapping[str, FlagOverride]:
        """By the flag's name."""
        ...

    async def change(self, name: str, override: FlagOverride | None, entry: AuditEntry) -> None:
        """Sets an override, or takes it away (None), with its audit entry in one commit."""
        ...
