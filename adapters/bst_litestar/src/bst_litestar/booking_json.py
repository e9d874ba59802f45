"""A stored booking as the API shows it.

Source of the shape: predecessor's OpsBooking and contracts, "a booking in a response". Null members are present and null.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from bst_application.ports.cutover import QueuedConflict
from bst_application.ports.operations import ConflictRecord
from bst_application.ports.reading import BookingDetail, BookingRow
from bst_domain.booking import FactValue, value_to_json
from bst_domain.migration import Module, blocks_next_batch
from bst_domain.values import BookingIdentity, BookingKey, format_instant


def booking_json(row: BookingRow) -> dict[str, Any]:
    """A row of the list."""
    contact = row.contact
    return {
        "bookingKey": str(row.key),
        "channelCode": row.identity.channel,
        "externalBookingRef": row.identity.ref,
        "customerPaymentStatus": row.payment_status,
        "opsFulfillmentStatus": row.fulfilment_status,
        "statusReasons": list(row.reasons),
        "version": row.version,
        "note": row.note,
        "meetingPoint": contact.meeting_point,
        "assignedDriverId": row.assigned_driver_id,
        "tourDate": None if row.tour_date is None else row.tour_date.isoformat(),
        "tourTime": None if row.tour_time is None else f"{row.tour_time:%H:%M}",
        "adult": row.adult,
        "child": row.child,
        "infant": row.infant,
        "currency": row.currency,
        "totalPrice": None if row.total_price is None else f"{row.total_price:.2f}",
        "contact": {
            "mainName": contact.name,
            "mainEmail": contact.email,
            "phone": contact.phone,
            "phoneE164": contact.phone_e164,
            "emailKind": contact.email_kind.value,
            "isPlaceholderName": contact.is_placeholder_name,
            "isPlaceholderEmail": contact.is_placeholder_email,
            "pickupLocation": contact.pickup_location,
        },
        "packageRefType": row.package_ref_type,
        "packageRefKey": None if row.package_ref_key is None else str(row.package_ref_key),
        "legacyPackageId": row.legacy_package_id,
        "createdAt": format_instant(row.created_at),
        "updatedAt": format_instant(row.updated_at),
    }


def detail_json(detail: BookingDetail) -> dict[str, Any]:
    """The detail: the row, and where everything in it comes from."""
    return {
        **booking_json(detail.row),
        "provenance": {
            name: {
                "source": origin.source,
                "eventId": str(origin.event_id),
                "eventTime": format_instant(origin.event_time),
            }
            for name, origin in detail.provenance.items()
        },
        "payments": list(detail.payments),
        "assignments": list(detail.assignments),
        "items": list(detail.items),
        "finance": detail.finance,
        "conflicts": [_conflict(one) for one in detail.conflicts if one.module is Module.BOOKING_CORE],
    }


#: The playbook's names of fields, as this API calls them.
_DISPUTED = {
    "tour_date": "tourDate",
    "total_price": "totalPrice",
    "channel_code": "channelCode",
    "validated_at": "validatedAt",
    "is_locked": "isLocked",
}


def queued_json(queued: QueuedConflict, now: datetime) -> dict[str, Any]:
    """An entry of the review queue: a REVIEW_REQUIRED, or a ticket about finance."""
    record = queued.record
    return {
        **_conflict(record),
        "bookingKey": str(record.booking),
        "channelCode": queued.identity.channel,
        "externalBookingRef": queued.identity.ref,
        "overdue": record.due_at < now,
        "blocksNextBatch": blocks_next_batch(record.opened_at, now),
    }


def _conflict(one: ConflictRecord) -> dict[str, Any]:
    """A REVIEW_REQUIRED: what is shown, and what either side says."""
    return {
        "conflictId": str(one.key),
        "module": one.module.value,
        "fields": [_DISPUTED[name] for name in one.fields],
        "shown": _disputed(one.shown),
        "core": _disputed(one.core),
        "legacy": _disputed(one.legacy),
        "severity": one.severity.value,
        "openedBy": one.opened_by,
        "openedAt": format_instant(one.opened_at),
        "dueAt": format_instant(one.due_at),
    }


def _disputed(values: Mapping[str, FactValue]) -> dict[str, Any]:
    return {_DISPUTED[name]: value_to_json(value) for name, value in values.items()}


def candidate_json(key: BookingKey, identity: BookingIdentity) -> dict[str, Any]:
    """One of several bookings that a bare ref may mean."""
    return {"bookingKey": str(key), "channelCode": identity.channel, "externalBookingRef": identity.ref}
