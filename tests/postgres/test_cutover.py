"""The real ledgers and the desk of dual writes pass the suites of their ports."""

from collections.abc import AsyncIterator

import pytest

from bst_application.ports.audit import AuditEntry
from bst_application.ports.cutover import WriteLedger
from bst_postgres.cutover import PostgresDualWriteDesk, PostgresShadowLedger, PostgresWatchLedger, PostgresWriteLedger
from bst_postgres.database import Database
from bst_testing.conformance.cutover import ShadowLedgerConformance, WatchLedgerConformance, WriteLedgerConformance
from bst_testing.conformance.dual_write import DualWriteConformance, DualWriteStorage
from tests.postgres.test_storage import Storage, audit_trail


class CuttingOver(Storage, PostgresDualWriteDesk, PostgresWatchLedger, PostgresShadowLedger, PostgresWriteLedger):
    """Everything on one database."""


@pytest.fixture
async def everything(postgres_dsn: str) -> AsyncIterator[CuttingOver]:
    database = Database(postgres_dsn, pool_size=8)
    yield CuttingOver(database)
    await database.close()


class TestPostgresDualWriteDesk(DualWriteConformance):
    @pytest.fixture
    def storage(self, everything: CuttingOver) -> CuttingOver:
        return everything

    async def audited(self, storage: DualWriteStorage) -> list[AuditEntry]:
        return await audit_trail(storage)


class TestPostgresWatchLedger(WatchLedgerConformance):
    @pytest.fixture
    def ledger(self, everything: CuttingOver) -> CuttingOver:
        return everything


class TestPostgresShadowLedger(ShadowLedgerConformance):
    @pytest.fixture
    def ledger(self, everything: CuttingOver) -> CuttingOver:
        return everything


class TestPostgresWriteLedger(WriteLedgerConformance):
    @pytest.fixture
    def ledger(self, everything: CuttingOver) -> CuttingOver:
        return everything

    async def audited(self, ledger: WriteLedger) -> list[AuditEntry]:
        return await audit_trail(ledger)
