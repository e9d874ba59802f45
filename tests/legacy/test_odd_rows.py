"""Rows that no generator makes and some database has: they are rejected by name, and stop nothing."""

from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from bst_domain.migration import LegacySystem
from tests.legacy.comparing import compare
from tests.legacy.moving import move_all
from tests.legacy.test_moving import rows
from tests.legacy.world import World, a_world
from tests.servers import PostgresAddress


@pytest.fixture
def world(postgres_server: PostgresAddress, tmp_path: Path) -> Iterator[World]:
    with a_world(postgres_server, tmp_path, seed=61, bookings=60, mess=0) as made:
        yield made


async def test_amounts_that_are_none_and_channels_that_nobody_knows_are_rejected_by_name(
    world: World, postgres_dsn: str
) -> None:
    with psycopg.connect(world.urls[LegacySystem.SHOP]) as shop:
        shop.execute(
            """update "Booking" set total_price = case when booking_id % 2 = 0 then 1e10 else 'NaN' end
               where booking_id in (select booking_id from "Booking" order by booking_id limit 2)"""
        )
        shop.execute(
            """update "Payment" set amount = 12345678901 where payment_id = (select payment_id from "Payment"
               where booking_id not in (select booking_id from "Booking" order by booking_id limit 2)
               order by payment_id limit 1)"""
        )
        shop.execute("""update "VariantRatePlan" set price = 'NaN' where rate_plan_id = 1""")
        shop.execute("""update "TourPackage" set price_per_person = 1e12 where package_id = 1""")
    with psycopg.connect(world.urls[LegacySystem.ADMIN]) as admin:
        admin.execute("alter table bookings alter column source drop default, alter column source type text")
        admin.execute(
            "update bookings set source = 'KLOOK, a marketplace with a name that nobody had thought of'"
            " where booking_id in (select booking_id from bookings where source = 'VIATOR' order by booking_id limit 3)"
        )
    _, bookings, _ = await move_all(world, postgres_dsn)
    assert bookings.rejected == 5
    listed = rows(
        postgres_dsn,
        "select batch_code as batch, source_table as source, detail, count(*) from migration_exception"
        " where exception = 'REJECTED_ROW' group by 1, 2, 3 order by 1, 2, 3",
    )
    assert [tuple(row.values()) for row in listed] == [
        ("D", "Booking", "AMOUNT_OUT_OF_RANGE", 2),
        ("D", "bookings", "UNKNOWN_CHANNEL", 3),
        ("E", "Payment", "AMOUNT_OUT_OF_RANGE", 1),
    ]
    queued = rows(postgres_dsn, "select reason_code from unmapped_queue where source_table = 'VariantRatePlan'")
    assert queued == [{"reason_code": "INVALID_SOURCE"}]
    again = await move_all(world, postgres_dsn)
    assert [tally.written for tally in again] == [0, 0, 0]
    for batch in "CDE":
        for full in (False, True):
            report = await compare(world, postgres_dsn, batch, full=full)
            assert report.passed, (report.checks, report.faults)
    assert report.payments is not None
    assert (report.payments.rejected, report.payments.unexplained) == (1, 0)
