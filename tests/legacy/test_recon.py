"""Reconciliation on PostgreSQL: equal sets give nothing, each planted difference is found with key, values and rule, and what
somebody said here later is told apart."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bst_application.comparison_report import ComparisonReport
from bst_domain.migration import DifferenceKind, LegacySystem
from bst_postgres.database import Database
from bst_testing.deliveries import body
from tests.legacy.comparing import compare
from tests.legacy.moving import AS_OF, move_all
from tests.legacy.test_interrupted import Live
from tests.legacy.test_moving import contents, rows
from tests.legacy.world import World, a_world
from tests.servers import PostgresAddress

pytestmark = pytest.mark.anyio
SHOP, ADMIN = LegacySystem.SHOP, LegacySystem.ADMIN
MISSING, UNEXPECTED, DIFFERS = DifferenceKind.MISSING_HERE, DifferenceKind.UNEXPECTED_HERE, DifferenceKind.FIELD_DIFFERS


@pytest.fixture
def world(postgres_server: PostgresAddress, tmp_path: Path) -> Iterator[World]:
    with a_world(postgres_server, tmp_path, seed=61, bookings=300, mess=0.6) as made:
        yield made


@pytest.fixture
async def live(postgres_dsn: str) -> AsyncIterator[Live]:
    database = Database(postgres_dsn)
    yield Live(database)
    await database.close()


def execute(dsn: str, statement: str, *given: Any) -> list[Any]:
    with psycopg.connect(dsn) as connection:
        found = connection.execute(statement.encode(), given or None)
        while found.nextset():
            pass
        return found.fetchall() if found.description else []


def spoil(dsn: str, table: str, key: str, change: str, where: str = "true") -> None:
    """One row of a table: ``change`` is a statement up to its condition."""
    execute(dsn, f"{change} where {key} = (select max({key}::text)::uuid from {table} where {where})")


def failed(report: ComparisonReport) -> set[str]:
    return {check.name for check in report.checks if not check.passed}


@pytest.mark.parametrize(("seed", "mess"), [(62, 0.0), (63, 1.0)])
async def test_equal_sets_give_no_difference(
    postgres_server: PostgresAddress, tmp_path: Path, postgres_dsn: str, seed: int, mess: float
) -> None:
    with a_world(postgres_server, tmp_path, seed=seed, bookings=250, mess=mess) as world:
        await move_all(world, postgres_dsn)
        before = contents(postgres_dsn)
        for batch in "CDE":
            for full in (False, True):
                report = await compare(world, postgres_dsn, batch, full=full)
                assert (report.passed, report.derivation.differences) == (True, [])
                if batch != "C":
                    assert (report.derivation.bookings > 150) == full
                    assert sum(of.unexplained for of in report.rows.values()) == 0
        payments = (await compare(world, postgres_dsn, "E")).payments
        assert payments is not None
        truth = world.truth("payments")
        assert payments.rows == len(truth)
        assert payments.orphans == sum(said["disposition"] == "ORPHAN" for said in truth)
        assert contents(postgres_dsn) == before


#: Statement on our side -> batch that finds it, kind, entity, field.
PLANTED = {
    "update booking_core set total_price = total_price + 1 where booking_key = %s": (
        "D",
        DIFFERS,
        "BOOKING",
        "totalPrice",
    ),
    "update booking_core set tour_date = tour_date + 1 where booking_key = %s": ("D", DIFFERS, "BOOKING", "tourDate"),
    "update booking_core set note = 'x' where booking_key = %s": ("D", DIFFERS, "BOOKING", "note"),
    "update booking_core set currency_code = 'XXX' where booking_key = %s": ("D", DIFFERS, "BOOKING", "currency"),
    "update booking_contact set main_name = 'x' where booking_key = %s": ("D", DIFFERS, "BOOKING", "mainName"),
    "update booking_party set infant_qty = infant_qty + 1 where booking_key = %s": ("D", DIFFERS, "BOOKING", "infant"),
    "update booking_item_snapshot set adult_qty = adult_qty + 1 where booking_key = %s": ("D", DIFFERS, "ITEM", "item"),
    "delete from booking_item_snapshot where booking_key = %s": ("D", MISSING, "ITEM", "item"),
    "update ops_booking_state set assigned_driver_id = 999 where booking_key = %s": (
        "D",
        DIFFERS,
        "BOOKING",
        "assignedDriverId",
    ),
    "delete from channel_external_refs where entity_key = %s and external_ref_kind <> 'BOOKING_REF'": (
        "D",
        DIFFERS,
        "BOOKING",
        "sources",
    ),
    "update booking_core set customer_payment_status = 'DRAFT' where booking_key = %s": (
        "E",
        DIFFERS,
        "BOOKING",
        "customerPaymentStatus",
    ),
    "update booking_core set ops_fulfillment_status = 'NO_SHOW' where booking_key = %s": (
        "E",
        DIFFERS,
        "BOOKING",
        "opsFulfillmentStatus",
    ),
    "update ops_booking_state set ops_fulfillment_status = 'NO_SHOW' where booking_key = %s": (
        "E",
        DIFFERS,
        "BOOKING",
        "stateStatus",
    ),
    "update payment_event set raw_payload = '[1]' where booking_key = %s": ("E", DIFFERS, "BOOKING", "otherColumns"),
    "update booking_party set traveler_rows = '[]' where booking_key = %s": ("D", DIFFERS, "BOOKING", "otherColumns"),
    "update payment_event set amount = amount + 1 where booking_key = %s": ("E", DIFFERS, "PAYMENT", "payment"),
    "delete from payment_event where booking_key = %s": ("E", MISSING, "PAYMENT", "payment"),
    "update payment_fact set amount = amount + 1 where booking_key = %s": (
        "E",
        DIFFERS,
        "PAYMENT_FACT",
        "paymentFact",
    ),
    "delete from payment_fact where booking_key = %s": ("E", MISSING, "PAYMENT_FACT", "paymentFact"),
    "update booking_core set status_reasons = '{MANUAL_OVERRIDE}' where booking_key = %s": (
        "E",
        DIFFERS,
        "BOOKING",
        "statusReasons",
    ),
    "insert into ops_assignment (assignment_key, booking_key, driver_id, assignment_source, assigned_at, is_active)"
    " values (gen_random_uuid(), %s, 7, 'BACKFILL', now(), true)": ("D", DIFFERS, "BOOKING", "activeAssignment"),
}


async def test_each_planted_difference_is_found_with_its_key_values_and_rule(world: World, postgres_dsn: str) -> None:
    await move_all(world, postgres_dsn)
    # Bookings with one payment and one item, so that each statement makes one difference.
    keys = [
        row["key"]
        for row in rows(
            postgres_dsn,
            """select booking_key::text as key from booking_core core join ops_booking_state using (booking_key)
            where (select count(*) from payment_event p where p.booking_key = core.booking_key) = 1
              and (select count(*) from booking_item_snapshot i where i.booking_key = core.booking_key) = 1
              and customer_payment_status = 'PAID' and assigned_driver_id is null order by 1 limit 40""",
        )
    ]
    planted = dict(zip(PLANTED, keys, strict=False))
    assert len(planted) == len(PLANTED)
    for statement, key in planted.items():
        execute(postgres_dsn, statement, key)
    for full in (False, True):
        found = {batch: await compare(world, postgres_dsn, batch, full=full) for batch in "DE"}
        for statement, key in planted.items():
            batch, kind, entity, field = PLANTED[statement]
            row_keys = {
                key,
                *(
                    row["key"]
                    for row in rows(
                        postgres_dsn, f"select payment_key::text as key from payment_event where booking_key = '{key}'"
                    )
                ),
            }
            [fault] = [
                f
                for f in found[batch].faults
                if (f.kind, f.entity, f.field) == (kind, entity, field) and (entity != "BOOKING" or f.key in row_keys)
            ]
            assert fault.expected != fault.found
            assert fault.rule
            assert not found[batch].passed
        expected = {batch: sum(of[0] == batch for of in PLANTED.values()) for batch in "DE"}
        assert len(found["D"].faults) == expected["D"]
        assert len(found["E"].faults) == expected["E"]
        assert {"field_differs", "missing_here", "totals_by_currency", "pax"} <= failed(found["D"])
        assert {"field_differs", "missing_here", "status_drift"} <= failed(found["E"])


#: Rows that each list names: payments of an odd word, items of another party, rejected bookings with payments.
ODD = (
    """update "Payment" set payment_status = 'odd', payment_status_v2 = null where payment_id % 5 = 0""",
    """update "BookingItem" set adult_qty = adult_qty + 1 where booking_id % 9 = 0""",
    """update "Booking" set total_price = -1 - total_price
       where booking_id in (select booking_id from "Payment" where booking_id % 17 = 0)""",
)


@pytest.mark.parametrize(
    "planted",
    [
        ("D", "REJECTED_ROW", "delete from migration_exception", MISSING),
        ("D", "STORED_DONE_UNSETTLED", "delete from migration_exception", MISSING),
        ("D", "PAX_MISMATCH", "update migration_exception set detail = 'x'", DIFFERS),
        ("D", "PAX_MISMATCH", "update migration_exception set exception = 'STORED_DONE_UNSETTLED'", UNEXPECTED),
        ("E", "DONE_NOT_PAID", "delete from migration_exception", MISSING),
        ("E", "UNKNOWN_PAYMENT_WORD", "delete from migration_exception", MISSING),
        ("E", "ORPHAN_PAYMENT", "delete from migration_exception", MISSING),
    ],
    ids=lambda planted: " ".join(map(str, planted[:2])),
)
async def test_a_list_that_is_not_what_the_rows_come_to_is_found(
    world: World, postgres_dsn: str, planted: tuple[str, str, str, DifferenceKind]
) -> None:
    batch, listed, act, kind = planted
    for statement in ODD:
        execute(world.urls[SHOP], statement)
    await move_all(world, postgres_dsn)
    assert (await compare(world, postgres_dsn, batch, full=True)).passed
    where = "batch_code = %s and exception = %s and detail <> 'BOOKING_DELETED'"
    [(table, key)] = execute(
        postgres_dsn,
        f"select source_table, source_pk from migration_exception where {where} order by 1, length(source_pk), 2 limit 1",
        *(batch, listed),
    )
    execute(postgres_dsn, f"{act} where {where} and source_table = %s and source_pk = %s", batch, listed, table, key)
    report = await compare(world, postgres_dsn, batch, full=True)
    assert not report.passed
    faults = [fault for fault in report.faults if fault.entity == "EXCEPTION"]
    assert faults == report.faults
    assert kind in {fault.kind for fault in faults}
    assert {fault.key.partition(":")[2] for fault in faults} == {f"{table}:{key}"}


async def test_a_booking_that_is_gone_is_missing_and_one_that_nobody_sent_is_unexpected(
    world: World, postgres_dsn: str
) -> None:
    await move_all(world, postgres_dsn)
    [gone] = rows(
        postgres_dsn,
        "select booking_key::text as key, total_price, currency_code from booking_core order by external_booking_ref limit 1",
    )
    tables = [
        *("payment_event", "payment_fact", "booking_fact", "booking_item_snapshot", "booking_contact", "booking_party"),
        *("ops_booking_state", "ops_assignment", "ops_finance_bridge", "booking_status_history", "booking_core"),
    ]
    for table in tables:
        execute(postgres_dsn, f"delete from {table} where booking_key = %s", gone["key"])
    execute(postgres_dsn, "delete from channel_external_refs where entity_key = %s", gone["key"])
    execute(
        postgres_dsn,
        """insert into booking_core (booking_key, channel_code, external_booking_ref, booking_created_at, customer_payment_status,
             ops_fulfillment_status, package_ref_type, total_price, currency_code)
           values ('00000000-0000-0000-0000-000000000007', 'GYG', 'NOBODY', now(), 'PAID', 'NEW', 'LEGACY_PACKAGE', 7, 'USD')""",
    )
    report = await compare(world, postgres_dsn, "D")
    assert report.why_all is None
    assert {(f.kind, f.entity, f.key) for f in report.faults} == {
        (MISSING, "BOOKING", gone["key"]),
        (UNEXPECTED, "BOOKING", "00000000-0000-0000-0000-000000000007"),
    }
    assert {"missing_here", "unexpected_here", "totals_by_currency", "orphans"} <= failed(report)
    parity = [name for name in failed(report) if name.startswith("row_count_parity")]
    assert parity
    off = {total.currency: total.here - total.must_be for total in report.totals if total.here != total.must_be}
    expected = {"USD": 7}
    expected[gone["currency_code"]] = expected.get(gone["currency_code"], 0) - gone["total_price"]
    assert off == {currency: amount for currency, amount in expected.items() if amount}


async def test_a_source_that_has_changed_since_is_found_until_the_batch_runs_again(
    world: World, postgres_dsn: str
) -> None:
    await move_all(world, postgres_dsn)
    [changed] = execute(
        world.urls[ADMIN],
        """update bookings set main_contact_name = 'Somebody Else', updated_at = updated_at + interval '1 minute'
           where booking_id = (select booking_id from bookings where source = 'GYG' and coalesce(trim(booking_ref), '') <> ''
             and total_price > 0 order by booking_id limit 1) returning booking_id, booking_ref""",
    )
    [(new,)] = execute(
        world.urls[ADMIN],
        f"""create temp table copied as select * from bookings where booking_id = {changed[0]};
            update copied set booking_ref = 'BRAND-NEW', booking_id = (select max(booking_id) + 1 from bookings);
            insert into bookings select * from copied returning booking_id""",
    )
    report = await compare(world, postgres_dsn, "D")
    assert report.why_all is None
    assert report.bisected["bstadmin"].found.differing == {changed[0]}
    assert report.bisected["bstadmin"].found.left_only == {new}
    assert {(f.kind, f.field) for f in report.faults} >= {(DIFFERS, "mainName"), (MISSING, "booking")}
    [named] = [f for f in report.faults if f.field == "mainName"]
    assert named.expected == "Somebody Else"
    # A traveller is no field of a booking: its version stays.
    execute(world.urls[SHOP], """update "BookingTraveler" set last_name = 'Changed'""")
    await move_all(world, postgres_dsn)
    after = await compare(world, postgres_dsn, "D")
    assert after.passed, after.faults
    assert not any(side.found.all for side in after.bisected.values())


async def test_what_was_said_here_later_is_explained(world: World, postgres_dsn: str, live: Live) -> None:
    await move_all(world, postgres_dsn)
    [gyg, other] = rows(
        postgres_dsn,
        """select external_booking_ref as ref, booking_key::text as key from booking_core where channel_code = 'DIRECT'
           and ops_fulfillment_status = 'NEW' order by 1 limit 2""",
    )
    await live.send(body("UPDATED", gyg["ref"], "2026-03-02T00:00:00.000Z", booking={"note": "later", "adult": 9}))
    await live.send(body("CANCELLED", other["ref"], "2026-03-02T00:00:00.000Z", booking={}))
    await live.send(body("CREATED", "ONLY-HERE", "2026-03-02T00:00:00.000Z"))
    for full in (False, True):
        ours, money = [await compare(world, postgres_dsn, batch, full=full) for batch in "DE"]
        assert (ours.passed, money.passed) == (True, True), [*ours.faults, *money.faults]
        said = {(d.key, d.field): d for d in ours.explained}
        assert {(gyg["key"], "note"), (gyg["key"], "adult")} <= set(said)
        assert said[gyg["key"], "adult"].found == "9"
        explained = said[gyg["key"], "note"].explained
        assert explained is not None
        assert explained.startswith("said later here by EVENT of DIRECT ")
        assert (other["key"], "opsFulfillmentStatus") in {(d.key, d.field) for d in money.explained}
        assert not any("ONLY-HERE" in d.name for d in [*ours.derivation.differences, *money.derivation.differences])
    execute(postgres_dsn, "update booking_core set note = 'tampered' where booking_key = %s", gyg["key"])
    [fault] = (await compare(world, postgres_dsn, "D")).faults
    assert (fault.field, fault.expected, fault.found) == ("note", "later", "tampered")


async def test_digests_that_say_nothing_are_not_relied_on(world: World, postgres_dsn: str) -> None:
    await move_all(world, postgres_dsn)
    assert (await compare(world, postgres_dsn, "D")).why_all is None
    changed = await compare(world, postgres_dsn, "D", checksum="other rules")
    assert (changed.why_all, changed.passed) == ("the rules have changed since batch D ran", True)
    execute(
        postgres_dsn, "update migration_run_log set started_at = started_at - interval '1 day' where batch_code = 'E'"
    )
    assert (await compare(world, postgres_dsn, "E")).why_all == "batch D has run again since batch E"
    execute(postgres_dsn, "update migration_run_log set run_status = 'FAILED' where batch_code = 'D'")
    broken = await compare(world, postgres_dsn, "D")
    assert broken.why_all == "batch D has not come to its end"
    assert failed(broken) == {"last_run"}


async def test_a_run_again_does_not_bless_what_somebody_spoiled(world: World, postgres_dsn: str) -> None:
    await move_all(world, postgres_dsn)
    spoil(postgres_dsn, "booking_core", "booking_key", "update booking_contact set main_email = 'spoiled@x.org'")
    await move_all(world, postgres_dsn)
    report = await compare(world, postgres_dsn, "D")
    assert report.why_all is None
    assert [(f.field, f.found) for f in report.faults if f.field == "mainEmail"] == [("mainEmail", "spoiled@x.org")]


async def test_the_catalog_is_compared_row_by_row(world: World, postgres_dsn: str) -> None:
    await move_all(world, postgres_dsn)
    edit = "update catalog_variant set name = 'edited', updated_at = now() + interval '1 day'"
    spoil(postgres_dsn, "catalog_product", "product_key", "update catalog_product set name = 'spoiled'")
    spoil(postgres_dsn, "catalog_variant", "variant_key", edit)
    spoil(postgres_dsn, "catalog_variant_rate", "variant_rate_key", "delete from catalog_variant_rate")
    spoil(postgres_dsn, "unmapped_queue", "queue_key", "delete from unmapped_queue", "queue_type = 'PRODUCT_MAPPING'")
    gone, spoiled, edited_text = (
        row["key"]
        for row in rows(postgres_dsn, "select product_key::text as key from catalog_product_content order by 1 limit 3")
    )
    execute(postgres_dsn, "delete from catalog_product_content where product_key = %s", gone)
    told = """update catalog_product_content set payload = jsonb_set(payload, '{highlights}', '["x"]')"""
    execute(postgres_dsn, f"{told} where product_key = %s", spoiled)
    execute(postgres_dsn, f"{told}, updated_by = 'ayu', updated_at = now() where product_key = %s", edited_text)
    execute(
        postgres_dsn,
        "insert into catalog_product (product_key, slug, name) values (gen_random_uuid(), 'nobody', 'Nobody')",
    )
    report = await compare(world, postgres_dsn, "C")
    assert {(f.kind, f.entity, f.field) for f in report.faults} == {
        (DIFFERS, "PRODUCT", "name"),
        (MISSING, "RATE", "row"),
        (MISSING, "QUEUE", "PRODUCT_MAPPING"),
        (UNEXPECTED, "PRODUCT", "row"),
        (MISSING, "CONTENT", "row"),
        (DIFFERS, "CONTENT", "highlights"),
    }
    assert {f.key for f in report.faults if f.entity == "CONTENT"} == {gone, spoiled}
    edited, text = report.explained
    assert (edited.entity, edited.found) == ("VARIANT", "edited")
    assert (text.entity, text.key, text.found) == ("CONTENT", edited_text, '["x"]')
    assert (text.explained or "").startswith("changed here by ayu at ")


async def test_what_leads_nowhere_and_what_is_there_twice_is_named(world: World, postgres_dsn: str) -> None:
    await move_all(world, postgres_dsn)
    execute(
        postgres_dsn,
        """insert into channel_external_refs (external_ref_key, entity_type, entity_key, channel_code, external_ref_kind,
             external_ref, source_system, source_table, source_pk) values ('00000000-0000-0000-0000-000000000008', 'BOOKING',
             '00000000-0000-0000-0000-000000000009', 'GYG', 'BOOKING_REF', 'NOBODY', 'balisnap', 'Booking', '0')""",
    )
    [twin] = rows(
        postgres_dsn,
        """insert into booking_core (booking_key, channel_code, external_booking_ref, booking_created_at, customer_payment_status,
             ops_fulfillment_status, package_ref_type) select gen_random_uuid(), channel_code, lower(external_booking_ref), now(),
             'PAID', 'NEW', 'LEGACY_PACKAGE' from booking_core where channel_code = 'GYG' limit 1
           returning booking_key::text as key, external_booking_ref as ref""",
    )
    named = {(f.kind, f.key, f.field) for f in (await compare(world, postgres_dsn, "D")).faults}
    assert (UNEXPECTED, "00000000-0000-0000-0000-000000000008", "BOOKING_REF") in named
    assert (DIFFERS, twin["key"], "externalBookingRef") in named


async def test_orphans_that_nobody_is_asked_to_link_are_named(
    postgres_server: PostgresAddress, tmp_path: Path, postgres_dsn: str
) -> None:
    with a_world(postgres_server, tmp_path, seed=62, bookings=250, mess=1.0) as world:
        await move_all(world, postgres_dsn)
        orphans = [said for said in world.truth("payments") if said["disposition"] == "ORPHAN"]
        assert {said["reason"] for said in orphans} == {"BOOKING_REJECTED", "BOOKING_DELETED"}
        execute(postgres_dsn, "delete from unmapped_queue where queue_type = 'PAYMENT_LINKAGE'")
        unasked = [f for f in (await compare(world, postgres_dsn, "E")).faults if f.entity == "QUEUE"]
    assert sorted(f.key for f in unasked) == sorted(f"balisnap:Payment:{said['payment_id']}" for said in orphans)


async def test_a_status_that_only_waits_for_the_recompute_is_no_fault(world: World, postgres_dsn: str) -> None:
    await move_all(world, postgres_dsn)
    later = AS_OF.replace(year=2027)
    report = await compare(world, postgres_dsn, "E", full=True, as_of=later)
    assert report.passed, report.faults[:3]
    assert report.figures is not None
    due = [d for d in report.explained if d.explained and "recompute is due" in d.explained]
    assert len({d.key for d in due}) == report.figures.due_for_recompute > 0
