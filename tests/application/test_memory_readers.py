"""The readers, the trail and the probe in memory keep the same promises as PostgreSQL's."""

import pytest

from bst_domain.values import BookingIdentity
from bst_testing.conformance.audit import AuditTrailConformance
from bst_testing.conformance.booking_reader import BookingReaderConformance
from bst_testing.conformance.booking_store import BookingStorage
from bst_testing.conformance.ingest_reader import IngestReaderConformance
from bst_testing.conformance.probe import DatabaseProbeConformance
from bst_testing.fakes.audit import MemoryAuditTrail
from bst_testing.fakes.booking_reader import MemoryBookingReader
from bst_testing.fakes.ingest_reader import MemoryIngestReader
from bst_testing.fakes.probe import MemoryProbe
from bst_testing.fakes.storage import MemoryStorage


class TestMemoryBookingReader(BookingReaderConformance):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()

    @pytest.fixture
    def reader(self, storage: MemoryStorage) -> MemoryBookingReader:
        return MemoryBookingReader(storage.tables)

    async def add_alias(self, storage: BookingStorage, alias: BookingIdentity, of: BookingIdentity) -> None:
        assert isinstance(storage, MemoryStorage)
        await storage.add_alias(alias, of)


class TestMemoryIngestReader(IngestReaderConformance):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()

    @pytest.fixture
    def reader(self, storage: MemoryStorage) -> MemoryIngestReader:
        return MemoryIngestReader(storage.tables)


class TestMemoryAuditTrail(AuditTrailConformance):
    @pytest.fixture
    def trail(self) -> MemoryAuditTrail:
        return MemoryAuditTrail()


class TestMemoryProbe(DatabaseProbeConformance):
    @pytest.fixture
    def answering(self) -> MemoryProbe:
        return MemoryProbe()

    @pytest.fixture
    def behind(self) -> MemoryProbe:
        return MemoryProbe(current=False)

    @pytest.fixture
    def away(self) -> MemoryProbe:
        return MemoryProbe(reachable=False)

    @pytest.fixture
    def unconfigured(self) -> MemoryProbe:
        return MemoryProbe(configured=False)
