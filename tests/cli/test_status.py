"""``bst status`` on the pages of a real API, and as a command; long commands and their line in the log."""

import json
from pathlib import Path

from bst_cli.status import Answer, answers
from bst_telemetry.page import read_page
from bst_testing.deliveries import body, paid
from tests.api.harness import Api, running
from tests.cli.stack import bst, here


async def asked(api: Api) -> dict[str, Answer]:
    page = read_page((await api.http.get("/metrics")).text)
    found = list(answers("http://core-api", page))
    return {answer.says.split()[0] if answer.question == "flag" else answer.question: answer for answer in found}


async def test_all_is_well_when_nothing_waits(postgres_dsn: str, redis_url: str) -> None:
    async with running(postgres_dsn, redis_url, INGEST_REPLAY_ENABLED="true") as api:
        await api.accept(body())
        found = await asked(api)
    assert [answer for answer in found.values() if not answer.well] == []
    assert (found["due"].says, found["retries"].says, found["dead letters"].says) == ("nothing", "none", "none")


async def test_what_waits_too_long_and_what_failed_need_a_person(postgres_dsn: str, redis_url: str) -> None:
    async with running(postgres_dsn, redis_url) as api:
        await api.accept(body("UPDATED", ref="WEB-9", raw=paid("P-9", "SOMEHOW")))
        await api.post(body())
        await api.do(
            "update ingest_event_log set request_received_at = now() - interval '3 hours' where process_status = 'RECEIVED'"
        )
        found = await asked(api)
    assert not found["due"].well
    assert found["due"].says == "1 event, the oldest for 3 h 0 min"
    assert not found["dead letters"].well
    assert found["dead letters"].says == "1 SCHEMA_MISMATCH"
    assert not found["INGEST_REPLAY_ENABLED"].well
    assert "bst flags set INGEST_REPLAY_ENABLED true" in str(found["INGEST_REPLAY_ENABLED"].cure)


async def test_what_is_down_is_said(postgres_dsn: str) -> None:
    async with running("postgresql://nobody@127.0.0.1:1/none", "redis://127.0.0.1:1/0") as api:
        found = await asked(api)
    assert not found["database"].well
    assert not found["queue"].well
    assert "due" not in found


def test_an_api_that_does_not_answer_is_a_sentence(tmp_path: Path) -> None:
    told = bst("status", "--url", "http://127.0.0.1:1", "--data-dir", str(tmp_path))
    assert told.returncode == 1
    assert "http://127.0.0.1:1 does not answer" in told.stderr
    alone = here("status", "--data-dir", str(tmp_path))
    assert alone.exit_code == 1
    assert "no API to ask" in alone.stderr


def test_a_long_command_leaves_a_line_where_lines_are_wanted(postgres_dsn: str) -> None:
    told = bst("retention", "run", OPS_DB_URL=postgres_dsn, BST_LOG_FORMAT="json")
    assert told.returncode == 0
    [line] = [json.loads(line) for line in told.stderr.splitlines()]
    assert (line["level"], line["command"], line["outcome"]) == ("INFO", "retention run", "DONE")
    failed = bst("retention", "run", OPS_DB_URL="postgresql://nobody@127.0.0.1:1/none", BST_LOG_FORMAT="json")
    assert failed.returncode == 1
    line = json.loads(failed.stderr.splitlines()[0])
    assert (line["level"], line["outcome"]) == ("ERROR", "FAILED")
    quiet = here("retention", "run", OPS_DB_URL=postgres_dsn)
    assert quiet.stderr == ""
    wrong = here("retention", "run", OPS_DB_URL=postgres_dsn, BST_LOG_FORMAT="xml")
    assert wrong.exit_code == 1
    assert "BST_LOG_FORMAT must be one of json, text" in wrong.stderr
