"""The real ledgers and the desk of dual writes pass the suites of their ports."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from bst_application.ids import uuid7
from bst_application.ports.audit import AuditEntry
from bst_application.ports.cutover import SeenRow, WriteLedger
from bst_domain.migration import LegacySystem, SourceRow
from bst_postgres.cutover import PostgresDualWriteDesk, PostgresShadowLedger, PostgresWatchLedger, PostgresWriteLedger
from bst_postgres.database import Database
from bst_testing.conformance.cutover import ShadowLedgerConformance, WatchLedgerConformance, WriteLedgerConformance
from bst_testing.conformance.dual_write import DualWriteConformance, DualWriteStorage
from bst_testing.deliveries import NOW
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


def sight(row_id: int) -> SeenRow:
    row = SourceRow(LegacySystem.ADMIN, "bookings", row_id)
    return SeenRow(row=row, changed_at=NOW + timedelta(seconds=row_id), digest="0", booking=None)


async def test_rows_without_a_booking_take_turns(everything: CuttingOver) -> None:
    for minute, row_id in enumerate((1, 2, 3, 1)):
        async with everything.comparing() as tx:
            await tx.note_seen(sight(row_id), now=NOW + timedelta(minutes=minute))
    assert [one.row.row_id for one in await everything.unreached(limit=2)] == [2, 3]


@pytest.mark.parametrize(
    ("runs", "begins"),
    [
        ("", None),
        ("FAILED", None),
        ("SUCCEEDED", 0),
        ("SUCCEEDED SUCCEEDED", 1),
        ("SUCCEEDED FAILED FAILED SUCCEEDED", 1),
        ("SUCCEEDED FAILED", 0),
        ("SUCCEEDED TAKEN_BACK", 0),
        ("FAILED TAKEN_BACK SUCCEEDED", 2),
    ],
)
async def test_what_was_read_before_an_interruption_is_that_old(
    everything: CuttingOver, runs: str, begins: int | None
) -> None:
    for number, word in enumerate(runs.split()):
        back = word == "TAKEN_BACK"
        script, status = ("bst migrate rollback D", "SUCCEEDED") if back else ("bst migrate D", word)
        async with everything.database.transaction() as connection:
            await connection.execute(
                "insert into migration_run_log (run_key, batch_code, script_name, script_checksum, run_status, started_at)"
                " values (%s, 'D', %s, '0', %s, %s)",
                (uuid7(), script, status, NOW + timedelta(hours=number)),
            )
    assert await everything.moved_in_at() == (None if begins is None else NOW + timedelta(hours=begins))
