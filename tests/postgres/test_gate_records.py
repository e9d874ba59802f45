"""What gates said, kept in PostgreSQL and in memory."""

from collections.abc import AsyncIterator
from datetime import datetime
from uuid import UUID

import pytest

from bst_application.ids import uuid7
from bst_application.ports.gates import BatchRun
from bst_application.use_cases.hold_batch import run_to_judge
from bst_domain.migration import HoldReason, Verdict
from bst_postgres.backfill.states import ROLLBACK
from bst_postgres.database import Database
from bst_postgres.gates import PostgresGateRecords
from bst_testing.conformance.gates import GateRecordsConformance, reasons, says
from bst_testing.fakes.gates import MemoryGateRecords

_BOOKING = """
insert into booking_core (booking_key, channel_code, external_booking_ref, booking_created_at, customer_payment_status,
  ops_fulfillment_status, package_ref_type)
values (%s, 'DIRECT', %s, now(), 'PAID', 'NEW', 'LEGACY_PACKAGE')
"""
_CONFLICT = """
insert into booking_conflict (conflict_key, booking_key, module, fields, shown_values, core_values, legacy_values, severity,
  opened_by, opened_at, due_at, choice, settled_by, settle_reason, settled_at)
values (gen_random_uuid(), %(booking)s, 'booking_core', '{tour_date}', '{}', '{}', '{}', 'HIGH', 'suite', %(at)s, %(at)s,
  case when %(settled)s then 'CORE' end, case when %(settled)s then 'suite' end, case when %(settled)s then 'known' end,
  case when %(settled)s then %(at)s end)
"""


class Memory(MemoryGateRecords):
    async def run(self, batch: str, status: str) -> UUID:
        key = uuid7()
        self.runs[batch] = BatchRun(key=key, succeeded=status == "SUCCEEDED")
        return key

    async def conflict(self, opened_at: datetime, *, settled: bool = False) -> None:
        if not settled:
            self.open_conflicts.append(opened_at)


class Postgres(PostgresGateRecords):
    async def run(self, batch: str, status: str, script: str = "suite") -> UUID:
        key = uuid7()
        async with self._database.transaction() as connection:
            await connection.execute(
                "insert into migration_run_log (run_key, batch_code, script_name, script_checksum, run_status, started_at)"
                " values (%s, %s, %s, '0', %s, now())",
                (key, batch, script, status),
            )
        return key

    async def conflict(self, opened_at: datetime, *, settled: bool = False) -> None:
        booking = uuid7()
        async with self._database.transaction() as connection:
            await connection.execute(_BOOKING, (booking, f"X-{booking}"))
            await connection.execute(_CONFLICT, {"booking": booking, "at": opened_at, "settled": settled})


class TestMemoryGateRecords(GateRecordsConformance):
    @pytest.fixture
    def records(self) -> Memory:
        return Memory()


class TestPostgresGateRecords(GateRecordsConformance):
    @pytest.fixture
    async def records(self, postgres_dsn: str) -> AsyncIterator[Postgres]:
        database = Database(postgres_dsn, pool_size=2)
        yield Postgres(database)
        await database.close()

    async def test_a_batch_that_was_taken_back_holds_the_next(self, records: Postgres) -> None:
        await says(records, "catalog-bridge", Verdict.PASS, await records.run("C", "SUCCEEDED"))
        assert await reasons(records, "D") == []
        await records.run("C", "SUCCEEDED", script=f"{ROLLBACK} C")
        assert await run_to_judge(records, "C") is None
        assert await reasons(records, "D") == [("batch C", HoldReason.UNFINISHED)]
