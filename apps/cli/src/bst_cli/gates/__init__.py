"""``bst gate``: may this be released? Each gate measures, says PASS or FAIL, and writes a report.

The modules of the gates are imported when one is asked for, so that ``bst --help`` answers at once.
"""

from collections.abc import Mapping

from bst_cli.options import LazyGroup

#: Command -> the module that holds it as ``command``.
GATES = {
    "schema": "schema",
    "reference-data": "reference_data",
    "catalog-bridge": "catalog_bridge",
    "booking-bridge": "booking_bridge",
    "duplicates": "duplicates",
    "payment-finance-bridge": "payment_finance_bridge",
    "batch-mismatch": "batch_mismatch",
    "payment-mismatch-daily": "payment_mismatch",
    "release-evidence": "evidence",
    "ingest-release": "release",
    "ingest-processing": "processing",
    "ingest-dlq-growth": "dlq_growth",
    "ingest-duplicate-delivery": "duplicate_delivery",
    "ingest-retention-policy": "retention_policy",
    "ingest-env-baseline": "env_baseline",
    "api-health": "api_health",
    "replay-drill": "replay_drill",
    "quality": "quality",
    "catalog-publish-workflow": "catalog_publish",
    "ops-read-parity": "ops_read_parity",
    "write-cutover": "write_cutover",
    "event-loss": "event_loss",
    "conflicts-open": "conflicts_open",
}
DRILLS = {
    "ingest-replay": "replay_drill",
    "ops-assignment-sync": "assignment_drill",
    "rollback": "rollback_drill",
}


def _modules(commands: Mapping[str, str]) -> Mapping[str, str]:
    return {name: f"bst_cli.gates.{module}" for name, module in commands.items()}


gate = LazyGroup(_modules(GATES), name="gate", help="Whether a release may go ahead: measured, with a report.")
drill = LazyGroup(_modules(DRILLS), name="drill", help="A real repair, carried out and checked.")
load = LazyGroup(_modules({"ingest": "burst"}), name="load", help="A burst of deliveries, and how it was answered.")
