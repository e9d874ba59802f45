"""The evidence of a release: the stages that are asked for, one after the other, in one report.

The toggles of single ingest gates have two names: RUN_EVIDENCE_… here, RUN_GATE_… in the combined ingest gate. Where both are set
they must agree: one that wins silently leaves evidence out that somebody asked for, or the other way round.
"""

import asyncio
import json
import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import Any

import click
from attrs import frozen

from bst_cli.gates import (
    booking_bridge,
    catalog_bridge,
    catalog_publish,
    payment_finance_bridge,
    quality,
    release,
    report,
)
from bst_cli.gates.carrying import Gate, common_options, conclude, crashed, in_the_open, setting
from bst_cli.gates.report import Written
from bst_cli.gates.surroundings import Surroundings
from bst_cli.options import env_file_option
from bst_cli.trouble import Trouble
from bst_domain.values import format_instant

RESULT = "RELEASE_EVIDENCE_RESULT"
#: Switch -> whether it is on unless told otherwise.
SWITCHES: Mapping[str, bool] = {
    "RUN_EVIDENCE_QUALITY_CHECK": True,
    "RUN_EVIDENCE_INGEST_GATES": True,
    "RUN_EVIDENCE_INGEST_REPLAY_DRILL": False,
    "RUN_EVIDENCE_INGEST_DUPLICATE_GATE": False,
    "RUN_EVIDENCE_INGEST_RETENTION_GATE": False,
    "RUN_EVIDENCE_CATALOG_GATE": False,
    "RUN_EVIDENCE_BOOKING_GATE": False,
    "RUN_EVIDENCE_PAYMENT_GATE": False,
    "RUN_EVIDENCE_CATALOG_PUBLISH_GATE": False,
}
#: Switch here -> the combined ingest gate's own for the same gate.
SAME_GATE: Mapping[str, str] = {
    "RUN_EVIDENCE_INGEST_REPLAY_DRILL": "RUN_GATE_REPLAY_DRILL",
    "RUN_EVIDENCE_INGEST_DUPLICATE_GATE": "RUN_GATE_DUPLICATE_DELIVERY",
    "RUN_EVIDENCE_INGEST_RETENTION_GATE": "RUN_GATE_RETENTION_POLICY",
}


@frozen(kw_only=True)
class Stage:
    """``command`` is what runs it by itself."""

    name: str
    switch: str
    command: str
    run: Callable[[Surroundings, Path], Awaitable[Written]]


def _of(gate: Gate) -> Callable[[Surroundings, Path], Awaitable[Written]]:
    async def run(around: Surroundings, reports: Path) -> Written:
        return (await conclude(gate, around, release.given_by_environment(gate), reports)).written

    return run


async def _quality(around: Surroundings, reports: Path) -> Written:
    with quality.command.make_context("quality", []) as ctx:
        return await quality.conclude(around, ctx.params, reports)


def stages(switches: Mapping[str, bool], ingest: Mapping[str, bool]) -> list[Stage]:
    """Those that are switched on. ``ingest`` are the switches of the combined ingest gate."""

    async def ingest_gates(around: Surroundings, reports: Path) -> Written:
        return await release.conclude_release(around, ingest, reports)

    every = [
        ("PHASE2_QUALITY_CHECK", "RUN_EVIDENCE_QUALITY_CHECK", "quality", _quality),
        ("INGEST_RELEASE_GATES", "RUN_EVIDENCE_INGEST_GATES", "ingest-release", ingest_gates),
        ("CATALOG_BRIDGE_GATE", "RUN_EVIDENCE_CATALOG_GATE", "catalog-bridge", _of(catalog_bridge.GATE)),
        ("BOOKING_BRIDGE_GATE", "RUN_EVIDENCE_BOOKING_GATE", "booking-bridge", _of(booking_bridge.GATE)),
        (
            "PAYMENT_FINANCE_BRIDGE_GATE",
            "RUN_EVIDENCE_PAYMENT_GATE",
            "payment-finance-bridge",
            _of(payment_finance_bridge.GATE),
        ),
        (
            "CATALOG_PUBLISH_WORKFLOW_GATE",
            "RUN_EVIDENCE_CATALOG_PUBLISH_GATE",
            "catalog-publish-workflow",
            _of(catalog_publish.GATE),
        ),
    ]
    return [
        Stage(name=name, switch=switch, command=f"bst gate {command}", run=run)
        for name, switch, command, run in every
        if switches[switch]
    ]


async def conclude_evidence(
    around: Surroundings, chosen: list[Stage], batch: str, config: Any, reports: Path
) -> Written:
    """Runs the stages, also after one that failed, and reports them together. Raises Trouble."""
    started = around.now()
    steps = []
    for number, stage in enumerate(chosen):
        around.progress(number / len(chosen), stage.name)
        steps.append(await _step(stage, around, reports))
    ended = around.now()
    said = {
        "batchCode": batch,
        "startedAt": format_instant(started),
        "endedAt": format_instant(ended),
        "result": report.result_word(all(step["passed"] for step in steps)),
        "config": config,
        "steps": steps,
    }
    return report.write(reports, f"release-evidence/{batch}", said, page(said), ended=ended)


async def _step(stage: Stage, around: Surroundings, reports: Path) -> dict[str, Any]:
    started, error = around.now(), None
    written: Written | None = None
    try:
        written = await stage.run(around, reports)
    except Trouble as trouble:
        error = f"{trouble.what}. {trouble.cure or ''}".strip()
    result = "FAIL" if written is None else written.document["result"]
    return {
        "name": stage.name,
        "fileName": stage.command,
        "startedAt": format_instant(started),
        "endedAt": format_instant(around.now()),
        "exitCode": 0 if result == "PASS" else 1,
        "result": result,
        "passed": result == "PASS",
        "reportJson": None if written is None else str(written.json_path),
        "reportMd": None if written is None else str(written.md_path),
        "error": error,
    }


def page(said: Mapping[str, Any]) -> str:
    """The evidence for people."""
    shut = [step["name"] for step in said["steps"] if not step["passed"]]
    sentence = f"Not ready: {', '.join(shut)}." if shut else f"All {len(said['steps'])} stages passed."
    rows = [
        (step["name"], step["result"], step["fileName"], step["reportMd"] or step["error"]) for step in said["steps"]
    ]
    lines = [f"# Release evidence of batch {said['batchCode']}: {said['result']}", "", sentence, ""]
    lines += [f"Gathered from {said['startedAt']} to {said['endedAt']}.", ""]
    lines += report.table(("stage", "result", "by itself", "report"), rows)
    lines += [
        "",
        "## Settings",
        "",
        *report.table(("name", "value"), [(k, json.dumps(v)) for k, v in said["config"].items()]),
    ]
    return "\n".join(lines) + "\n"


def ingest_switches(given: Mapping[str, bool], environ: Mapping[str, str]) -> dict[str, bool]:
    """The combined ingest gate's switches: its own where they are set, else what is asked for here. Raises a usage error."""
    with release.command.make_context("ingest-release", []) as ctx:
        own = {name: bool(ctx.params[name.lower()]) for name in release.CHOICES}
    for here, there in SAME_GATE.items():
        if not environ.get(there, "").strip():
            own[there] = given[here]
        elif _was_asked_for(here) and own[there] != given[here]:
            said = f"{here}={_word(given[here])} and {there}={_word(own[there])}"
            raise click.UsageError(f"{said} contradict each other: set one of them, or both alike")
        if given[here] and not given["RUN_EVIDENCE_INGEST_GATES"]:
            raise click.UsageError(f"{here}=true wants RUN_EVIDENCE_INGEST_GATES=true: it is one of the ingest gates")
    return own


def _was_asked_for(name: str) -> bool:
    source = click.get_current_context().get_parameter_source(name.lower())
    return source in {click.core.ParameterSource.ENVIRONMENT, click.core.ParameterSource.COMMANDLINE}


def _word(on: bool) -> str:
    return "true" if on else "false"


def _run(url: str | None, data_dir: Path, reports: Path, as_json: bool, **given: Any) -> None:
    switches = {name: bool(given[name.lower()]) for name in SWITCHES}
    ingest = ingest_switches(switches, os.environ)
    batch = quality.folder_name(given["batch_code"])
    config = {**switches, **(ingest if switches["RUN_EVIDENCE_INGEST_GATES"] else {})}
    chosen = stages(switches, ingest)
    if not chosen:
        raise crashed(RESULT, Trouble("no stage is chosen", f"Turn one on: {', '.join(SWITCHES)}."))

    async def in_its_surroundings() -> Written:
        async with in_the_open(url, data_dir, as_json=as_json) as around:
            return await conclude_evidence(around, chosen, batch, config, reports)

    try:
        written = asyncio.run(in_its_surroundings())
    except Trouble as trouble:
        raise crashed(RESULT, trouble) from trouble
    said = written.document
    if as_json:
        click.echo(json.dumps(said, ensure_ascii=False, indent=2))
    else:
        lines = {RESULT: said["result"], "RELEASE_EVIDENCE_REPORT_JSON": written.json_path}
        report.say_lines({**lines, "RELEASE_EVIDENCE_REPORT_MD": written.md_path})
    for step in said["steps"]:
        if not step["passed"]:
            click.echo(f"FAILED_STAGE={step['name']} {step['error'] or step['reportJson']}", err=True)
    if said["result"] != "PASS":
        raise click.exceptions.Exit(1)


command = env_file_option(
    click.Command(
        "release-evidence",
        callback=_run,
        help="Everything that a release stands on, in one report; each stage's settings come from the environment.",
        params=[
            setting("batch-code", "PHASE2_BATCH_CODE", str, "phase2", "Folder of the report."),
            *(
                setting(
                    name.lower().replace("_", "-"),
                    name,
                    bool,
                    on,
                    f"Run this stage: {name.removeprefix('RUN_EVIDENCE_')}.",
                )
                for name, on in SWITCHES.items()
            ),
            *common_options(),
        ],
    )
)
