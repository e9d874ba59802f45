"""The commands of ``bst migrate``."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from time import perf_counter

import click

from bst_cli.database import operational_dsn
from bst_cli.long_commands import long_command
from bst_cli.migrating.batches import BATCHES
from bst_cli.options import Group, data_dir_option, env_file_option, json_option, say
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


reports_option = click.option(
    "--reports",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("reports"),
    show_default=True,
    help="Root of the gates' reports.",
)


@migrate.command()
@data_dir_option
@json_option
@env_file_option
def plan(data_dir: Path, as_json: bool) -> None:
    """The batches in order: what each writes, how it stands, what holds it, and what comes next."""
    import asyncio

    from bst_cli.migrating.planning import lines, plan_of, planned
    from bst_postgres.backfill.states import nothing_run

    with translated():
        try:
            dsn = operational_dsn(data_dir)
        except Trouble as trouble:
            say(f"{trouble.what}: the plan is shown as for an empty one")
            plans = plan_of(nothing_run(), ("?",))
        else:
            plans = asyncio.run(planned(dsn))
    if as_json:
        click.echo(json.dumps([each.as_json() for each in plans], indent=2))
        return
    click.echo("\n".join(lines(plans)))


@migrate.command()
@batch_option
@reports_option
@data_dir_option
@json_option
@env_file_option
@long_command("migrate precheck")
def precheck(batch: str, data_dir: Path, reports: Path, as_json: bool) -> None:
    """Whether the batch may run: server, schema, transactions, locks, space, flags, sources, the batch before and its gates.

    Gates of the batch before that have not passed are measured.
    """
    import asyncio

    from bst_cli.migrating.holding import as_findings
    from bst_cli.migrating.judging import judged
    from bst_cli.migrating.prechecking import examine
    from bst_cli.migrating.reporting import report, tell

    dsn = operational_dsn(data_dir)
    with translated():
        findings = asyncio.run(examine(dsn, batch, data_dir))
        asked = all(finding.passed for finding in findings)
        if asked:
            findings += as_findings(asyncio.run(judged(dsn, batch, data_dir, reports)))
    if as_json:
        click.echo(json.dumps(report(batch, "precheck", findings), indent=2))
    else:
        tell(findings)
    if not all(finding.passed for finding in findings):
        raise Trouble(
            f"batch {batch} may not run yet",
            None if asked else "The gates of the batch before were not asked; they are when all of this passes.",
        )


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
@reports_option
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
    reports: Path,
    data_dir: Path,
    as_json: bool,
) -> None:
    """Run a batch. It may be stopped at any moment: the same command goes on where it was.

    Gates of the batch before that have not passed are measured first, and hold it where they do not pass. Batches G and H have
    options of their own: bst migrate run --batch G --help.
    """
    import asyncio

    from attrs import asdict

    from bst_application.garbage import CHUNK_OBJECTS, collect_seldom
    from bst_cli.migrating.holding import after, check_override, decide
    from bst_cli.migrating.judging import judged
    from bst_cli.migrating.prechecking import examine
    from bst_cli.migrating.progress import shown
    from bst_cli.migrating.reporting import report, script
    from bst_cli.migrating.running import Runner, rules_checksum, usual_processes

    check_override(actor=actor, reason=reason, override=override)
    dsn = operational_dsn(data_dir)
    with translated():
        findings = asyncio.run(examine(dsn, batch, data_dir))
        failed = [f for f in findings if not f.passed]
        if failed:
            raise Trouble(
                f"batch {batch} may not run: {'; '.join(f'{f.name}: {f.detail}' for f in failed)}", failed[0].cure
            )
        held = [] if dry_run else asyncio.run(judged(dsn, batch, data_dir, reports))
        overridden = decide(batch, held, actor=actor, reason=reason, override=override and not dry_run)
        collect_seldom(CHUNK_OBJECTS)
        began = perf_counter()
        with shown(f"batch {batch}") as progress:
            runner = Runner(
                dsn=dsn,
                as_of=as_of,
                dry_run=dry_run,
                progress=progress,
                stage=progress.stage,
                processes=processes or usual_processes(),
                override=overridden,
            )
            tally = asyncio.run(runner(batch))
    if as_json:
        done = script(
            f"bst migrate {batch}", rules_checksum(), "DRY_RUN" if dry_run else "PASS", seconds=perf_counter() - began
        )
        said = report(batch, "dry-run" if dry_run else "execute", findings, scripts=[done])
        click.echo(json.dumps({**said, "batch": batch, "dryRun": dry_run, **asdict(tally)}, indent=2))
        return
    would = "would be " if dry_run else ""
    for name in ("created", "changed", "unchanged", "rejected", "queued", "exceptions"):
        if count := getattr(tally, name):
            click.echo(f"{count:>11,}  {would if name in {'created', 'changed', 'queued'} else ''}{name}")
    for line in tally.told:
        click.echo(f"             {line}")
    if dry_run:
        click.echo("dry run: nothing was written")
        return
    click.echo(f"{tally.written:>11,}  rows written")
    for command in after(batch):
        click.echo(f"next: {command}")


@migrate.command()
@batch_option
@data_dir_option
@reports_option
@json_option
@env_file_option
@long_command("migrate postcheck")
def postcheck(batch: str, data_dir: Path, reports: Path, as_json: bool) -> None:
    """Whether a batch did all that it should: every legacy row is moved in, or listed with the reason why not."""
    import asyncio

    from bst_cli.migrating.prechecking import account
    from bst_cli.migrating.reporting import report, tell

    with translated():
        findings = asyncio.run(account(operational_dsn(data_dir), batch, data_dir, reports))
    if as_json:
        click.echo(json.dumps(report(batch, "postcheck", findings), indent=2))
    else:
        tell(findings)
    if not all(finding.passed for finding in findings):
        raise Trouble(
            f"batch {batch} is not complete",
            f"What is marked says what to do; where rows are missing, run bst migrate run --batch {batch} again.",
        )


@migrate.command()
@batch_option
@click.option("--reason", required=True, help="Why; for the audit trail.")
@click.option("--dry-run", is_flag=True, help="Say what would go, what would stay and what stands in the way.")
@click.option(
    "--keep-changed", is_flag=True, help="Leave what people here have built upon as it is, and take back the rest."
)
@data_dir_option
@json_option
@env_file_option
@long_command("migrate rollback")
def rollback(batch: str, reason: str, dry_run: bool, keep_changed: bool, data_dir: Path, as_json: bool) -> None:
    """Take back what a batch wrote, the later batch first. What live events and people said stays; asked again, it goes on.

    Batches G and H have options of their own: bst migrate rollback --batch G --help.
    """
    import asyncio

    from bst_cli.migrating.progress import counted
    from bst_cli.migrating.rolling_back import Rollback, as_json_of, refused, told

    dsn = operational_dsn(data_dir)
    with translated(), counted(f"rollback {batch}") as progress:
        rolling = Rollback(dsn=dsn, reason=reason, dry_run=dry_run, keep_changed=keep_changed, progress=progress)
        made = asyncio.run(rolling(batch))
    if as_json:
        click.echo(json.dumps(as_json_of(made, dry_run=dry_run), indent=2, ensure_ascii=False))
    else:
        click.echo("\n".join(told(made, dry_run=dry_run)))
    if made.in_the_way and not keep_changed and not dry_run:
        raise refused(made)


@contextmanager
def translated() -> Iterator[None]:
    """Whatever a database or a source cannot do becomes a sentence with its cure."""
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
