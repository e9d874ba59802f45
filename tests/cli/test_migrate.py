"""``bst migrate`` as an operator runs it, against real databases."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner, Result

from bst_cli.installation import chosen
from bst_cli.main import main
from bst_domain.migration import GATES_OF, LegacySystem
from tests.cli.stack import FOREIGN, a_stack, bst
from tests.legacy.test_moving import assert_the_truth
from tests.legacy.world import World, a_world
from tests.servers import PostgresAddress

AS_OF = "2026-03-01T00:00:00+08:00"


@pytest.fixture
def world(postgres_server: PostgresAddress, tmp_path: Path) -> Iterator[World]:
    with a_world(postgres_server, tmp_path, seed=31, bookings=120, mess=0.6) as made:
        yield made


def here(*arguments: str, **environ: str) -> Result:
    """A command in this process: it is the same, and starts at once."""
    return CliRunner().invoke(main, arguments, env=environ)


def environ(world: World, dsn: str) -> dict[str, Any]:
    return {
        "OPS_DB_URL": dsn,
        "BALISNAP_DB_URL": world.urls[LegacySystem.SHOP],
        "BSTADMIN_DB_URL": world.urls[LegacySystem.ADMIN],
    }


def test_an_operator_moves_in_batch_by_batch(world: World, empty_postgres_dsn: str, tmp_path: Path) -> None:
    """Gates are run after each batch; what of this messy data does not pass is overridden, with a name and a reason."""
    given = environ(world, empty_postgres_dsn)
    shut: list[str] = []
    for batch in "ABCDE":
        checked = here("migrate", "precheck", "--batch", batch, **given)
        assert checked.exit_code == (1 if shut else 0), checked.stdout + checked.stderr
        if batch != "A":
            planned = here("migrate", "run", "--batch", batch, "--as-of", AS_OF, "--dry-run", "--json", **given)
            assert planned.exit_code == 0, planned.stderr
            assert json.loads(planned.stdout)["written"] == 0
        override = ("--override", "--actor", "ana", "--reason", "known") if shut else ()
        done = bst("migrate", "run", "--batch", batch, "--as-of", AS_OF, "--json", *override, **given)
        assert done.returncode == 0, done.stderr
        after = here("migrate", "postcheck", "--batch", batch, **given)
        assert after.exit_code == 0, after.stdout + after.stderr
        shut = [] if batch == "E" else [gate for gate in GATES_OF[batch] if not passes(gate, tmp_path, given)]
        assert shut == (["catalog-bridge"] if batch == "C" else [])
    assert_the_truth(world, empty_postgres_dsn)
    with psycopg.connect(empty_postgres_dsn) as connection:
        runs = connection.execute(
            "select distinct batch_code, run_status, override->>'actor' from migration_run_log order by batch_code"
        ).fetchall()
        checksums = connection.execute(
            "select count(*) from migration_run_log where length(script_checksum) <> 64"
        ).fetchone()
    assert runs == [(batch, "SUCCEEDED", "ana" if batch == "D" else None) for batch in "ABCDE"]
    assert checksums == (0,)


def passes(gate: str, reports: Path, given: dict[str, Any]) -> bool:
    done = here("gate", gate, "--reports", str(reports), **given)
    assert "not recorded" not in done.stderr
    return done.exit_code == 0


def test_a_batch_is_held_until_the_gates_of_the_one_before_have_passed(postgres_dsn: str, tmp_path: Path) -> None:
    given = {"OPS_DB_URL": postgres_dsn}
    refused = here("migrate", "run", "--batch", "B", **given)
    assert refused.exit_code == 1
    assert (
        "batch B is held; nothing was written\n  schema: has not judged batch A yet\n    bst gate schema\n"
        in refused.stderr
    )
    assert "--override --actor NAME --reason WHY" in refused.stderr
    checked = here("migrate", "precheck", "--batch", "B", **given)
    assert checked.exit_code == 1
    assert "✗ schema             has not judged batch A yet\n                     bst gate schema\n" in checked.stdout
    planned = here("migrate", "run", "--batch", "B", "--dry-run", **given)
    assert planned.exit_code == 0, planned.stderr
    assert passes("schema", tmp_path, given)
    done = here("migrate", "run", "--batch", "B", "--override", "--actor", "ana", "--reason", "in a hurry", **given)
    assert done.exit_code == 0, done.stderr
    assert "nothing holds batch B" in done.stderr
    assert done.stdout.endswith("next: bst migrate postcheck --batch B\nnext: bst gate reference-data\n")
    with psycopg.connect(postgres_dsn) as connection:
        assert connection.execute("select count(*) from audit_log").fetchone() == (0,)


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--override",), "--override needs --actor and --reason"),
        (("--override", "--actor", "ana", "--reason", " "), "--override needs --actor and --reason"),
        (("--reason", "known"), "--reason only together with --override"),
    ],
)
def test_an_override_is_somebody_s_for_a_reason(options: tuple[str, ...], said: str) -> None:
    refused = here("migrate", "run", "--batch", "D", *options)
    assert refused.exit_code == 2
    assert said in refused.output


def test_a_batch_waits_for_the_one_before(world: World, postgres_dsn: str) -> None:
    refused = here("migrate", "run", "--batch", "D", **environ(world, postgres_dsn))
    assert refused.exit_code == 1
    assert "batch C has not succeeded" in refused.stderr
    assert "bst migrate run --batch C" in refused.stderr


def test_a_forgotten_setting_reads_no_other_database(postgres_dsn: str) -> None:
    refused = here("migrate", "precheck", "--batch", "C", OPS_DB_URL=postgres_dsn)
    assert refused.exit_code == 1
    assert "BALISNAP_DB_URL and BSTADMIN_DB_URL not set" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_source_that_cannot_be_read_is_told_with_its_cure(world: World, postgres_dsn: str) -> None:
    given = {**environ(world, postgres_dsn), "BSTADMIN_DB_URL": "postgresql://127.0.0.1:1/nothing"}
    refused = here("migrate", "precheck", "--batch", "C", **given)
    assert refused.exit_code == 1
    assert "cannot open bstadmin (BSTADMIN_DB_URL)" in refused.stdout
    assert "Traceback" not in refused.stderr


def test_the_plan_names_every_batch() -> None:
    planned = json.loads(bst("migrate", "plan", "--json").stdout)
    assert [batch["batch"] for batch in planned][:6] == list("ABCDEF")
    assert [batch["gates"] for batch in planned][:5] == [list(GATES_OF[batch]) for batch in "ABCDE"]


def test_an_instant_without_a_zone_is_wrong_usage(postgres_dsn: str) -> None:
    assert bst("migrate", "run", "--batch", "C", "--as-of", "2026-03-01", OPS_DB_URL=postgres_dsn).returncode == 2


def told(*arguments: str, **environ: Any) -> Result:
    """A command in this process: many of them would spend most of their time on beginning."""
    return CliRunner().invoke(main, arguments, env={**dict.fromkeys(FOREIGN), **environ})


def test_the_plan_says_how_each_batch_stands_and_a_precheck_what_readers_know(world: World, postgres_dsn: str) -> None:
    given = environ(world, postgres_dsn)
    first = {batch["batch"]: batch for batch in json.loads(told("migrate", "plan", "--json", **given).stdout)}
    assert (first["A"]["state"], first["B"]["state"]) == ("DONE", "NOT_RUN")
    assert first["B"]["next"] == "bst migrate precheck --batch B"
    assert first["D"]["heldBy"] == "batch C is not run"
    assert told("migrate", "run", "--batch", "B", **given).exit_code == 0
    checked = told("migrate", "precheck", "--batch", "C", "--json", **given)
    said = json.loads(checked.stdout)
    assert (said["batchCode"], said["mode"], said["result"]) == ("C", "precheck", "PASS")
    assert said["precheck"]["longTxnCount"] == said["precheck"]["blockingPairCount"] == 0
    assert said["precheck"]["storageStatus"] == "OK"
    assert 0 < said["precheck"]["freePercent"] <= 100
    full = {"PRECHECK_DISK_TOTAL_BYTES": "1000000000", "PRECHECK_DISK_USED_BYTES": "710000000"}
    refused = told("migrate", "run", "--batch", "C", **given, **full)
    assert refused.exit_code == 1
    assert "disk space: 29.0% free" in refused.stderr
    early = told("migrate", "precheck", "--batch", "C", **given, OPS_READ_NEW_MODEL_ENABLED="true")
    assert early.exit_code == 1
    assert "OPS_READ_NEW_MODEL_ENABLED is on before batch G is done" in early.stdout
    done = json.loads(told("migrate", "run", "--batch", "C", "--json", **given).stdout)
    assert done["told"] == ["catalog version 1 is published"]
    assert [entry["status"] for entry in done["scripts"]] == ["PASS"]
    planned = told("migrate", "plan", **given).stdout
    assert "C  catalog bridge               done" in planned
    back = told("migrate", "rollback", "--batch", "C", "--reason", "the test", "--json", **given)
    assert back.exit_code == 0, back.stderr
    assert json.loads(back.stdout)["removed"] > 0
    third = {batch["batch"]: batch for batch in json.loads(told("migrate", "plan", "--json", **given).stdout)}
    assert (third["C"]["state"], third["C"]["next"]) == ("ROLLED_BACK", "bst migrate precheck --batch C")
    refused = told("migrate", "run", "--batch", "D", **given)
    assert "batch C has not succeeded" in refused.stderr


def test_a_rollback_needs_a_reason(postgres_dsn: str) -> None:
    assert told("migrate", "rollback", "--batch", "E", OPS_DB_URL=postgres_dsn).exit_code == 2


_DONE = """
insert into migration_run_log (run_key, batch_code, script_name, script_checksum, run_status, started_at, ended_at)
select gen_random_uuid(), batch, 'bst migrate ' || batch, '0', 'SUCCEEDED', now(), now()
from unnest(array['B', 'C', 'D', 'E']) batch
"""


@pytest.mark.slow  # a whole bst up
def test_live_events_are_let_in_when_everything_is_ready_and_shut_out_again() -> None:
    with a_stack(queue="postgres") as stack:
        stack.start()
        here = ("--data-dir", str(stack.folder))
        dsn = chosen(stack.folder).settings().ops_db_url
        assert dsn is not None
        with psycopg.connect(dsn) as connection:
            connection.execute(_DONE.encode())
        checked = json.loads(told("migrate", "precheck", "--batch", "F", "--json", *here).stdout)
        assert [check for check in checked["checks"] if not check["passed"]] == []
        assert {"worker", "producers", "clocks", "queue", "dead letters"} <= {c["name"] for c in checked["checks"]}
        ran = told("migrate", "run", "--batch", "F", *here)
        assert ran.exit_code == 0, ran.stderr
        flags = {flag["name"]: flag for flag in json.loads(told("flags", "list", "--json", *here).stdout)}
        turned = flags["INGEST_WEBHOOK_ENABLED"]
        assert (turned["value"], turned["overridden"], turned["reason"]) == (
            "true",
            True,
            "batch F lets live events in",
        )
        after = told("migrate", "postcheck", "--batch", "F", "--reports", str(stack.folder / "none"), *here)
        assert after.exit_code == 1
        assert "never asked" in after.stdout
        assert "bst gate ingest-processing" in after.stdout
        back = told("migrate", "rollback", "--batch", "F", "--reason", "the drill", *here)
        assert back.exit_code == 0, back.stderr
        flags = {flag["name"]: flag for flag in json.loads(told("flags", "list", "--json", *here).stdout)}
        for name in ("INGEST_WEBHOOK_ENABLED", "INGEST_QUEUE_ENABLED", "INGEST_REPLAY_ENABLED"):
            assert (flags[name]["value"], flags[name]["reason"]) == ("false", "the drill")


def test_nothing_is_let_in_where_nothing_is_ready(postgres_dsn: str, tmp_path: Path) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute(_DONE.encode())
    refused = told("migrate", "precheck", "--batch", "F", "--data-dir", str(tmp_path), OPS_DB_URL=postgres_dsn)
    assert refused.exit_code == 1
    for problem in ("✗ producers", "✗ worker", "✗ api"):
        assert problem in refused.stdout
    assert "Start one: bst worker" in refused.stdout
