"""The combined gate of an ingest release: runs the gates that are asked for, one after the other, and reports all of them."""

import asyncio
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import click

from bst_cli.gates import dlq_growth, duplicate_delivery, processing, replay_drill, report, retention_policy
from bst_cli.gates.carrying import Gate, Given, as_command, common_options, conclude, crashed, in_the_open, setting
from bst_cli.gates.report import Written
from bst_cli.gates.surroundings import Surroundings
from bst_cli.options import env_file_option
from bst_cli.trouble import Trouble
from bst_domain.migration import Verdict
from bst_domain.values import format_instant

#: Switch -> the gate, and whether it runs unless told otherwise. F-03 comes last: it takes two hours.
CHOICES: Mapping[str, tuple[Gate, bool]] = {
    "RUN_GATE_PROCESSING": (processing.GATE, True),
    "RUN_GATE_DUPLICATE_DELIVERY": (duplicate_delivery.GATE, False),
    "RUN_GATE_RETENTION_POLICY": (retention_policy.GATE, False),
    "RUN_GATE_REPLAY_DRILL": (replay_drill.GATE, False),
    "RUN_GATE_DLQ_GROWTH": (dlq_growth.GATE, True),
}
FOLDER = "gates/ingest-release"
RESULT = "RELEASE_GATE_RESULT"


async def run_all(around: Surroundings, chosen: Mapping[Gate, Given], reports: Path) -> list[dict[str, Any]]:
    """An entry for each gate; one that cannot be measured has not passed, and the others still run."""
    entries = []
    for number, (gate, given) in enumerate(chosen.items(), start=1):
        started = around.now()
        around.progress((number - 1) / len(chosen), gate.name)
        entry = await _run(gate, around, given, reports)
        ended = around.now()
        entries.append(
            {
                "name": gate.name,
                "scriptFileName": f"bst gate {gate.name}",
                "startedAt": format_instant(started),
                "endedAt": format_instant(ended),
                **entry,
            }
        )
    return entries


async def _run(gate: Gate, around: Surroundings, given: Given, reports: Path) -> dict[str, Any]:
    try:
        concluded = await conclude(gate, around, given, reports)
    except Trouble as trouble:
        said = {"exitCode": 1, "passed": False, "gateResult": "FAIL", "gateReportPath": None, "gateReportPreview": None}
        return {**said, "error": f"{trouble.what}. {trouble.cure or ''}".strip(), "verdict": Verdict.FAIL.value}
    judged, document = concluded.judged, concluded.written.document
    return {
        "exitCode": 0 if judged.passed else 1,
        "passed": judged.passed,
        "gateResult": document["result"],
        "gateReportPath": str(concluded.written.json_path),
        "gateReportPreview": {name: document[name] for name in ("gate", "result", "summary")},
        "error": None,
        "verdict": judged.verdict.value,
    }


def page(said: Mapping[str, Any]) -> str:
    """The combined report for people."""
    rows = [(gate["name"], gate["verdict"], gate["gateReportPath"] or gate["error"]) for gate in said["gates"]]
    shut = [gate["name"] for gate in said["gates"] if not gate["passed"]]
    sentence = (
        f"The gate stays shut: {', '.join(shut)}." if shut else f"All {len(rows)} gates passed: the gate is open."
    )
    lines = [f"# Ingest release: {said['result']}", "", sentence, ""]
    lines += [f"Measured from {said['startedAt']} to {said['endedAt']}.", ""]
    lines += report.table(("gate", "verdict", "report"), rows)
    for gate in said["gates"]:
        summary = (gate["gateReportPreview"] or {}).get("summary", {})
        if summary:
            figures = [(name, json.dumps(value, ensure_ascii=False)) for name, value in summary.items()]
            lines += ["", f"## {gate['name']}", "", *report.table(("name", "value"), figures)]
    return "\n".join(lines) + "\n"


def given_by_environment(gate: Gate) -> Given:
    """A gate's settings as its own command would have them. Raises a usage error."""
    with as_command(gate).make_context(gate.name, []) as ctx:
        own = {option.name for option in gate.settings}
        return {name: value for name, value in ctx.params.items() if name in own}


async def conclude_release(around: Surroundings, switches: Mapping[str, bool], reports: Path) -> Written:
    """Runs the gates that are switched on, and reports them together. Raises Trouble."""
    chosen = {gate: given_by_environment(gate) for name, (gate, _) in CHOICES.items() if switches[name]}
    if not chosen:
        raise Trouble("no gate is chosen", f"Turn one on: {', '.join(CHOICES)}.")
    started = around.now()
    entries = await run_all(around, chosen, reports)
    ended = around.now()
    said = {
        "startedAt": format_instant(started),
        "endedAt": format_instant(ended),
        "result": report.result_word(all(entry["passed"] for entry in entries)),
        "config": switches,
        "gates": entries,
    }
    return report.write(reports, FOLDER, said, page(said), ended=ended)


def _run_release(url: str | None, data_dir: Path, reports: Path, as_json: bool, **switches: bool) -> None:
    async def in_its_surroundings() -> Written:
        async with in_the_open(url, data_dir, as_json=as_json) as around:
            return await conclude_release(around, {name: switches[name.lower()] for name in CHOICES}, reports)

    try:
        written = asyncio.run(in_its_surroundings())
    except Trouble as trouble:
        raise crashed(RESULT, trouble) from trouble
    said = written.document
    if as_json:
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
    else:
        lines = {RESULT: said["result"], "RELEASE_GATE_REPORT_JSON": written.json_path}
        report.say_lines({**lines, "RELEASE_GATE_REPORT_MD": written.md_path})
    for entry in said["gates"]:
        if not entry["passed"]:
            click.echo(f"FAILED_GATE={entry['name']} {entry['error'] or entry['gateReportPath']}", err=True)
    if said["result"] != "PASS":
        raise click.exceptions.Exit(1)


def _switch(name: str, gate: Gate, default: bool) -> click.Option:
    return setting(name.lower().replace("_", "-"), name, bool, default, f"Run {gate.name}.")


command = env_file_option(
    click.Command(
        "ingest-release",
        callback=_run_release,
        help="The gates of an ingest release together; each one's settings come from the environment.",
        params=[*(_switch(name, *choice) for name, choice in CHOICES.items()), *common_options()],
    )
)
