"""What the API reads. Everything here is a snapshot; nothing is locked. All of it raises Unavailable only."""

from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any, Protocol
from uuid import UUID

from attrs import frozen

from bst_application.ports.audit import AuditEntry
from bst_application.ports.operations import ConflictRecord
from bst_application.ports.repair import DeadLetterRecord
from bst_domain.booking import Contact
from bst_domain.values import BookingIdentity, BookingKey, EventId


@frozen(kw_only=True)
class BookingFilter:
    """All given conditions must hold. ``text`` is looked for in ref, name, e-mail and phone, as ``parse_search`` says."""

    fulfilment: str | None = None
    payment: str | None = None
    source: str | None = None
    date_from: date | None = None
    date_to: date | None = None
    text: str | None = None


@frozen(kw_only=True)
class Position:
    """Where a page ended: the order is newest first, then greatest key."""

    at: datetime
    key: UUID


@frozen(kw_only=True)
class BookingRow:
    """A booking as stored."""

    key: BookingKey
    identity: BookingIdentity
    version: int
    payment_status: str
    fulfilment_status: str
    reasons: Sequence[str]
    booked_at: datetime
    tour_date: date | None
    tour_time: time | None
    adult: int | None
    child: int | None
    infant: int | None
    currency: str | None
    total_price: Decimal | None
    note: str | None
    contact: Contact
    package_ref_type: str
    package_ref_key: UUID | None
    legacy_package_id: int | None
    assigned_driver_id: int | None
    created_at: datetime
    updated_at: datetime


@frozen(kw_only=True)
class FieldOrigin:
    """Where a field's present value comes from."""

    source: str
    event_id: UUID
    event_time: datetime


@frozen(kw_only=True)
class BookingDetail:
    """A booking with everything around it. Lists are oldest first; JSON objects are as the API shows them."""

    row: BookingRow
    provenance: Mapping[str, FieldOrigin]
    payments: Sequence[Mapping[str, Any]]
    assignments: Sequence[Mapping[str, Any]]
    items: Sequence[Mapping[str, Any]]
    finance: Mapping[str, Any] | None
    conflicts: Sequence[ConflictRecord]  # those that wait for a decision, oldest first


class BookingReader(Protocol):
    async def page(self, wanted: BookingFilter, *, after: Position | None, limit: int) -> list[BookingRow]:
        """At most ``limit`` bookings behind ``after``."""
        ...

    async def find(self, name: str) -> list[tuple[BookingKey, BookingIdentity]]:
        """The bookings that ``name`` may mean: a key, ``CHANNEL:REF``, a bare ref, or another system's reference.

        In this order; the first kind that finds any decides. More than one: the bare ref exists in several channels.
        """
        ...

    async def detail(self, key: BookingKey) -> BookingDetail | None: ...


@frozen(kw_only=True)
class EventRecord:
    """A row of the event log. ``replay_count`` is that of its newest dead letter."""

    event_id: EventId
    idempotency_key: str
    nonce: str
    process_status: str
    source: str
    channel: str
    ref: str
    event_type: str
    event_time: datetime
    event_time_normalized: datetime
    payload_hash: str
    payload: Any
    error_message: str | None
    attempts: int
    next_retry_at: datetime | None
    replay_count: int
    received_at: datetime
    processed_at: datetime | None


@frozen(kw_only=True)
class ProcessingCounts:
    """Events received within a window. Latencies are from receipt to DONE, in whole milliseconds."""

    received: int
    done: int
    failed: int
    processing: int
    pending: int
    latency_samples: int
    latency_median_ms: int
    latency_p95_ms: int
    latency_max_ms: int


@frozen(kw_only=True)
class RetryCounts:
    """Events that wait for a retry, and those that used all of them. ``attempts`` counts events by executions."""

    pending: int
    due: int
    processing: int
    queued: int
    exhausted: int
    with_attempt: int
    earliest: datetime | None
    latest: datetime | None
    attempts: Mapping[int, int]


@frozen(kw_only=True)
class Backlog:
    """Accepted events that are not processed yet. ``due`` are those that should be; ``delayed`` wait for a retry.

    ``oldest_receipt`` is of all of them, ``oldest_due`` the instant since which the most overdue one waits.
    """

    waiting: int
    due: int
    delayed: int
    staged_jobs: int
    oldest_receipt: datetime | None
    oldest_due: datetime | None


@frozen(kw_only=True)
class EventFilter:
    """All given conditions must hold; ``received_to`` is exclusive."""

    status: str | None = None
    source: str | None = None
    ref: str | None = None  # normalised
    event_type: str | None = None
    received_from: datetime | None = None
    received_to: datetime | None = None


@frozen(kw_only=True)
class LetterFilter:
    """All given conditions must hold; the times are those of the last failure, ``failed_to`` is exclusive."""

    status: str | None = None
    reason_code: str | None = None
    source: str | None = None
    ref: str | None = None  # normalised
    failed_from: datetime | None = None
    failed_to: datetime | None = None


@frozen(kw_only=True)
class LetterGroup:
    """How many dead letters there are for one reason from one source, by status."""

    reason_code: str
    source: str
    by_status: Mapping[str, int]
    newest_failure: datetime


class IngestReader(Protocol):
    async def event(self, event_id: UUID) -> EventRecord | None: ...

    async def events(self, wanted: EventFilter, *, after: Position | None, limit: int) -> list[EventRecord]:
        """At most ``limit`` events behind ``after``, the newest received first; payloads are left out (None)."""
        ...

    async def dead_letter(self, key: UUID) -> DeadLetterRecord | None: ...

    async def dead_letters(self, wanted: LetterFilter, *, after: Position | None, limit: int) -> list[DeadLetterRecord]:
        """At most ``limit`` dead letters behind ``after``, the newest failure first."""
        ...

    async def dead_letter_groups(self) -> list[LetterGroup]:
        """Most numerous first."""
        ...

    async def processing_counts(self, *, since: datetime) -> ProcessingCounts: ...

    async def retry_counts(self, *, now: datetime) -> RetryCounts: ...

    async def backlog(self, *, now: datetime) -> Backlog: ...

    async def dead_letter_counts(self) -> Mapping[str, int]:
        """Dead letters by status; statuses without any may be absent."""
        ...


@frozen(kw_only=True)
class AuditFilter:
    """All given conditions must hold; ``until`` is exclusive."""

    actor: str | None = None
    event_type: str | None = None
    resource_type: str | None = None
    resource_id: str | None = None
    since: datetime | None = None
    until: datetime | None = None


@frozen(kw_only=True)
class AuditRecord:
    """An entry of the audit trail as stored."""

    key: UUID
    entry: AuditEntry


class AuditReader(Protocol):
    async def entries(self, wanted: AuditFilter, *, after: Position | None, limit: int) -> list[AuditRecord]:
        """At most ``limit`` entries behind ``after``, newest first."""
        ...


@frozen(kw_only=True)
class DatabaseCheck:
    """Whether a database answers. ``error`` is a machine string, never a driver's text.

    Of a replica: how old what it shows may be at most, and when the newest transaction that it shows was committed.
    """

    database: str
    configured: bool
    reachable: bool
    latency_ms: int | None
    error: str | None
    lag_s: float | None = None
    replayed_at: datetime | None = None


class DatabaseProbe(Protocol):
    async def check(self) -> DatabaseCheck:
        """Never raises; answers within two seconds."""
        ...

    async def schema_is_current(self) -> bool:
        """Whether every migration has run. Raises Unavailable."""
        ...
