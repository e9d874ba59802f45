"""Who runs the tours: drivers and partners as reference data. Their numbers are those that the old admin gave them."""

from datetime import datetime
from enum import StrEnum
from typing import Protocol

from attrs import frozen

from bst_application.ports.audit import AuditEntry


class CrewKind(StrEnum):
    """What somebody is assigned as."""

    DRIVER = "DRIVER"
    PARTNER = "PARTNER"


@frozen(kw_only=True)
class CrewMember:
    """A driver or a partner. Who is not active any more stays known, but cannot be assigned."""

    number: int
    name: str
    is_active: bool
    updated_at: datetime


class CrewRegister(Protocol):
    """Raises Unavailable and Conflict; both leave nothing behind."""

    async def members(self, kind: CrewKind) -> list[CrewMember]:
        """All of them, by number."""
        ...

    async def enter(self, kind: CrewKind, member: CrewMember, entry: AuditEntry) -> None:
        """Writes one, new or known, and the audit entry."""
        ...
