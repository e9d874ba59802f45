"""The gates of batches over databases that were really moved in: at mess 0 all pass; of a messy one just those fail that should;
and each fails for its own reason."""

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
import pytest
from attrs import frozen
from click.testing import CliRunner, Result

from bst_cli.gates import (
    batch_mismatch,
    booking_bridge,
    catalog_bridge,
    duplicates,
    payment_finance_bridge,
    payment_mismatch,
    reference_data,
    schema,
)
from bst_cli.gates.carrying import Gate
from bst_cli.gates.findings import Judged
from bst_cli.gates.release import given_by_environment
from bst_cli.gates.surroundings import Surroundings
from bst_cli.main import main
from bst_domain.gates import Verdict
from bst_domain.migration import LegacySystem
from bst_postgres.migrate import upgrade
from tests.cli.surroundings import not_passed, over
from tests.legacy.moving import move_all
from tests.legacy.world import World, a_world
from tests.servers import PostgresAddress

EVERY = (
    *(schema, reference_data, catalog_bridge, booking_bridge, duplicates, payment_finance_bridge),
    *(batch_mismatch, payment_mismatch),
)
FAIL = Verdict.FAIL
C_02, C_03 = "C-02_unmapped_ratio_percent", "C-03_variant_active_rate_coverage"
E_02 = "E-02_ops_done_not_paid_ratio_percent"


def measured(gate: Gate, around: Surroundings, **given: Any) -> Judged:
    """With the gate's own defaults, but for what is given."""

    async def measure() -> Judged:
        return await gate.measure(around, {**given_by_environment(gate), **given})

    return asyncio.run(measure())


@frozen(kw_only=True)
class Moved:
    """A world and the database that it was moved into, to be copied."""

    server: PostgresAddress
    world: World
    template: str

    def measure(self, gate: Gate, dsn: str, **given: Any) -> Judged:
        return measured(gate, over(dsn, self.world.urls), **given)


def moved_in(server: PostgresAddress, folder: Path, *, seed: int, mess: float) -> Iterator[Moved]:
    name = f"bst_moved_{uuid4().hex}"
    with a_world(server, folder, seed=seed, bookings=300, mess=mess) as world:
        try:
            dsn = server.create(name)
            upgrade(dsn)
            asyncio.run(move_all(world, dsn))
            yield Moved(server=server, world=world, template=name)
        finally:
            server.drop(name)


@pytest.fixture(scope="module")
def clean(postgres_server: PostgresAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moved]:
    yield from moved_in(postgres_server, tmp_path_factory.mktemp("clean"), seed=12, mess=0.0)


@pytest.fixture(scope="module")
def messy(postgres_server: PostgresAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Moved]:
    yield from moved_in(postgres_server, tmp_path_factory.mktemp("messy"), seed=11, mess=0.5)


@pytest.fixture
def copy(clean: Moved) -> Iterator[str]:
    name = f"bst_copy_{uuid4().hex}"
    try:
        yield clean.server.create(name, template=clean.template)
    finally:
        clean.server.drop(name)


def of_all(moved: Moved) -> dict[str, Verdict]:
    dsn = moved.server.dsn(moved.template)
    found: dict[str, Verdict] = {}
    for module in EVERY:
        found |= not_passed(moved.measure(module.GATE, dsn))
    return found


def test_at_mess_0_every_gate_passes(clean: Moved) -> None:
    assert of_all(clean) == {}


def test_of_messy_databases_just_those_fail_that_should(messy: Moved) -> None:
    assert of_all(messy) == {C_02: FAIL, C_03: FAIL, E_02: FAIL}


def test_figures_are_those_of_the_rows(clean: Moved) -> None:
    dsn = clean.server.dsn(clean.template)
    catalog = clean.measure(catalog_bridge.GATE, dsn).summary
    products = [
        said for said in clean.world.truth("catalog") if (said["entity"], said["status"]) == ("PRODUCT", "MAPPED")
    ]
    assert catalog["totalProducts"] == len(products)
    money = clean.measure(payment_finance_bridge.GATE, dsn, direct_sample_size=7).summary
    linked = [said for said in clean.world.truth("payments") if said["disposition"] == "LINKED"]
    assert (money["directPaymentTotal"], money["sampleCount"], money["sampleErrors"]) == (len(linked), 7, [])
    daily = clean.measure(payment_mismatch.GATE, dsn).summary
    assert (daily["shopPayments"], daily["matchedRows"], daily["mismatchPercent"]) == (len(linked), len(linked), 0)
    mismatch = clean.measure(batch_mismatch.GATE, dsn).summary
    rows = {row for said in clean.world.truth("bookings") for row in said["all_sources"].split("|")}
    assert (mismatch["D"]["rows"], mismatch["D"]["moved"], mismatch["D"]["lost"]) == (len(rows), len(rows), 0)


#: What somebody did -> the gate, and the checks that see it.
BROKEN: dict[str, tuple[Any, set[str]]] = {
    "update booking_core set external_booking_ref = lower(external_booking_ref) || ' ' where booking_key ="
    " (select max(booking_key::text)::uuid from booking_core where channel_code = 'GYG');"
    " insert into booking_core select (jsonb_populate_record(core, jsonb_build_object('booking_key', gen_random_uuid(),"
    " 'external_booking_ref', upper(btrim(external_booking_ref))))).* from booking_core core"
    " where external_booking_ref like '% '": (
        booking_bridge,
        {"D-01_duplicate_booking_identity"},
    ),
    "update booking_core set external_booking_ref = ' ' where booking_key = (select max(booking_key::text)::uuid"
    " from booking_core)": (booking_bridge, {"D-02_null_critical_identity"}),
    "update booking_item_snapshot set adult_qty = adult_qty + 1": (booking_bridge, {"D-03_pax_mismatch_ratio_percent"}),
    "update booking_core set package_ref_key = gen_random_uuid() where booking_key = (select max(booking_key::text)::uuid"
    " from booking_core where package_ref_type = 'CATALOG_PRODUCT')": (
        booking_bridge,
        {"D-04_package_ref_type_completeness"},
    ),
    "insert into channel_external_refs select gen_random_uuid(), 'BOOKING', (select min(booking_key::text)::uuid from"
    " booking_core), channel_code, 'BOOKING_REF', external_booking_ref, 'x', 'x', 'x', now(), now() from booking_core where"
    " booking_key = (select max(booking_key::text)::uuid from booking_core)": (
        duplicates,
        {"G-01_bookings_under_two_names"},
    ),
    "insert into channel_external_refs select gen_random_uuid(), 'CATALOG_PRODUCT', gen_random_uuid(), 'MANUAL', 'X',"
    " number::text, 'x', 'x', 'x', now(), now() from generate_series(1, 2) number": (
        catalog_bridge,
        {"C-01_orphan_ratio_percent"},
    ),
    "insert into payment_event (payment_key, booking_key, payment_time, amount, currency_code) select gen_random_uuid(),"
    " booking_key, now(), 1, 'USD' from booking_core where channel_code = 'DIRECT' limit 1": (
        payment_finance_bridge,
        {"E-01_orphan_payment_event", "E-03_sample_audit_payment_direct_accuracy_percent"},
    ),
    "update payment_event set amount = amount + 1 where payment_key = (select payment_key from payment_event join booking_core"
    " using (booking_key) order by payment_time desc limit 1)": (
        payment_finance_bridge,
        {"E-03_sample_audit_payment_direct_accuracy_percent"},
    ),
    "update payment_event set amount = amount + 1 where payment_key::text < '3'": (
        payment_mismatch,
        {"G-06_daily_payment_mismatch_percent"},
    ),
    "delete from payment_event where payment_key::text < '3'": (
        payment_mismatch,
        {"G-06_daily_payment_mismatch_percent"},
    ),
    "insert into payment_event (payment_key, booking_key, payment_time, amount, currency_code) select gen_random_uuid(),"
    " booking_key, now(), 1, 'USD' from booking_core where channel_code = 'DIRECT' limit 9": (
        payment_mismatch,
        {"G-06_daily_payment_mismatch_percent"},
    ),
    "delete from channel_external_refs where external_ref_kind = 'BSTADMIN_BOOKING_ID' and external_ref::int % 9 = 0": (
        batch_mismatch,
        {"G-02_batch_D_mismatch_ratio"},
    ),
    "set session_replication_role = replica; delete from booking_core where booking_key::text < '1' and channel_code = 'GYG'": (
        batch_mismatch,
        {"G-02_batch_D_mismatch_ratio"},
    ),
    "set session_replication_role = replica; delete from catalog_product where product_key::text < '4'": (
        batch_mismatch,
        {"G-02_batch_C_mismatch_ratio"},
    ),
    "delete from catalog_variant_rate": (batch_mismatch, {"G-02_batch_C_mismatch_ratio"}),
    "delete from ops_finance_bridge where booking_finance_id % 9 = 0": (
        batch_mismatch,
        {"G-02_batch_E_mismatch_ratio"},
    ),
}


@pytest.mark.parametrize("statements", BROKEN)
def test_each_gate_fails_for_its_own_reason(clean: Moved, copy: str, statements: str) -> None:
    with psycopg.connect(copy) as connection:
        connection.execute(statements.encode())
    module, expected = BROKEN[statements]
    assert not_passed(clean.measure(module.GATE, copy)) == dict.fromkeys(expected, FAIL)


def test_a_payment_that_live_events_report_is_the_shop_s_row_under_another_key(clean: Moved, copy: str) -> None:
    with psycopg.connect(copy) as connection:
        connection.execute("update payment_event set payment_key = gen_random_uuid()")
    daily = clean.measure(payment_mismatch.GATE, copy)
    assert daily.passed
    assert daily.summary["matchedRows"] == daily.summary["shopPayments"] > 0
    assert clean.measure(batch_mismatch.GATE, copy).summary["E"]["lost"] == 0
    sampled = clean.measure(payment_finance_bridge.GATE, copy, direct_sample_size=500).summary
    assert (sampled["sampleCount"], sampled["sampleErrors"]) == (daily.summary["shopPayments"], [])


def test_without_a_catalog_c_holds(clean: Moved, postgres_dsn: str) -> None:
    judged = clean.measure(catalog_bridge.GATE, postgres_dsn)
    assert set(not_passed(judged).values()) == {Verdict.HOLD}
    assert judged.summary["denominator"] == 0


def test_without_direct_payments_the_shop_is_not_asked(postgres_dsn: str) -> None:
    around = over(postgres_dsn, dict.fromkeys(LegacySystem, "postgresql://127.0.0.1:1/nothing"))
    assert measured(payment_finance_bridge.GATE, around).passed


def test_a_daily_look_is_at_the_last_days_alone(clean: Moved) -> None:
    judged = clean.measure(payment_mismatch.GATE, clean.server.dsn(clean.template), days=1)
    assert judged.summary["shopPayments"] == 0
    assert judged.verdict is Verdict.HOLD


def asked(moved: Moved, reports: Path, *arguments: str, **environ: str) -> Result:
    urls = {
        "BALISNAP_DB_URL": moved.world.urls[LegacySystem.SHOP],
        "BSTADMIN_DB_URL": moved.world.urls[LegacySystem.ADMIN],
    }
    own = {"OPS_DB_URL": moved.server.dsn(moved.template), **urls, **environ}
    return CliRunner().invoke(main, ["gate", *arguments, "--reports", str(reports)], env=own)


def test_lines_and_report_are_those_that_readers_know(messy: Moved, tmp_path: Path) -> None:
    done = asked(messy, tmp_path, "catalog-bridge", PHASE2_BATCH_CODE="wave-1")
    assert done.exit_code == 1
    said = dict(line.split("=", 1) for line in done.stdout.splitlines())
    assert list(said) == [
        "CATALOG_BRIDGE_GATE_RESULT",
        "CATALOG_BRIDGE_GATE_JSON",
        "CATALOG_BRIDGE_GATE_MD",
        "GATE_VERDICT",
    ]
    path = Path(said["CATALOG_BRIDGE_GATE_JSON"])
    assert path.parent == tmp_path / "gates" / "catalog-bridge"
    document = json.loads(path.read_text())
    assert list(document)[:8] == [
        *("gate", "batchCode", "startedAt", "endedAt", "thresholds", "metrics", "checks", "result")
    ]
    assert (document["gate"], document["batchCode"]) == ("CATALOG_BRIDGE_BATCH_C", "wave-1")
    assert document["thresholds"]["maxUnmappedRatioPercent"] == 5
    failed = [(check["name"], check["detail"]) for check in document["checks"] if not check["passed"]]
    assert [line for line in done.stderr.splitlines() if line.startswith("FAILED")] == [
        f"FAILED_CHECK={name} {detail}" for name, detail in failed
    ]
    assert {name for name, _ in failed} == {C_02, C_03}
    lenient = asked(messy, tmp_path, "catalog-bridge", GATE_CATALOG_MAX_UNMAPPED_RATIO_PERCENT="100")
    assert "FAILED_CHECK=C-02" not in lenient.stderr
    wrong = asked(messy, tmp_path, "catalog-bridge", GATE_CATALOG_MAX_UNMAPPED_RATIO_PERCENT="many")
    assert wrong.exit_code == 2


#: Gate -> the members of its metrics that readers of the predecessor's reports know.
METRICS = {
    "catalog-bridge": """totalProducts totalVariants denominator productOrphanRows variantOrphanRows orphanRows orphanRatioPercent
        unmappedRows unmappedRatioPercent variantsWithRate variantCoveragePercent""",
    "booking-bridge": """totalBookings duplicateGroups duplicateExcessRows nullCriticalRows packageRefTypeNullRows
        paxMismatchRows paxMismatchDenominator paxMismatchRatioPercent""",
    "payment-finance-bridge": """orphanRows opsDoneTotal opsDoneNotPaid opsDoneNotPaidRatioPercent directPaymentTotal
        sampleCount sampleMatched sampleMismatched sampleAccuracyPercent sampleErrors""",
}


@pytest.mark.parametrize("gate", METRICS)
def test_metrics_are_those_that_readers_know(clean: Moved, tmp_path: Path, gate: str) -> None:
    done = asked(clean, tmp_path, gate, "--json")
    assert done.exit_code == 0, done.stderr
    document = json.loads(done.stdout)
    assert set(METRICS[gate].split()) <= document["metrics"].keys()
    assert document["result"] == document["verdict"] == "PASS"


def test_a_gate_says_when_the_next_batch_will_not_hear_of_it(clean: Moved, tmp_path: Path, copy: str) -> None:
    with psycopg.connect(copy) as connection:
        connection.execute("drop table migration_gate_result")
    done = asked(clean, tmp_path, "duplicates", OPS_DB_URL=copy)
    assert done.exit_code == 0
    assert "not recorded, so the next batch will not hear of it" in done.stderr
    assert "Run `bst db upgrade`." in done.stderr


def test_the_shop_s_database_is_never_guessed(clean: Moved, tmp_path: Path) -> None:
    done = asked(clean, tmp_path, "payment-finance-bridge", BALISNAP_DB_URL="")
    assert done.exit_code == 1
    assert done.stderr.startswith("PAYMENT_FINANCE_GATE_RESULT=FAIL BALISNAP_DB_URL not set")
