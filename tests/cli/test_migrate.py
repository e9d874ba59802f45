"""``bst migrate`` as an operator runs it, against real databases."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bst_cli.installation import chosen
from bst_domain.gates import GATES_OF
from bst_domain.migration import LegacySystem
from tests.cli.stack import a_stack, bst, here
from tests.legacy.test_moving import assert_the_truth
from tests.legacy.world import World, a_world
from tests.servers import PostgresAddress

AS_OF = "2026-03-01T00:00:00+08:00"


@pytest.fixture(autouse=True)
def reports_go_elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def world(postgres_server: PostgresAddress, tmp_path: Path) -> Iterator[World]:
    with a_world(postgres_server, tmp_path, seed=31, bookings=120, mess=0.6) as made:
        yield made


def environ(world: World, dsn: str) -> dict[str, Any]:
    return {
        "OPS_DB_URL": dsn,
        "BALISNAP_DB_URL": world.urls[LegacySystem.SHOP],
        "BSTADMIN_DB_URL": world.urls[LegacySystem.ADMIN],
    }


def test_an_operator_moves_in_batch_by_batch(world: World, empty_postgres_dsn: str, tmp_path: Path) -> None:
    """Each run measures the gates of the batch before; what of this messy data does not pass is overridden by somebody."""
    given, reports = environ(world, empty_postgres_dsn), ("--reports", str(tmp_path))
    for batch in "ABCDE":
        checked = here("migrate", "precheck", "--batch", batch, *reports, **given)
        shut = re.findall(r"gate ([a-z-]+): (?:FAIL|HOLD)", checked.stderr)
        assert shut == (["catalog-bridge"] if batch == "D" else [])
        assert checked.exit_code == (1 if shut else 0), checked.stdout + checked.stderr
        if batch != "A":
            planned = here("migrate", "run", "--batch", batch, "--as-of", AS_OF, "--dry-run", "--json", **given)
            assert planned.exit_code == 0, planned.stderr
            assert json.loads(planned.stdout)["written"] == 0
        override = ("--override", "--actor", "ana", "--reason", "known") if shut else ()
        done = bst("migrate", "run", "--batch", batch, "--as-of", AS_OF, "--json", *override, *reports, **given)
        assert done.returncode == 0, done.stderr
        after = here("migrate", "postcheck", "--batch", batch, **given)
        assert after.exit_code == 0, after.stdout + after.stderr
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
    with psycopg.connect(empty_postgres_dsn) as connection:
        forgotten = connection.execute(
            "delete from channel_external_refs where external_ref_kind = 'BSTADMIN_BOOKING_ID' returning external_ref"
        ).fetchall()
    after = here("migrate", "postcheck", "--batch", "D", **given)
    assert after.exit_code == 1
    assert f"{len(forgotten):,} lost: bstadmin:bookings:" in after.stdout
    assert "where rows are missing, run bst migrate run --batch D again" in after.stderr


def test_a_run_measures_the_gates_of_the_batch_before_and_is_held_by_those_that_do_not_pass(
    postgres_dsn: str, tmp_path: Path
) -> None:
    given, reports = {"OPS_DB_URL": postgres_dsn}, ("--reports", str(tmp_path))
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("alter index ux_booking_core_channel_external_ref rename to somebody_s")
    refused = here("migrate", "run", "--batch", "B", *reports, **given)
    assert refused.exit_code == 1
    assert "gate schema: FAIL, " in refused.stderr
    assert "batch B is held; nothing was written\n  schema: FAIL: A-02" in refused.stderr
    assert "--override --actor NAME --reason WHY" in refused.stderr
    checked = here("migrate", "precheck", "--batch", "B", *reports, **given)
    assert checked.exit_code == 1
    assert "✗ schema             FAIL: A-02" in checked.stdout
    dry = here("migrate", "run", "--batch", "B", "--dry-run", *reports, **given)
    assert dry.exit_code == 0, dry.stderr
    who = ("--override", "--actor", "ana", "--reason", "in a hurry")
    overridden = here("migrate", "run", "--batch", "B", *who, *reports, **given)
    assert overridden.exit_code == 0, overridden.stderr
    with psycopg.connect(postgres_dsn) as connection:
        audited = connection.execute("select event_type, actor from audit_log").fetchall()
        connection.execute("alter index somebody_s rename to ux_booking_core_channel_external_ref")
    assert audited == [("MIGRATION_HOLD_OVERRIDDEN", "ana")]
    done = here("migrate", "run", "--batch", "B", *who, *reports, **given)
    assert done.exit_code == 0, done.stderr
    assert "gate schema: PASS" in done.stderr
    assert "nothing holds batch B" in done.stderr
    assert done.stdout.endswith("next: bst migrate postcheck --batch B\nnext: bst gate reference-data\n")


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


def test_a_source_that_cannot_be_read_is_told_with_its_cure(world: World, postgres_dsn: str) -> None:
    given = {**environ(world, postgres_dsn), "BSTADMIN_DB_URL": "postgresql://127.0.0.1:1/nothing"}
    refused = here("migrate", "precheck", "--batch", "C", **given)
    assert refused.exit_code == 1
    assert "cannot open bstadmin (BSTADMIN_DB_URL)" in refused.stdout


def test_the_plan_names_every_batch() -> None:
    planned = json.loads(bst("migrate", "plan", "--json").stdout)
    assert [batch["batch"] for batch in planned] == list("ABCDEFGH")
    assert [batch["gates"] for batch in planned][:5] == [list(GATES_OF[batch]) for batch in "ABCDE"]


def test_an_instant_without_a_zone_is_wrong_usage(postgres_dsn: str) -> None:
    assert here("migrate", "run", "--batch", "C", "--as-of", "2026-03-01", OPS_DB_URL=postgres_dsn).exit_code == 2


#: What the gates say has its own tests.
_OVERRIDE = ("--override", "--actor", "ayu", "--reason", "the test")


def test_the_plan_says_how_each_batch_stands_and_a_precheck_what_readers_know(world: World, postgres_dsn: str) -> None:
    given = environ(world, postgres_dsn)
    first = {batch["batch"]: batch for batch in json.loads(here("migrate", "plan", "--json", **given).stdout)}
    assert (first["A"]["state"], first["B"]["state"]) == ("DONE", "NOT_RUN")
    assert first["B"]["next"].startswith("bst ")
    assert first["D"]["heldBy"] == "batch C is not run"
    assert here("migrate", "run", "--batch", "B", *_OVERRIDE, **given).exit_code == 0
    checked = here("migrate", "precheck", "--batch", "C", "--json", **given)
    said = json.loads(checked.stdout)
    assert (said["batchCode"], said["mode"]) == ("C", "precheck")
    assert said["precheck"]["longTxnCount"] == said["precheck"]["blockingPairCount"] == 0
    assert said["precheck"]["storageStatus"] == "OK"
    assert 0 < said["precheck"]["freePercent"] <= 100
    full = {"PRECHECK_DISK_TOTAL_BYTES": "1000000000", "PRECHECK_DISK_USED_BYTES": "710000000"}
    refused = here("migrate", "run", "--batch", "C", **given, **full)
    assert refused.exit_code == 1
    assert "disk space: 29.0% free" in refused.stderr
    early = here("migrate", "precheck", "--batch", "C", **given, OPS_READ_NEW_MODEL_ENABLED="true")
    assert early.exit_code == 1
    assert "OPS_READ_NEW_MODEL_ENABLED is on before batch G is done" in early.stdout
    done = json.loads(here("migrate", "run", "--batch", "C", "--json", *_OVERRIDE, **given).stdout)
    assert done["told"] == ["catalog version 1 is published"]
    assert [entry["status"] for entry in done["scripts"]] == ["PASS"]
    planned = here("migrate", "plan", **given).stdout
    assert "C  catalog bridge               done" in planned
    back = here("migrate", "rollback", "--batch", "C", "--reason", "the test", "--json", **given)
    assert back.exit_code == 0, back.stderr
    assert json.loads(back.stdout)["removed"] > 0
    third = {batch["batch"]: batch for batch in json.loads(here("migrate", "plan", "--json", **given).stdout)}
    assert third["C"]["state"] == "ROLLED_BACK"
    refused = here("migrate", "run", "--batch", "D", **given)
    assert "batch C has not succeeded" in refused.stderr


def test_a_rollback_needs_a_reason(postgres_dsn: str) -> None:
    assert here("migrate", "rollback", "--batch", "E", OPS_DB_URL=postgres_dsn).exit_code == 2


_DONE = """
insert into migration_run_log (run_key, batch_code, script_name, script_checksum, run_status, started_at, ended_at)
select gen_random_uuid(), batch, 'bst migrate ' || batch, '0', 'SUCCEEDED', now(), now()
from unnest(array['B', 'C', 'D', 'E']) batch
"""


@pytest.mark.slow  # a whole bst up
def test_live_events_are_let_in_when_everything_is_ready_and_shut_out_again() -> None:
    with a_stack(queue="postgres") as stack:
        stack.start()
        folder = ("--data-dir", str(stack.folder))
        dsn = chosen(stack.folder).settings().ops_db_url
        assert dsn is not None
        with psycopg.connect(dsn) as connection:
            connection.execute(_DONE.encode())
        checked = json.loads(here("migrate", "precheck", "--batch", "F", "--json", *folder).stdout)
        ours = {"worker", "producers", "clocks", "queue", "dead letters", "database", "disk space", "batch before"}
        assert ours <= {check["name"] for check in checked["checks"] if check["passed"]}
        ran = here("migrate", "run", "--batch", "F", *_OVERRIDE, *folder)
        assert ran.exit_code == 0, ran.stderr
        flags = {flag["name"]: flag for flag in json.loads(here("flags", "list", "--json", *folder).stdout)}
        turned = flags["INGEST_WEBHOOK_ENABLED"]
        assert (turned["value"], turned["overridden"], turned["reason"]) == (
            "true",
            True,
            "batch F lets live events in",
        )
        after = here("migrate", "postcheck", "--batch", "F", "--reports", str(stack.folder / "none"), *folder)
        assert after.exit_code == 1
        assert "never asked" in after.stdout
        assert "bst gate ingest-processing" in after.stdout
        back = here("migrate", "rollback", "--batch", "F", "--reason", "the drill", *folder)
        assert back.exit_code == 0, back.stderr
        flags = {flag["name"]: flag for flag in json.loads(here("flags", "list", "--json", *folder).stdout)}
        for name in ("INGEST_WEBHOOK_ENABLED", "INGEST_QUEUE_ENABLED", "INGEST_REPLAY_ENABLED"):
            assert (flags[name]["value"], flags[name]["reason"]) == ("false", "the drill")


def test_nothing_is_let_in_where_nothing_is_ready(postgres_dsn: str, tmp_path: Path) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute(_DONE.encode())
    refused = here("migrate", "precheck", "--batch", "F", "--data-dir", str(tmp_path), OPS_DB_URL=postgres_dsn)
    assert refused.exit_code == 1
    for problem in ("✗ producers", "✗ worker", "✗ api"):
        assert problem in refused.stdout
    assert "Start one: bst worker" in refused.stdout
    assert "The gates of the batch before were not asked" in refused.stderr  # more may stand in the way than is shown
