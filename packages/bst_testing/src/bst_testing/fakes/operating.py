"""The transaction of operators in memory, and the timeline of what came of it."""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from attrs import evolve

from bst_application.ports.audit import AuditEntry
from bst_application.ports.bookings import BookingChange, StoredBooking
from bst_application.ports.crew import CrewKind
from bst_application.ports.operations import Assignment, ConflictRecord, Settlement
from bst_application.ports.timeline import Happening, Moment, TimelineEntry
from bst_domain.booking import PackageRef, PackageRefType, said_by
from bst_domain.values import BookingIdentity, BookingKey, ChannelReference, format_instant
from bst_testing.fakes.processing import MemoryProcessing, save_booking
from bst_testing.fakes.tables import AssignmentRow, Tables, Transaction


class MemoryOperating:
    """A transaction."""

    def __init__(self, transaction: Transaction) -> None:
        self._tables = transaction

    async def load(self, identity: BookingIdentity) -> StoredBooking | None:
        return (await MemoryProcessing(self._tables).load([identity])).get(identity)

    async def mapped_packages(self, named: Sequence[ChannelReference]) -> Mapping[ChannelReference, PackageRef]:
        return await MemoryProcessing(self._tables).mapped_packages(named)

    async def save(self, change: BookingChange, *, now: datetime) -> None:
        await save_booking(self._tables, change, now)

    async def assignment(self, booking: BookingKey) -> Assignment | None:
        active = (row.assignment for row in assignments_of(self._tables, booking) if row.ended_at is None)
        return next(active, None)

    async def assign(self, booking: BookingKey, assignment: Assignment | None, *, now: datetime) -> None:
        for row in assignments_of(self._tables, booking):
            if row.ended_at is None:
                self._tables.assignments[row.assignment.key] = evolve(row, ended_at=now)
        if assignment is not None:
            self._tables.assignments[assignment.key] = AssignmentRow(booking=booking, assignment=assignment)

    async def may_be_assigned(self, kind: CrewKind, number: int) -> bool:
        managed = {found: member for (of, found), member in self._tables.crew.items() if of is kind}
        return not managed or (number in managed and managed[number].is_active)

    async def fits(self, kind: PackageRefType, key: UUID) -> bool:
        return any(
            known == key and (entity.value == kind.value or kind is PackageRefType.LEGACY_PACKAGE)
            for entity, known in self._tables.catalog
        )

    async def said_after(self, booking: BookingKey, version: int) -> frozenset[UUID]:
        rows = self._tables.said.items()
        return frozenset(event for event, row in rows if row.booking == booking and row.version > version)

    async def conflicts(self, booking: BookingKey) -> list[ConflictRecord]:
        return conflicts_of(self._tables, booking)

    async def open_conflict(self, conflict: ConflictRecord) -> None:
        self._tables.disputes[conflict.key] = conflict

    async def settle_conflict(self, key: UUID, settlement: Settlement) -> None:
        self._tables.disputes[key] = evolve(self._tables.disputes[key], settled=settlement)

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        self._tables.trail.update((next(self._tables.numbers), entry) for entry in entries)


def assignments_of(tables: Tables | Transaction, booking: BookingKey) -> list[AssignmentRow]:
    """Oldest first."""
    rows = [row for row in tables.assignments.values() if row.booking == booking]
    return sorted(rows, key=lambda row: (row.assignment.at, row.assignment.key))


def conflicts_of(tables: Tables | Transaction, booking: BookingKey) -> list[ConflictRecord]:
    """Oldest first."""
    rows = [record for record in tables.disputes.values() if record.booking == booking]
    return sorted(rows, key=lambda record: (record.opened_at, record.key))


class MemoryBookingTimeline:
    """BookingTimeline over the tables of the storage in memory."""

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    async def entries(self, booking: BookingKey, *, after: Moment | None, limit: int) -> list[TimelineEntry]:
        found = [*self._facts(booking), *self._assignments(booking), *self._turns(booking), *self._audit(booking)]
        found.sort(key=lambda entry: entry.moment)
        return [entry for entry in found if after is None or entry.moment > after][:limit]

    def _facts(self, booking: BookingKey) -> Iterator[TimelineEntry]:
        for event_id, row in self._tables.said.items():
            facts = self._tables.recorded[event_id].facts
            if row.booking == booking and (evidence := facts.first) is not None:
                told = {f"payment.{fact.kind}": fact.reference for fact in facts.payments.values()}
                details = {
                    "source": evidence.source,
                    "eventType": evidence.event_type.value,
                    "eventTime": format_instant(evidence.event_time),
                    "origin": evidence.origin,
                    "version": row.version,
                    "facts": {**said_by(facts), **told},
                }
                tie = f"{evidence.event_time.astimezone(UTC):%Y%m%d%H%M%S%f}:{event_id}"
                yield _entry(row.at, Happening.FACT, tie, str(event_id), details)

    def _assignments(self, booking: BookingKey) -> Iterator[TimelineEntry]:
        for row in assignments_of(self._tables, booking):
            made = row.assignment
            for rank, change, at in ((1, "ASSIGNED", made.at), (0, "UNASSIGNED", row.ended_at)):
                if at is not None:
                    details = {
                        "change": change,
                        "driverId": made.driver,
                        "partnerId": made.partner,
                        "source": "CORE_API",
                    }
                    yield _entry(at, Happening.ASSIGNMENT, f"{rank}:{made.key}", str(made.key), details)

    def _turns(self, booking: BookingKey) -> Iterator[TimelineEntry]:
        for (of, version), (at, statuses) in self._tables.turns.items():
            if of == booking:
                details = {
                    "version": version,
                    "customerPaymentStatus": statuses.payment.value,
                    "opsFulfillmentStatus": statuses.fulfilment.value,
                    "statusReasons": [reason.value for reason in statuses.reasons],
                }
                yield _entry(at, Happening.STATUS, f"{version:010d}", str(version), details)

    def _audit(self, booking: BookingKey) -> Iterator[TimelineEntry]:
        events = {str(event_id) for event_id, row in self._tables.said.items() if row.booking == booking}
        for number, entry in self._tables.audit.items():
            own = entry.resource_type == "BOOKING" and entry.resource_id == str(booking)
            if own or (entry.resource_type == "INGEST_EVENT" and entry.resource_id in events):
                details = {
                    "eventType": entry.event_type,
                    "actor": entry.actor,
                    "resourceType": entry.resource_type,
                    "resourceId": entry.resource_id,
                    "metadata": dict(entry.metadata),
                    "requestId": entry.request_id,
                }
                yield _entry(entry.at, Happening.AUDIT, f"{number:036d}", f"{number:036d}", details)


def _entry(at: datetime, kind: Happening, tie: str, name: str, details: dict[str, Any]) -> TimelineEntry:
    return TimelineEntry(moment=Moment(at=at, kind=kind, tie=tie), id=name, details=details)
