"""Commands that need no stack: wrong usage, wrong files, wrong settings, each said with its cure."""

import json
import subprocess
import sys
from pathlib import Path

import psycopg
import pytest

from bst_cli.doctor import cluster_version
from tests.cli.stack import bst, here


def test_help_names_every_command() -> None:
    shown = bst("--help")
    assert shown.returncode == 0
    names = "up demo api worker db events flags principals producers audit retention migrate gate drill load doctor simulate"
    for command in names.split():
        assert f"\n  {command} " in shown.stdout


@pytest.mark.parametrize(
    "arguments", [["nonsense"], ["up", "--port", "many"], ["events", "send"], ["demo", "--queue", "x"]]
)
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    assert here(*arguments).exit_code == 2


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("{", "line 2: not JSON"),
        ('{"body": {}}', "line 2: idempotencyKey or body is missing"),
        ("[]", "line 2: idempotency"),
    ],
)
def test_a_malformed_line_is_named(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text(json.dumps({"idempotencyKey": "k", "body": {}}) + "\n" + line + "\n")
    refused = here("events", "send", str(file), "--url", "http://127.0.0.1:1")
    assert refused.exit_code == 1
    assert said in refused.stderr


def test_without_an_api_sending_says_how_to_get_one(tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_text("")
    refused = here("events", "send", str(file), "--data-dir", str(tmp_path / "none"))
    assert refused.exit_code == 1
    assert "Start `bst up`, or give --url." in refused.stderr


def test_migrations_run_by_command(empty_postgres_dsn: str, tmp_path: Path) -> None:
    env = tmp_path / "env"
    env.write_text(f"# settings\nOPS_DB_URL={empty_postgres_dsn}\n")
    before = here("db", "status", "--json", "--env-file", str(env))
    assert json.loads(before.stdout)["current"] is None
    applied = bst("db", "upgrade", "--json", "--env-file", str(env))
    assert json.loads(applied.stdout)["applied"]
    after = json.loads(here("db", "status", "--json", "--env-file", str(env)).stdout)
    assert after["current"] == after["head"]
    assert after["pending"] == []
    assert "up to date" in here("db", "upgrade", "--env-file", str(env)).stdout


def test_a_database_that_is_not_there_is_a_sentence(tmp_path: Path) -> None:
    env = tmp_path / "env"
    env.write_text("OPS_DB_URL=postgresql://nobody@127.0.0.1:1/none\n")
    refused = bst("db", "status", "--env-file", str(env))
    assert refused.returncode == 1
    assert "Check OPS_DB_URL" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_the_doctor_finds_a_healthy_installation(postgres_dsn: str, redis_url: str, tmp_path: Path) -> None:
    env = tmp_path / "env"
    tokens = "".join(
        f"{name}=0123456789abcdef{name.lower()}\n"
        for name in ("CORE_API_ADMIN_TOKEN", "INGEST_SERVICE_TOKEN", "INGEST_SERVICE_SECRET")
    )
    flags = "INGEST_WEBHOOK_ENABLED=true\nINGEST_QUEUE_ENABLED=true\nBST_ENV=production\n"
    env.write_text(f"OPS_DB_URL={postgres_dsn}\nINGEST_REDIS_URL={redis_url}\n{tokens}{flags}")
    found = here("doctor", "--json", "--env-file", str(env))
    assert found.exit_code == 0, found.stdout
    by_name = {finding["name"]: finding for finding in json.loads(found.stdout)}
    assert by_name["database"]["detail"].startswith("PostgreSQL ")
    assert by_name["schema"]["ok"]
    assert by_name["queue"]["detail"].startswith("Redis ")
    assert by_name["looks at"]["detail"] == "the environment"
    assert not by_name["flags"]["ok"]  # of several the last: production is told what repairs and producers will need
    assert "INGEST_REPLAY_ENABLED=true" in by_name["flags"]["cure"]
    assert "BST_SECRETS_KEY is not set" in by_name["secrets"]["detail"]
    assert "openssl rand" in by_name["secrets"]["cure"]


def test_the_doctor_asks_the_nodes_of_a_cluster_until_one_answers(redis_url: str) -> None:
    node = redis_url.removeprefix("redis://").partition("/")[0]
    assert cluster_version(f"redis+cluster://{node}").endswith(", a cluster")
    assert "whose node 127.0.0.1:1: " in cluster_version(f"redis+cluster://127.0.0.1:1,{node}")
    with pytest.raises(OSError, match=r"127\.0\.0\.1:1: .*; 127\.0\.0\.1:2: "):
        cluster_version("redis+cluster://127.0.0.1:1,127.0.0.1:2")


def test_the_doctor_names_what_is_wrong_with_its_cure(tmp_path: Path) -> None:
    env = tmp_path / "env"
    env.write_text("BST_ENV=production\nINGEST_SERVICE_SECRET=dev-service-secret\nADMIN_AUTH_ENABLED=false\nPORT=abc\n")
    found = bst("doctor", "--env-file", str(env))
    assert found.returncode == 1
    for said in (
        "INGEST_SERVICE_SECRET is well known",
        "ADMIN_AUTH_ENABLED=false is refused",
        "PORT must be",
        "openssl rand",
    ):
        assert said in found.stdout


def test_simulate_tells_how_many_stories_kept_every_promise() -> None:
    told = bst("simulate", "--seeds", "3", "--json")
    assert told.returncode == 0
    report = json.loads(told.stdout)
    assert (report["stories"], report["brokenSeed"], report["violations"]) == (3, None, [])


def test_simulate_tells_the_first_broken_story(tmp_path: Path) -> None:
    script = tmp_path / "broken.py"
    script.write_text(
        "import bst_domain.booking._facts as facts\n"
        "facts._better = lambda ours, theirs: theirs\n"
        "from bst_cli.main import main\n"
        "main(['simulate', '--seeds', '200', '--whole-trace'])\n"
    )
    told = subprocess.run([sys.executable, str(script)], capture_output=True, text=True, check=False)
    assert told.returncode == 1
    assert "broke a promise:\n  WEB-" in told.stdout
    assert "again: bst simulate --first" in told.stdout
    assert "producer: sends CREATED DIRECT:WEB-" in told.stdout
    assert "Traceback" not in told.stderr


def test_retention_says_what_it_would_forget(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("insert into ingest_nonce (nonce, seen_at) values ('old', '2020-01-01'), ('new', now())")
    dry = here("retention", "run", "--dry-run", "--json", OPS_DB_URL=postgres_dsn)
    assert dry.exit_code == 0, dry.stderr
    assert json.loads(dry.stdout)["forgotten"] == {
        "nonce": 1,
        **dict.fromkeys(("dead letter", "unmapped entry", "event", "compared row", "dual write", "shadow tally"), 0),
    }
    told = bst("retention", "run", OPS_DB_URL=postgres_dsn)
    assert told.returncode == 0
    assert "1  nonce           forgotten, from before" in told.stdout
    with psycopg.connect(postgres_dsn) as connection:
        assert connection.execute("select nonce from ingest_nonce").fetchall() == [("new",)]
        [(actor,)] = connection.execute("select actor from audit_log where event_type = 'RETENTION_RUN'").fetchall()
    assert actor.startswith("bst ")


def test_retention_without_a_database_says_what_to_do(tmp_path: Path) -> None:
    refused = here("retention", "run", OPS_DB_URL="postgresql://nobody@127.0.0.1:1/none")
    assert refused.exit_code == 1
    assert "the database is not available" in refused.stderr
    unset = here("retention", "run", "--data-dir", str(tmp_path))
    assert (unset.exit_code, f"no bst up runs on {tmp_path}" in unset.stderr) == (1, True)
