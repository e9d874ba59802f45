"""Channel mappings, and the queue of what waits for a person: what a channel's references stand for here.

A mapping is one row per (entity type, channel, kind, reference). Entries of the queue that wait for a mapping name the same;
there is at most one of them OPEN or IN_REVIEW, and the database holds that.
"""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from enum import StrEnum
from typing import Protocol
from uuid import UUID

from attrs import frozen

from bst_application.ports.audit import AuditEntry
from bst_application.ports.reading import Position
from bst_domain.lifecycles import MappingStatus, UnmappedStatus, UnmappedType
from bst_domain.values import BookingIdentity, BookingKey, ChannelReference, unmapped_key

MAX_SOURCE_PK = 128


class Entity(StrEnum):
    """The entity types that live here. A mapping may name any other: those live elsewhere, and their keys are taken on trust."""

    BOOKING = "BOOKING"
    CATALOG_PRODUCT = "CATALOG_PRODUCT"
    CATALOG_VARIANT = "CATALOG_VARIANT"


@frozen(kw_only=True)
class SourceRow:
    """Where something was first met: at most 32, 64 and 128 characters."""

    system: str
    table: str
    pk: str


@frozen(kw_only=True)
class ChannelMapping:
    """What a channel's reference stands for, and whether that holds. Only MAPPED ones lead anywhere."""

    key: UUID
    entity_type: str
    reference: ChannelReference
    entity_key: UUID
    status: MappingStatus
    source: SourceRow
    created_at: datetime
    updated_at: datetime


@frozen(kw_only=True)
class UnmappedEntry:
    """Something that waits for a person, or was settled by one. What led to it (a body, say) is not part of it.

    ``entity_type``, ``ref_kind`` and ``ref``: what a mapping would be of, as far as the entry knows. ``type`` is a word of
    UnmappedType, or one that an older system left. The resolution has an actor, an instant and perhaps a reason.
    """

    key: UUID
    type: str
    channel: str | None
    source: SourceRow
    reason_code: str
    reason_detail: str | None
    status: UnmappedStatus
    entity_type: str | None = None
    ref_kind: str | None = None
    ref: str | None = None
    resolved_by: str | None = None
    resolved_at: datetime | None = None
    resolution: str | None = None
    created_at: datetime
    updated_at: datetime

    @property
    def reference(self) -> ChannelReference | None:
        """What waits, where the entry names all of it."""
        if self.channel is None or self.ref_kind is None or self.ref is None:
            return None
        return ChannelReference(self.channel, self.ref_kind, self.ref)


def waiting_package(reference: ChannelReference, now: datetime) -> UnmappedEntry:
    """The entry for a package that bookings wait for: one a package, however many bookings and events name it."""
    kind, pk = UnmappedType.CHANNEL_MAPPING, f"{reference.channel}:{reference.kind}:{reference.ref}"[:MAX_SOURCE_PK]
    source = SourceRow(system="ingest", table="booking_core", pk=pk)
    reason = "UNMAPPED_PACKAGE"
    return UnmappedEntry(
        key=unmapped_key(
            queue_type=kind, source_system=source.system, source_table=source.table, source_pk=pk, reason=reason
        ),
        type=kind,
        channel=reference.channel,
        source=source,
        reason_code=reason,
        reason_detail=None,
        status=UnmappedStatus.OPEN,
        ref_kind=reference.kind,
        ref=reference.ref,
        created_at=now,
        updated_at=now,
    )


@frozen(kw_only=True)
class MappingFilter:
    """All given conditions must hold."""

    channel: str | None = None
    entity_type: str | None = None


@frozen(kw_only=True)
class UnmappedFilter:
    """All given conditions must hold. ``waiting``: OPEN and IN_REVIEW, or (False) what was settled."""

    status: UnmappedStatus | None = None
    type: str | None = None
    channel: str | None = None
    reason_code: str | None = None
    ref_kind: str | None = None
    ref: str | None = None
    waiting: bool | None = None


@frozen(kw_only=True)
class Refold:
    """A package whose mapping has changed: its bookings are to be folded again, those behind a key of ``behind``."""

    package: ChannelReference
    asked_at: datetime
    behind: UUID | None


class MappingTransaction(Protocol):
    """One commit for a change of mappings and of the queue. Leaving the context without an exception commits."""

    async def moving(self, key: UUID) -> ChannelMapping | None:
        """Waits until nobody else may give this mapping another reference, and says how it stands. Before ``alone_with``."""
        ...

    async def alone_with(self, references: Sequence[ChannelReference]) -> None:
        """Waits until nobody else writes mappings of these, nor processes a booking whose package is one; holds that until the
        commit. May be called once, before anything below."""
        ...

    async def mapping(self, key: UUID) -> ChannelMapping | None: ...

    async def mapping_of(self, entity_type: str, reference: ChannelReference) -> ChannelMapping | None: ...

    async def write(self, mapping: ChannelMapping) -> None:
        """Writes a mapping, new or known by its key. Raises Conflict when another one has its reference."""
        ...

    async def has_channel(self, code: str) -> bool:
        """Whether the channel is registered; it stays so until the commit."""
        ...

    async def has_entity(self, kind: Entity, key: UUID) -> bool: ...

    async def entry(self, key: UUID) -> UnmappedEntry | None:
        """Held until the commit."""
        ...

    async def waiting_for(self, reference: ChannelReference) -> list[UnmappedEntry]:
        """CHANNEL_MAPPING entries of this reference that are OPEN or IN_REVIEW, oldest first, held until the commit."""
        ...

    async def is_named(self, package: ChannelReference) -> bool:
        """Whether a booking's channel names its package like this."""
        ...

    async def put(self, entry: UnmappedEntry) -> None:
        """Writes an entry, new or known by its key. Raises Conflict when another one waits for the same."""
        ...

    async def ask_to_refold(self, package: ChannelReference, *, now: datetime) -> None:
        """The bookings that name this package are to be folded again, all of them, even where that is under way."""
        ...

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        """Appends to the audit trail, in this commit."""
        ...


class MappingDesk(Protocol):
    """Raises Unavailable and Conflict; both leave nothing behind. What it reads outside a transaction is a snapshot."""

    def mapping_change(self) -> AbstractAsyncContextManager[MappingTransaction]: ...

    async def mappings(self, wanted: MappingFilter, *, after: Position | None, limit: int) -> list[ChannelMapping]:
        """At most ``limit`` mappings behind ``after``, a position of ``updated_at``: the last updated first, then the last
        created, then the greatest key."""
        ...

    async def mapping_with(self, key: UUID) -> ChannelMapping | None: ...

    async def entries(self, wanted: UnmappedFilter, *, after: Position | None, limit: int) -> list[UnmappedEntry]:
        """At most ``limit`` entries behind ``after``, the newest first."""
        ...

    async def count_entries(self, wanted: UnmappedFilter) -> int: ...

    async def entry_with(self, key: UUID) -> UnmappedEntry | None: ...

    async def refolds(self, *, limit: int) -> list[Refold]:
        """What is to be folded again, asked for longest ago first."""
        ...

    async def refold_of(self, package: ChannelReference) -> Refold | None: ...

    async def named_by(
        self, package: ChannelReference, *, behind: UUID | None, limit: int
    ) -> list[tuple[BookingKey, BookingIdentity]]:
        """Bookings whose package the channel names like this, by key, behind ``behind``."""
        ...

    async def advance(self, refold: Refold, *, behind: UUID | None) -> None:
        """Notes how far it got; None: it is done. Does nothing when it was asked for again meanwhile."""
        ...
