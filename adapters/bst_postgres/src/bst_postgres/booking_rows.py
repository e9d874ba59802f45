"""A booking's row for readers: its columns from four tables, and what they become."""

from collections.abc import Sequence
from typing import Any, Final

from bst_application.ports.reading import BookingRow
from bst_domain.booking import Contact
from bst_domain.values import BookingIdentity, BookingKey, ExternalRef, email_kind

_COLUMNS = """core.booking_key, core.channel_code, core.external_booking_ref, core.version, core.customer_payment_status,
  coalesce(state.ops_fulfillment_status, core.ops_fulfillment_status), core.status_reasons,
  core.booking_created_at, core.tour_date, core.tour_time,
  core.number_of_adult, core.number_of_child, core.currency_code, core.total_price, core.note, core.package_ref_type,
  core.package_ref_key, core.legacy_package_id, core.created_at, core.updated_at, party.infant_qty, contact.main_name,
  contact.main_email, contact.phone, contact.phone_e164, contact.pickup_location, contact.meeting_point,
  contact.is_placeholder_name, contact.is_placeholder_email, state.assigned_driver_id"""
_TABLES = """booking_core core
left join booking_contact contact on contact.booking_key = core.booking_key
left join booking_party party on party.booking_key = core.booking_key
left join ops_booking_state state on state.booking_key = core.booking_key"""

#: One booking, with its fold behind the columns of a row.
ONE: Final = f"select {_COLUMNS}, core.fold from {_TABLES} where core.booking_key = %(key)s"


def rows_of(keys: str, order: str) -> str:
    """The rows of a page whose keys this query gives, in one statement: their number is never that of the rows."""
    within_core = ", ".join(f"core.{column}" for column in order.split(", "))
    return (
        f"with page as materialized ({keys}) select {_COLUMNS} from page join {_TABLES}"
        f" on core.booking_key = page.booking_key order by {within_core}"
    )


def booking_row(found: Sequence[Any]) -> BookingRow:
    """By position: a page has thousands of values, and a name for each costs more than reading it."""
    (
        key, channel, ref, version, payment_status, fulfilment_status, reasons, booked_at, tour_date, tour_time,
        adult, child, currency, total_price, note, package_ref_type, package_ref_key, legacy_package_id,
        created_at, updated_at, infant, name, email, phone, phone_e164, pickup_location, meeting_point,
        is_placeholder_name, is_placeholder_email, assigned_driver_id,
    ) = found  # fmt: skip
    return BookingRow(
        key=BookingKey(key),
        identity=BookingIdentity(channel, ExternalRef(ref)),
        version=version,
        payment_status=payment_status,
        fulfilment_status=fulfilment_status,
        reasons=reasons,
        booked_at=booked_at,
        tour_date=tour_date,
        tour_time=tour_time,
        adult=adult,
        child=child,
        infant=infant,
        currency=currency,
        total_price=total_price,
        note=note,
        contact=Contact(
            name=name,
            email=email,
            phone=phone,
            phone_e164=phone_e164,
            email_kind=email_kind(email),
            is_placeholder_name=bool(is_placeholder_name),
            is_placeholder_email=bool(is_placeholder_email),
            pickup_location=pickup_location,
            meeting_point=meeting_point,
        ),
        package_ref_type=package_ref_type,
        package_ref_key=package_ref_key,
        legacy_package_id=legacy_package_id,
        assigned_driver_id=assigned_driver_id,
        created_at=created_at,
        updated_at=updated_at,
    )
