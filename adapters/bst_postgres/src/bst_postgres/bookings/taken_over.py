"""Rows of bookings that the predecessor wrote: what they say, read when somebody first works on them."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from bst_domain.booking import BookingFacts, PackageRef, PackageRefType, TakenOverRow, facts_of_row
from bst_domain.values import FulfilmentStatus, Money, PaymentStatus
from bst_postgres.database import DriverConnection, as_uuid_array

_ROWS = """
select core.booking_key, core.channel_code, core.booking_created_at, core.customer_payment_status,
  coalesce(state.ops_fulfillment_status, core.ops_fulfillment_status), core.tour_date, core.tour_time,
  core.number_of_adult, core.number_of_child, party.infant_qty, core.currency_code, core.total_price, core.note,
  core.package_ref_type, core.package_ref_key, core.legacy_package_id, contact.main_name, contact.main_email,
  contact.phone, contact.pickup_location, contact.meeting_point
from booking_core core
left join booking_contact contact on contact.booking_key = core.booking_key
left join booking_party party on party.booking_key = core.booking_key
left join ops_booking_state state on state.booking_key = core.booking_key
where core.booking_key = any(%s::uuid[])
"""


async def load_taken_over(connection: DriverConnection, keys: Sequence[UUID]) -> Mapping[UUID, BookingFacts]:
    """The facts of these rows. Nothing is asked where there is none, as almost always."""
    if not keys:
        return {}
    rows = await (await connection.execute(_ROWS, (as_uuid_array(keys),))).fetchall()
    return {row[0]: facts_of_row(_row(row)) for row in rows}


def _row(row: Sequence[Any]) -> TakenOverRow:
    (key, channel, booked_at, payment, fulfilment, day, clock, adult, child, infant, currency, total, note, *rest) = row
    kind, package_key, legacy_id, name, email, phone, pickup_location, meeting_point = rest
    names_a_package = package_key is not None or legacy_id is not None
    return TakenOverRow(
        key=key,
        channel=channel,
        booked_at=booked_at,
        payment_status=PaymentStatus(payment),
        fulfilment_status=FulfilmentStatus(fulfilment),
        tour_date=day,
        tour_time=clock,
        adult=adult,
        child=child,
        infant=infant,
        total=None if currency is None or total is None else Money(currency, total),
        note=note,
        package=PackageRef(PackageRefType(kind), package_key, legacy_id) if names_a_package else None,
        name=name,
        email=email,
        phone=phone,
        pickup_location=pickup_location,
        meeting_point=meeting_point,
    )
