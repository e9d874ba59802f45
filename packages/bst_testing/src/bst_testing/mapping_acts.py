"""Mapping desks and what is done with them, for the suites that tell of them."""

from datetime import timedelta
from typing import Protocol
from uuid import UUID

import pytest

from bst_application.ids import uuid7
from bst_application.ports.audit import AuditEntry
from bst_application.ports.bookings import StoredBooking
from bst_application.ports.mappings import (
    ChannelMapping,
    Entity,
    MappingDesk,
    SourceRow,
    UnmappedEntry,
    UnmappedFilter,
)
from bst_application.use_cases.mappings import (
    ChangeMapping,
    CreateMapping,
    NewMapping,
    Written,
)
from bst_application.use_cases.refold_packages import RefoldPackages
from bst_application.use_cases.unmapped import ChangeUnmappedStatus, ResolveUnmapped
from bst_domain.booking import PackageRef, Reason
from bst_domain.lifecycles import MappingStatus, UnmappedStatus
from bst_domain.values import BookingIdentity, ChannelReference, ExternalRef
from bst_testing.conformance.booking_store import BookingStorage, accept, processing
from bst_testing.conformance.repair import AYU
from bst_testing.deliveries import NOW, body

LATER = timedelta(minutes=1)
S, M = UnmappedStatus, MappingStatus
PACKAGE_7 = ChannelReference("GYG", "LEGACY_PACKAGE_ID", "7")
HOTEL = ChannelReference("GYG", "HOTEL_ID", "h-1")
MANUAL = SourceRow(system="manual", table="manual_mapping", pk="x")


class MappingStorage(BookingStorage, MappingDesk, Protocol):
    """A mapping desk beside the log and the bookings."""


def wanted(
    entity_key: UUID, reference: ChannelReference = HOTEL, entity_type: str = "HOTEL", status: MappingStatus = M.MAPPED
) -> NewMapping:
    return NewMapping(
        entity_type=entity_type,
        reference=reference,
        entity_key=entity_key,
        status=status,
        source=MANUAL,
        reason="MANUAL_REVIEW",
    )


def create(storage: MappingDesk, at: timedelta = LATER) -> CreateMapping:
    return CreateMapping(desk=storage, now=lambda: NOW + at, new_id=uuid7)


def change(storage: MappingDesk, at: timedelta = LATER) -> ChangeMapping:
    return ChangeMapping(desk=storage, now=lambda: NOW + at, new_id=uuid7)


def judge(storage: MappingDesk, at: timedelta = LATER) -> ChangeUnmappedStatus:
    return ChangeUnmappedStatus(desk=storage, now=lambda: NOW + at)


def resolve(storage: MappingDesk, at: timedelta = LATER) -> ResolveUnmapped:
    return ResolveUnmapped(desk=storage, now=lambda: NOW + at, new_id=uuid7)


def refold(storage: MappingStorage, at: timedelta = LATER) -> RefoldPackages:
    return RefoldPackages(desk=storage, store=storage, now=lambda: NOW + at)


async def written(storage: MappingDesk, mapping: NewMapping, at: timedelta = LATER) -> ChannelMapping:
    outcome = await create(storage, at)(mapping, replace=False, by=AYU)
    assert isinstance(outcome, Written)
    return outcome.mapping


async def waiting(storage: MappingDesk) -> list[UnmappedEntry]:
    return await storage.entries(UnmappedFilter(waiting=True), after=None, limit=99)


async def book(storage: MappingStorage, *refs: str, package: int = 7, source: str = "GYG") -> list[BookingIdentity]:
    """Bookings of a package that the channel names by its number."""
    part = {"tourDate": "2031-05-01", "adult": 2, "currency": "USD", "totalPrice": 10, "legacyPackageId": package}
    ids = await accept(storage, *(body(ref=ref, source=source, booking=part) for ref in refs))
    await processing(storage)(ids)
    return [BookingIdentity(source, ExternalRef(ref)) for ref in refs]


def shown(booking: StoredBooking) -> tuple[bool, PackageRef | None]:
    """Whether it waits for a mapping, and what a mapping has made of its package."""
    return Reason.UNMAPPED_PACKAGE in booking.statuses.reasons, booking.ops.package


class MappingSuite:
    """What the suites of a mapping desk are given: a ``storage`` fixture with nothing in it, ``audited`` and ``add_entity``."""

    @pytest.fixture
    def storage(self) -> MappingStorage:
        raise NotImplementedError("a subclass gives the storage")

    async def audited(self, storage: MappingStorage) -> list[AuditEntry]:
        """The audit trail, oldest first."""
        raise NotImplementedError("a subclass reads it")

    async def add_entity(self, storage: MappingStorage, kind: Entity) -> UUID:
        """A new product or variant."""
        raise NotImplementedError("a subclass adds it")

    async def add_entry(self, storage: MappingStorage, entry: UnmappedEntry) -> None:
        """An entry as an older system left it."""
        async with storage.mapping_change() as tx:
            await tx.put(entry)
