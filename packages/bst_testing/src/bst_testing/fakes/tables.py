"""What the storage in memory keeps: one dictionary a table, and a transaction's view of all of them."""

from collections.abc import Iterator, Mapping
from datetime import datetime
from itertools import count
from typing import Any
from uuid import UUID

from attrs import define, field, frozen

from bst_application.ports.audit import AuditEntry
from bst_application.ports.bookings import (
    RecordedFacts,
    Statuses,
    StoredBooking,
)
from bst_application.ports.crew import CrewKind, CrewMember
from bst_application.ports.cutover import CoreFinance, SeenRow
from bst_application.ports.event_log import KeyConflict, NewEvent
from bst_application.ports.flags import FlagOverride, Sight
from bst_application.ports.mappings import ChannelMapping, Entity, Refold, UnmappedEntry
from bst_application.ports.operations import Assignment, ConflictRecord
from bst_application.ports.queue import Job
from bst_application.ports.repair import LetterReason
from bst_application.ports.replay_jobs import NewReplayJob
from bst_domain.lifecycles import DeadLetterStatus, ProcessStatus
from bst_domain.migration import SourceRow
from bst_domain.values import BookingIdentity, BookingKey, ChannelReference, EventId
from bst_testing.fakes.transactions import Changes, Holder, Locks, View

CHANNELS = frozenset({"DIRECT", "GYG", "VIATOR", "BOKUN", "TRIPDOTCOM", "MANUAL"})


@frozen(kw_only=True)
class LogRow:
    """A row of the event log."""

    event: NewEvent
    status: ProcessStatus = ProcessStatus.RECEIVED
    executions: int = 0
    next_retry_at: datetime | None = None
    processed_at: datetime | None = None
    error: str | None = None


@frozen(kw_only=True)
class LetterRow:
    """A row of the dead letters. ``opened`` numbers them in the order in which they came."""

    key: UUID
    opened: int
    event_id: EventId
    status: DeadLetterStatus
    reason: LetterReason
    replay_count: int = 0
    first_failed_at: datetime
    last_failed_at: datetime
    updated_at: datetime
    next_replay_at: datetime | None = None
    lease_until: datetime | None = None
    actor: str | None = None
    replay_reason: str | None = None
    request_id: str | None = None
    proof: Mapping[str, Any] = {}
    executions_before: int = 0


@frozen(kw_only=True)
class ReplayItemRow:
    """An item of a replay job."""

    letter: UUID
    outcome: str | None = None
    settled_at: datetime | None = None


@frozen(kw_only=True)
class SaidRow:
    """Which booking took in an event's facts, when, and as which version."""

    booking: BookingKey
    version: int
    at: datetime


@frozen(kw_only=True)
class AssignmentRow:
    """An assignment, of now or of earlier."""

    booking: BookingKey
    assignment: Assignment
    ended_at: datetime | None = None


@define(kw_only=True)
class Tables:
    """Everything that is committed. Tests may look, may take a channel away, and may fill the catalog."""

    channels: frozenset[str] = CHANNELS
    numbers: Iterator[int] = field(factory=count)
    nonces: dict[str, datetime] = field(factory=dict)
    log: dict[EventId, LogRow] = field(factory=dict)
    staged: dict[str, tuple[datetime, Job]] = field(factory=dict)
    conflicts: dict[tuple[str, str], KeyConflict] = field(factory=dict)
    bookings: dict[BookingIdentity, StoredBooking] = field(factory=dict)
    booking_times: dict[BookingIdentity, tuple[datetime, datetime]] = field(factory=dict)  # written first and last
    aliases: dict[BookingIdentity, BookingIdentity] = field(factory=dict)
    references: dict[tuple[str, str], BookingIdentity] = field(factory=dict)  # (kind, ref) -> the booking
    recorded: dict[UUID, RecordedFacts] = field(factory=dict)
    dead_letters: dict[UUID, LetterRow] = field(factory=dict)
    audit: dict[int, AuditEntry] = field(factory=dict)
    flags: dict[str, FlagOverride] = field(factory=dict)
    replay_jobs: dict[UUID, NewReplayJob] = field(factory=dict)
    replay_items: dict[tuple[UUID, EventId], ReplayItemRow] = field(factory=dict)
    said: dict[UUID, SaidRow] = field(factory=dict)
    turns: dict[tuple[BookingKey, int], tuple[datetime, Statuses]] = field(factory=dict)  # by the version that turned
    assignments: dict[UUID, AssignmentRow] = field(factory=dict)
    crew: dict[tuple[CrewKind, int], CrewMember] = field(factory=dict)
    disputes: dict[UUID, ConflictRecord] = field(factory=dict)
    mappings: dict[UUID, ChannelMapping] = field(factory=dict)
    unmapped: dict[UUID, UnmappedEntry] = field(factory=dict)
    refolds: dict[ChannelReference, Refold] = field(factory=dict)
    held_days: int = 0  # runs of back-fill that say which day it is
    seen: dict[SourceRow, SeenRow] = field(factory=dict)
    finances: dict[BookingKey, CoreFinance] = field(factory=dict)
    sights: dict[UUID, Sight] = field(factory=dict)
    catalog: set[tuple[Entity, UUID]] = field(factory=set)  # products and variants that there are


class Transaction:
    """The tables as one transaction sees them, and the locks that it holds."""

    def __init__(self, tables: Tables, locks: Locks) -> None:
        self.holder, self.locks, self.channels, self.numbers = Holder(), locks, tables.channels, tables.numbers
        self.nonces = View(tables.nonces)
        self.log = View(tables.log)
        self.staged = View(tables.staged)
        self.conflicts = View(tables.conflicts)
        self.bookings = View(tables.bookings)
        self.booking_times = View(tables.booking_times)
        self.aliases = View(tables.aliases)
        self.references = View(tables.references)
        self.recorded = View(tables.recorded)
        self.dead_letters = View(tables.dead_letters)
        self.trail = View(tables.audit)
        self.flags = View(tables.flags)
        self.replay_jobs = View(tables.replay_jobs)
        self.replay_items = View(tables.replay_items)
        self.said = View(tables.said)
        self.turns = View(tables.turns)
        self.assignments = View(tables.assignments)
        self.crew = View(tables.crew)
        self.disputes = View(tables.disputes)
        self.mappings = View(tables.mappings)
        self.unmapped = View(tables.unmapped)
        self.refolds = View(tables.refolds)
        self.seen = View(tables.seen)
        self.finances = View(tables.finances)
        self.sights = View(tables.sights)
        self.catalog = tables.catalog
        self.held_days = tables.held_days

    def commit(self) -> dict[str, Changes]:
        """Table -> what changed."""
        views = {name: view for name, view in vars(self).items() if isinstance(view, View)}
        return {name: view.commit() for name, view in views.items()}


def letters_of(tables: Transaction, event_id: UUID) -> list[LetterRow]:
    """Newest first."""
    rows = [row for row in tables.dead_letters.values() if row.event_id == event_id]
    return sorted(rows, key=lambda row: row.opened, reverse=True)


def open_letter(tables: Transaction, key: UUID, event_id: EventId, reason: LetterReason, now: datetime) -> None:
    tables.dead_letters[key] = LetterRow(
        key=key,
        opened=next(tables.numbers),
        event_id=event_id,
        status=DeadLetterStatus.OPEN,
        reason=reason,
        first_failed_at=now,
        last_failed_at=now,
        updated_at=now,
    )
