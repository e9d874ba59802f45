"""The evidence of a release as a command: stages, switches that must not contradict each other, and what readers parse."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bst_cli.gates.evidence import SAME_GATE, SWITCHES, command

OFF = dict.fromkeys(SWITCHES, "false")


def run(reports: Path, **environ: str) -> Result:
    return CliRunner().invoke(command, ["--reports", str(reports)], env=environ)


def lines(result: Result) -> dict[str, str]:
    return dict(line.split("=", 1) for line in result.stdout.splitlines())


def test_stages_are_run_also_after_one_that_failed(postgres_dsn: str, tmp_path: Path) -> None:
    environ = {
        **OFF,
        "OPS_DB_URL": postgres_dsn,
        "PHASE2_BATCH_CODE": "wave-1",
        "RUN_EVIDENCE_QUALITY_CHECK": "true",
        "RUN_EVIDENCE_CATALOG_GATE": "on",
        "RUN_EVIDENCE_PAYMENT_GATE": "1",
        "QUALITY_ALLOW_EMPTY_CATALOG_DENOMINATOR": "yes",
    }
    done = run(tmp_path, **environ)
    assert done.exit_code == 1
    said = lines(done)
    assert list(said) == ["RELEASE_EVIDENCE_RESULT", "RELEASE_EVIDENCE_REPORT_JSON", "RELEASE_EVIDENCE_REPORT_MD"]
    assert said["RELEASE_EVIDENCE_RESULT"] == "FAIL"
    path = Path(said["RELEASE_EVIDENCE_REPORT_JSON"])
    assert path.parent == tmp_path / "release-evidence" / "wave-1"
    report = json.loads(path.read_text())
    assert [(step["name"], step["result"], step["exitCode"]) for step in report["steps"]] == [
        ("PHASE2_QUALITY_CHECK", "PASS", 0),
        ("CATALOG_BRIDGE_GATE", "FAIL", 1),  # there is no catalog yet
        ("PAYMENT_FINANCE_BRIDGE_GATE", "PASS", 0),
    ]
    assert {"batchCode", "startedAt", "endedAt", "result", "config", "steps"} <= report.keys()
    assert all(Path(step["reportJson"]).is_file() and Path(step["reportMd"]).is_file() for step in report["steps"])
    assert f"FAILED_STAGE=CATALOG_BRIDGE_GATE {report['steps'][1]['reportJson']}\n" in done.stderr
    assert report["steps"][1]["reportJson"].startswith(str(tmp_path / "gates" / "catalog-bridge"))


@pytest.mark.parametrize("here", SAME_GATE)
@pytest.mark.parametrize("on", ["true", "false"])
def test_two_switches_of_one_gate_must_agree(tmp_path: Path, here: str, on: str) -> None:
    other = "false" if on == "true" else "true"
    switches = {**OFF, "RUN_EVIDENCE_INGEST_GATES": "true", here: on, SAME_GATE[here]: other}
    refused = run(tmp_path, **switches)
    assert refused.exit_code == 2
    assert f"{here}={on} and {SAME_GATE[here]}={other} contradict each other" in refused.stderr
    assert not list(tmp_path.iterdir())


def test_a_single_ingest_gate_wants_the_ingest_gates(tmp_path: Path) -> None:
    refused = run(tmp_path, **{**OFF, "RUN_EVIDENCE_INGEST_REPLAY_DRILL": "true"})
    assert refused.exit_code == 2
    assert "wants RUN_EVIDENCE_INGEST_GATES=true" in refused.stderr


def test_no_stage_is_no_evidence(tmp_path: Path) -> None:
    refused = run(tmp_path, **OFF)
    assert refused.exit_code == 1
    assert refused.stderr.startswith("RELEASE_EVIDENCE_RESULT=FAIL no stage is chosen")


@pytest.mark.parametrize(
    ("environ", "drill"),
    [
        ({}, False),
        ({"RUN_EVIDENCE_INGEST_REPLAY_DRILL": "true"}, True),
        ({"RUN_EVIDENCE_INGEST_REPLAY_DRILL": "true", "RUN_GATE_REPLAY_DRILL": "yes"}, True),
    ],
)
def test_the_switches_of_single_gates_reach_the_combined_gate(
    tmp_path: Path, environ: dict[str, str], drill: bool
) -> None:
    unreachable = {
        "CORE_API_BASE_URL": "http://127.0.0.1:9",
        "CORE_API_ADMIN_TOKEN": "x",
        "OPS_DB_URL": "postgresql://127.0.0.1:1/x",
    }
    switches = {**OFF, "RUN_EVIDENCE_INGEST_GATES": "true", "RUN_GATE_DLQ_GROWTH": "false", **unreachable, **environ}
    done = run(tmp_path, **switches)
    assert done.exit_code == 1
    report = json.loads(Path(lines(done)["RELEASE_EVIDENCE_REPORT_JSON"]).read_text())
    assert report["config"]["RUN_GATE_REPLAY_DRILL"] is drill
    combined = json.loads(Path(report["steps"][0]["reportJson"]).read_text())
    assert ("replay-drill" in [gate["name"] for gate in combined["gates"]]) is drill
