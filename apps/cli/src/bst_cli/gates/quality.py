"""The quality check: six of the reconciliation's checks, counted in the database, reported by batch."""

import asyncio
import json
import re
from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import click

from bst_cli.gates import report
from bst_cli.gates.carrying import RATIO, common_options, crashed, in_the_open, setting
from bst_cli.gates.report import Written
from bst_cli.gates.surroundings import Surroundings
from bst_cli.options import env_file_option
from bst_cli.trouble import Trouble
from bst_domain.migration import Reconciliation, ReconciliationCounts, ReconciliationLimits, reconcile
from bst_domain.values import format_instant
from bst_postgres.reconciliation import PostgresReconciliationReader

RESULT = "QUALITY_CHECK_RESULT"
#: The seventh belongs to reconciliation alone.
LEFT_OUT = "global_mismatch_ratio"
CURES = {
    "booking_core_null_identity": "Bookings without channel or reference came past the door: find who wrote them.",
    "booking_core_duplicate_identity": "Two bookings differ in case or white space only: merge them by hand.",
    "payment_orphan_rows": "Payment rows that no fact stands behind: whoever wrote them must state a fact instead.",
    "ops_done_not_paid_ratio": "GET /v1/ops/bookings?status=DONE has them; their statusReasons say DONE_NOT_PAID.",
    "ingest_secondary_dedup_duplicates": "See that the unique indexes hold: bst gate ingest-duplicate-delivery.",
    "unmapped_ratio_percent": "Work off unmapped_queue. While no catalog has moved in yet, allow the empty one:"
    " QUALITY_ALLOW_EMPTY_CATALOG_DENOMINATOR=true.",
}


async def measure(around: Surroundings) -> ReconciliationCounts:
    """Counts in the database."""
    async with around.database() as database:
        return await PostgresReconciliationReader(database).reconciliation_counts()


def document(batch: str, found: Reconciliation, *, started: datetime, ended: datetime) -> dict[str, Any]:
    """With the members that readers of the predecessor's report know."""
    counts, checks = found.counts, [check for check in found.checks if check.name != LEFT_OUT]
    return {
        "batchCode": batch,
        "startedAt": format_instant(started),
        "endedAt": format_instant(ended),
        "result": report.result_word(all(check.passed for check in checks)),
        "thresholds": {
            "opsDoneNotPaidMaxRatio": float(found.limits.done_not_paid_ratio),
            "unmappedRatioMaxPercent": float(found.limits.unmapped_percent),
            "allowEmptyCatalogDenominator": found.limits.allow_empty_catalog,
        },
        "metrics": {
            "bookingCoreNullIdentity": counts.null_identities,
            "bookingCoreDuplicateIdentityGroups": counts.twin_booking_groups,
            "bookingCoreDuplicateIdentityExcessRows": counts.twin_booking_excess,
            "paymentOrphanRows": counts.orphan_payments,
            "opsDoneTotal": counts.done,
            "opsDoneNotPaid": counts.done_not_paid,
            "opsDoneNotPaidRatio": float(found.done_not_paid_ratio),
            "ingestSecondaryDedupDuplicateGroups": counts.twin_event_groups,
            "ingestSecondaryDedupDuplicateExcessRows": counts.twin_event_excess,
            "unmappedRows": counts.unmapped,
            "totalCatalogEntities": counts.catalog_entities,
            "unmappedRatioPercent": None if found.unmapped_percent is None else float(found.unmapped_percent),
        },
        "checks": [{"name": check.name, "passed": check.passed, "detail": check.detail} for check in checks],
    }


def page(said: dict[str, Any]) -> str:
    """The report for people."""
    lines = [f"# Quality of batch {said['batchCode']}: {said['result']}", ""]
    lines += [f"Counted from {said['startedAt']} to {said['endedAt']}.", ""]
    rows = [(check["name"], "PASS" if check["passed"] else "FAIL", check["detail"]) for check in said["checks"]]
    lines += report.table(("check", "verdict", "counted"), rows)
    failed = [check["name"] for check in said["checks"] if not check["passed"]]
    if failed:
        lines += ["", "## What to do", "", *(f"- **{name}**: {CURES[name]}" for name in failed)]
    figures = [(name, json.dumps(value)) for name, value in said["metrics"].items()]
    lines += ["", "## Figures", "", *report.table(("name", "value"), figures)]
    lines += ["", "## Settings", "", *report.table(("name", "value"), list(said["thresholds"].items()))]
    return "\n".join(lines) + "\n"


def folder_name(batch: str) -> str:
    """The batch code, which names the report's folder. Raises a usage error."""
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}", batch):
        raise click.UsageError(
            f"PHASE2_BATCH_CODE={batch!r} cannot name a folder: letters, digits, dot, dash, underscore"
        )
    return batch


async def conclude(around: Surroundings, given: Mapping[str, Any], reports: Path) -> Written:
    """Counts, judges and reports. Raises Trouble, and a usage error for a batch code that cannot name a folder."""
    batch = folder_name(given["batch_code"])
    limits = ReconciliationLimits(
        done_not_paid_ratio=Decimal(str(given["max_ops_done_not_paid_ratio"])),
        unmapped_percent=Decimal(str(given["max_unmapped_ratio_percent"])),
        allow_empty_catalog=given["allow_empty_catalog_denominator"],
    )
    started = around.now()
    counts = await measure(around)
    ended = around.now()
    said = document(batch, reconcile(counts, limits), started=started, ended=ended)
    return report.write(reports, f"recon/quality/{batch}", said, page(said), ended=ended)


def _run(url: str | None, data_dir: Path, reports: Path, as_json: bool, **given: Any) -> None:
    async def in_its_surroundings() -> Written:
        async with in_the_open(url, data_dir, as_json=as_json) as around:
            return await conclude(around, given, reports)

    try:
        written = asyncio.run(in_its_surroundings())
    except Trouble as trouble:
        raise crashed(RESULT, trouble) from trouble
    said = written.document
    if as_json:
        click.echo(json.dumps(said, indent=2))
    else:
        lines = {RESULT: said["result"], "QUALITY_REPORT_JSON": written.json_path}
        report.say_lines({**lines, "QUALITY_REPORT_MD": written.md_path})
    for check in said["checks"]:
        if not check["passed"]:
            click.echo(f"FAILED_CHECK={check['name']} {check['detail']}", err=True)
            click.echo(f"        {CURES[check['name']]}", err=True)
    if said["result"] != "PASS":
        raise click.exceptions.Exit(1)


_USUAL = ReconciliationLimits()
command = env_file_option(
    click.Command(
        "quality",
        callback=_run,
        help="Whether what is stored agrees with itself: six counts in the database.",
        params=[
            setting("batch-code", "PHASE2_BATCH_CODE", str, "phase2", "Folder of the report."),
            setting(
                "max-ops-done-not-paid-ratio",
                "QUALITY_MAX_OPS_DONE_NOT_PAID_RATIO",
                RATIO,
                float(_USUAL.done_not_paid_ratio),
                "Of DONE bookings.",
            ),
            setting(
                "max-unmapped-ratio-percent",
                "QUALITY_MAX_UNMAPPED_RATIO_PERCENT",
                click.FloatRange(0, 100),
                float(_USUAL.unmapped_percent),
                "Of the catalog.",
            ),
            setting(
                "allow-empty-catalog-denominator",
                "QUALITY_ALLOW_EMPTY_CATALOG_DENOMINATOR",
                bool,
                _USUAL.allow_empty_catalog,
                "With no catalog and nothing unmapped.",
            ),
            *common_options(),
        ],
    )
)
