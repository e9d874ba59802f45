"""G-02 at batch level: of the rows that batches C, D and E read, hardly any is lost or wrong here.

A row is accounted for where it is here, or listed by name with a reason (rejected, queued). Wrong are rows here that cannot be
right: bookings without identity or there twice, payments that no fact stands behind.
"""

from bst_cli.gates.batch import batch_code, batch_member, limit
from bst_cli.gates.carrying import RATIO, Gate, Given, as_command, setting
from bst_cli.gates.findings import Judged, judged_checks
from bst_cli.gates.report import BatchStyle, Keys
from bst_cli.gates.surroundings import Surroundings
from bst_cli.migrating.accounting import Account, account_of_batch
from bst_domain.migration import BatchFigures, ReconciliationCounts, batch_checks, default_limit
from bst_postgres.backfill.accounts import Accounts
from bst_postgres.reconciliation import PostgresReconciliationReader

NAME = "G-02_batch_mismatch_ratio"
BATCHES = "CDE"


def _cure(batch: str) -> str:
    lost = f"The report names lost rows: bst migrate run --batch {batch} takes in what came since."
    return f"{lost} bst gate quality shows what is wrong here."


async def measure(around: Surroundings, given: Given) -> Judged:
    """Streams the sources' rows past the database, once."""
    most = limit(given, "max_mismatch_ratio")
    kept: dict[str, list[Account]] = {}
    async with around.database() as database, around.legacy() as legacy:
        counts = await PostgresReconciliationReader(database).reconciliation_counts()
        for number, batch in enumerate(BATCHES):
            around.progress(number / len(BATCHES), f"batch {batch}")
            kept[batch] = await account_of_batch(batch, legacy, Accounts(database))
    figures = [_figures(batch, accounts, counts) for batch, accounts in kept.items()]
    checks = batch_checks(figures, max_ratio=most)
    return Judged(
        config={"maxMismatchRatio": most},
        summary={
            each.batch: {
                "rows": each.rows,
                "moved": each.moved,
                "listed": each.listed,
                "lost": each.lost,
                "disagreeing": each.disagreeing,
                "mismatchRatio": each.mismatch_ratio,
                "lostRows": [name for account in kept[each.batch] for name in account.lost],
            }
            for each in figures
        },
        findings=judged_checks(checks, {f"G-02_batch_{batch}_mismatch_ratio": _cure(batch) for batch in BATCHES}),
        more=batch_member(given),
    )


def _figures(batch: str, accounts: list[Account], counts: ReconciliationCounts) -> BatchFigures:
    disagreeing = {"D": counts.null_identities + counts.twin_booking_excess, "E": counts.orphan_payments}
    return BatchFigures(
        batch=batch,
        rows=sum(account.rows for account in accounts),
        moved=sum(account.moved for account in accounts),
        listed=sum(account.listed for account in accounts),
        lost=sum(account.lost_rows for account in accounts),
        disagreeing=disagreeing.get(batch, 0),
    )


GATE = Gate(
    name="batch-mismatch",
    id="G-02_BATCH_MISMATCH",
    title="G-02 Batch mismatch",
    folder="gates/batch-mismatch",
    help="G-02: of the rows that batches C to E read, hardly any is lost, or wrong here.",
    settings=[
        batch_code("E"),
        setting(
            "max-mismatch-ratio",
            "RECON_MAX_GLOBAL_MISMATCH_RATIO",
            RATIO,
            float(default_limit(NAME)),
            "Of a batch's rows.",
        ),
    ],
    measure=measure,
    keys=(Keys(result="BATCH_MISMATCH_GATE_RESULT", json="BATCH_MISMATCH_GATE_JSON", md="BATCH_MISMATCH_GATE_MD"),),
    style=BatchStyle(batch="E"),
)
command = as_command(GATE)
