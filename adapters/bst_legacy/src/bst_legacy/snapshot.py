"""Rows of one snapshot of both databases, as the domain's values."""

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from datetime import datetime
from typing import Any, LiteralString

from psycopg.rows import TupleRow

from bst_application.ports.legacy import FinanceName, LegacyName
from bst_domain.gates import ShopPayment, StoredPayment
from bst_domain.migration import LegacyBooking, LegacyCatalog, LegacyItem, LegacyPaid, LegacySystem
from bst_legacy.catalog import read_catalog
from bst_legacy.connections import ROWS_AT_ONCE, Connection, fetch, reading, streamed
from bst_legacy.digests import LegacyDigests, copied
from bst_legacy.rows import admin_booking, admin_money, finance, item, naive, payment, shop_booking, shop_money
from bst_legacy.shop_payments import SHOP_PAYMENTS, SHOP_PAYMENTS_LIKE, names_of, shop_payment

_SHOP, _ADMIN = LegacySystem.SHOP, LegacySystem.ADMIN

_NAMES: Mapping[LegacySystem, LiteralString] = {
    _SHOP: """select booking_id, 'DIRECT', booking_ref from "Booking" order by booking_id""",
    _ADMIN: "select booking_id, source::text, booking_ref from bookings order by booking_id",
}

_SHOP_BOOKINGS = """
select booking_id, booking_ref, booking_date, created_at, updated_at, currency_code, round(total_price, 2), number_of_adult,
  number_of_child, package_id, main_contact_name, main_contact_email, phone_number, meeting_point, note, status,
  status_v2::text
from "Booking" where booking_id = any (%(ids)s) order by booking_id
"""
_ITEMS = """
select booking_id, booking_item_id, variant_id, departure_id, item_status::text = 'CANCELLED', currency_code, adult_qty,
  child_qty, infant_qty, round(adult_unit_price, 2), round(child_unit_price, 2), round(discount_amount, 2),
  round(tax_amount, 2), round(total_amount, 2), snapshot
from "BookingItem" where booking_id = any (%(ids)s) order by booking_item_id
"""
_TRAVELLERS = """
select item.booking_item_id, traveler_type::text, first_name, last_name, email, phone, nationality, passport_number,
  special_request, birth_date::text
from "BookingTraveler" traveller join "BookingItem" item on item.booking_item_id = traveller.booking_item_id
where item.booking_id = any (%(ids)s) order by traveler_id
"""
_PAYMENT_COLUMNS = """
payment.booking_id, payment_id, payment_date, round(amount, 2), payment.currency_code, payment_method, payment_status,
  payment_status_v2::text, gateway, gateway_order_id, gateway_capture_id, payment_ref, raw_payload
"""
_PAYMENTS = f"""
select {_PAYMENT_COLUMNS} from "Payment" payment where payment.booking_id = any (%(ids)s) order by payment_id
"""
_LEFT_BEHIND = f"""
select {_PAYMENT_COLUMNS} from "Payment" payment
where not exists (select from "Booking" booking where booking.booking_id = payment.booking_id) order by payment_id
"""
_ADMIN_BOOKINGS = """
select booking_id, booking_ref, tour_date, created_at, updated_at, currency, round(total_price, 2), number_of_adult,
  number_of_child, package_id, main_contact_name, main_contact_email, phone_number, meeting_point, note, source::text,
  status::text, tour_time, pickup_location, assigned_driver_id, assigned_at, is_paid, paid_at
from bookings where booking_id = any (%(ids)s) order by booking_id
"""
_FINANCES = """
select finance.booking_id, booking_finance_id, pattern_id, validated_at, is_locked, items, items_paid
from booking_finances finance
cross join lateral (select count(*) as items, count(*) filter (where paid) as items_paid from booking_finance_items item
  where item.booking_finance_id = finance.booking_finance_id) counted
where finance.booking_id = any (%(ids)s) order by booking_finance_id
"""
_WORDS: Mapping[LegacySystem, LiteralString] = {
    _SHOP: """copy (select booking_id, coalesce(status_v2::text, status, '') from "Booking") to stdout""",
    _ADMIN: "copy (select booking_id, status from bookings) to stdout",
}
# Drawn by the digest of seed and number: the same rows wherever and whenever the same table is asked.
_DRAWN = "order by sha256(convert_to(%(seed)s || ':' || booking_id, 'UTF8')) limit %(size)s"
_SAMPLE: Mapping[LegacySystem, LiteralString] = {
    _SHOP: f'select booking_id from "Booking" {_DRAWN}',
    _ADMIN: f"select booking_id from bookings {_DRAWN}",
}
_FINANCE_NAMES = "select booking_finance_id, booking_id from booking_finances order by booking_finance_id"
# What moving money needs; see money_alone for what stands in for the rest.
_SHOP_MONEY = """
select booking_id, booking_ref, updated_at, currency_code, round(total_price, 2), status, status_v2::text
from "Booking" where booking_id = any (%(ids)s) order by booking_id
"""
_ITEM_MONEY = _ITEMS.replace(", snapshot", ", null")
_ADMIN_MONEY = """
select booking_id, booking_ref, updated_at, currency, round(total_price, 2), source::text, is_paid, paid_at
from bookings where booking_id = any (%(ids)s) order by booking_id
"""
_TRAVELLER = (
    "travelerType",
    "firstName",
    "lastName",
    "email",
    "phone",
    "nationality",
    "passportNumber",
    "specialRequest",
    "birthDate",
)


class Snapshot:
    """LegacySnapshot on one connection a database."""

    def __init__(self, connections: Mapping[LegacySystem, Connection]) -> None:
        self._connections = connections

    async def moments(self) -> dict[LegacySystem, str]:
        """Names under which other connections can see the same, as long as this snapshot is open."""
        return {
            system: (await fetch(system, connection, "select pg_export_snapshot()"))[0][0]
            for system, connection in self._connections.items()
        }

    async def names(self) -> AsyncIterator[Sequence[LegacyName]]:
        for system, connection in self._connections.items():
            async for rows in streamed(system, connection, _NAMES[system]):
                yield [LegacyName(system, row_id, channel, ref) for row_id, channel, ref in rows]

    async def bookings(self, system: LegacySystem, ids: Sequence[int]) -> list[LegacyBooking]:
        if not ids:
            return []
        return await (self._shop_bookings(ids) if system is _SHOP else self._admin_bookings(ids))

    async def money(self, system: LegacySystem, ids: Sequence[int]) -> list[LegacyBooking]:
        if not ids:
            return []
        if system is _ADMIN:
            finances = {row[0]: finance(row) for row in await self._fetch(_ADMIN, _FINANCES, ids)}
            return [admin_money(row, finances) for row in await self._fetch(_ADMIN, _ADMIN_MONEY, ids)]
        items: defaultdict[int, list[LegacyItem]] = defaultdict(list)
        for row in await self._fetch(_SHOP, _ITEM_MONEY, ids):
            items[row[0]].append(item(row, {}))
        payments = await self._payments(ids)
        return [shop_money(row, items, payments) for row in await self._fetch(_SHOP, _SHOP_MONEY, ids)]

    async def payments_without_booking(self) -> list[LegacyPaid]:
        return [payment(row) for row in await self._fetch(_SHOP, _LEFT_BEHIND, None)]

    async def payments(self, since: datetime | None = None) -> AsyncIterator[Sequence[ShopPayment]]:
        async for rows in streamed(_SHOP, self._connections[_SHOP], SHOP_PAYMENTS, {"since": naive(since)}):
            yield [shop_payment(row) for row in rows]

    async def payments_like(self, payments: Sequence[StoredPayment]) -> list[ShopPayment]:
        rows = await fetch(_SHOP, self._connections[_SHOP], SHOP_PAYMENTS_LIKE, names_of(payments))
        return [shop_payment(row) for row in rows]

    async def finances(self) -> AsyncIterator[Sequence[FinanceName]]:
        async for rows in streamed(_ADMIN, self._connections[_ADMIN], _FINANCE_NAMES):
            yield [FinanceName(*row) for row in rows]

    async def catalog(self) -> LegacyCatalog:
        return await read_catalog(self._connections)

    def digests(self, system: LegacySystem) -> LegacyDigests:
        return LegacyDigests(system, self._connections[system])

    def digest_lines(self, system: LegacySystem) -> AsyncIterator[bytes]:
        return self.digests(system).lines()

    def word_lines(self, system: LegacySystem) -> AsyncIterator[bytes]:
        return copied(system, self._connections[system], _WORDS[system])

    async def payment_ids(self) -> AsyncIterator[Sequence[tuple[int, int]]]:
        with reading(_SHOP):
            async with self._connections[_SHOP].cursor("payments", binary=True) as cursor:
                await cursor.execute('select payment_id, booking_id from "Payment" order by payment_id')
                while rows := await cursor.fetchmany(ROWS_AT_ONCE):
                    yield [(payment, booking) for payment, booking in rows]

    async def sample(self, system: LegacySystem, seed: int, size: int) -> list[int]:
        given = {"seed": str(seed), "size": size}
        rows = await fetch(system, self._connections[system], _SAMPLE[system], given)
        return sorted(row_id for (row_id,) in rows)

    async def _fetch(self, system: LegacySystem, query: LiteralString, ids: Sequence[int] | None) -> list[TupleRow]:
        return await fetch(system, self._connections[system], query, None if ids is None else {"ids": list(ids)})

    async def _shop_bookings(self, ids: Sequence[int]) -> list[LegacyBooking]:
        items, payments = await self._items(ids), await self._payments(ids)
        return [shop_booking(row, items, payments) for row in await self._fetch(_SHOP, _SHOP_BOOKINGS, ids)]

    async def _items(self, ids: Sequence[int]) -> dict[int, list[LegacyItem]]:
        travellers: defaultdict[int, list[Mapping[str, Any]]] = defaultdict(list)
        for item_id, *said in await self._fetch(_SHOP, _TRAVELLERS, ids):
            travellers[item_id].append({name: value for name, value in zip(_TRAVELLER, said, strict=True) if value})
        items: defaultdict[int, list[LegacyItem]] = defaultdict(list)
        for row in await self._fetch(_SHOP, _ITEMS, ids):
            items[row[0]].append(item(row, travellers))
        return items

    async def _payments(self, ids: Sequence[int]) -> dict[int, list[LegacyPaid]]:
        payments: defaultdict[int, list[LegacyPaid]] = defaultdict(list)
        for row in await self._fetch(_SHOP, _PAYMENTS, ids):
            payments[row[0]].append(payment(row))
        return payments

    async def _admin_bookings(self, ids: Sequence[int]) -> list[LegacyBooking]:
        finances = {row[0]: finance(row) for row in await self._fetch(_ADMIN, _FINANCES, ids)}
        return [admin_booking(row, finances) for row in await self._fetch(_ADMIN, _ADMIN_BOOKINGS, ids)]
