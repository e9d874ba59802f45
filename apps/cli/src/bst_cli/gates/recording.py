"""Gates that judge a batch leave their word in the database, for the next batch."""

from datetime import datetime
from pathlib import Path
from uuid import UUID

from bst_application.use_cases.hold_batch import run_to_judge
from bst_cli.gates.findings import Judged
from bst_cli.gates.surroundings import Surroundings
from bst_cli.trouble import Trouble
from bst_domain.migration import JUDGES, GateRecord, Verdict
from bst_postgres.gates import PostgresGateRecords


async def judged_run(around: Surroundings, gate: str) -> tuple[UUID | None, Trouble | None]:
    """The run that the gate speaks for; else why it cannot be recorded. Gates that judge no batch have neither."""
    if gate not in JUDGES:
        return None, None
    try:
        async with around.database() as database:
            return await run_to_judge(PostgresGateRecords(database), JUDGES[gate]), None
    except Trouble as trouble:
        return None, trouble


async def record(
    around: Surroundings, gate: str, judged: Judged, *, run: UUID | None, report: Path, at: datetime
) -> Trouble | None:
    """Says what went wrong, if anything: the measuring counts all the same."""
    if gate not in JUDGES:
        return None
    said = GateRecord(
        gate=gate,
        verdict=judged.verdict,
        judged_run=run,
        open_checks=tuple(one.name for one in judged.findings if one.verdict is not Verdict.PASS),
        report=str(report),
    )
    checks = [{"name": one.name, "verdict": one.verdict.value, "detail": one.detail} for one in judged.findings]
    try:
        async with around.database() as database:
            await PostgresGateRecords(database).record(said, checks=checks, at=at)
    except Trouble as trouble:
        return trouble
    return None
