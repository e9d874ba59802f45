"""The real ledgers and the desk of dual writes pass the suites of their ports."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from attrs import evolve

from bst_application.ids import uuid7
from bst_application.ports.audit import AuditEntry
from bst_application.ports.cutover import SeenRow, ShadowCounts, WriteLedger
from bst_application.use_cases.repair import Author
from bst_application.use_cases.report_write import ReportWrite
from bst_application.use_cases.retention import RetentionReport, RunRetention
from bst_domain.cutover import ParityField
from bst_domain.ingest import Kept
from bst_domain.migration import LegacySystem, SourceRow
from bst_domain.values import BookingKey
from bst_postgres.cutover import PostgresDualWriteDesk, PostgresShadowLedger, PostgresWatchLedger, PostgresWriteLedger
from bst_postgres.database import Database
from bst_postgres.retention import PostgresRetentionStore
from bst_testing.conformance.cutover import (
    AGREED,
    ShadowLedgerConformance,
    WatchLedgerConformance,
    WriteLedgerConformance,
)
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


async def test_what_cutting_over_left_behind_is_forgotten_and_what_core_lacks_is_not(everything: CuttingOver) -> None:
    noted = (sight(1), evolve(sight(2), booking=BookingKey(uuid7())), evolve(sight(3), note="REJECTED"))
    for one in noted:
        async with everything.comparing() as tx:
            await tx.note_seen(one, now=NOW)
    report = ReportWrite(ledger=everything, now=lambda: NOW)
    await report("a", AGREED, by=Author(actor="ayu"))
    counts = ShadowCounts(compared=1, unmatched=0, by_field={}, examples=[])
    for hours in (-1, 1):
        await everything.add(counts, at=NOW + timedelta(hours=hours))
    forget = RunRetention(
        store=PostgresRetentionStore(everything.database), now=lambda: NOW + timedelta(days=90, minutes=1), periods={}
    )
    for dry_run in (True, False):
        made = await forget(dry_run=dry_run)
        assert isinstance(made, RetentionReport)
        assert {kept: count for kept, count in made.forgotten.items() if count} == {
            Kept.COMPARED_ROW: 2,
            Kept.DUAL_WRITE: 1,
            Kept.SHADOW_TALLY: len(ParityField),  # those of the next hour are younger
        }
    assert [one.row.row_id for one in await everything.unreached(limit=9)] == [1]
    assert await everything.writes(since=NOW - timedelta(days=1)) == []
    assert {one.compared for one in await everything.tallies(since=NOW - timedelta(days=1))} == {1}
