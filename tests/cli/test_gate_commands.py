"""The gates as commands against an API in a process of its own: lines, reports, exit codes."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psycopg
import pytest
from attrs import frozen
from click.testing import Result

from tests.cli.stack import BST, bst, environment, here, until
from tests.servers import free_port

ADMIN, TOKEN, SECRET = "an-admin-token-of-the-tests", "a-service-token-of-the-tests", "a-secret-of-the-tests"


@frozen(kw_only=True)
class Server:
    """An API that processes at once, and the environment of whoever asks it."""

    environ: dict[str, Any]  # of texts
    reports: Path

    def gate(self, *arguments: str, group: str = "gate", **environ: str) -> Result:
        return here(group, *arguments, "--reports", str(self.reports), **{**self.environ, **environ})


@pytest.fixture
def server(postgres_dsn: str, tmp_path: Path) -> Iterator[Server]:
    port = free_port()
    environ = {
        "OPS_DB_URL": postgres_dsn,
        "CORE_API_BASE_URL": f"http://127.0.0.1:{port}",
        "CORE_API_ADMIN_TOKEN": ADMIN,
        "INGEST_SERVICE_TOKEN": TOKEN,
        "INGEST_SERVICE_SECRET": SECRET,
        "INGEST_WEBHOOK_ENABLED": "true",
        "INGEST_REPLAY_ENABLED": "true",
        "INGEST_SYNC_FALLBACK_ENABLED": "true",
    }
    command = [sys.executable, "-m", "bst_core_api", "--port", str(port)]
    log = (tmp_path / "api.log").open("w")
    process = subprocess.Popen(command, env={**environment(), **environ}, stdout=log, stderr=log)

    def is_up() -> bool:
        assert process.poll() is None, (tmp_path / "api.log").read_text()
        try:
            return httpx.get(f"http://127.0.0.1:{port}/health", trust_env=False).is_success
        except httpx.HTTPError:
            return False

    try:
        until(is_up, "the API")
        yield Server(environ=environ, reports=tmp_path / "reports")
    finally:
        process.terminate()
        process.wait(20)
        log.close()


def lines(done: Result) -> dict[str, str]:
    return dict(
        line.split("=", 1) for line in done.stdout.splitlines() if "=" in line and " " not in line.split("=")[0]
    )


def test_a_release_from_the_drill_to_the_combined_report(server: Server) -> None:
    held = server.gate("ingest-processing")
    assert held.exit_code == 1
    assert (lines(held)["GATE_RESULT"], lines(held)["GATE_VERDICT"]) == ("FAIL", "HOLD")
    assert "FAILURE=F-01_success_rate: nothing measured" in held.stderr

    drilled = server.gate("ingest-replay", group="drill", INGEST_REPLAY_DRILL_POLL_INTERVAL_MS="50")
    assert drilled.exit_code == 0, drilled.stderr
    said = lines(drilled)
    assert said["GATE_RESULT"] == said["INGEST_REPLAY_DRILL_RESULT"] == "PASS"
    assert said["GATE_REPORT_JSON"] == said["INGEST_REPLAY_DRILL_REPORT_JSON"]
    assert Path(said["GATE_REPORT_MD"]).read_text().startswith("# T-007-04 Replay drill: PASS\n")

    passed = server.gate("ingest-processing")
    assert passed.exit_code == 0, passed.stderr
    said = lines(passed)
    assert list(said) == [
        "GATE_RESULT",
        "GATE_REPORT_JSON",
        "GATE_REPORT_MD",
        "GATE_VERDICT",
        "SUCCESS_RATE",
        "LATENCY_MEDIAN_MS",
        "LATENCY_P95_MS",
    ]
    path = Path(said["GATE_REPORT_JSON"])
    assert path.parent == server.reports / "gates" / "ingest-processing"
    text = path.read_text()
    report = json.loads(text)
    assert text.endswith("}\n")
    assert path.stem == report["endedAt"].replace(":", "-").replace(".", "-")
    assert (report["gate"], report["result"], report["failures"]) == ("F-01_F-02_INGEST_PROCESSING", "PASS", [])
    assert report["config"]["minSuccessRate"] == 0.995

    switches = dict.fromkeys(
        ("RUN_GATE_DUPLICATE_DELIVERY", "RUN_GATE_RETENTION_POLICY", "RUN_GATE_REPLAY_DRILL"), "true"
    )
    released = server.gate("ingest-release", RUN_GATE_DLQ_GROWTH="false", **switches)
    assert released.exit_code == 0, released.stderr
    said = lines(released)
    assert list(said) == ["RELEASE_GATE_RESULT", "RELEASE_GATE_REPORT_JSON", "RELEASE_GATE_REPORT_MD"]
    combined = json.loads(Path(said["RELEASE_GATE_REPORT_JSON"]).read_text())
    assert [(gate["name"], gate["passed"]) for gate in combined["gates"]] == [
        ("ingest-processing", True),
        ("ingest-duplicate-delivery", True),
        ("ingest-retention-policy", True),
        ("replay-drill", True),
    ]
    previews = {
        name: value for gate in combined["gates"] for name, value in gate["gateReportPreview"]["summary"].items()
    }
    read_by_others = {
        "successRate", "latencyP95Ms", "latencyMedianMs", "received", "replayQueued", "replayProcessedInline",
        "finalDeadLetterStatus", "finalEventProcessStatus", "auditEventsValidated", "idempotencyDuplicateExcessRows",
        "secondaryDuplicateExcessRows", "bookingIdentityDuplicateExcessRows", "retentionEnabled", "staleDlqRows",
        "staleIngestRows",
    }  # fmt: skip
    assert read_by_others <= previews.keys()

    with psycopg.connect(server.environ["OPS_DB_URL"]) as connection:
        connection.execute("drop index ux_booking_core_channel_external_ref")
    shut = server.gate("ingest-release", RUN_GATE_DLQ_GROWTH="false", RUN_GATE_DUPLICATE_DELIVERY="true")
    assert (shut.exit_code, lines(shut)["RELEASE_GATE_RESULT"]) == (1, "FAIL")
    assert "FAILED_GATE=ingest-duplicate-delivery " in shut.stderr
    assert "FAILED_GATE=ingest-processing" not in shut.stderr


def test_json_is_the_report_and_nothing_else(server: Server) -> None:
    httpx.get(
        f"{server.environ['CORE_API_BASE_URL']}/v1/ops/bookings",
        headers={"authorization": f"Bearer {ADMIN}", "x-admin-role": "STAFF"},
        trust_env=False,
    )
    done = bst("gate", "api-health", "--json", "--reports", str(server.reports), **server.environ)
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["gate"], report["result"], report["summary"]["requests"]) == ("G-03_API_5XX_CORE_PATH", "PASS", 1)

    quality = server.gate("quality", PHASE2_BATCH_CODE="A", QUALITY_ALLOW_EMPTY_CATALOG_DENOMINATOR="true")
    assert (quality.exit_code, lines(quality)["QUALITY_CHECK_RESULT"]) == (0, "PASS")
    assert len(json.loads(Path(lines(quality)["QUALITY_REPORT_JSON"]).read_text())["checks"]) == 6
    failed = server.gate("quality")
    assert failed.exit_code == 1
    assert "FAILED_CHECK=unmapped_ratio_percent percent=none" in failed.stderr
    assert "\n        Work off unmapped_queue." in failed.stderr
    assert server.gate("quality", PHASE2_BATCH_CODE="../x").exit_code == 2


def test_ctrl_c_writes_what_there_is_and_does_not_pass(server: Server) -> None:
    command = [*BST, "gate", "ingest-dlq-growth", "--reports", str(server.reports)]
    process = subprocess.Popen(
        command, env={**environment(), **server.environ}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    first = process.stdout.readline()
    assert first.startswith("sample_ok at=")
    process.send_signal(signal.SIGINT)
    out, errors = process.communicate(timeout=20)
    assert process.returncode == 1, errors
    assert "GATE_VERDICT=HOLD" in out
    assert "F-03_observed_minutes" in errors
    [path] = (server.reports / "gates" / "ingest-dlq-growth").glob("*.json")
    assert json.loads(path.read_text())["result"] == "FAIL"


@pytest.mark.parametrize(
    ("arguments", "environ", "code", "said"),
    [
        (["ingest-processing"], {"GATE_MIN_SUCCESS_RATE": "2"}, 2, "GATE_MIN_SUCCESS_RATE"),
        (["ingest-dlq-growth", "--sample-interval-seconds", "1"], {}, 2, "sample-interval-seconds"),
        (["ingest-env-baseline"], {}, 2, "receiver-env-path"),
        (["ingest-release"], {"GATE_DLQ_WINDOW_MINUTES": "soon"}, 2, "GATE_DLQ_WINDOW_MINUTES"),
        (["nothing"], {}, 2, "No such command"),
        (["ingest-processing"], {}, 1, "GATE_RESULT=FAIL GET http://127.0.0.1:1"),
        (["ingest-duplicate-delivery"], {}, 1, "GATE_RESULT=FAIL the database is not available"),
        (["quality"], {}, 1, "QUALITY_CHECK_RESULT=FAIL the database is not available"),
        (
            ["ingest-release"],
            {"RUN_GATE_PROCESSING": "false", "RUN_GATE_DLQ_GROWTH": "no"},
            1,
            "RELEASE_GATE_RESULT=FAIL no gate is chosen",
        ),
        (["ingest-release"], {"RUN_GATE_DLQ_GROWTH": "no"}, 1, "FAILED_GATE=ingest-processing GET http://127.0.0.1:1"),
    ],
)
def test_what_cannot_be_measured_has_not_passed(
    tmp_path: Path, arguments: list[str], environ: dict[str, str], code: int, said: str
) -> None:
    nobody = {
        "CORE_API_BASE_URL": "http://127.0.0.1:1",
        "CORE_API_ADMIN_TOKEN": ADMIN,
        "OPS_DB_URL": "postgresql://nobody@127.0.0.1:1/none",
    }
    done = here("gate", *arguments, "--reports", str(tmp_path), **{**nobody, **environ})
    assert done.exit_code == code, done.stderr
    assert said in " ".join(done.stderr.split())


def test_a_report_that_cannot_be_written_has_not_passed(server: Server, tmp_path: Path) -> None:
    blocked = tmp_path / "file"
    blocked.write_text("")
    done = here("gate", "ingest-duplicate-delivery", "--reports", str(blocked), **server.environ)
    assert done.exit_code == 1
    assert "Give another folder with --reports." in done.stderr


def test_the_second_name_of_a_setting_counts_when_the_first_is_not_set() -> None:
    from bst_cli.gates import processing
    from bst_cli.gates.release import given_by_environment

    before = dict(os.environ)
    try:
        os.environ["GATE_MAX_P95_MS"] = "7"
        assert given_by_environment(processing.GATE)["max_p95_ms"] == 7
        os.environ["GATE_PROCESSING_MAX_P95_MS"] = "8"
        assert given_by_environment(processing.GATE)["max_p95_ms"] == 8
    finally:
        os.environ.clear()
        os.environ.update(before)


def test_a_burst_is_counted_by_its_answers(server: Server) -> None:
    small = {"LOAD_TOTAL_REQUESTS": "20", "LOAD_DUPLICATE_EVERY": "5"}
    done = server.gate("ingest", group="load", **small)
    assert done.exit_code == 0, done.stderr
    said = lines(done)
    assert done.stdout.splitlines()[0] == "progress=20/20"
    assert (said["LOAD_TEST_RESULT"], said["TOTAL_REQUESTS"], said["SUCCESS_202"]) == ("PASS", "20", "20")
    assert said["DUPLICATE_REQUESTS"] == said["IDEMPOTENT_REPLAY"] == "4"
    assert json.loads(Path(said["REPORT_JSON"]).read_text())["summary"]["statuses"] == {"202": 20}
    refused = server.gate("ingest", group="load", INGEST_SERVICE_SECRET="another-secret", **small)
    assert (refused.exit_code, lines(refused)["STATUS_4XX"], lines(refused)["SUCCESS_202"]) == (1, "20", "0")
    assert "FAILURE=LOAD_failure_rate: 1.000000 ratio of 20" in refused.stderr
    slow = server.gate("ingest", group="load", LOAD_MAX_P95_MS="1", **small)
    assert slow.exit_code == 1
    assert "FAILURE=LOAD_latency_p95_ms" in slow.stderr


def test_the_publish_workflow_as_a_command(server: Server) -> None:
    failed = server.gate("catalog-publish-workflow")
    assert failed.exit_code == 1
    assert lines(failed)["GATE_RESULT"] == "FAIL"
    assert "FAILED_CHECK=CP-04_publish detail=400 CATALOG_PUBLISH_EMPTY_PAYLOAD" in failed.stderr
    with httpx.Client(base_url=server.environ["CORE_API_BASE_URL"], trust_env=False) as api:
        headers = {"authorization": f"Bearer {ADMIN}", "x-admin-role": "ADMIN"}
        assert api.post("/v1/catalog/items", json={"slug": "ubud", "name": "Ubud"}, headers=headers).status_code == 201
        passed = server.gate("catalog-publish-workflow", GATE_CATALOG_PUBLISH_RUN_FAILED_SCENARIO="no")
        assert passed.exit_code == 0, passed.stderr
        assert [one["slug"] for one in api.get("/v1/catalog/items").json()["data"]["items"]] == ["ubud"]
    said = lines(passed)
    assert list(said) == ["GATE_RESULT", "GATE_REPORT_JSON", "GATE_REPORT_MD", "GATE_VERDICT"]
    report = json.loads(Path(said["GATE_REPORT_JSON"]).read_text())
    assert (report["gate"], report["result"]) == ("EP-010_CATALOG_PUBLISH_WORKFLOW", "PASS")
    assert Path(said["GATE_REPORT_JSON"]).parent == server.reports / "gates" / "catalog-publish-workflow"
    assert report["config"]["runFailedScenario"] is False
    assert report["summary"]["snapshotPath"]
