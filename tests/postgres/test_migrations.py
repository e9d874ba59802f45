"""Migrations as operators meet them: again, two at once, from an installed package, on servers that are not there."""

import hashlib
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from importlib.resources import files
from pathlib import Path

import psycopg
import pytest

from benchmarks.reads.fill import fill
from bst_application.errors import Unavailable
from bst_application.ports.mappings import waiting_package
from bst_domain.values import ChannelReference
from bst_postgres import migrate
from bst_postgres.migrate import MigrationFailed, MigrationStatus, head_revision, status, upgrade

REVISIONS = [f"{number:04}" for number in range(1, 22)]
HEAD = REVISIONS[-1]
#: Undo what came after the seeds, so that tests can run those once more on a database that is at the head.
BACK_TO_BEFORE_THE_MAPPINGS = """
drop table flag_sight, cutover_mark, cutover_seen, shadow_tally, shadow_example, cutover_write;
drop table migration_booking_mark, migration_source_mark;
drop table migration_checkpoint, migration_exception, migration_written, migration_gate_result;
alter table migration_run_log drop column override;
alter table payment_fact drop column also_called;
drop table catalog_publication, catalog_publish_event, catalog_snapshot, catalog_publish_job, catalog_publish_nonce,
  catalog_publish_request;
drop function catalog_snapshot_is_frozen;
alter table catalog_product drop column version;
alter table catalog_variant drop column ended_with, drop column was_default;
alter table catalog_variant_rate drop column ended_with;
drop table package_refold;
alter table booking_core drop column package_external_ref;
alter table channel_external_refs drop column mapping_status;
drop index ix_channel_external_refs_newest;
drop index ix_unmapped_queue_newest;
drop index ux_unmapped_queue_waiting_mapping;
alter table unmapped_queue drop column resolution, drop column entity_type, drop column external_ref_kind,
  drop column external_ref;
update alembic_version set version_num = '0013';
"""
BACK_TO_BEFORE_OPERATIONS = f"""
{BACK_TO_BEFORE_THE_MAPPINGS}
drop index ux_ops_assignment_one_active;
alter table booking_fact drop column version;
drop table ops_driver;
drop table ops_partner;
drop table booking_conflict;
update alembic_version set version_num = '0012';
"""
BACK_TO_BEFORE_THE_SEARCH = f"""
{BACK_TO_BEFORE_OPERATIONS}
alter table booking_contact drop column search_words, drop column booked_at;
drop index ix_booking_core_booked_late;
drop index ix_channel_external_refs_booking_ref;
drop index ix_booking_item_snapshot_booking_key;
drop index ix_ingest_event_newest;
update alembic_version set version_num = '0010';
"""
BACK_TO_BEFORE_THE_SEEDS = f"""
{BACK_TO_BEFORE_THE_SEARCH}
alter table ingest_dead_letter drop column lease_until, drop column replay_actor, drop column replay_reason,
  drop column replay_request_id, drop column replay_proof, drop column executions_before;
drop index ix_audit_log_actor;
drop index ix_audit_log_resource;
drop table runtime_flag;
alter table ingest_event_log drop column trace_context;
drop table replay_job_item;
drop table replay_job;
drop table principal_token;
drop table principal;
drop table producer_token;
drop table producer_secret;
drop table producer;
update alembic_version set version_num = '0002'
"""
_RUNS = "select batch_code, script_name, script_checksum, run_status, rows_affected from migration_run_log"

_END_WAITING_RUNNER = """
select pg_terminate_backend(pid) from pg_stat_activity
where datname = current_database() and application_name = 'bst migrate' and wait_event = 'advisory'
"""


def _checksum(script: str) -> str:
    return hashlib.sha256((files("bst_postgres") / "migrations" / "versions" / script).read_bytes()).hexdigest()


def test_an_empty_database_goes_to_the_head_once(empty_postgres_dsn: str) -> None:
    assert status(empty_postgres_dsn) == MigrationStatus(current=None, head=HEAD, pending=tuple(REVISIONS))
    assert upgrade(empty_postgres_dsn) == REVISIONS
    assert status(empty_postgres_dsn) == MigrationStatus(current=HEAD, head=HEAD, pending=())
    assert upgrade(empty_postgres_dsn) == []


def test_each_run_is_logged_once(empty_postgres_dsn: str) -> None:
    upgrade(empty_postgres_dsn)
    upgrade(empty_postgres_dsn)
    with psycopg.connect(empty_postgres_dsn) as connection:
        runs = connection.execute(f"{_RUNS} order by started_at".encode()).fetchall()
        assert connection.execute("select bool_and(started_at < ended_at) from migration_run_log").fetchone() == (True,)
    assert runs == [
        ("A", script, _checksum(script), "SUCCEEDED", rows)
        for script, rows in (
            ("r0001_target_schema.py", None),
            ("r0002_semantics.py", None),
            ("r0003_seeds.py", 31),
            ("r0004_repair.py", None),
            ("r0005_flags.py", None),
            ("r0006_replay_jobs.py", None),
            ("r0007_access.py", None),
            ("r0008_trace_context.py", None),
            ("r0009_fold_as_written.py", None),
            ("r0010_replays.py", None),
            ("r0011_reads.py", None),
            ("r0012_reads_in_order.py", None),
            ("r0013_operations.py", None),
            ("r0014_mappings.py", None),
            ("r0015_catalog_editor.py", None),
            ("r0016_catalog_publish.py", None),
            ("r0017_backfill.py", None),
            ("r0018_batches.py", None),
            ("r0019_gate_results.py", None),
            ("r0020_cutover.py", None),
            ("r0021_comparison.py", None),
        )
    ]


def test_two_runners_in_two_processes_at_once(empty_postgres_dsn: str) -> None:
    command = [
        sys.executable,
        "-c",
        f"from bst_postgres.migrate import upgrade; print(upgrade({empty_postgres_dsn!r}))",
    ]
    runners = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(2)]
    answers = [runner.communicate(timeout=60)[0].strip() for runner in runners]
    assert [runner.returncode for runner in runners] == [0, 0]
    assert sorted(answers) == [str(REVISIONS), "[]"]


def test_four_runners_in_one_process_at_once(empty_postgres_dsn: str) -> None:
    with ThreadPoolExecutor(4) as threads:
        answers = list(threads.map(upgrade, [empty_postgres_dsn] * 4))
    assert sorted(answers) == [[], [], [], REVISIONS]


def test_seeding_refreshes_labels_and_keeps_the_rest(empty_postgres_dsn: str) -> None:
    upgrade(empty_postgres_dsn)
    with psycopg.connect(empty_postgres_dsn) as connection:
        connection.execute(BACK_TO_BEFORE_THE_SEEDS.encode())
        connection.execute(
            "update channel_registry set channel_name = 'old', is_active = false, updated_at = '2020-01-01',"
            " created_at = '2020-01-01' where channel_code = 'GYG'"
        )
    assert upgrade(empty_postgres_dsn) == REVISIONS[2:]
    with psycopg.connect(empty_postgres_dsn) as connection:
        row = connection.execute(
            "select channel_name, is_active, created_at < '2021-01-01', updated_at > '2021-01-01'"
            " from channel_registry where channel_code = 'GYG'"
        ).fetchone()
        assert connection.execute("select count(*) from channel_registry").fetchone() == (6,)
    assert row == ("GetYourGuide", False, True, True)


def test_bookings_of_before_get_the_words_and_times_that_a_search_asks_for(postgres_dsn: str) -> None:
    found = "select booking_key, booked_at, search_words::text from booking_contact order by booking_key"
    fill(postgres_dsn, 200, datetime(2026, 6, 1, tzinfo=UTC))
    with psycopg.connect(postgres_dsn) as connection:
        written = connection.execute(found).fetchall()
        connection.execute(BACK_TO_BEFORE_THE_SEARCH.encode())
    assert upgrade(postgres_dsn) == REVISIONS[REVISIONS.index("0011") :]
    with psycopg.connect(postgres_dsn) as connection:
        assert connection.execute(found).fetchall() == written
    assert len(written) == 200


def test_of_several_active_assignments_the_newest_stays(postgres_dsn: str) -> None:
    """The predecessor had nothing against two: its defect 51."""
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute(BACK_TO_BEFORE_OPERATIONS.encode())
        connection.execute(
            "insert into booking_core (booking_key, channel_code, external_booking_ref, booking_created_at,"
            " customer_payment_status, ops_fulfillment_status, package_ref_type)"
            " select gen_random_uuid(), 'GYG', n, now(), 'PAID', 'NEW', 'LEGACY_PACKAGE' from generate_series(1, 2) n"
        )
        connection.execute(
            "insert into ops_assignment (assignment_key, booking_key, driver_id, assignment_source, assigned_at)"
            " select gen_random_uuid(), booking_key, driver, 'CORE_API', timestamptz '2026-01-01' + driver * interval '1 h'"
            " from booking_core, generate_series(1, 3) driver"
        )
    assert upgrade(postgres_dsn) == REVISIONS[REVISIONS.index("0013") :]
    with psycopg.connect(postgres_dsn) as connection:
        found = connection.execute(
            "select driver_id, is_active, unassigned_at is null, count(*) from ops_assignment group by 1, 2, 3 order by 1"
        ).fetchall()
    assert found == [(1, False, False, 2), (2, False, False, 2), (3, True, True, 2)]


_OLD_MAPPINGS = """
insert into channel_external_refs (external_ref_key, entity_type, entity_key, channel_code, external_ref_kind, external_ref,
  source_system, source_table, source_pk)
select gen_random_uuid(), 'HOTEL', gen_random_uuid(), 'GYG', 'HOTEL_ID', ref, 'manual', 'manual_mapping', 'HOTEL:' || ref
from unnest(array['a', 'b', 'c', 'd']) ref;
insert into unmapped_queue (queue_key, queue_type, channel_code, source_system, source_table, source_pk, reason_code, status,
  created_at)
select gen_random_uuid(), 'CHANNEL_MAPPING', 'GYG', 'manual', 'manual_mapping', 'HOTEL:' || ref, 'MANUAL_REVIEW', status,
  '2026-01-01'::timestamptz + day * interval '1 day'
from (values ('a', 'OPEN', 1), ('b', 'OPEN', 1), ('b', 'IN_REVIEW', 2), ('c', 'IN_REVIEW', 1), ('c', 'OPEN', 2),
  ('d', 'RESOLVED', 1), ('elsewhere', 'OPEN', 1)) given (ref, status, day);
insert into booking_core (booking_key, channel_code, external_booking_ref, booking_created_at, customer_payment_status,
  ops_fulfillment_status, package_ref_type, package_ref_key, legacy_package_id)
select gen_random_uuid(), 'GYG', ref, now(), 'PAID', 'NEW', kind, key::uuid, id
from (values ('1', 'LEGACY_PACKAGE', null, 7), ('2', 'LEGACY_PACKAGE', null, 7), ('3', 'LEGACY_PACKAGE', null, null),
  ('4', 'CATALOG_VARIANT', gen_random_uuid()::text, 7), ('5', 'LEGACY_PACKAGE', null, 8), ('6', 'LEGACY_PACKAGE', null, 9))
  given (ref, kind, key, id);
insert into catalog_product (product_key, slug, name) values ('00000000-0000-0000-0000-000000000008', 'eight', 'Eight');
insert into channel_external_refs (external_ref_key, entity_type, entity_key, channel_code, external_ref_kind, external_ref,
  source_system, source_table, source_pk)
select gen_random_uuid(), 'CATALOG_PRODUCT', '00000000-0000-0000-0000-000000000008', channel, 'LEGACY_PACKAGE_ID', ref,
  'bstadmin', 'tour_packages', ref
from (values ('GYG', '8'), ('VIATOR', '9')) given (channel, ref)
"""


def test_mappings_of_before_keep_the_status_that_was_shown_for_them(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute(BACK_TO_BEFORE_THE_MAPPINGS.encode())
        connection.execute(_OLD_MAPPINGS.encode())
    assert upgrade(postgres_dsn) == REVISIONS[REVISIONS.index("0014") :]
    with psycopg.connect(postgres_dsn) as connection:
        mappings = connection.execute(
            "select external_ref, mapping_status from channel_external_refs where source_system = 'manual'"
        ).fetchall()
        entries = connection.execute(
            "select source_pk, status, external_ref, resolved_by is null from unmapped_queue"
            " where source_system = 'manual' order by source_pk, created_at"
        ).fetchall()
        waiting = connection.execute(
            "select queue_key from unmapped_queue where source_system = 'ingest' order by external_ref"
        ).fetchall()
        refolds = connection.execute(
            "select channel_code, external_ref_kind, external_ref from package_refold"
        ).fetchall()
        named = connection.execute(
            "select package_external_ref from booking_core order by external_booking_ref"
        ).fetchall()
    assert dict(mappings) == {"a": "UNMAPPED", "b": "REVIEW_REQUIRED", "c": "UNMAPPED", "d": "MAPPED"}
    assert entries == [
        ("HOTEL:a", "OPEN", "a", True),
        ("HOTEL:b", "CLOSED", "b", False),  # the newest entry for a mapping is the one that waits
        ("HOTEL:b", "IN_REVIEW", "b", True),
        ("HOTEL:c", "CLOSED", "c", False),
        ("HOTEL:c", "OPEN", "c", True),
        ("HOTEL:d", "RESOLVED", "d", True),
        ("HOTEL:elsewhere", "OPEN", None, True),
    ]
    assert named == [("7",), ("7",), (None,), (None,), ("8",), ("9",)]
    seven, eight, nine = (ChannelReference("GYG", "LEGACY_PACKAGE_ID", ref) for ref in "789")
    now = datetime.now(UTC)  # the next event that names one of them finds its entry
    assert waiting == [(waiting_package(package, now).key,) for package in (seven, nine)]
    assert [ChannelReference(*row) for row in refolds] == [eight]


def test_a_refused_revision_leaves_nothing_but_its_failure(empty_postgres_dsn: str) -> None:
    with psycopg.connect(empty_postgres_dsn) as connection:
        connection.execute("create table booking_fact (somebody text)")
    with pytest.raises(MigrationFailed, match=r"r0002_semantics\.py.*booking_fact"):
        upgrade(empty_postgres_dsn)
    assert status(empty_postgres_dsn).current == "0001"
    with psycopg.connect(empty_postgres_dsn) as connection:
        assert connection.execute(_RUNS.encode()).fetchall() == [
            ("A", "r0001_target_schema.py", _checksum("r0001_target_schema.py"), "SUCCEEDED", None),
            ("A", "r0002_semantics.py", _checksum("r0002_semantics.py"), "FAILED", None),
        ]
        assert connection.execute("select to_regclass('payment_fact')").fetchone() == (None,)
        connection.execute("drop table booking_fact")
    assert upgrade(empty_postgres_dsn) == REVISIONS[1:]


def test_a_refused_first_revision_says_so_without_a_log(empty_postgres_dsn: str) -> None:
    with psycopg.connect(empty_postgres_dsn) as connection:
        connection.execute("create table catalog_product (somebody text)")
    with pytest.raises(MigrationFailed, match=r"r0001_target_schema\.py.*catalog_product"):
        upgrade(empty_postgres_dsn)
    assert status(empty_postgres_dsn).current is None


def test_a_runner_does_not_wait_for_another_one_for_ever(
    empty_postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "WAIT_FOR_RUNNER_S", 0.1)
    with psycopg.connect(empty_postgres_dsn) as other:
        other.execute("select pg_advisory_lock(%s)", (migrate.ADVISORY_LOCK,))
        with pytest.raises(Unavailable, match="another migration"):
            upgrade(empty_postgres_dsn)
    assert upgrade(empty_postgres_dsn) == REVISIONS


def test_a_table_in_use_ends_the_upgrade_and_not_everybody_else(
    postgres_dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrate, "WAIT_FOR_TABLE_S", 0.1)
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(BACK_TO_BEFORE_THE_SEEDS.encode())
    with psycopg.connect(postgres_dsn) as user:
        user.execute("lock table channel_registry")
        with pytest.raises(Unavailable, match=r"r0003_seeds\.py: a table was in use"):
            upgrade(postgres_dsn)
    assert upgrade(postgres_dsn) == REVISIONS[2:]


def test_a_lost_connection(empty_postgres_dsn: str) -> None:
    with (
        psycopg.connect(empty_postgres_dsn, autocommit=True) as other,
        ThreadPoolExecutor(1) as thread,
    ):
        other.execute("select pg_advisory_lock(%s)", (migrate.ADVISORY_LOCK,))
        runner = thread.submit(upgrade, empty_postgres_dsn)
        deadline = time.monotonic() + 30
        while not other.execute(_END_WAITING_RUNNER).fetchall():
            assert time.monotonic() < deadline
        with pytest.raises(Unavailable, match="lost the database"):
            runner.result(timeout=30)
    assert upgrade(empty_postgres_dsn) == REVISIONS


def test_a_database_of_a_newer_version_is_left_alone(postgres_dsn: str) -> None:
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    with pytest.raises(MigrationFailed, match="revision 9999"):
        status(postgres_dsn)
    with pytest.raises(MigrationFailed, match="revision 9999"):
        upgrade(postgres_dsn)


@pytest.mark.parametrize("door", [status, upgrade])
def test_a_server_that_is_not_there(door: object, tmp_path: Path) -> None:
    assert callable(door)
    with pytest.raises(Unavailable, match="check that the server runs"):
        door(f"postgresql://bst:hidden@/ops?host={tmp_path}")


def test_the_message_hides_the_password() -> None:
    with pytest.raises(Unavailable) as unavailable:
        status("postgresql://bst:hidden-word@127.0.0.1:1/ops")
    assert "hidden-word" not in str(unavailable.value)
    assert "127.0.0.1:1/ops" in str(unavailable.value)


def test_a_database_that_does_not_exist(postgres_dsn: str) -> None:
    with pytest.raises(Unavailable, match="nowhere"):
        status(postgres_dsn.replace("/bst_test_", "/nowhere_"))


def test_the_working_directory_is_not_asked(
    empty_postgres_dsn: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "alembic.ini").write_text("[alembic]\nscript_location = elsewhere\n")
    monkeypatch.chdir(tmp_path)
    assert upgrade(empty_postgres_dsn)[-1] == head_revision()
