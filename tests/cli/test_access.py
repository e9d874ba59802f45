"""Who may do what, by command; and that no process starts with what is unsafe in production."""

import base64
import json
import os
from pathlib import Path
from typing import Any

import psycopg
import pytest

from tests.cli.stack import bst, here

KEY = base64.urlsafe_b64encode(os.urandom(32)).decode()

UNSAFE = {
    "BST_ENV": "production",
    "OPS_DB_URL": "postgresql://bst:postgres@127.0.0.1:1/ops",
    "ADMIN_AUTH_ENABLED": "false",
    "CORE_API_ADMIN_TOKEN": "dev-admin-token",
    "INGEST_SERVICE_TOKEN": "short",
}


@pytest.mark.parametrize("process", ["api", "worker"])
def test_a_process_refuses_unsafe_production_and_says_everything_at_once(process: str) -> None:
    refused = bst(process, within_s=60, **UNSAFE)
    assert refused.returncode == 2
    for name in (*UNSAFE, "INGEST_SERVICE_SECRET"):
        assert name in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.parametrize(
    "command", ["db upgrade", "db status", "retention run", "principals list", "producers list", "doctor"]
)
def test_a_command_refuses_unsafe_production_and_says_everything_at_once(command: str) -> None:
    refused = here(*command.split(), **UNSAFE)
    assert refused.exit_code == 1
    for name in (*UNSAFE, "INGEST_SERVICE_SECRET"):
        assert name in refused.output


def data(*arguments: str, dsn: str) -> Any:
    done = here(*arguments, "--json", OPS_DB_URL=dsn, BST_SECRETS_KEY=KEY)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_principals_by_command(postgres_dsn: str) -> None:
    made = data("principals", "add", "ayu", "--role", "manager", "--reason", "new here", dsn=postgres_dsn)
    assert made["token"].startswith("bst_principal_")
    assert (made["name"], made["role"]) == ("ayu", "MANAGER")
    more = data("principals", "token", "ayu", dsn=postgres_dsn)
    assert [token["endedAt"] for token in more["tokens"]] == [None, None]
    data("principals", "revoke", "ayu", made["tokens"][0]["id"], "--reason", "lost", dsn=postgres_dsn)
    listed = here("principals", "list", OPS_DB_URL=postgres_dsn)
    assert listed.stdout.startswith("ayu  MANAGER\n    token ")
    assert "  ended 20" in listed.stdout
    assert "  live, made by bst " in listed.stdout
    assert made["token"] not in listed.stdout
    assert data("principals", "disable", "ayu", dsn=postgres_dsn)["disabledAt"] is not None
    shut = here("principals", "list", OPS_DB_URL=postgres_dsn).stdout
    assert ("  disabled, made by bst " in shut, "  live" in shut) == (True, False)
    again = here("principals", "token", "ayu", OPS_DB_URL=postgres_dsn)
    assert (again.exit_code, "there is no principal ayu, or it is disabled" in again.stderr) == (1, True)
    with psycopg.connect(postgres_dsn) as connection:
        trail = connection.execute("select event_type, actor, metadata->>'reason' from audit_log order by audit_id")
        rows = trail.fetchall()
    assert [(kind, reason) for kind, _, reason in rows] == [
        ("PRINCIPAL_ADDED", "new here"),
        ("PRINCIPAL_TOKEN_ADDED", "unspecified"),
        ("PRINCIPAL_TOKEN_REVOKED", "lost"),
        ("PRINCIPAL_DISABLED", "unspecified"),
    ]
    assert all(actor.startswith("bst ") for _, actor, _ in rows)


def test_producers_by_command(postgres_dsn: str) -> None:
    made = data("producers", "add", "gyg", "--source", "gyg", "--source", "VIATOR", dsn=postgres_dsn)
    assert (made["sources"], made["secrets"][0]["readable"]) == (["GYG", "VIATOR"], True)
    assert made["token"].startswith("bst_producer_")
    assert made["secret"].startswith("bst_secret_")
    rotated = data("producers", "rotate", "gyg", "--token", dsn=postgres_dsn)
    assert (len(rotated["tokens"]), len(rotated["secrets"])) == (2, 2)
    data("producers", "retire", "gyg", made["secrets"][0]["id"], dsn=postgres_dsn)
    last = here("producers", "retire", "gyg", rotated["secrets"][1]["id"], OPS_DB_URL=postgres_dsn, BST_SECRETS_KEY=KEY)
    assert (last.exit_code, "Make a new one first" in last.stderr) == (1, True)
    assert data("producers", "sources", "gyg", "--source", "GYG", dsn=postgres_dsn)["sources"] == ["GYG"]
    assert data("producers", "encrypt-again", dsn=postgres_dsn) == {"encrypted": 2}
    listed = here("producers", "list", OPS_DB_URL=postgres_dsn)
    assert "(environment)  every source" in listed.stdout
    assert "BST_SECRETS_KEY does not open it" in listed.stdout  # this one was given none
    keyless = here("producers", "add", "viator", "--source", "VIATOR", OPS_DB_URL=postgres_dsn)
    assert keyless.exit_code == 1
    assert "BST_SECRETS_KEY is not set" in keyless.stderr
    assert "openssl rand -base64 32" in keyless.stderr
    doctor = here("doctor", OPS_DB_URL=postgres_dsn)
    assert "secrets of gyg cannot be opened" in doctor.stdout
    assert data("producers", "disable", "gyg", dsn=postgres_dsn)["disabledAt"] is not None
    shut = here("producers", "list", OPS_DB_URL=postgres_dsn).stdout
    assert ("  disabled, made by bst " in shut, "  live" in shut) == (True, False)


def test_access_without_a_database_says_what_to_do(tmp_path: Path) -> None:
    nowhere = here("principals", "list", "--data-dir", str(tmp_path / "none"))
    assert (nowhere.exit_code, "Set OPS_DB_URL and BST_SECRETS_KEY" in nowhere.stderr) == (1, True)
    down = here("producers", "list", OPS_DB_URL="postgresql://nobody@127.0.0.1:1/none")
    assert (down.exit_code, "Check OPS_DB_URL" in down.stderr) == (1, True)
    bad = here("producers", "add", "x", "--source", "AIRBNB")
    assert bad.exit_code == 2
