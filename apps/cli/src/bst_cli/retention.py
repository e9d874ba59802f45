"""``bst retention``: forget what has been kept for long enough."""

import json
from pathlib import Path

import click

from bst_cli.long_commands import long_command
from bst_cli.options import Group, data_dir_option, env_file_option, json_option
from bst_cli.trouble import Trouble


@click.group(cls=Group)
def retention() -> None:
    """Forget what has been kept for long enough."""


@retention.command()
@click.option("--dry-run", is_flag=True, help="Say what would be forgotten, and forget nothing.")
@data_dir_option
@json_option
@env_file_option
@long_command("retention run")
def run(dry_run: bool, data_dir: Path, as_json: bool) -> None:
    """One run, as the worker does it every day. What is still to do is never touched."""
    import asyncio
    import getpass
    from datetime import UTC, datetime

    from bst_application.errors import Conflict, Unavailable
    from bst_application.use_cases.retention import AnotherRuns, RetentionReport, RunRetention, retention_periods
    from bst_cli.installation import chosen_with_database
    from bst_domain.values import format_instant
    from bst_postgres.database import Database
    from bst_postgres.retention import PostgresRetentionStore

    settings = chosen_with_database(data_dir).settings()
    dsn, periods = settings.ops_db_url, retention_periods(settings)
    assert dsn is not None

    async def once() -> RetentionReport | AnotherRuns:
        database = Database(dsn, pool_size=2, application_name="bst-retention")
        try:
            forget = RunRetention(
                store=PostgresRetentionStore(database), now=lambda: datetime.now(UTC), periods=periods
            )
            return await forget(dry_run=dry_run, actor=f"bst {getpass.getuser()}")
        finally:
            await database.close()

    try:
        report = asyncio.run(once())
    except (Unavailable, Conflict) as error:
        raise Trouble(
            f"the database is not available: {error}",
            "Check OPS_DB_URL and that the server runs; what was committed is done, run it again for the rest.",
        ) from error
    if isinstance(report, AnotherRuns):
        raise Trouble("another retention run is under way", "Wait for it; the worker runs one every day.")
    if as_json:
        click.echo(
            json.dumps(
                {
                    "dryRun": dry_run,
                    "forgotten": {kept.value: count for kept, count in report.forgotten.items()},
                    "before": {kept.value: format_instant(at) for kept, at in report.before.items()},
                },
                indent=2,
            )
        )
        return
    for kept, count in report.forgotten.items():
        verb = "would be forgotten" if dry_run else "forgotten"
        click.echo(f"{count:>9,}  {kept.value:<15} {verb}, from before {format_instant(report.before[kept])}")
