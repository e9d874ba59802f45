"""Batches C to E on PostgreSQL: the truth line by line, once and again, interrupted and beside live events."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.rows import dict_row

from tests.legacy.moving import move_all
from tests.legacy.world import World, a_world
from tests.servers import PostgresAddress

WORLDS = [(11, 0.5), (12, 0.0), (13, 1.0)]
#: Everything that back-fill may write; the run log alone grows with each run.
TABLES = (
    *("catalog_product", "catalog_variant", "catalog_variant_rate", "channel_external_refs", "booking_core"),
    *("booking_contact", "booking_party", "booking_item_snapshot", "payment_event", "payment_fact", "booking_fact"),
    *("booking_status_history", "ops_booking_state", "ops_assignment", "ops_finance_bridge", "unmapped_queue"),
    *("migration_exception", "migration_checkpoint", "audit_log"),
)

_BOOKINGS = """
select core.channel_code, external_booking_ref, core.booking_key::text, customer_payment_status,
  core.ops_fulfillment_status, coalesce(main_name, '') as main_name, coalesce(main_email, '') as main_email,
  coalesce(phone_e164, '') as phone, is_placeholder_name, is_placeholder_email, adult_qty::text as adult,
  child_qty::text as child, infant_qty::text as infant, total_price::text, currency_code, tour_date::text,
  package_ref_type, package_ref_key::text,
  coalesce(to_char(paid_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"'), '') as paid_at,
  coalesce(finance.settlement_status, '') as settlement_status, coalesce(legacy_package_id::text, '') as legacy_package_id,
  to_char(booking_created_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as booking_created_at,
  (select string_agg(source_system || ':' || source_table || ':' || source_pk, '|' order by source_system, source_pk::int)
   from channel_external_refs where entity_key = core.booking_key and external_ref_kind <> 'BOOKING_REF') as all_sources
from booking_core core join booking_contact using (booking_key) join booking_party using (booking_key)
join ops_booking_state using (booking_key) left join ops_finance_bridge finance using (booking_key)
"""
_PAYMENTS = """
select payment_key::text, core.channel_code, external_booking_ref, core.booking_key::text,
  to_char(payment_time at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"') as event_time, amount::text,
  payment.currency_code, method, status_raw
from payment_event payment join booking_core core using (booking_key)
"""


@pytest.fixture(params=WORLDS, ids=[f"seed {seed}, mess {mess}" for seed, mess in WORLDS])
def world(request: pytest.FixtureRequest, postgres_server: PostgresAddress, tmp_path: Path) -> Iterator[World]:
    seed, mess = request.param
    with a_world(postgres_server, tmp_path, seed=seed, bookings=500, mess=mess) as made:
        yield made


def rows(dsn: str, query: str) -> list[dict[str, Any]]:
    with psycopg.connect(dsn, row_factory=dict_row) as connection:
        return connection.execute(query.encode()).fetchall()


def contents(dsn: str) -> Mapping[str, list[str]]:
    """Every row of every table, whole."""
    return {
        table: [row["line"] for row in rows(dsn, f"select t::text as line from {table} t order by 1")]
        for table in TABLES
    }


async def test_every_line_of_the_truth_is_met_and_a_second_run_changes_no_row(world: World, postgres_dsn: str) -> None:
    await move_all(world, postgres_dsn)
    assert_the_truth(world, postgres_dsn)
    before = contents(postgres_dsn)
    again = await move_all(world, postgres_dsn)
    assert contents(postgres_dsn) == before
    assert [tally.written for tally in again] == [0, 0, 0]
    log = rows(
        postgres_dsn, "select batch_code, run_status, rows_affected from migration_run_log order by started_at, run_key"
    )
    runs = [(row["batch_code"], row["run_status"]) for row in log if row["batch_code"] in {"C", "D", "E"}]
    assert runs == [(batch, "SUCCEEDED") for batch in "CDE"] * 2


def assert_the_truth(world: World, dsn: str) -> None:
    assert_bookings(world, dsn)
    assert_payments(world, dsn)
    assert_exceptions(world, dsn)
    assert_catalog(world, dsn)


def assert_bookings(world: World, dsn: str) -> None:
    stored = {(row["channel_code"], row["external_booking_ref"]): row for row in rows(dsn, _BOOKINGS)}
    truth = world.truth("bookings")
    assert len(stored) == len(truth)
    for said in truth:
        row = stored[said["channel_code"], said["external_booking_ref"]]
        key = row.pop("package_ref_key")
        assert key == (None if said["package_ref_type"] == "LEGACY_PACKAGE" else said["package_ref_key_or_reason"])
        expected: dict[str, Any] = {name: said[name] for name in row}
        for flag in ("is_placeholder_name", "is_placeholder_email"):
            expected[flag] = said[flag] == "t"
        expected["all_sources"] = "|".join(
            sorted(said["all_sources"].split("|"), key=lambda s: (s.split(":")[0], int(s.split(":")[2])))
        )
        assert row == expected


def assert_payments(world: World, dsn: str) -> None:
    linked = [said for said in world.truth("payments") if said["disposition"] == "LINKED"]
    stored = {row["payment_key"]: row for row in rows(dsn, _PAYMENTS)}
    assert stored == {
        said["payment_key"]: {name: said[name] for name in next(iter(stored.values()))} for said in linked
    }
    queued = rows(dsn, "select source_pk, reason_code from unmapped_queue where queue_type = 'PAYMENT_LINKAGE'")
    assert {(row["source_pk"], row["reason_code"]) for row in queued} == {
        (said["payment_id"], said["reason"]) for said in world.truth("payments") if said["disposition"] == "ORPHAN"
    }


def assert_exceptions(world: World, dsn: str) -> None:
    names = (
        "exception",
        "source_system",
        "source_table",
        "source_pk",
        "channel_code",
        "external_booking_ref",
        "detail",
    )
    listed = rows(dsn, f"select distinct {', '.join(names)} from migration_exception")
    # The truth does not list words that nobody knows; its generator writes one.
    unknown = [row for row in listed if row["exception"] == "UNKNOWN_PAYMENT_WORD"]
    assert {(row["source_pk"], row["detail"]) for row in unknown} == {
        (said["payment_id"], said["status_raw"])
        for said in world.truth("payments")
        if said["status_raw"].startswith("??") and said["disposition"] == "LINKED"
    }
    assert sorted(tuple(row.values()) for row in listed if row not in unknown) == sorted(
        tuple(said[name] for name in names) for said in world.truth("exceptions")
    )


def assert_catalog(world: World, dsn: str) -> None:
    truth = world.truth("catalog")
    for entity, table, key in (
        ("PRODUCT", "catalog_product", "product_key"),
        ("VARIANT", "catalog_variant", "variant_key"),
    ):
        mapped = {
            said["target_key"]: said["name"] for said in truth if (said["entity"], said["status"]) == (entity, "MAPPED")
        }
        assert {row["key"]: row["name"] for row in rows(dsn, f"select {key}::text as key, name from {table}")} == mapped
    stored = rows(
        dsn,
        "select variant_rate_key::text, variant_key::text, traveler_type, currency_code, price::text from catalog_variant_rate",
    )
    assert {tuple(row.values()) for row in stored} == {
        tuple(said[name] for name in ("target_key", "parent_key", "traveler_type", "currency_code", "price"))
        for said in truth
        if said["entity"] in {"RATE", "RATE_FALLBACK"} and said["status"] == "MAPPED"
    }
    names = ("queue_type", "source_system", "source_table", "source_pk", "reason_code")
    queued = rows(
        dsn,
        f"select {', '.join(names)} from unmapped_queue where source_system <> 'ingest' and queue_type <> 'PAYMENT_LINKAGE'",
    )
    assert {tuple(row.values()) for row in queued} == {
        tuple(said[name] for name in names) for said in truth if said["queue_type"]
    }
