"""GateRecords on the operational database."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bst_application.ids import uuid7
from bst_application.ports.gates import BatchRun
from bst_domain.gates import JUDGES, GateRecord, Verdict
from bst_postgres.backfill.states import NEWEST_FIRST, ROLLBACK
from bst_postgres.database import Database, as_json

_NEWEST_RUN = (
    f"select run_key, run_status, script_name from migration_run_log where batch_code = %s {NEWEST_FIRST} limit 1"
)
_RECORD = """
insert into migration_gate_result (result_key, gate, batch_code, judged_run, verdict, checks, report_path, measured_at)
values (%s, %s, %s, %s, %s, %s::jsonb, %s, %s)
"""
_NEWEST = """
select distinct on (gate) gate, judged_run, verdict, checks, report_path from migration_gate_result
where gate = any (%s) order by gate, created_at desc, result_key desc
"""
_CONFLICTS = "select count(*) from booking_conflict where settled_at is null and opened_at < %s"


class PostgresGateRecords:
    """The order of runs and of results is that of the database's own clock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def newest_run(self, batch: str) -> BatchRun | None:
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_NEWEST_RUN, (batch,))).fetchone()
        if row is None:
            return None
        key, status, script = row
        return BatchRun(key=key, succeeded=status == "SUCCEEDED" and not script.startswith(ROLLBACK))

    async def record(self, said: GateRecord, *, checks: Sequence[Mapping[str, Any]], at: datetime) -> None:
        values = (
            uuid7(),
            said.gate,
            JUDGES[said.gate],
            said.judged_run,
            said.verdict.value,
            as_json({"open": said.open_checks, "all": checks}),
            said.report,
            at,
        )
        async with self._database.transaction() as connection:
            await connection.execute(_RECORD, values)

    async def newest(self, gates: Sequence[str]) -> Mapping[str, GateRecord]:
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_NEWEST, (list(gates),))).fetchall()
        return {
            gate: GateRecord(
                gate=gate,
                verdict=Verdict(verdict),
                judged_run=run,
                open_checks=tuple(checks["open"]),
                report=report,
            )
            for gate, run, verdict, checks, report in rows
        }

    async def conflicts_open_since_before(self, instant: datetime) -> int:
        async with self._database.transaction() as connection:
            row = await (await connection.execute(_CONFLICTS, (instant,))).fetchone()
        assert row is not None
        return int(row[0])
