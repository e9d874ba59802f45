"""Bookings as processing needs them: claimed events in, folded bookings out, one commit."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any, Protocol
from uuid import UUID

from attrs import frozen

from bst_application.ports.audit import AuditEntry
from bst_domain.booking import Booking, BookingFacts, Field, OpsInputs, PackageRef, Reason, package_reference, shown
from bst_domain.ingest import DeadLetter, ExternalReference, FailureCode, RetryAt
from bst_domain.values import (
    BookingIdentity,
    BookingKey,
    ChannelReference,
    EventId,
    FulfilmentStatus,
    PaymentStatus,
)


@frozen(kw_only=True)
class ClaimedEvent:
    """An event of the log that this transaction alone works on. ``executions`` counts the earlier ones."""

    event_id: EventId
    identity: BookingIdentity  # as the event names it
    payload: Any  # decoded JSON
    received_at: datetime
    executions: int
    before_replay: int | None = None  # of those, how many before the replay that is under way; None: there is none
    trace_context: str | None = None  # of the request that brought it


@frozen(kw_only=True)
class Statuses:
    """What the booking's row says now."""

    payment: PaymentStatus
    fulfilment: FulfilmentStatus
    reasons: tuple[Reason, ...]


@frozen(kw_only=True)
class StoredBooking:
    """A booking as it was committed last. ``identity`` is its own, which an alias may have led to.

    ``ops.package`` is the mapping that it was shown with; whether that still holds is ``mapped_packages``' to say.
    """

    key: BookingKey
    identity: BookingIdentity
    version: int
    facts: BookingFacts
    ops: OpsInputs
    statuses: Statuses


@frozen(kw_only=True)
class RecordedFacts:
    """The facts of one event, as they are kept with the booking for ever."""

    event_id: EventId
    facts: BookingFacts


class WrittenBy(StrEnum):
    """Who wrote the state of a booking last, as ``updated_from_source`` has it."""

    INGEST = "ingest"
    CORE_API = "core-api"
    BACKFILL = "backfill"


@frozen(kw_only=True)
class BookingChange:
    """A booking to write. ``before`` is None for a new one; ``changed`` names the registers that show another fact.

    Where ``version`` is still that of ``before``, the events said nothing new: only ``recorded`` is written, and the state where
    an operator asked for it. ``ops`` is what operations know from now on.
    """

    key: BookingKey
    identity: BookingIdentity
    version: int
    before: StoredBooking | None
    facts: BookingFacts
    ops: OpsInputs
    booking: Booking
    changed: frozenset[Field]
    recorded: tuple[RecordedFacts, ...]
    references: tuple[ExternalReference, ...]
    written_by: WrittenBy

    @property
    def is_new(self) -> bool:
        return self.before is None

    @property
    def is_unchanged(self) -> bool:
        return self.before is not None and self.before.version == self.version

    @property
    def mapped(self) -> PackageRef | None:
        """What a mapping made of the package, where the channel's own word is shown no more."""
        said = shown(self.facts).get(Field.PACKAGE)
        return None if said is None or self.booking.package == said.value else self.booking.package

    @property
    def waits_for(self) -> ChannelReference | None:
        """The package that nobody has mapped yet, where the booking begins to wait for it with this change."""
        if Reason.UNMAPPED_PACKAGE not in self.booking.reasons:
            return None
        waited = self.before is not None and Reason.UNMAPPED_PACKAGE in self.before.statuses.reasons
        return (
            None
            if waited and Field.PACKAGE not in self.changed
            else package_reference(self.identity.channel, self.facts)
        )

    @property
    def statuses(self) -> Statuses:
        return Statuses(
            payment=self.booking.payment_status,
            fulfilment=self.booking.fulfilment_status,
            reasons=self.booking.reasons,
        )


@frozen(kw_only=True)
class FailedEvent:
    """An event whose execution failed, and what is to become of it."""

    event: ClaimedEvent
    code: FailureCode
    detail: str
    then: RetryAt | DeadLetter


@frozen(kw_only=True)
class SettledReplay:
    """A replay that ended with this commit, and who had asked for it why."""

    event_id: EventId
    letter: UUID
    succeeded: bool
    actor: str
    reason: str | None
    request_id: str | None
    proof: Mapping[str, Any]


class ProcessingTransaction(Protocol):
    """One commit for a group of events. Leaving the context without an exception commits; else nothing happened."""

    async def may_turn(self) -> bool:
        """Whether time passing may move statuses now. A run of back-fill says which day it is and holds that back, to its end;
        it begins no earlier than this commit. Nothing is held by a runner that is gone. Before ``load``."""
        ...

    async def claim(self, event_ids: Sequence[EventId], *, now: datetime) -> list[ClaimedEvent]:
        """Those of the events that are RECEIVED, due, and in nobody else's hands; held until the commit. Order as given."""
        ...

    async def load(self, identities: Sequence[BookingIdentity]) -> Mapping[BookingIdentity, StoredBooking]:
        """Locks these bookings, existing or not, in key order, and reads those that exist, by the identity asked for.

        An alias (an external ref of kind BOOKING_REF) finds the booking it stands for. May be called once.
        """
        ...

    async def mapped_packages(self, named: Sequence[ChannelReference]) -> Mapping[ChannelReference, PackageRef]:
        """What channel mappings say that these packages are, a variant before a product; those without a mapping are left out.

        Until the commit nobody else writes a mapping of them: a booking that is committed without one is there when it comes.
        Call it after ``load``, with names in order.
        """
        ...

    async def save(self, changes: Sequence[BookingChange], *, now: datetime) -> None:
        """Writes the bookings with their facts, payments, provenance and status history. Each booking at most once.

        What they wait for (``waits_for``) becomes an entry of the unmapped queue, unless one waits or such a one was
        settled.
        """
        ...

    async def finish(self, events: Sequence[ClaimedEvent], *, now: datetime) -> list[SettledReplay]:
        """Marks claimed events DONE; dead letters of theirs that are REPLAYING have SUCCEEDED."""
        ...

    async def fail(self, events: Sequence[FailedEvent], *, now: datetime, lease: timedelta) -> list[SettledReplay]:
        """Marks claimed events as waiting for a retry, or FAILED with a dead letter beside them.

        A dead letter that is REPLAYING has FAILED instead, or its lease goes on until ``lease`` after the retry.
        """
        ...

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        """Appends to the audit trail, in this commit."""
        ...


class BookingStore(Protocol):
    """Raises Unavailable and Conflict; both leave nothing behind."""

    def processing(self) -> AbstractAsyncContextManager[ProcessingTransaction]: ...

    async def due(self, *, now: datetime, accepted_before: datetime, limit: int) -> list[EventId]:
        """RECEIVED events to process now: retries whose time has come, and those accepted before an instant. Oldest first."""
        ...

    async def turning(self, *, today: str, limit: int) -> list[BookingIdentity]:
        """Bookings whose tour day (in Bali, ``YYYY-MM-DD``) has begun and whose status does not say so yet."""
        ...
