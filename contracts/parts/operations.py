"""What operators do to bookings, and the timeline of one."""

from typing import Any

from parts.bookings import BOOKING_EXAMPLE, READY
from parts.repair import WRITE_REFUSALS
from parts.shapes import (
    ADMIN,
    ADMIN_REFUSALS,
    FULFILMENT,
    TIME,
    UUID,
    Schema,
    act,
    answer,
    enum,
    flag,
    get,
    header,
    instant,
    integer,
    listing,
    maybe,
    obj,
    path,
    query,
    ref,
    refusals,
    tagged,
    text,
    uuid,
)

BODY = "INVALID_JSON, INVALID_BODY, INVALID_IF_MATCH"
BOOKING = "/v1/ops/bookings/{id}"
MISSING = "Booking not found: <id>"
PACKAGE_TYPE = enum("LEGACY_PACKAGE", "CATALOG_PRODUCT", "CATALOG_VARIANT")
NUMBER: Schema = {
    "type": ["integer", "number", "string"],
    "description": "a text of digits counts, a fraction is cut off",
}
KINDS = ("FACT", "ASSIGNMENT", "STATUS", "AUDIT")
ENTRY_EXAMPLE: Schema = {
    "kind": "ASSIGNMENT",
    "at": TIME,
    "id": UUID,
    "details": {"change": "ASSIGNED", "driverId": 8, "partnerId": None, "source": "CORE_API"},
}


def schemas() -> Schema:
    values: Schema = {"type": "object", "description": "tourDate, totalPrice {currency, amount}, channelCode"}
    return {
        "BookingConflict": obj(
            {
                "conflictId": uuid,
                "module": enum("booking_core"),
                "fields": listing(enum("tourDate", "totalPrice", "channelCode")),
                "shown": values,
                "core": values,
                "legacy": values,
                "severity": enum("HIGH", "MEDIUM"),
                "openedBy": text(),
                "openedAt": instant,
                "dueAt": instant,
            },
            "Two systems contradict each other: shown stays until somebody decides.",
        ),
        "EditedBooking": obj(
            {
                "booking": ref("OpsBooking"),
                "packageRefType": {**maybe(PACKAGE_TYPE), "description": "as stored; null when it was not sent"},
                "packageRefKey": {**maybe(uuid), "description": "as stored; null when it was not sent, or cleared"},
            }
        ),
        "TimelineEntry": obj(
            {
                "kind": enum(*KINDS),
                "at": {**instant, "description": "when it became known here"},
                "id": text("of the event, assignment or audit entry, or the version"),
                "details": {"type": "object", "description": "by kind; a fact's own time is in eventTime"},
            }
        ),
    }


def write(
    method: str,
    *,
    operation: str,
    summary: str,
    description: str,
    s400: str = "INVALID_IF_MATCH",
    s409: str = "AMBIGUOUS_BOOKING_REF",
    s404: str = MISSING,
    body: Schema | None = None,
    body_required: bool = False,
    more: list[Schema] | None = None,
    answered: Schema | None = None,
) -> Schema:
    """An act on a booking, at the version that If-Match names."""
    if_match = {**header("if-match", 'the version that was seen, e.g. "3"', text()), "required": False}
    done = answer("the booking as it is now", ref("OpsBooking"), {**BOOKING_EXAMPLE, "version": 3})
    refused: dict[str, Any] = {
        "s400": s400,
        "s404": s404,
        "s409": s409,
        "s412": "VERSION_MISMATCH",
        **WRITE_REFUSALS,
        "s503": READY,
    }
    if body is not None:
        refused["s413"] = "BODY_TOO_LARGE"
    return act(
        method,
        operation=operation,
        tag="operations",
        summary=summary,
        description=f"{description} Audited, with the versions and statuses before and after. With If-Match of another version"
        " than the present one: 412, and nothing is written.",
        responses={"200" if method == "patch" else "201": tagged(answered or done), **refusals(**refused)},
        parameters=[path("id", "names the booking, as when it is read"), *(more or []), if_match],
        body=body,
        body_required=body_required,
    )


def paths() -> Schema:
    reason = text(minLength=1, maxLength=2000)
    return {
        BOOKING: edit(),
        "/v1/ops/bookings/{id}/timeline": get(
            "getBookingTimeline",
            "operations",
            "What happened to a booking, oldest first",
            "Facts, assignments, statuses and the audit trail, in the order in which they became known here.",
            {
                "200": answer("a page", listing(ref("TimelineEntry")), [ENTRY_EXAMPLE], nextCursor=maybe(text())),
                **refusals(
                    **{**ADMIN_REFUSALS, "s503": READY},
                    s400="INVALID_CURSOR",
                    s404=MISSING,
                    s409="AMBIGUOUS_BOOKING_REF",
                ),
            },
            security=ADMIN,
            parameters=[
                path("id", "names the booking"),
                query("limit", "page size", integer(minimum=1, maximum=200, default=200)),
                query("cursor", "meta.nextCursor of the page before", text()),
            ],
        ),
        "/v1/ops/bookings/{id}/assign": write(
            "post",
            operation="assignBooking",
            summary="Give a booking to a driver",
            description="The assignment that there is ends in the same step. A partner that is not named stays. The status is"
            " recomputed.",
            s400=f"INVALID_DRIVER_ID, INVALID_PARTNER_ID, UNKNOWN_DRIVER, UNKNOWN_PARTNER, {BODY}",
            body={
                "type": "object",
                "required": ["driverId"],
                "properties": {"driverId": NUMBER, "partnerId": {**NUMBER, "type": [*NUMBER["type"], "null"]}},
            },
            body_required=True,
        ),
        "/v1/ops/bookings/{id}/unassign": write(
            "post",
            operation="unassignBooking",
            summary="Take a booking from its driver",
            description="Harmless where it has none. The status is recomputed.",
        ),
        "/v1/ops/bookings/{id}/status/sync": write(
            "post",
            operation="syncBookingStatus",
            summary="Recompute the status of a booking",
            description="First match wins: terminal facts, settlement, validation, override, tour day in Bali, unacknowledged"
            " changes, staffed, new.",
        ),
        "/v1/ops/bookings/{id}/acknowledge": write(
            "post",
            operation="acknowledgeBooking",
            summary="Ops have seen the changes of a booking",
            description="Covers the facts in the version that is named, else in the present one, whatever their event times.",
            s400=f"INVALID_FIELD_VERSION, {BODY}",
            s409="AMBIGUOUS_BOOKING_REF, VERSION_NOT_REACHED",
            body={"type": "object", "properties": {"version": maybe(integer(minimum=1))}},
        ),
        "/v1/ops/bookings/{id}/status/override": write(
            "post",
            operation="overrideBookingStatus",
            summary="Set the status of a booking by hand",
            description="Holds until a later override, or until a terminal fact, settlement or validation stands above it."
            " CANCELLED and NO_SHOW are terminal; an ADMIN lifts one that stands against the wanted status with reinstate.",
            s400="INVALID_BOOKING_STATUS:<x>, INVALID_FIELD_STATUS, EMPTY_FIELD_STATUS, INVALID_FIELD_REASON,"
            f" EMPTY_FIELD_REASON, INVALID_FIELD_REINSTATE, {BODY}",
            s409="TERMINAL_STATUS_STANDS:<STATUS>, AMBIGUOUS_BOOKING_REF",
            body={
                "type": "object",
                "required": ["status", "reason"],
                "properties": {"status": FULFILMENT, "reason": reason, "reinstate": flag},
            },
            body_required=True,
        ),
        "/v1/ops/bookings/{id}/conflicts/{conflictId}/resolve": write(
            "post",
            operation="resolveBookingConflict",
            summary="Settle a REVIEW_REQUIRED",
            description="CORE: what the facts say, those that came in meanwhile included. LEGACY: what the other system says."
            " SHOWN: what is shown.",
            s400="INVALID_CHOICE:<x>, INVALID_FIELD_CHOOSE, EMPTY_FIELD_CHOOSE, INVALID_FIELD_REASON, EMPTY_FIELD_REASON,"
            f" {BODY}",
            s404=f"{MISSING}, Conflict not found: <id>",
            s409="CONFLICT_ALREADY_RESOLVED:<CHOICE>, CHOICE_NOT_POSSIBLE, AMBIGUOUS_BOOKING_REF",
            body={
                "type": "object",
                "required": ["choose", "reason"],
                "properties": {"choose": enum("CORE", "LEGACY", "SHOWN"), "reason": reason},
            },
            body_required=True,
            more=[path("conflictId", "UUID")],
        ),
    }


def edit() -> Schema:
    """PATCH of one booking, beside its GET."""
    edited = {
        "booking": {**BOOKING_EXAMPLE, "version": 3},
        "packageRefType": None,
        "packageRefKey": None,
    }
    return write(
        "patch",
        operation="editBooking",
        summary="Edit a booking",
        description="Absent members stay; null and blank clear. What differs from what is shown is a fact of the operator: it"
        " holds until somebody says something later. A package's key must be in the catalog and fit the type.",
        s400="INVALID_FIELD_NOTE, INVALID_FIELD_MEETINGPOINT, INVALID_PACKAGE_REF_TYPE:<x>, INVALID_FIELD_PACKAGEREFTYPE,"
        " EMPTY_FIELD_PACKAGEREFTYPE, INVALID_FIELD_PACKAGEREFKEY, EMPTY_FIELD_PACKAGEREFKEY, INVALID_PACKAGE_REF_KEY,"
        f" PACKAGE_REF_KEY_INVALID, {BODY}",
        body={
            "type": "object",
            "properties": {
                "note": maybe(text(maxLength=100_000)),
                "meetingPoint": maybe(text(maxLength=100_000)),
                "packageRefType": text("LEGACY_PACKAGE, CATALOG_PRODUCT or CATALOG_VARIANT, in any letter case"),
                "packageRefKey": maybe(uuid),
            },
        },
        answered=answer("the booking as it is now", ref("EditedBooking"), edited),
    )
