"""Live events go on after the back-fill: what it wrote follows them, and no row stands beside another for the same thing."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

from bst_domain.migration import LegacySystem
from bst_postgres.database import Database
from bst_testing.deliveries import body
from tests.legacy.moving import move_all
from tests.legacy.test_interrupted import Live
from tests.legacy.test_moving import rows
from tests.legacy.world import World, a_world
from tests.servers import PostgresAddress


@pytest.fixture
def world(postgres_server: PostgresAddress, tmp_path: Path) -> Iterator[World]:
    with a_world(postgres_server, tmp_path, seed=51, bookings=60, mess=0) as made:
        yield made


@pytest.fixture
async def live(postgres_dsn: str) -> AsyncIterator[Live]:
    database = Database(postgres_dsn)
    yield Live(database)
    await database.close()


_PAX = """
select number_of_adult + number_of_child as header, (select sum(adult_qty + child_qty) from booking_item_snapshot item
  where item.booking_key = core.booking_key)::int as items from booking_core core where external_booking_ref = '{}'
"""
_PAYMENTS = """
select payment_status_v2 as status from payment_event join booking_core using (booking_key)
where external_booking_ref = '{}' order by payment_time
"""


async def test_another_party_replaces_the_items_that_were_moved_in(world: World, postgres_dsn: str, live: Live) -> None:
    await move_all(world, postgres_dsn)
    [said] = [s for s in world.truth("bookings") if s["primary_source"].startswith("balisnap")][:1]
    ref = said["external_booking_ref"]
    [before] = rows(postgres_dsn, _PAX.format(ref))
    assert before["header"] == before["items"]
    await live.send(body("UPDATED", ref, "2026-03-02T00:00:00.000Z", booking={"adult": 8, "child": 1}))
    assert rows(postgres_dsn, _PAX.format(ref)) == [{"header": 9, "items": 9}]
    await move_all(world, postgres_dsn)
    assert rows(postgres_dsn, _PAX.format(ref)) == [{"header": 9, "items": 9}]


@pytest.mark.parametrize("spoken_of", [{"currency": "EUR", "totalPrice": 1234.5}, {"child": 7}, {"infant": 3}])
async def test_another_price_or_child_replaces_the_items_and_a_later_run_does_not_bring_them_back(
    world: World, postgres_dsn: str, live: Live, spoken_of: dict[str, Any]
) -> None:
    await move_all(world, postgres_dsn)
    [ref] = [s["external_booking_ref"] for s in world.truth("bookings") if s["primary_source"].startswith("balisnap")][
        :1
    ]
    query = f"""select item.currency_code, total_amount, adult_qty, child_qty, infant_qty from booking_item_snapshot item
        join booking_core using (booking_key) where external_booking_ref = '{ref}'"""
    moved_in = rows(postgres_dsn, query)
    await live.send(body("UPDATED", ref, "2026-03-02T00:00:00.000Z", booking=spoken_of))
    said = rows(postgres_dsn, query)
    assert said != moved_in
    _, bookings, _ = await move_all(world, postgres_dsn)
    assert rows(postgres_dsn, query) == said
    assert bookings.written == 0


async def test_a_live_report_of_a_moved_in_payment_takes_its_place(world: World, postgres_dsn: str, live: Live) -> None:
    await move_all(world, postgres_dsn)
    query = """select external_booking_ref as ref, reference, order_id, amount::float, payment_fact.currency_code as currency
        from payment_fact join booking_core using (booking_key)
        where provider = 'PAYPAL' and kind = 'captured' and order_id is not null and reference <> order_id limit 1"""
    [fact] = rows(postgres_dsn, query)
    payment = {
        "provider": "PAYPAL",
        "status": "REFUNDED",
        "reference": fact["reference"],
        "orderId": fact["order_id"],
        "amount": fact["amount"],
        "currency": fact["currency"],
        "time": "2026-03-02T00:00:00.000Z",
    }
    assert rows(postgres_dsn, _PAYMENTS.format(fact["ref"])) == [{"status": "PAID"}]
    await live.send(body("UPDATED", fact["ref"], "2026-03-02T00:00:00.000Z", payment=payment))
    assert rows(postgres_dsn, _PAYMENTS.format(fact["ref"])) == [{"status": "REFUNDED"}]
    await move_all(world, postgres_dsn)
    assert rows(postgres_dsn, _PAYMENTS.format(fact["ref"])) == [{"status": "REFUNDED"}]


async def test_the_shops_own_name_of_a_moved_in_payment_is_the_same_payment(
    world: World, postgres_dsn: str, live: Live
) -> None:
    """A live shop event names a capture by its paymentRef, the old row by its capture id: whichever comes first."""
    query = """select booking_ref as ref, payment_ref, amount::numeric(12, 2) as amount, payment.currency_code as currency
        from "Payment" payment join "Booking" using (booking_id)
        where payment_ref is not null and gateway_capture_id is not null and payment_status_v2 = 'COMPLETED'
        order by payment_id limit 2"""
    before, after = rows(world.urls[LegacySystem.SHOP], query)

    async def capture(paid: dict[str, Any]) -> None:
        payload = {
            "paymentRef": paid["payment_ref"],
            "paymentStatus": "COMPLETED",
            "capturedAmount": float(paid["amount"]),
            "currency": paid["currency"].upper(),
        }
        raw = {"providerPayload": payload}
        await live.send(body("UPDATED", paid["ref"], "2026-03-02T00:00:00.000Z", raw=raw))

    await capture(before)
    await move_all(world, postgres_dsn)
    await capture(after)
    for paid in (before, after):
        name = "".join(paid["ref"].split()).upper()
        assert rows(postgres_dsn, _PAYMENTS.format(name)) == [{"status": "PAID"}]
        refunded = {"paymentRef": f"R-{name}", "paymentStatus": "REFUNDED", "capturedAmount": float(paid["amount"])}
        raw = {"providerPayload": {**refunded, "currency": paid["currency"].upper()}}
        await live.send(body("UPDATED", paid["ref"], "2026-03-03T00:00:00.000Z", raw=raw))
        [shown] = rows(
            postgres_dsn,
            f"select customer_payment_status as status from booking_core where external_booking_ref = '{name}'",
        )
        assert shown == {"status": "REFUNDED"}
    again = await move_all(world, postgres_dsn)
    assert again[2].written == 0
