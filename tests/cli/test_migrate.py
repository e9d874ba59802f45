"""``bst migrate`` as an operator runs it, against real databases."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bst_domain.migration import LegacySystem
from tests.cli.stack import bst
from tests.legacy.test_moving import assert_the_truth
from tests.legacy.world import World, a_world
from tests.servers import PostgresAddress

AS_OF = "2026-03-01T00:00:00+08:00"


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


def test_an_operator_moves_in_batch_by_batch(world: World, empty_postgres_dsn: str) -> None:
    given = environ(world, empty_postgres_dsn)
    for batch in "ABCDE":
        checked = bst("migrate", "precheck", "--batch", batch, **given)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        if batch != "A":
            planned = bst("migrate", "run", "--batch", batch, "--as-of", AS_OF, "--dry-run", "--json", **given)
            assert planned.returncode == 0, planned.stderr
            assert json.loads(planned.stdout)["written"] == 0
        done = bst("migrate", "run", "--batch", batch, "--as-of", AS_OF, "--json", **given)
        assert done.returncode == 0, done.stderr
        after = bst("migrate", "postcheck", "--batch", batch, **given)
        assert after.returncode == 0, after.stdout + after.stderr
    assert_the_truth(world, empty_postgres_dsn)
    with psycopg.connect(empty_postgres_dsn) as connection:
        runs = connection.execute(
            "select distinct batch_code, run_status from migration_run_log order by batch_code"
        ).fetchall()
        checksums = connection.execute(
            "select count(*) from migration_run_log where length(script_checksum) <> 64"
        ).fetchone()
    assert runs == [(batch, "SUCCEEDED") for batch in "ABCDE"]
    assert checksums == (0,)


def test_a_batch_waits_for_the_one_before(world: World, postgres_dsn: str) -> None:
    refused = bst("migrate", "run", "--batch", "D", **environ(world, postgres_dsn))
    assert refused.returncode == 1
    assert "batch C has not succeeded" in refused.stderr
    assert "bst migrate run --batch C" in refused.stderr


def test_a_forgotten_setting_reads_no_other_database(postgres_dsn: str) -> None:
    refused = bst("migrate", "precheck", "--batch", "C", OPS_DB_URL=postgres_dsn)
    assert refused.returncode == 1
    assert "BALISNAP_DB_URL and BSTADMIN_DB_URL not set" in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_source_that_cannot_be_read_is_told_with_its_cure(world: World, postgres_dsn: str) -> None:
    given = {**environ(world, postgres_dsn), "BSTADMIN_DB_URL": "postgresql://127.0.0.1:1/nothing"}
    refused = bst("migrate", "precheck", "--batch", "C", **given)
    assert refused.returncode == 1
    assert "cannot open bstadmin (BSTADMIN_DB_URL)" in refused.stdout
    assert "Traceback" not in refused.stderr


def test_the_plan_names_every_batch() -> None:
    planned = json.loads(bst("migrate", "plan", "--json").stdout)
    assert [batch["batch"] for batch in planned] == list("ABCDEGH")


def test_an_instant_without_a_zone_is_wrong_usage(postgres_dsn: str) -> None:
    assert bst("migrate", "run", "--batch", "C", "--as-of", "2026-03-01", OPS_DB_URL=postgres_dsn).returncode == 2
