"""H-03: no conflict of dual write waits for a decision for longer than a day."""

from bst_cli.gates.carrying import Gate, Given, as_command
from bst_cli.gates.findings import Judged, judged_checks
from bst_cli.gates.report import GATE_KEYS
from bst_cli.gates.surroundings import Surroundings
from bst_domain.migration import conflict_checks
from bst_postgres.cutover import PostgresWatchLedger

CURES = {
    "H-03_conflicts_open_over_24h": "bst cutover conflicts lists them, the oldest first; settle each with its endpoint."
}


async def measure(around: Surroundings, given: Given) -> Judged:  # noqa: ARG001 - a gate's own shape
    """Counts in the database."""
    async with around.database() as database:
        counts = await PostgresWatchLedger(database).conflict_counts(now=around.now())
    return Judged(
        config={"maxOpenHours": 24},
        summary={"open": counts.open, "overdue": counts.overdue, "openOver24h": counts.blocking},
        findings=judged_checks(conflict_checks(open_conflicts=counts.open, over_a_day=counts.blocking), CURES),
        lines={
            "CONFLICTS_OPEN": counts.open,
            "CONFLICTS_OVERDUE": counts.overdue,
            "CONFLICTS_OVER_24H": counts.blocking,
        },
    )


GATE = Gate(
    name="conflicts-open",
    id="H-03_CONFLICTS_OVER_24H",
    title="H-03 Conflicts of dual write",
    folder="gates/conflicts-open",
    help="H-03: no conflict waits for a decision for longer than a day.",
    settings=[],
    measure=measure,
    keys=(GATE_KEYS,),
)
command = as_command(GATE)
