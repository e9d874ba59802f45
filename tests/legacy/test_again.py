"""Both old systems go on running, and so do people here: what a later run makes of that."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from bst_application.ids import uuid7
from bst_domain.migration import LegacySystem
from bst_postgres.backfill import PostgresBackfillStore
from bst_postgres.database import Database
from bst_testing.deliveries import body
from tests.legacy.moving import move_all, move_bookings, move_catalog, move_money
from tests.legacy.test_interrupted import Live
from tests.legacy.test_moving import assert_the_truth, contents, rows
from tests.legacy.world import World, a_world
from tests.servers import PostgresAddress

#: What a booking has come to, without the record of how it came to it.
SHOWN = (
    *("booking_core", "booking_contact", "booking_party", "booking_item_snapshot", "payment_event", "payment_fact"),
    *("ops_booking_state", "ops_finance_bridge", "channel_external_refs", "migration_exception"),
)
CORRECTIONS = {
    LegacySystem.SHOP: (
        """update "Booking" set booking_date = booking_date + interval '3 days', updated_at = updated_at + interval '1 day'
           where booking_id % 5 = 0""",
        """update "BookingItem" set item_status = 'CANCELLED' where booking_id % 7 = 0""",
        """update "Payment" set payment_status = 'refunded', payment_status_v2 = 'REFUNDED' where payment_id % 6 = 0""",
        """delete from "Payment" where payment_id % 11 = 0""",
        """update "Booking" set main_contact_email = '' where booking_id % 3 = 0""",
        """update "Booking" set total_price = -total_price where total_price < 0""",
    ),
    LegacySystem.ADMIN: (
        "update bookings set is_paid = not is_paid where booking_id % 4 = 0",
        "update bookings set status = 'CANCELLED', updated_at = updated_at + interval '1 hour' where booking_id % 13 = 0",
        "update bookings set status = 'NEW' where status = 'UPDATED'",
        "update bookings set assigned_driver_id = 1 + booking_id % 60 where booking_id % 6 = 0",
        "update booking_finance_items set paid = not paid where booking_finance_id % 5 = 0",
    ),
}


@pytest.fixture
def world(postgres_server: PostgresAddress, tmp_path: Path) -> Iterator[World]:
    with a_world(postgres_server, tmp_path, seed=41, bookings=300, mess=0.7) as made:
        yield made


@pytest.fixture
async def store(postgres_dsn: str) -> AsyncIterator[PostgresBackfillStore]:
    database = Database(postgres_dsn)
    yield PostgresBackfillStore(database)
    await database.close()


def shown(dsn: str) -> dict[str, list[str]]:
    line = "(to_jsonb(t) - 'created_at' - 'updated_at' - 'version' - 'state_version' - 'fold')::text as line"
    return {table: [row["line"] for row in rows(dsn, f"select {line} from {table} t order by 1")] for table in SHOWN}


async def test_corrections_in_the_sources_come_to_what_a_first_run_would_make_of_them(
    world: World, postgres_dsn: str, postgres_server: PostgresAddress, migrated_template: str
) -> None:
    # Rejected, and their payments with them.
    spoiled = """update "Booking" set total_price = -1 - total_price where booking_id in (
      select booking_id from "Payment" group by 1 having booking_id % 17 = 0 and bool_and(payment_id % 11 <> 0))"""
    with psycopg.connect(world.urls[LegacySystem.SHOP]) as connection:
        assert connection.execute(spoiled.encode()).rowcount > 0
    await move_all(world, postgres_dsn)
    before = shown(postgres_dsn)
    for system, statements in CORRECTIONS.items():
        with psycopg.connect(world.urls[system]) as connection:
            for statement in statements:
                assert connection.execute(statement.encode()).rowcount > 0, statement
    await move_all(world, postgres_dsn)
    name = f"bst_fresh_{uuid7().hex}"
    fresh = postgres_server.create(name, template=migrated_template)
    try:
        await move_all(world, fresh)
        after, expected = shown(postgres_dsn), shown(fresh)
    finally:
        postgres_server.drop(name)
    for table in SHOWN:
        assert after[table] == expected[table], table
        assert after[table] != before[table] or table == "channel_external_refs"


async def test_what_a_person_resolved_is_not_opened_again(
    world: World, postgres_dsn: str, store: PostgresBackfillStore
) -> None:
    await move_catalog(world, store)
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("update unmapped_queue set status = 'RESOLVED', resolved_by = 'ayu', resolved_at = now()")
    await move_catalog(world, store)
    assert rows(postgres_dsn, "select distinct status, resolved_by from unmapped_queue") == [
        {"status": "RESOLVED", "resolved_by": "ayu"}
    ]


async def test_a_product_of_the_same_slug_is_the_same_product(
    world: World, postgres_dsn: str, store: PostgresBackfillStore
) -> None:
    """Somebody made it here first, under a key of its own; so with the code of one of its variants."""
    [product] = [said for said in world.truth("catalog") if said["entity"] == "PRODUCT" and said["status"] == "MAPPED"][
        :1
    ]
    code = f"V{product['source_pk']}-STD"
    ours, our_variant = uuid4(), uuid4()
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute(
            "insert into catalog_product (product_key, slug, name) values (%s, %s, 'Ours')", (ours, product["slug"])
        )
        connection.execute(
            "insert into catalog_variant (variant_key, product_key, code, name, service_type, duration_days)"
            " values (%s, %s, %s, 'Our variant', 'PRIVATE', 1)",
            (our_variant, ours, code),
        )
    await move_catalog(world, store)
    [kept] = rows(postgres_dsn, f"select name from catalog_product where product_key = '{ours}'")
    assert kept == {"name": "Ours"}
    assert rows(postgres_dsn, f"select 1 from catalog_product where product_key = '{product['target_key']}'") == []
    variants = rows(postgres_dsn, f"select variant_key, code from catalog_variant where product_key = '{ours}'")
    assert {"variant_key": our_variant, "code": code} in variants
    led = rows(
        postgres_dsn,
        "select entity_key from channel_external_refs where external_ref_kind = 'BALISNAP_PRODUCT_ID'"
        f" and external_ref = '{product['source_pk']}'",
    )
    assert led == [{"entity_key": ours}]


async def test_a_product_that_was_edited_here_stays_as_it_is(
    world: World, postgres_dsn: str, store: PostgresBackfillStore
) -> None:
    await move_catalog(world, store)
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("update catalog_product set name = 'Edited', updated_at = now() + interval '1 second'")
    with psycopg.connect(world.urls[LegacySystem.SHOP]) as connection:
        connection.execute(
            """update "TourProduct" set product_name = 'Renamed there' where btrim(product_name) <> ''"""
        )
        connection.execute("""update "TourVariant" set max_pax = 99""")
    await move_catalog(world, store)
    assert rows(postgres_dsn, "select distinct name from catalog_product") == [{"name": "Edited"}]
    assert rows(postgres_dsn, "select distinct max_pax from catalog_variant") == [{"max_pax": 99}]


async def test_a_driver_who_was_assigned_here_stays(
    world: World, postgres_dsn: str, store: PostgresBackfillStore
) -> None:
    await move_catalog(world, store)
    await move_bookings(world, store)
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("update ops_assignment set is_active = false")
        connection.execute(
            "insert into ops_assignment (assignment_key, booking_key, driver_id, assignment_source, assigned_at)"
            " select gen_random_uuid(), booking_key, 777, 'CORE_API', now() from ops_booking_state"
        )
        connection.execute("update ops_booking_state set assigned_driver_id = 777")
    with psycopg.connect(world.urls[LegacySystem.ADMIN]) as connection:
        connection.execute(
            "update bookings set assigned_driver_id = 5, main_contact_name = 'Renamed There',"
            " updated_at = updated_at + interval '1 day'"
        )
    await move_bookings(world, store)
    assert rows(postgres_dsn, "select distinct assigned_driver_id from ops_booking_state") == [
        {"assigned_driver_id": 777}
    ]
    names = rows(postgres_dsn, "select count(*) as renamed from booking_contact where main_name = 'Renamed There'")
    assert names[0]["renamed"] > 100


async def test_a_live_booking_of_a_blank_reference_is_found_by_its_other_name(
    world: World, postgres_dsn: str, store: PostgresBackfillStore
) -> None:
    """The shop's events call it DIRECT-{id}, back-fill BS-{id}: whichever comes first, it is one booking."""
    await move_catalog(world, store)
    await move_bookings(world, store)
    blank = [said for said in world.truth("bookings") if said["external_booking_ref"].startswith("BS-")]
    assert blank
    for said in blank:
        number = said["external_booking_ref"].removeprefix("BS-")
        found = rows(
            postgres_dsn,
            "select entity_key::text as key from channel_external_refs where external_ref_kind = 'BOOKING_REF'"
            f" and channel_code = 'DIRECT' and external_ref = 'DIRECT-{number}'",
        )
        assert found == [{"key": said["booking_key"]}]
    # The other way round: the live event made it under its own name.
    said = blank[0]
    number = said["external_booking_ref"].removeprefix("BS-")
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("delete from channel_external_refs where external_ref_kind = 'BOOKING_REF'")
        connection.execute(
            "update booking_core set external_booking_ref = %s where booking_key = %s",
            (f"DIRECT-{number}", said["booking_key"]),
        )
    await move_bookings(world, store)
    await move_money(world, store)
    counted = rows(postgres_dsn, "select count(*) as bookings from booking_core")
    assert counted == [{"bookings": len(world.truth("bookings"))}]


async def test_a_row_that_is_gone_is_on_no_list(world: World, postgres_dsn: str, store: PostgresBackfillStore) -> None:
    with psycopg.connect(world.urls[LegacySystem.SHOP]) as shop:
        shop.execute(
            """update "Payment" set payment_status = 'odd', payment_status_v2 = null where payment_id % 3 = 0"""
        )
    await move_catalog(world, store)
    await move_bookings(world, store)
    await move_money(world, store)
    of_a_table = {"Booking": LegacySystem.SHOP, "Payment": LegacySystem.SHOP, "bookings": LegacySystem.ADMIN}

    def listed() -> dict[str, set[int]]:
        found = rows(postgres_dsn, "select distinct source_table, source_pk::int as pk from migration_exception")
        return {table: {row["pk"] for row in found if row["source_table"] == table} for table in of_a_table}

    before = listed()
    gone = {table: min(ids) for table, ids in before.items()}
    with psycopg.connect(world.urls[LegacySystem.SHOP]) as shop:
        shop.execute("""delete from "Payment" where payment_id = %(Payment)s or booking_id = %(Booking)s""", gone)
        shop.execute("""delete from "BookingItem" where booking_id = %(Booking)s""", gone)
        shop.execute("""delete from "Booking" where booking_id = %(Booking)s""", gone)
    with psycopg.connect(world.urls[LegacySystem.ADMIN]) as admin:
        admin.execute("delete from bookings where booking_id = %(bookings)s", gone)
    await move_bookings(world, store)
    await move_money(world, store)
    after = listed()
    for table, system in of_a_table.items():
        key = "payment_id" if table == "Payment" else "booking_id"
        with psycopg.connect(world.urls[system]) as source:
            there = {row_id for (row_id,) in source.execute(f'select {key} from "{table}"'.encode()).fetchall()}
        assert gone[table] not in there
        assert after[table] == before[table] & there


@pytest.mark.parametrize("live_first", [False, True])
async def test_a_row_that_is_called_what_live_events_call_a_blank_reference_is_that_booking(
    world: World, postgres_dsn: str, store: PostgresBackfillStore, live_first: bool
) -> None:
    """The old admin may have its booking from an event of the shop, which calls it DIRECT-{id}."""
    with psycopg.connect(world.urls[LegacySystem.SHOP]) as shop:
        [(row_id,)] = shop.execute("""select min(booking_id) from "Booking" where booking_ref is not null""").fetchall()
        shop.execute("""update "Booking" set booking_ref = null where booking_id = %s""", (row_id,))
    with psycopg.connect(world.urls[LegacySystem.ADMIN]) as admin:
        admin.execute(
            "update bookings set source = 'DIRECT', booking_ref = %s, main_contact_name = 'Annika Brandt'"
            " where booking_id = (select max(booking_id) from bookings)",
            (f" direct-{row_id}",),
        )
    await move_catalog(world, store)
    if live_first:
        said = body(
            "CREATED", f"DIRECT-{row_id}", "2026-03-02T00:00:00.000Z", booking={"tourDate": "2026-06-02", "adult": 1}
        )
        await Live(store.database).send(said)
    await move_bookings(world, store)
    await move_money(world, store)
    named = rows(
        postgres_dsn,
        "select external_booking_ref, count(distinct ref.source_system) as systems from booking_core core"
        " join channel_external_refs ref on ref.entity_key = core.booking_key and ref.external_ref_kind like '%BOOKING_ID'"
        f" where external_booking_ref in ('BS-{row_id}', 'DIRECT-{row_id}') group by 1",
    )
    assert named == [{"external_booking_ref": f"{'DIRECT' if live_first else 'BS'}-{row_id}", "systems": 2}]
    before = contents(postgres_dsn)
    again = await move_bookings(world, store)
    assert (again.created, again.changed) == (0, 0)
    assert contents(postgres_dsn) == before


async def test_texts_that_are_too_long_for_us_stop_nothing(
    world: World, postgres_dsn: str, store: PostgresBackfillStore
) -> None:
    """The legacy columns have no limits."""
    with psycopg.connect(world.urls[LegacySystem.SHOP]) as shop:
        shop.execute(
            """update "Booking" set main_contact_name = repeat('n', 5000), main_contact_email = repeat('e', 5000),
               phone_number = repeat('12', 500), note = repeat('long ', 5000) where booking_id % 2 = 0"""
        )
        shop.execute(
            """update "Payment" set gateway = repeat('g', 300), gateway_order_id = repeat('o', 300) || payment_id,
               gateway_capture_id = null, payment_ref = 'p' || payment_id || repeat('p', 300), payment_status_v2 = 'FAILED',
               payment_status = repeat('s', 300), payment_method = repeat('m', 300) where payment_id % 2 = 0"""
        )
    with psycopg.connect(world.urls[LegacySystem.ADMIN]) as admin:
        admin.execute(
            """update bookings set booking_ref = repeat('R', 400) || booking_id, status = 'DONE', tour_time = repeat('9', 400)
               where booking_id % 9 = 0"""
        )
    catalog, bookings, money = await move_all(world, postgres_dsn)
    assert bookings.rejected > 10
    assert min(catalog.written, bookings.written, money.written) > 0
    again = await move_all(world, postgres_dsn)
    assert [tally.written for tally in again] == [0, 0, 0]


async def test_a_run_at_mess_zero_rejects_nothing(
    postgres_server: PostgresAddress, tmp_path: Path, postgres_dsn: str
) -> None:
    with a_world(postgres_server, tmp_path, seed=42, bookings=100, mess=0) as clean:
        _, bookings, _ = await move_all(clean, postgres_dsn)
        assert (bookings.rejected, bookings.created) == (0, len(clean.truth("bookings")))
        assert_the_truth(clean, postgres_dsn)
        before = contents(postgres_dsn)
        await move_all(clean, postgres_dsn)
        assert contents(postgres_dsn) == before
