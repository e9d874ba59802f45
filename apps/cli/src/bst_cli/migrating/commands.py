"""The commands of ``bst migrate``."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import click

from bst_cli.database import operational_dsn
from bst_cli.long_commands import long_command
from bst_cli.migrating.batches import BATCHES
from bst_cli.options import Group, data_dir_option, env_file_option, json_option
from bst_cli.trouble import Trouble


@click.group(cls=Group)
def migrate() -> None:
    """Move in: two legacy databases become one trusted model."""


batch_option = click.option(
    "--batch", type=click.Choice(list(BATCHES), case_sensitive=False), required=True, help="Which step."
)


def _instant(_ctx: click.Context, _parameter: click.Parameter, text: str | None) -> datetime:
    from bst_domain.values import parse_instant

    if text is None:
        return datetime.now(UTC)
    at = parse_instant(text)
    if at is None:
        raise click.BadParameter("an instant with a zone is expected, for example 2026-03-01T00:00:00+08:00")
    return at


as_of_option = click.option(
    "--as-of", callback=_instant, help="The instant whose day in Bali the rules call today.  [default: now]"
)


@migrate.command()
@json_option
def plan(as_json: bool) -> None:
    """The batches in order, what each writes, and the gates that judge it."""
    from bst_domain.migration import GATES_OF

    if as_json:
        click.echo(
            json.dumps(
                [
                    {"batch": b.code, "title": b.title, "writes": b.writes, "gates": list(GATES_OF[b.code])}
                    for b in BATCHES.values()
                ],
                indent=2,
            )
        )
        return
    for batch in BATCHES.values():
        click.echo(f"{batch.code}  {batch.title:<28} {batch.writes}")
        click.echo(f"   {'then':<28} {', '.join(f'bst gate {gate}' for gate in GATES_OF[batch.code])}")
    click.echo(
        "each one: bst migrate precheck, run --dry-run, run, postcheck --batch X, then its gates: they hold the next batch"
    )


@migrate.command()
@batch_option
@data_dir_option
@json_option
@env_file_option
@long_command("migrate precheck")
def precheck(batch: str, data_dir: Path, as_json: bool) -> None:
    """Whether the batch may run: server, schema, transactions, locks, sources, the batch before and its gates."""
    import asyncio

    from bst_cli.migrating.holding import as_findings, holds
    from bst_cli.migrating.prechecking import examine

    dsn = operational_dsn(data_dir)
    with _troubles():
        findings = asyncio.run(examine(dsn, batch))
        if all(finding.passed for finding in findings):
            findings += as_findings(asyncio.run(holds(dsn, batch, datetime.now(UTC))))
    if as_json:
        click.echo(json.dumps([{"name": f.name, "passed": f.passed, "detail": f.detail} for f in findings], indent=2))
    else:
        for finding in findings:
            click.echo(f"{'✓' if finding.passed else '✗'} {finding.name:<18} {finding.detail}")
            if not finding.passed and finding.cure:
                click.echo(f"                     {finding.cure}")
    if not all(finding.passed for finding in findings):
        raise Trouble(f"batch {batch} may not run yet")


@migrate.command()
@batch_option
@as_of_option
@click.option("--dry-run", is_flag=True, help="Say what would change, and change nothing; gates do not hold it.")
@click.option("--override", is_flag=True, help="Go on although gates or conflicts hold the batch; audited.")
@click.option("--actor", help="Who overrides.")
@click.option("--reason", help="Why.")
@click.option(
    "--processes",
    type=click.IntRange(1, 8),
    help="How many work on batches D and E at once, this one included.  [default: 2, on one core 1]",
)
@data_dir_option
@json_option
@env_file_option
@long_command("migrate run")
def run(
    batch: str,
    as_of: datetime,
    dry_run: bool,
    processes: int | None,
    override: bool,
    actor: str | None,
    reason: str | None,
    data_dir: Path,
    as_json: bool,
) -> None:
    """Run a batch. It may be stopped at any moment: the same command goes on where it was."""
    import asyncio

    from attrs import asdict

    from bst_application.garbage import CHUNK_OBJECTS, collect_seldom
    from bst_cli.migrating.holding import after, check_override, decide, holds
    from bst_cli.migrating.prechecking import examine
    from bst_cli.migrating.progress import shown
    from bst_cli.migrating.running import Runner, usual_processes

    check_override(actor=actor, reason=reason, override=override)
    dsn = operational_dsn(data_dir)
    with _troubles():
        failed = [f for f in asyncio.run(examine(dsn, batch)) if not f.passed]
        if failed:
            raise Trouble(
                f"batch {batch} may not run: {'; '.join(f'{f.name}: {f.detail}' for f in failed)}", failed[0].cure
            )
        held = [] if dry_run else asyncio.run(holds(dsn, batch, datetime.now(UTC)))
        overridden = decide(batch, held, actor=actor, reason=reason, override=override and not dry_run)
        collect_seldom(CHUNK_OBJECTS)
        with shown(f"batch {batch}") as progress:
            runner = Runner(
                dsn=dsn,
                as_of=as_of,
                dry_run=dry_run,
                progress=progress,
                processes=processes or usual_processes(),
                override=overridden,
            )
            tally = asyncio.run(runner(batch))
    if as_json:
        click.echo(json.dumps({"batch": batch, "dryRun": dry_run, **asdict(tally)}, indent=2))
        return
    would = "would be " if dry_run else ""
    for name in ("created", "changed", "unchanged", "rejected", "queued", "exceptions"):
        if count := getattr(tally, name):
            click.echo(f"{count:>11,}  {would if name in {'created', 'changed', 'queued'} else ''}{name}")
    if dry_run:
        click.echo("dry run: nothing was written")
        return
    click.echo(f"{tally.written:>11,}  rows written")
    for command in after(batch):
        click.echo(f"next: {command}")


@migrate.command()
@batch_option
@data_dir_option
@json_option
@env_file_option
@long_command("migrate postcheck")
def postcheck(batch: str, data_dir: Path, as_json: bool) -> None:
    """Whether a batch did all that it should: every legacy row is moved in, or listed with the reason why not."""
    import asyncio

    from bst_cli.migrating.prechecking import account

    with _troubles():
        findings = asyncio.run(account(operational_dsn(data_dir), batch))
    if as_json:
        click.echo(json.dumps([{"name": f.name, "passed": f.passed, "detail": f.detail} for f in findings], indent=2))
    else:
        for finding in findings:
            click.echo(f"{'✓' if finding.passed else '✗'} {finding.name:<18} {finding.detail}")
    if not all(finding.passed for finding in findings):
        raise Trouble(f"batch {batch} is not complete", f"Run bst migrate run --batch {batch} again.")


@contextmanager
def _troubles() -> Iterator[None]:
    from bst_application.errors import Conflict, LegacyUnreadable, SchemaBehind, Unavailable
    from bst_application.ports.backfill import AnotherRuns
    from bst_postgres.migrate import MigrationFailed

    try:
        yield
    except LegacyUnreadable as error:
        raise Trouble(str(error)) from error
    except AnotherRuns as error:
        raise Trouble(str(error), "Wait for it to end; migration_run_log shows it as STARTED.") from error
    except SchemaBehind as error:
        raise Trouble(str(error), "Run bst migrate run --batch A.") from error
    except (Unavailable, Conflict) as error:
        cure = "Check OPS_DB_URL and that the server runs; start the batch again, it goes on where it was."
        raise Trouble(f"the database is not available: {error}", cure) from error
    except (MigrationFailed, ValueError) as error:
        raise Trouble(str(error)) from error
