"""``bst recon`` as an operator runs it, against real databases and a real API."""

import asyncio
import csv
import json
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cli.stack import bst, here
from tests.cli.test_gate_commands import Server, server
from tests.cli.test_migrate import AS_OF, environ
from tests.legacy.moving import move_all
from tests.legacy.world import World, a_world
from tests.servers import PostgresAddress

__all__ = ["server"]  # a fixture

SPOILED = "<script>alert('x')</script> & \"quotes\""


@pytest.fixture
def world(postgres_server: PostgresAddress, tmp_path: Path) -> Iterator[World]:
    with a_world(postgres_server, tmp_path / "world", seed=81, bookings=260, mess=0.8) as made:
        yield made


class Page(HTMLParser):
    """What a page is made of, and whether every element is closed."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.links += [value or "" for name, value in attrs if name in {"src", "href"}]
        if tag not in {"meta", "br"}:
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_an_operator_compares_batch_by_batch(world: World, postgres_dsn: str, tmp_path: Path) -> None:
    asyncio.run(move_all(world, postgres_dsn))
    given, reports = environ(world, postgres_dsn), tmp_path / "reports"

    def compared(batch: str, *more: str) -> Any:
        return here("recon", "run", "--batch", batch, "--as-of", AS_OF, "--out", str(reports), *more, **given)

    for batch in "CE":
        done = compared(batch)
        assert done.exit_code == 0, done.stdout + done.stderr
        said = dict(line.split("=", 1) for line in done.stdout.splitlines() if line.startswith("RECON_"))
        assert said["RECON_RESULT"] == "PASS"
        path = Path(said["RECON_REPORT_JSON"])
        assert path.parent.parent == reports / "recon" / batch
        written = json.loads(path.read_text())
        assert (written["result"], written["batchCode"], written["differences"]) == ("PASS", batch, [])
        page = Page(Path(said["RECON_REPORT_HTML"]).read_text())
        assert page.open == []
        assert "all agrees" in page.text
        assert "PASS" in Path(said["RECON_REPORT_MD"]).read_text()
    assert "svg" in page.tags
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("update booking_core set note = %s", (SPOILED,))
    failed = compared("D", "--json")
    assert failed.exit_code == 1
    assert "FAILED_CHECK=field_differs rows=" in failed.stderr
    found = json.loads(failed.stdout)
    assert found["result"] == "FAIL"
    assert {one["field"] for one in found["differences"]} == {"note"}
    assert {one["found"] for one in found["differences"]} == {SPOILED}
    [folder] = [at for at in (reports / "recon" / "D").iterdir() if "FAIL" in (at / "report.json").read_text()]
    page = Page((folder / "index.html").read_text())
    assert not {"script", "link", "img", "iframe"} & set(page.tags)
    assert set(page.links) <= {"differences.csv", "exceptions.csv"}
    assert SPOILED in page.text
    assert f"The first 200 of {len(found['differences']):,}" in page.text
    with (folder / "differences.csv").open(newline="") as lines:
        listed = list(csv.DictReader(lines))
    assert len(listed) == len(found["differences"])
    with (folder / "exceptions.csv").open(newline="") as lines:
        names = {(row["exception"], row["row"]) for row in csv.DictReader(lines)}
    expected = {
        (said["exception"], f"{said['source_system']}:{said['source_table']}:{said['source_pk']}")
        for said in world.truth("exceptions")
    }
    assert names
    assert names <= expected


def test_a_comparison_without_sources_says_what_is_missing(postgres_dsn: str, tmp_path: Path) -> None:
    refused = bst("recon", "run", "--batch", "D", "--out", str(tmp_path), OPS_DB_URL=postgres_dsn)
    assert refused.returncode == 1
    assert "BALISNAP_DB_URL and BSTADMIN_DB_URL not set" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_daily_report_says_what_the_api_says(server: Server) -> None:
    failing = server.gate("daily", group="recon")
    said = dict(line.split("=", 1) for line in failing.stdout.splitlines())
    # No catalog has moved in yet, which is one of the checks.
    assert (failing.exit_code, said["RECON_REPORT_RESULT"]) == (1, "FAIL")
    assert said["RECON_FAILED_CHECKS"] == "unmapped_ratio_percent"
    assert "FAILED_CHECK=unmapped_ratio_percent " in failing.stderr
    written = json.loads(Path(said["RECON_REPORT_JSON"]).read_text())
    assert Path(said["RECON_REPORT_JSON"]).parent == server.reports / "recon" / "daily"
    assert list(written) == [
        *("startedAt", "endedAt", "result", "baseUrl", "endpointPath", "config", "failedChecks", "snapshot")
    ]
    assert written["endpointPath"] == "/v1/metrics/reconciliation"
    assert written["config"] == {"failOnChecks": True, "requestTimeoutMs": 10000}
    assert {"metrics", "checks", "domains", "thresholds"} <= written["snapshot"].keys()
    assert "FAIL" in Path(said["RECON_REPORT_MD"]).read_text()
    tolerant = server.gate("daily", group="recon", RECON_REPORT_FAIL_ON_CHECKS="false")
    assert tolerant.exit_code == 0
    assert "RECON_REPORT_RESULT=FAIL" in tolerant.stdout
    assert server.gate("daily", group="recon", RECON_REPORT_REQUEST_TIMEOUT_MS="999").exit_code == 2
    unheard = server.gate("daily", "--url", "http://127.0.0.1:1", group="recon")
    assert unheard.exit_code == 1
    assert unheard.stderr.startswith(
        "RECON_REPORT_RESULT=FAIL GET http://127.0.0.1:1/v1/metrics/reconciliation got no answer"
    )
