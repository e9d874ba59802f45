"""Bookings in the hands of operators: one at a time, held until the commit, through the same fold as what channels say."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Protocol
from uuid import UUID

from attrs import frozen

from bst_application.ports.audit import AuditEntry
from bst_application.ports.bookings import BookingChange, StoredBooking
from bst_application.ports.crew import CrewKind
from bst_domain.booking import FactValue, PackageRef, PackageRefType
from bst_domain.cutover import Choice, Module, Severity
from bst_domain.values import BookingIdentity, BookingKey, ChannelReference


@frozen(kw_only=True)
class Assignment:
    """Who runs the tour of a booking, from ``at`` on."""

    key: UUID
    driver: int
    partner: int | None
    at: datetime


@frozen(kw_only=True)
class Settlement:
    """How a conflict was decided, by whom and why."""

    choice: Choice
    actor: str
    reason: str
    at: datetime


@frozen(kw_only=True)
class ConflictRecord:
    """Two systems that contradict each other about a booking. The values are by the names of the playbook's fields."""

    key: UUID
    booking: BookingKey
    module: Module
    fields: tuple[str, ...]
    shown: Mapping[str, FactValue]
    core: Mapping[str, FactValue]
    legacy: Mapping[str, FactValue]
    severity: Severity
    opened_by: str
    opened_at: datetime
    due_at: datetime
    settled: Settlement | None = None


class OpsTransaction(Protocol):
    """One commit for one booking. Leaving the context without an exception commits; else nothing happened."""

    async def load(self, identity: BookingIdentity) -> StoredBooking | None:
        """Locks the booking, as processing does, and reads it. May be called once."""
        ...

    async def mapped_packages(self, named: Sequence[ChannelReference]) -> Mapping[ChannelReference, PackageRef]:
        """As in processing."""
        ...

    async def save(self, change: BookingChange, *, now: datetime) -> None:
        """As in processing; the state is written in any case."""
        ...

    async def assignment(self, booking: BookingKey) -> Assignment | None:
        """The active one; a booking that is held has one at most."""
        ...

    async def assign(self, booking: BookingKey, assignment: Assignment | None, *, now: datetime) -> None:
        """Ends the active assignment and begins this one, where there is one. Save the booking before."""
        ...

    async def may_be_assigned(self, kind: CrewKind, number: int) -> bool:
        """Whether somebody active has this number. Where nobody of the kind is managed here, anybody may."""
        ...

    async def fits(self, kind: PackageRefType, key: UUID) -> bool:
        """Whether the catalog has this key, of this type. A legacy package's key is a product's or a variant's."""
        ...

    async def said_after(self, booking: BookingKey, version: int) -> frozenset[UUID]:
        """The events whose facts the booking took in after this version."""
        ...

    async def conflicts(self, booking: BookingKey) -> list[ConflictRecord]:
        """All of this booking, settled or not, oldest first."""
        ...

    async def open_conflict(self, conflict: ConflictRecord) -> None:
        """A new one."""
        ...

    async def settle_conflict(self, key: UUID, settlement: Settlement) -> None:
        """Writes the decision about one that ``conflicts`` gave as open."""
        ...

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        """Appends to the audit trail, in this commit."""
        ...


class OpsDesk(Protocol):
    """Raises Unavailable and Conflict; both leave nothing behind."""

    def operating(self) -> AbstractAsyncContextManager[OpsTransaction]: ...
