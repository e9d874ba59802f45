"""Bookings as their rows say, field by field, beside what was folded."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from psycopg.rows import dict_row

from bst_application.ports.backfill import Assigned
from bst_application.ports.bookings import StoredBooking
from bst_application.ports.comparing import StoredRecord
from bst_domain.migration import SourceRow, as_text, item_text, payment_text
from bst_domain.values import BookingIdentity, ExternalRef
from bst_postgres.bookings.loading import read_bookings
from bst_postgres.comparing.references import sources_of
from bst_postgres.database import DriverConnection, as_uuid_array

_FIELDS = """
select core.booking_key as "bookingKey", core.booking_created_at as "bookedAt", core.tour_date as "tourDate",
  core.tour_time as "tourTime", core.currency_code as currency, core.total_price as "totalPrice",
  core.number_of_adult as adult, core.number_of_child as child, party.infant_qty as infant,
  core.package_ref_type as "packageRefType", core.package_ref_key as "packageRefKey",
  core.legacy_package_id as "legacyPackageId", core.note, contact.meeting_point as "meetingPoint",
  contact.pickup_location as "pickupLocation", contact.main_name as "mainName", contact.main_email as "mainEmail",
  contact.phone, contact.phone_e164 as "phoneE164", contact.is_placeholder_name as "isPlaceholderName",
  contact.is_placeholder_email as "isPlaceholderEmail", state.assigned_driver_id as "assignedDriverId",
  (select string_agg(made.driver_id::text, '|' order by made.driver_id) from ops_assignment made
   where made.booking_key = core.booking_key and made.is_active) as "activeAssignment",
  party.adult_qty || '+' || party.child_qty as party,
  core.customer_payment_status as "customerPaymentStatus", core.ops_fulfillment_status as "opsFulfillmentStatus",
  array_to_string(core.status_reasons, '|') as "statusReasons", state.ops_fulfillment_status as "stateStatus",
  state.paid_at as "paidAt", state.is_paid_flag as "isPaid", finance.settlement_status as "settlementStatus",
  finance.pattern_id as "patternId", finance.validated_at as "validatedAt", finance.is_locked as "isLocked",
  exists (select from ops_assignment made where made.booking_key = core.booking_key
    and made.assignment_source <> 'BACKFILL') as by_core
from booking_core core left join booking_contact contact using (booking_key) left join booking_party party using (booking_key)
left join ops_booking_state state using (booking_key) left join ops_finance_bridge finance using (booking_key)
where core.booking_key = any (%s::uuid[])
"""
_ITEMS = """
select booking_key, booking_item_key, variant_key, departure_external_id, currency_code, adult_qty, child_qty, infant_qty,
  adult_unit_price, child_unit_price, discount_amount, tax_amount, total_amount
from booking_item_snapshot where booking_key = any (%s::uuid[])
"""
_PAYMENTS = """
select booking_key, payment_key, amount, currency_code, payment_status_v2, payment_time, gateway_order_id, gateway_capture_id
from payment_event where booking_key = any (%s::uuid[])
"""
_NAMES = "select channel_code, external_booking_ref from booking_core where booking_key = any (%s::uuid[])"


async def read_records(
    connection: DriverConnection, identities: Sequence[BookingIdentity], keys: Sequence[UUID]
) -> tuple[Mapping[BookingIdentity, StoredRecord], Mapping[UUID, StoredRecord]]:
    """By any name of theirs, and by key."""
    named = await _fetch(connection, _NAMES, keys)
    asked = [*identities, *(BookingIdentity(channel, ExternalRef(ref)) for channel, ref in named)]
    found = await read_bookings(connection, list(dict.fromkeys(asked)))
    bookings: dict[UUID, StoredBooking] = {booking.key: booking for booking in found.values()}
    records = await _records(connection, bookings)
    by_name = {name: records[booking.key] for name, booking in found.items()}
    return by_name, {key: records[key] for key in keys if key in records}


async def _records(connection: DriverConnection, bookings: Mapping[UUID, StoredBooking]) -> dict[UUID, StoredRecord]:
    keys = list(bookings)
    items, payments = await _items(connection, keys), await _payments(connection, keys)
    sources = await sources_of(connection, keys)
    async with connection.cursor(row_factory=dict_row) as cursor:
        rows = await (await cursor.execute(_FIELDS, (as_uuid_array(keys),))).fetchall()
    return {
        (key := row["bookingKey"]): _record(bookings[key], row, items[key], payments[key], sources.get(key, ()))
        for row in rows
    }


def _record(
    booking: StoredBooking,
    row: dict[str, Any],
    items: dict[str, str],
    payments: dict[str, str],
    sources: Sequence[SourceRow],
) -> StoredRecord:
    by_core = row.pop("by_core")
    return StoredRecord(
        booking=booking,
        fields={name: as_text(value) for name, value in row.items()},
        items=items,
        payments=payments,
        sources=frozenset(map(str, sources)),
        assigned=Assigned(driver_id=row["assignedDriverId"], by_core=by_core),
    )


async def _items(connection: DriverConnection, keys: Sequence[UUID]) -> dict[UUID, dict[str, str]]:
    found: dict[UUID, dict[str, str]] = defaultdict(dict)
    for booking, key, variant, departure, currency, adult, child, infant, *prices in await _fetch(
        connection, _ITEMS, keys
    ):
        found[booking][str(key)] = item_text(
            variant=variant, currency=currency, party=(adult, child, infant), prices=prices, departure=departure
        )
    return found


async def _payments(connection: DriverConnection, keys: Sequence[UUID]) -> dict[UUID, dict[str, str]]:
    found: dict[UUID, dict[str, str]] = defaultdict(dict)
    for booking, key, amount, currency, status, at, order, capture in await _fetch(connection, _PAYMENTS, keys):
        found[booking][str(key)] = payment_text(
            amount=amount, currency=currency, status=status, at=at, references=(order, capture)
        )
    return found


async def _fetch(connection: DriverConnection, query: str, keys: Sequence[UUID]) -> list[Any]:
    return await (await connection.execute(query.encode(), (as_uuid_array(keys),))).fetchall()
