"""The fakes of cutting over pass the suites of their ports."""

import pytest

from bst_application.ports.audit import AuditEntry
from bst_application.ports.cutover import WriteLedger
from bst_testing.conformance.cutover import ShadowLedgerConformance, WatchLedgerConformance, WriteLedgerConformance
from bst_testing.conformance.dual_write import DualWriteConformance, DualWriteStorage
from bst_testing.fakes.comparing import MemoryShadowLedger, MemoryWatchLedger, MemoryWriteLedger
from bst_testing.fakes.storage import MemoryStorage
from bst_testing.fakes.tables import Tables


class TestMemoryDualWriteDesk(DualWriteConformance):
    @pytest.fixture
    def storage(self) -> MemoryStorage:
        return MemoryStorage()

    async def audited(self, storage: DualWriteStorage) -> list[AuditEntry]:
        assert isinstance(storage, MemoryStorage)
        return list(storage.tables.audit.values())


class TestMemoryWatchLedger(WatchLedgerConformance):
    @pytest.fixture
    def ledger(self) -> MemoryWatchLedger:
        return MemoryWatchLedger(Tables())


class TestMemoryShadowLedger(ShadowLedgerConformance):
    @pytest.fixture
    def ledger(self) -> MemoryShadowLedger:
        return MemoryShadowLedger()


class TestMemoryWriteLedger(WriteLedgerConformance):
    @pytest.fixture
    def ledger(self) -> MemoryWriteLedger:
        return MemoryWriteLedger()

    async def audited(self, ledger: WriteLedger) -> list[AuditEntry]:
        assert isinstance(ledger, MemoryWriteLedger)
        return ledger.audit
