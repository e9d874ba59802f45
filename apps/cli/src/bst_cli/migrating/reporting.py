"""What ``bst migrate`` reports for machines, under the names that readers of the old reports know (schema-target 2.7)."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import click

from bst_domain.values import format_instant
from bst_postgres.backfill.checks import Finding


def report(batch: str, mode: str, findings: Sequence[Finding], **more: Any) -> dict[str, Any]:
    """``mode``: what was asked for. ``checks`` is what is new: every check with its cure."""
    return {
        "batchCode": batch,
        "timestamp": format_instant(datetime.now(UTC)),
        "mode": mode,
        "result": "PASS" if all(finding.passed for finding in findings) else "FAIL",
        "precheck": {name: value for finding in findings for name, value in finding.figures.items()},
        "checks": [
            {"name": f.name, "passed": f.passed, "detail": f.detail, "cure": None if f.passed else f.cure or None}
            for f in findings
        ],
        **more,
    }


def script(name: str, checksum: str, status: str, *, seconds: float, error: str | None = None) -> dict[str, Any]:
    """One entry of ``scripts``. ``status``: PASS, FAIL or DRY_RUN."""
    return {
        "scriptName": name,
        "checksum": checksum,
        "status": status,
        "durationMs": round(seconds * 1000),
        "errorMessage": error,
    }


def tell(findings: Sequence[Finding]) -> None:
    """For people: a line a check, with the cure below one that failed."""
    for finding in findings:
        click.echo(f"{'✓' if finding.passed else '✗'} {finding.name:<18} {finding.detail}")
        if not finding.passed and finding.cure:
            click.echo(f"                     {finding.cure}")
