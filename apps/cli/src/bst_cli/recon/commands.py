"""The commands of ``bst recon``."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from bst_cli.database import operational_dsn
from bst_cli.long_commands import long_command
from bst_cli.migrating.commands import as_of_option, translated
from bst_cli.options import LazyGroup, data_dir_option, env_file_option, json_option

if TYPE_CHECKING:
    from bst_application.comparison_report import ComparisonReport
    from bst_cli.recon.writing import Written


recon = LazyGroup(
    {"daily": "bst_cli.recon.daily"},
    name="recon",
    help="Compare what was moved in with the two legacy databases.",
)


@recon.command()
@click.option(
    "--batch", type=click.Choice(["C", "D", "E"], case_sensitive=False), required=True, help="What of it: C, D or E."
)
@as_of_option
@click.option("--full", is_flag=True, help="Derive every booking anew, whatever the digests say.")
@click.option("--seed", type=int, default=1, show_default=True, help="Draws the sample: the same seed, the same rows.")
@click.option(
    "--sample", type=click.IntRange(0), default=200, show_default=True, help="Rows of each database to look at anyway."
)
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path("reports"),
    show_default=True,
    help="Root of the reports.",
)
@data_dir_option
@json_option
@env_file_option
@long_command("recon run")
def run(
    batch: str, as_of: datetime, full: bool, seed: int, sample: int, out: Path, data_dir: Path, as_json: bool
) -> None:
    """Compare a batch: rows, duplicates, orphans, statuses, payments, pax, totals, and every field by digest.

    Exit code 1 when something differs that nobody here has said otherwise.
    """
    import asyncio

    from bst_cli.recon.comparing import Comparer
    from bst_cli.recon.document import document
    from bst_cli.recon.progress import shown
    from bst_cli.recon.writing import write

    dsn = operational_dsn(data_dir)
    with translated(), shown(f"recon {batch}") as told:
        comparer = Comparer(dsn=dsn, as_of=as_of, full=full, seed=seed, sample=sample, told=told)
        report = asyncio.run(comparer(batch))
    written = write(out, report, at=datetime.now(UTC))
    if as_json:
        click.echo(json.dumps(document(report), ensure_ascii=False, indent=2))
    else:
        _say(report, written)
    for check in report.checks:
        if not check.passed:
            click.echo(f"FAILED_CHECK={check.name} {check.detail}", err=True)
    if not report.passed:
        raise click.exceptions.Exit(1)


def _say(report: "ComparisonReport", written: "Written") -> None:
    for check in report.checks:
        click.echo(f"{'✓' if check.passed else '✗'} {check.name:<28} {check.detail}")
    if report.batch != "C":
        how = report.why_all or "changed since back-fill, spoken of here, or in the sample"
        click.echo(f"  {report.derivation.bookings:,} bookings looked at field by field: {how}")
    if report.explained:
        click.echo(f"  {len(report.explained):,} differences are what somebody said here later: no fault")
    click.echo(f"RECON_RESULT={'PASS' if report.passed else 'FAIL'}")
    click.echo(f"RECON_REPORT_JSON={written.json}")
    click.echo(f"RECON_REPORT_MD={written.markdown}")
    click.echo(f"RECON_REPORT_HTML={written.html}")
