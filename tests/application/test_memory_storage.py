"""The in-memory storage keeps the same promises as PostgreSQL, so that tests over it mean something."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID, uuid4

import pytest
from attrs import evolve

from bst_application.ports.access import AccessStore
from bst_application.ports.audit import AuditEntry
from bst_application.ports.bookings import StoredBooking
from bst_application.ports.catalog import CatalogEditor
from bst_application.ports.mappings import Entity
from bst_domain.values import BookingIdentity, ExternalRef, FulfilmentStatus
from bst_testing.conformance.access import AccessStoreConformance
from bst_testing.conformance.booking_store import BookingStorage, BookingStoreConformance
from bst_testing.conformance.catalog import CatalogEditorConformance
from bst_testing.conformance.event_log import EventLogConformance, EventLogStorage
from bst_testing.conformance.flags import FlagStorage, FlagStoreConformance
from bst_testing.conformance.mappings import MappingDeskConformance
from bst_testing.conformance.operations import CrewRegisterConformance, OpsDeskConformance
from bst_testing.conformance.reconciliation import ReconciledStorage, ReconciliationConformance
from bst_testing.conformance.repair import RepairDeskConformance, RepairStorage
from bst_testing.conformance.replay_jobs import ReplayJobsConformance, ReplayJobStorage
from bst_testing.conformance.retention import RetentionConformance, RetentionStorage
from bst_testing.conformance.timeline import BookingTimelineConformance
from bst_testing.fakes.access import MemoryAccessStore
from bst_testing.fakes.catalog import MemoryCatalogEditor
from bst_testing.fakes.operating import MemoryBookingTimeline
from bst_testing.fakes.storage import MemoryStorage
from bst_testing.mapping_acts import MappingStorage
from bst_testing.ops_acts import OpsStorage


class TestMemoryEventLog(EventLogConformance):
    @pytest.fixture
    def log(self) -> MemoryStorage:
        return MemoryStorage()

    async def conflicts(self, log: EventLogStorage) -> int:
        assert isinstance(log, MemoryStorage)
        return len(log.tables.conflicts)

    async def unregister(self, log: EventLogStorage, channel: str) -> None:
        assert isinstance(log, MemoryStorage)
        log.tables.channels -= {channel}


class TestMemoryBookingStore(BookingStoreConformance):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()

    async def dead_letters(self, storage: BookingStorage) -> list[tuple[str, str]]:
        assert isinstance(storage, MemoryStorage)
        return [
            (row.reason.code, [*(row.reason.detail or "").split("'"), ""][1])
            for row in storage.tables.dead_letters.values()
        ]

    async def add_alias(self, storage: BookingStorage, alias: BookingIdentity, of: BookingIdentity) -> None:
        assert isinstance(storage, MemoryStorage)
        await storage.add_alias(alias, of)

    @asynccontextmanager
    async def held_day(self, storage: BookingStorage) -> AsyncIterator[None]:
        assert isinstance(storage, MemoryStorage)
        storage.tables.held_days += 1
        yield
        storage.tables.held_days -= 1


class TestMemoryRepairDesk(RepairDeskConformance):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()

    async def audited(self, storage: RepairStorage) -> list[AuditEntry]:
        assert isinstance(storage, MemoryStorage)
        return list(storage.tables.audit.values())


class TestMemoryMappingDesk(MappingDeskConformance):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()

    async def audited(self, storage: MappingStorage) -> list[AuditEntry]:
        assert isinstance(storage, MemoryStorage)
        return list(storage.tables.audit.values())

    async def add_entity(self, storage: MappingStorage, kind: Entity) -> UUID:
        assert isinstance(storage, MemoryStorage)
        key = uuid4()
        storage.tables.catalog.add((kind, key))
        return key


class TestMemoryRetention(RetentionConformance):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()

    async def audited(self, storage: RetentionStorage) -> list[AuditEntry]:
        assert isinstance(storage, MemoryStorage)
        return list(storage.tables.audit.values())


class TestMemoryFlags(FlagStoreConformance):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()

    async def audited(self, storage: FlagStorage) -> list[AuditEntry]:
        assert isinstance(storage, MemoryStorage)
        return list(storage.tables.audit.values())


class TestMemoryReplayJobs(ReplayJobsConformance):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()

    async def audited(self, storage: ReplayJobStorage) -> list[AuditEntry]:
        assert isinstance(storage, MemoryStorage)
        return list(storage.tables.audit.values())


class TestMemoryOpsDesk(OpsDeskConformance):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()

    async def audited(self, storage: OpsStorage) -> list[AuditEntry]:
        assert isinstance(storage, MemoryStorage)
        return list(storage.tables.audit.values())

    async def add_to_catalog(self, storage: OpsStorage, product: UUID, variant: UUID) -> None:
        assert isinstance(storage, MemoryStorage)
        storage.tables.catalog |= {(Entity.CATALOG_PRODUCT, product), (Entity.CATALOG_VARIANT, variant)}


class TestMemoryCrew(CrewRegisterConformance):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()

    async def audited(self, storage: OpsStorage) -> list[AuditEntry]:
        assert isinstance(storage, MemoryStorage)
        return list(storage.tables.audit.values())


class TestMemoryTimeline(BookingTimelineConformance):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()

    @pytest.fixture
    def timeline(self, storage: MemoryStorage) -> MemoryBookingTimeline:
        return MemoryBookingTimeline(storage.tables)


class TestMemoryAccess(AccessStoreConformance):
    @pytest.fixture
    def store(self) -> MemoryAccessStore:
        return MemoryAccessStore()

    async def audited(self, store: AccessStore) -> list[AuditEntry]:
        assert isinstance(store, MemoryAccessStore)
        return store.audit

    def without_key(self, store: AccessStore) -> AccessStore:
        assert isinstance(store, MemoryAccessStore)
        store.has_key = False
        return store


class TestMemoryReconciliation(ReconciliationConformance):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()

    async def settled(self, storage: ReconciledStorage, ref: str) -> None:
        identity, booking = self._booking(storage, ref)
        done = evolve(booking.statuses, fulfilment=FulfilmentStatus.DONE)
        assert isinstance(storage, MemoryStorage)
        storage.tables.bookings[identity] = evolve(booking, statuses=done)

    async def misspell(self, storage: ReconciledStorage, ref: str, spelling: str) -> None:
        identity, booking = self._booking(storage, ref)
        assert isinstance(storage, MemoryStorage)
        del storage.tables.bookings[identity]
        other = BookingIdentity(identity.channel, ExternalRef(spelling))
        storage.tables.bookings[other] = evolve(booking, identity=other)

    @staticmethod
    def _booking(storage: ReconciledStorage, ref: str) -> tuple[BookingIdentity, StoredBooking]:
        assert isinstance(storage, MemoryStorage)
        identity = BookingIdentity("DIRECT", ExternalRef(ref))
        return identity, storage.tables.bookings[identity]


class TestMemoryCatalogEditor(CatalogEditorConformance):
    @pytest.fixture
    def editor(self) -> MemoryCatalogEditor:
        return MemoryCatalogEditor()

    async def audited(self, editor: CatalogEditor) -> list[AuditEntry]:
        assert isinstance(editor, MemoryCatalogEditor)
        return list(editor.trail.values())

    async def content_by(self, editor: CatalogEditor, item: UUID) -> str | None:
        assert isinstance(editor, MemoryCatalogEditor)
        return editor.content_by.get(item)

    async def refer(self, editor: CatalogEditor, package: int, item: UUID) -> None:
        assert isinstance(editor, MemoryCatalogEditor)
        editor.rows[item] = evolve(editor.rows[item], legacy_package_ref=package)
