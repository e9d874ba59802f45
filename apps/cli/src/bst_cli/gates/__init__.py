"""``bst gate``: may this be released? Each gate measures, says PASS or FAIL, and writes a report.

The modules of the gates are imported when one is asked for, so that ``bst --help`` answers at once.
"""

from importlib import import_module

import click

from bst_cli.options import Group

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


class LazyGroup(Group):
    """Commands that are imported by name."""

    def __init__(self, modules: dict[str, str], **more: object) -> None:
        super().__init__(**more)  # type: ignore[arg-type]  # click's own parameters, handed on
        self._modules = modules

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's
        return list(self._modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        module = self._modules.get(cmd_name)
        if module is None:
            return None
        command: click.Command = import_module(f"bst_cli.gates.{module}").command
        return command


gate = LazyGroup(GATES, name="gate", help="Whether a release may go ahead: measured, with a report.")
drill = LazyGroup(DRILLS, name="drill", help="A real repair, carried out and checked.")
load = LazyGroup({"ingest": "burst"}, name="load", help="A burst of deliveries, and how it was answered.")
