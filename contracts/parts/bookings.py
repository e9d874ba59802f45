"""Bookings, for operations."""

from parts.shapes import (
    ADMIN,
    ADMIN_REFUSALS,
    FULFILMENT,
    PAYMENT,
    SOURCE,
    TIME,
    UUID,
    Schema,
    answer,
    get,
    integer,
    listing,
    maybe,
    path,
    query,
    ref,
    refusals,
    tagged,
    text,
)

READY = "OPS_DB_UNAVAILABLE, BOOKING_SCHEMA_NOT_READY"

SEARCH = (
    "each of its words begins a word of the reference, name, e-mail or phone, without regard to case and accents; a number"
    " of four digits or more is also the end of a phone"
)
BOOKING_EXAMPLE: Schema = {
    "bookingKey": UUID,
    "channelCode": "DIRECT",
    "externalBookingRef": "WEB-1042",
    "customerPaymentStatus": "PAID",
    "opsFulfillmentStatus": "NEW",
    "statusReasons": [],
    "version": 2,
    "note": "Vegetarian breakfast",
    "meetingPoint": "Hotel lobby",
    "assignedDriverId": None,
    "tourDate": "2026-05-14",
    "tourTime": "03:30",
    "adult": 2,
    "child": 1,
    "infant": None,
    "currency": "USD",
    "totalPrice": "150.00",
    "contact": {
        "mainName": "Annika Brandstätter",
        "mainEmail": "annika@mail.example.org",
        "phone": "+491701234567",
        "phoneE164": "+491701234567",
        "emailKind": "personal",
        "isPlaceholderName": False,
        "isPlaceholderEmail": False,
        "pickupLocation": "Alaya Resort Ubud",
    },
    "packageRefType": "LEGACY_PACKAGE",
    "packageRefKey": None,
    "legacyPackageId": None,
    "createdAt": TIME,
    "updatedAt": TIME,
}


def paths() -> Schema:
    filters = [
        query("status", "opsFulfillmentStatus, in any letter case", FULFILMENT),
        query("paymentStatus", "customerPaymentStatus, in any letter case", PAYMENT),
        query("source", "channel, in any letter case", SOURCE),
        query("dateFrom", "first tour day", text(format="date")),
        query("dateTo", "last tour day", text(format="date")),
        query("q", SEARCH, text(maxLength=191)),
        query("limit", "page size", integer(minimum=1, maximum=200, default=200)),
        query("cursor", "meta.nextCursor of the page before", text()),
    ]
    return {
        "/v1/ops/bookings": get(
            "listBookings",
            "bookings",
            "Bookings, newest first",
            "Keyset pages: hand meta.nextCursor back as cursor until it is null. Nobody counts all pages: there is no total.",
            {
                "200": answer("a page", listing(ref("OpsBooking")), [BOOKING_EXAMPLE], nextCursor=maybe(text())),
                **refusals(
                    s400="INVALID_BOOKING_STATUS:<x>, INVALID_PAYMENT_STATUS:<x>, UNSUPPORTED_SOURCE:<x>, INVALID_DATE_FROM,"
                    " INVALID_DATE_TO, INVALID_QUERY, INVALID_CURSOR",
                    **{**ADMIN_REFUSALS, "s503": READY},
                ),
            },
            security=ADMIN,
            parameters=filters,
        ),
        "/v1/ops/bookings/{id}": get(
            "getBooking",
            "bookings",
            "One booking, and where each field comes from",
            "{id} is a booking key, CHANNEL:REF, a bare reference, or another system's reference, in any letter case.",
            {
                "200": tagged(answer("the booking", ref("OpsBookingDetail"))),
                **refusals(
                    s404="Booking not found: <id>", s409="AMBIGUOUS_BOOKING_REF", **{**ADMIN_REFUSALS, "s503": READY}
                ),
            },
            security=ADMIN,
            parameters=[path("id", "names the booking")],
        ),
    }
