"""Whether gates or conflicts hold a batch, and who goes on all the same."""

from collections.abc import Sequence
from datetime import datetime

import click

from bst_application.use_cases.hold_batch import HoldBatch
from bst_cli.migrating.works import APPLICATION_NAME
from bst_cli.trouble import Trouble
from bst_domain.migration import GATES_OF, Hold, Override
from bst_postgres.backfill.checks import Finding
from bst_postgres.database import Database
from bst_postgres.gates import PostgresGateRecords


async def holds(dsn: str, batch: str, now: datetime) -> Sequence[Hold]:
    """Raises Unavailable, and SchemaBehind before batch A has run."""
    database = Database(dsn, pool_size=1, application_name=APPLICATION_NAME)
    try:
        return await HoldBatch(records=PostgresGateRecords(database))(batch, now=now)
    finally:
        await database.close()


def as_findings(held: Sequence[Hold]) -> list[Finding]:
    """For a precheck."""
    return [Finding(name=hold.what, passed=False, detail=hold.detail, cure=hold.cure) for hold in held]


def decide(
    batch: str, held: Sequence[Hold], *, actor: str | None, reason: str | None, override: bool
) -> Override | None:
    """The override that a run carries, None where nothing holds it. Raises Trouble when something does and nobody overrides."""
    if not held:
        if override:
            click.echo(f"nothing holds batch {batch}: --override was not needed, and is not recorded", err=True)
        return None
    if override:
        assert actor is not None
        assert reason is not None
        return Override(actor=actor, reason=reason, holds=[f"{hold.what}: {hold.detail}" for hold in held])
    lines = [f"batch {batch} is held; nothing was written"]
    for hold in held:
        lines += [f"  {hold.what}: {hold.detail}", f"    {hold.cure}"]
    raise Trouble(
        "\n".join(lines),
        f"Then run it again. Who has to go on all the same: bst migrate run --batch {batch} --override --actor NAME"
        " --reason WHY, which is audited.",
    )


def check_override(*, actor: str | None, reason: str | None, override: bool) -> None:
    """Raises a usage error: an override is somebody's, for a reason; and neither is said without one."""
    said = [name for name, value in (("--actor", actor), ("--reason", reason)) if value and value.strip()]
    if override and len(said) < 2:
        raise click.UsageError("--override needs --actor and --reason: both are audited")
    if said and not override:
        raise click.UsageError(f"{' and '.join(said)} only together with --override")


def after(batch: str) -> list[str]:
    """The commands that follow a run, so that the next batch may run."""
    return [f"bst migrate postcheck --batch {batch}", *(f"bst gate {gate}" for gate in GATES_OF[batch])]
