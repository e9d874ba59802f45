"""T-011-03, the daily report: what the API's reconciliation says today, on disk and on standard output."""

import asyncio
import json
from datetime import datetime
from pathlib import Path
from typing import Any

import click

from bst_cli.gates import report
from bst_cli.gates.carrying import common_options, crashed, in_the_open, setting
from bst_cli.gates.surroundings import Surroundings
from bst_cli.options import env_file_option
from bst_cli.trouble import Trouble
from bst_domain.values import format_instant

RESULT = "RECON_REPORT_RESULT"
PATH = "/v1/metrics/reconciliation"


async def ask(around: Surroundings, within_ms: int) -> tuple[str, dict[str, Any]]:
    """The API's address, and what it says. Raises Trouble; an answer without metrics and checks is none."""
    async with around.api() as api:
        said = await api.get(PATH, within_ms=within_ms)
        base_url = str(api.http.base_url).rstrip("/")
    if (
        not isinstance(said, dict)
        or not isinstance(said.get("metrics"), dict)
        or not isinstance(said.get("checks"), list)
    ):
        raise Trouble(f"GET {PATH} answered without metrics and checks", "Is that BST's API? Check CORE_API_BASE_URL.")
    return base_url, said


def document(
    snapshot: dict[str, Any], *, base_url: str, given: dict[str, Any], started: datetime, ended: datetime
) -> dict[str, Any]:
    """The members that readers of the predecessor's report know."""
    failed = [check["name"] for check in snapshot["checks"] if not check["passed"]]
    return {
        "startedAt": format_instant(started),
        "endedAt": format_instant(ended),
        "result": report.result_word(not failed),
        "baseUrl": base_url,
        "endpointPath": PATH,
        "config": {"failOnChecks": given["fail_on_checks"], "requestTimeoutMs": given["request_timeout_ms"]},
        "failedChecks": failed,
        "snapshot": snapshot,
    }


def page(said: dict[str, Any]) -> str:
    """The report for people."""
    snapshot = said["snapshot"]
    lines = [f"# Daily reconciliation: {said['result']}", "", f"{said['baseUrl']} at {said['endedAt']}.", ""]
    rows = [(check["name"], "PASS" if check["passed"] else "FAIL", check["detail"]) for check in snapshot["checks"]]
    lines += report.table(("check", "result", "counted"), rows)
    domains = [
        (name, of["mismatchRows"], of["denominator"], of["ratio"], "PASS" if of["passed"] else "FAIL")
        for name, of in snapshot.get("domains", {}).items()
    ]
    lines += ["", "## Domains", "", *report.table(("domain", "mismatches", "of", "ratio", "result"), domains)]
    figures = [(name, json.dumps(value)) for name, value in snapshot["metrics"].items()]
    lines += ["", "## Figures", "", *report.table(("name", "value"), figures)]
    return "\n".join(lines) + "\n"


async def _asked(url: str | None, data_dir: Path, as_json: bool, given: dict[str, Any]) -> dict[str, Any]:
    async with in_the_open(url, data_dir, as_json=as_json) as around:
        started = around.now()
        base_url, snapshot = await ask(around, given["request_timeout_ms"])
        return document(snapshot, base_url=base_url, given=given, started=started, ended=around.now())


def _run(url: str | None, data_dir: Path, reports: Path, as_json: bool, **given: Any) -> None:
    try:
        said = asyncio.run(_asked(url, data_dir, as_json, given))
        ended = datetime.fromisoformat(said["endedAt"])
        written = report.write(reports, "recon/daily", said, page(said), ended=ended)
    except Trouble as trouble:
        raise crashed(RESULT, trouble) from trouble
    if as_json:
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
    else:
        report.say_lines(
            {
                RESULT: said["result"],
                "RECON_REPORT_JSON": written.json_path,
                "RECON_REPORT_MD": written.md_path,
                "RECON_FAILED_CHECKS": ",".join(said["failedChecks"]) or "none",
            }
        )
    for check in said["snapshot"]["checks"]:
        if not check["passed"]:
            click.echo(f"FAILED_CHECK={check['name']} {check['detail']}", err=True)
    if said["failedChecks"] and given["fail_on_checks"]:
        raise click.exceptions.Exit(1)


command = env_file_option(
    click.Command(
        "daily",
        callback=_run,
        help="T-011-03: what the API's own reconciliation says today, as a report.",
        params=[
            setting(
                "fail-on-checks", "RECON_REPORT_FAIL_ON_CHECKS", bool, True, "Whether a failed check means exit code 1."
            ),
            setting(
                "request-timeout-ms",
                "RECON_REPORT_REQUEST_TIMEOUT_MS",
                click.IntRange(1000),
                10000,
                "Longest time to wait.",
            ),
            *common_options(),
        ],
    )
)
