"""Channel mappings and the unmapped queue in memory."""

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from uuid import UUID

from bst_application.errors import Conflict
from bst_application.ports.audit import AuditEntry
from bst_application.ports.mappings import (
    ChannelMapping,
    Entity,
    MappingFilter,
    Refold,
    UnmappedEntry,
    UnmappedFilter,
)
from bst_application.ports.reading import Position
from bst_domain.booking import package_reference
from bst_domain.lifecycles import SETTLED, UnmappedType
from bst_domain.values import BookingIdentity, BookingKey, ChannelReference
from bst_testing.fakes.tables import Transaction


class MemoryMapping:
    """A transaction that changes mappings."""

    def __init__(self, transaction: Transaction) -> None:
        self._tables = transaction

    async def moving(self, key: UUID) -> ChannelMapping | None:
        await self._tables.locks.take(("mapping key", key), self._tables.holder)
        return self._tables.mappings.get(key)

    async def alone_with(self, references: Sequence[ChannelReference]) -> None:
        for reference in sorted(set(references)):
            await self._tables.locks.take(("mapping", reference), self._tables.holder)

    async def mapping(self, key: UUID) -> ChannelMapping | None:
        return self._tables.mappings.get(key)

    async def mapping_of(self, entity_type: str, reference: ChannelReference) -> ChannelMapping | None:
        same = (
            one
            for one in self._tables.mappings.values()
            if (one.entity_type, one.reference) == (entity_type, reference)
        )
        return next(same, None)

    async def write(self, mapping: ChannelMapping) -> None:
        other = await self.mapping_of(mapping.entity_type, mapping.reference)
        if other is not None and other.key != mapping.key:
            raise Conflict("another mapping has this reference")
        self._tables.mappings[mapping.key] = mapping

    async def has_channel(self, code: str) -> bool:
        return code in self._tables.channels

    async def has_entity(self, kind: Entity, key: UUID) -> bool:
        if kind is Entity.BOOKING:
            return any(booking.key == key for booking in self._tables.bookings.values())
        return (kind, key) in self._tables.catalog

    async def entry(self, key: UUID) -> UnmappedEntry | None:
        if key in self._tables.unmapped:
            await self._tables.locks.take(("unmapped", key), self._tables.holder)
        return self._tables.unmapped.get(key)

    async def waiting_for(self, reference: ChannelReference) -> list[UnmappedEntry]:
        found = [entry for entry in self._tables.unmapped.values() if _waits(entry) and entry.reference == reference]
        return sorted(found, key=lambda entry: (entry.created_at, entry.key))

    async def is_named(self, package: ChannelReference) -> bool:
        return bool(named_bookings(self._tables, package, None, 1))

    async def put(self, entry: UnmappedEntry) -> None:
        if _waits(entry) and entry.entity_type is not None:
            for other in self._tables.unmapped.values():
                same = (other.reference, other.entity_type) == (entry.reference, entry.entity_type)
                if _waits(other) and same and other.key != entry.key:
                    raise Conflict("another entry waits for the same")
        self._tables.unmapped[entry.key] = entry

    async def ask_to_refold(self, package: ChannelReference, *, now: datetime) -> None:
        known = self._tables.refolds.get(package)
        at = now if known is None else max(now, known.asked_at + timedelta(microseconds=1))
        self._tables.refolds[package] = Refold(package=package, asked_at=at, behind=None)

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        self._tables.trail.update((next(self._tables.numbers), entry) for entry in entries)


def _waits(entry: UnmappedEntry) -> bool:
    return entry.type == UnmappedType.CHANNEL_MAPPING and entry.status not in SETTLED


def mappings_page(
    tables: Transaction, wanted: MappingFilter, after: Position | None, limit: int
) -> list[ChannelMapping]:
    """MappingDesk.mappings."""
    found = [
        mapping
        for mapping in tables.mappings.values()
        if wanted.channel in {None, mapping.reference.channel} and wanted.entity_type in {None, mapping.entity_type}
    ]
    found.sort(key=lambda mapping: (mapping.updated_at, mapping.created_at, mapping.key), reverse=True)
    if after is not None:
        last = tables.mappings.get(after.key)
        position = (after.at, after.at if last is None else last.created_at, after.key)
        found = [mapping for mapping in found if (mapping.updated_at, mapping.created_at, mapping.key) < position]
    return found[:limit]


def chosen_entries(tables: Transaction, wanted: UnmappedFilter) -> list[UnmappedEntry]:
    """Entries that a filter is about, the newest first."""
    found = [entry for entry in tables.unmapped.values() if _is_wanted(entry, wanted)]
    return sorted(found, key=lambda entry: (entry.created_at, entry.key), reverse=True)


def entries_page(
    tables: Transaction, wanted: UnmappedFilter, after: Position | None, limit: int
) -> list[UnmappedEntry]:
    """MappingDesk.entries."""
    found: Iterable[UnmappedEntry] = chosen_entries(tables, wanted)
    if after is not None:
        found = [entry for entry in found if (entry.created_at, entry.key) < (after.at, after.key)]
    return list(found)[:limit]


def _is_wanted(entry: UnmappedEntry, wanted: UnmappedFilter) -> bool:
    return (
        wanted.status in {None, entry.status}
        and wanted.type in {None, entry.type}
        and wanted.channel in {None, entry.channel}
        and wanted.reason_code in {None, entry.reason_code}
        and wanted.ref_kind in {None, entry.ref_kind}
        and wanted.ref in {None, entry.ref}
        and wanted.waiting in {None, entry.status not in SETTLED}
    )


def named_bookings(
    tables: Transaction, package: ChannelReference, behind: UUID | None, limit: int
) -> list[tuple[BookingKey, BookingIdentity]]:
    """MappingDesk.named_by."""
    found = sorted(
        (booking.key, identity)
        for identity, booking in tables.bookings.items()
        if package_reference(identity.channel, booking.facts) == package and (behind is None or booking.key > behind)
    )
    return found[:limit]
