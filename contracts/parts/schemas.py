"""The objects that answers hold."""

import json
from pathlib import Path

from parts.shapes import (
    FULFILMENT,
    PAYMENT,
    PROCESS_STATUS,
    REASON,
    SOURCE,
    Schema,
    amount,
    enum,
    flag,
    instant,
    integer,
    listing,
    maybe,
    obj,
    ref,
    text,
    uuid,
)

HERE = Path(__file__).parents[1] / "src" / "bst_contracts"

BOOKING_MEMBERS: Schema = {
    "bookingKey": uuid,
    "channelCode": SOURCE,
    "externalBookingRef": text(maxLength=128),
    "customerPaymentStatus": PAYMENT,
    "opsFulfillmentStatus": FULFILMENT,
    "statusReasons": listing(REASON),
    "version": integer("counts visible changes", minimum=1),
    "note": maybe(text()),
    "meetingPoint": maybe(text()),
    "assignedDriverId": maybe(integer()),
    "tourDate": maybe(text("day in Bali", format="date")),
    "tourTime": maybe(text("HH:MM in Bali", pattern=r"^\d{2}:\d{2}$")),
    "adult": maybe(integer(minimum=0)),
    "child": maybe(integer(minimum=0)),
    "infant": maybe(integer(minimum=0)),
    "currency": maybe(text("ISO 4217", pattern="^[A-Z]{3}$")),
    "totalPrice": maybe(amount),
    "contact": ref("Contact"),
    "packageRefType": enum("LEGACY_PACKAGE", "CATALOG_PRODUCT", "CATALOG_VARIANT"),
    "packageRefKey": maybe(uuid),
    "legacyPackageId": maybe(integer()),
    "createdAt": instant,
    "updatedAt": instant,
}


def schemas() -> Schema:
    origin = obj(
        {"source": text(), "eventId": uuid, "eventTime": instant}, "who said it, in which event, and when it was true"
    )
    fields = [
        "tourDate",
        "tourTime",
        "adult",
        "child",
        "infant",
        "currency",
        "totalPrice",
        "note",
        "pickupLocation",
        "meetingPoint",
        "mainName",
        "mainEmail",
        "phone",
        "package",
    ]
    event = json.loads((HERE / "booking-ingest-event-v1.schema.json").read_text("utf-8"))
    return {
        "BookingIngestEventV1": {key: value for key, value in event.items() if key not in {"$schema", "$id"}},
        "Meta": obj({"requestId": text(), "timestamp": instant}),
        "Error": obj(
            {
                "error": obj(
                    {
                        "code": text("HTTP reason phrase in upper case"),
                        "message": text("the machine string: read this first"),
                        "details": {
                            "type": ["object", "null"],
                            "properties": {
                                "errors": listing(ref("Problem")),
                                "candidates": listing(ref("Candidate")),
                                "version": integer("of a booking, where another one was expected"),
                            },
                        },
                        "requestId": text(),
                    }
                )
            }
        ),
        "Problem": obj({"path": text("member, e.g. booking.tourDate"), "code": text(), "message": text()}),
        "Candidate": obj({"bookingKey": uuid, "channelCode": SOURCE, "externalBookingRef": text()}),
        "Receipt": obj(
            {
                "eventId": uuid,
                "processStatus": PROCESS_STATUS,
                "idempotentReplay": flag,
                "queued": {**flag, "description": "a job for it is staged in the same commit"},
                "processedInline": flag,
            }
        ),
        "EventRecord": obj(
            {
                "eventId": uuid,
                "idempotencyKey": maybe(text()),
                "processStatus": PROCESS_STATUS,
                "replayCount": integer(minimum=0),
                "payload": {"description": "the body as accepted; null without a token"},
                "createdAt": instant,
                "updatedAt": instant,
                "source": SOURCE,
                "channelCode": SOURCE,
                "externalBookingRef": text(),
                "eventType": enum("CREATED", "UPDATED", "CANCELLED"),
                "eventTime": instant,
                "eventTimeNormalized": instant,
                "nonce": maybe(text()),
                "payloadHash": maybe(text("hex SHA-256 of the raw body", pattern="^[0-9a-f]{64}$")),
                "errorMessage": maybe(text()),
                "attemptCount": integer(minimum=0),
                "nextRetryAt": maybe(instant),
            },
            "Without a token payload, nonce, idempotencyKey, payloadHash and errorMessage are null.",
        ),
        "Contact": obj(
            {
                "mainName": maybe(text()),
                "mainEmail": maybe(text()),
                "phone": maybe(text("as given")),
                "phoneE164": maybe(text("E.164 where it parses", pattern=r"^\+[1-9]\d{7,14}$")),
                "emailKind": enum("personal", "relay", "placeholder", "absent"),
                "isPlaceholderName": flag,
                "isPlaceholderEmail": flag,
                "pickupLocation": maybe(text()),
            }
        ),
        "OpsBooking": obj(BOOKING_MEMBERS, "Null: nobody has said it yet, or somebody blanked it."),
        "OpsBookingDetail": obj(
            {
                **BOOKING_MEMBERS,
                "provenance": {
                    "type": "object",
                    "description": "where the present value of each field comes from",
                    "properties": {field: ref("FieldOrigin") for field in fields},
                    "additionalProperties": False,
                },
                "payments": listing(ref("Payment")),
                "assignments": listing(ref("Assignment")),
                "items": listing(ref("Item")),
                "finance": maybe(ref("Finance")),
                "conflicts": listing(ref("BookingConflict")),
            }
        ),
        "FieldOrigin": origin,
        "Payment": obj(
            {
                "paymentKey": uuid,
                "status": PAYMENT,
                "amount": amount,
                "currency": maybe(text()),
                "method": maybe(text()),
                "gateway": maybe(text()),
                "orderId": maybe(text()),
                "captureId": maybe(text()),
                "reference": maybe(text()),
                "rawStatus": maybe(text("the provider's own word")),
                "time": instant,
            }
        ),
        "Assignment": obj(
            {
                "assignmentKey": uuid,
                "driverId": maybe(integer()),
                "partnerId": maybe(integer()),
                "source": text(),
                "assignedAt": instant,
                "unassignedAt": maybe(instant),
                "isActive": flag,
                "notes": maybe(text()),
            }
        ),
        "Item": obj(
            {
                "itemKey": uuid,
                "variantKey": maybe(uuid),
                "currency": text(),
                "adult": integer(),
                "child": integer(),
                "infant": integer(),
                "adultUnitPrice": amount,
                "childUnitPrice": amount,
                "discountAmount": amount,
                "taxAmount": amount,
                "totalAmount": amount,
                "synthetic": {**flag, "description": "stands for a booking whose channel states no items"},
            }
        ),
        "Finance": obj(
            {
                "financeBridgeKey": uuid,
                "bookingFinanceId": maybe(integer()),
                "patternId": maybe(integer()),
                "validatedAt": maybe(instant),
                "isLocked": flag,
                "settlementStatus": maybe(text()),
                "lastReconciledAt": maybe(instant),
            }
        ),
    }
