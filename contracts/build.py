"""Builds openapi.json from its parts, so that shapes that recur stand once.

python contracts/build.py            writes src/bst_contracts/openapi.json
tests/contracts/test_openapi.py      fails when the checked-in file differs from what this makes
"""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent / "src" / "bst_contracts"
UUID = "0197f3a2-7c11-7b6e-9c1e-5d0f6a2b9e11"
TIME = "2026-03-01T10:00:00.000Z"
VERSION = "1.0.0"

Schema = dict[str, Any]


def ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def obj(properties: Schema, description: str = "", **more: Any) -> Schema:
    """An object whose members are all there, always."""
    made: Schema = {"type": "object", "required": list(properties), "properties": properties, **more}
    return {"description": description, **made} if description else made


def text(description: str = "", **more: Any) -> Schema:
    return {"type": "string", **({"description": description} if description else {}), **more}


def maybe(schema: Schema) -> Schema:
    """The same, or null."""
    if "type" not in schema:
        return {"oneOf": [schema, {"type": "null"}]}
    words = {"enum": [*schema["enum"], None]} if "enum" in schema else {}
    return {**schema, "type": [schema["type"], "null"], **words}


def integer(description: str = "", **more: Any) -> Schema:
    return {"type": "integer", **({"description": description} if description else {}), **more}


def enum(*words: str) -> Schema:
    return {"type": "string", "enum": list(words)}


def listing(items: Schema) -> Schema:
    return {"type": "array", "items": items}


uuid = text(format="uuid")
instant = text("ISO 8601 in UTC with three fractional digits and Z", format="date-time")
amount = text("decimal with two digits after the point", pattern=r"^-?\d+\.\d{2}$")
flag: Schema = {"type": "boolean"}
number: Schema = {"type": "number"}
PAYMENT = enum("DRAFT", "PENDING_PAYMENT", "PAID", "FAILED", "REFUNDED")
FULFILMENT = enum("NEW", "READY", "ATTENTION", "COMPLETED", "DONE", "UPDATED", "CANCELLED", "NO_SHOW")
REASON = enum(
    "INCOMPLETE",
    "CHANGED_AFTER_CANCEL",
    "TOUR_DAY_UNASSIGNED",
    "UNACKNOWLEDGED_CHANGE",
    "MANUAL_OVERRIDE",
    "PAYMENT_FAILED",
    "PARTIAL_REFUND",
    "RETURN_WITHOUT_CAPTURE",
    "PAID_THEN_CANCELLED",
    "DONE_NOT_PAID",
    "PLACEHOLDER_CONTACT",
    "UNMAPPED_PACKAGE",
)
SOURCE = enum("DIRECT", "GYG", "VIATOR", "BOKUN", "TRIPDOTCOM", "MANUAL")
PROCESS_STATUS = enum("RECEIVED", "PROCESSING", "DONE", "FAILED")
DEAD_LETTER_STATUSES = ("OPEN", "READY", "REPLAYING", "SUCCEEDED", "FAILED", "RESOLVED", "CLOSED")

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
                            "properties": {"errors": listing(ref("Problem")), "candidates": listing(ref("Candidate"))},
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
        "QueueMetrics": obj(
            {
                "queue": obj(
                    {
                        "queueName": text(),
                        "enabled": flag,
                        "connected": flag,
                        **{
                            state: integer()
                            for state in ("waiting", "active", "delayed", "completed", "failed", "paused")
                        },
                        "lastError": maybe(text()),
                    }
                ),
                "deadLetter": obj(
                    {"total": integer(), "byStatus": obj({status: integer() for status in DEAD_LETTER_STATUSES})}
                ),
                "retry": obj(
                    {
                        "policy": obj({"maxAttempts": integer(), "retryDelaysSeconds": listing(integer())}),
                        "totals": obj(
                            {
                                name: integer()
                                for name in (
                                    "pendingRetry",
                                    "dueRetry",
                                    "processingRetry",
                                    "queuedRetry",
                                    "exhausted",
                                    "withAttempt",
                                )
                            }
                        ),
                        "nextRetryAt": obj({"earliest": maybe(instant), "latest": maybe(instant)}),
                        "attemptHistogram": {"type": "object", "additionalProperties": integer()},
                    }
                ),
            }
        ),
        "ProcessingMetrics": obj(
            {
                "windowMinutes": integer(minimum=1, maximum=1440),
                "totals": obj(
                    {name: integer() for name in ("received", "done", "failed", "processing", "pending", "terminal")}
                ),
                "successRate": {**number, "description": "done of received; 1 when none"},
                "failureRate": number,
                "latenciesMs": obj({name: integer() for name in ("sampleCount", "median", "p95", "max")}),
            }
        ),
        "Health": obj({"status": enum("ok"), "service": enum("core-api"), "timestamp": instant}),
        "DatabaseHealth": obj(
            {
                "status": enum("ok", "degraded"),
                "checks": listing(
                    obj(
                        {
                            "database": enum("ops_db", "channel_db"),
                            "configured": flag,
                            "reachable": flag,
                            "latencyMs": maybe(integer()),
                            "error": maybe(enum("MISSING_CONNECTION_STRING", "DB_CHECK_FAILED")),
                        }
                    )
                ),
            }
        ),
        "Readiness": obj(
            {
                "status": enum("ready", "not_ready"),
                "checks": listing(
                    obj(
                        {
                            "name": enum("ops_db", "schema", "queue"),
                            "ok": flag,
                            "required": flag,
                            "detail": maybe(text()),
                        }
                    )
                ),
            }
        ),
    }


def answer(description: str, data: Schema, example: Any = None, **meta: Schema) -> Schema:
    """A success envelope."""
    envelope = ref("Meta") if not meta else {"allOf": [ref("Meta"), obj(meta)]}
    content: Schema = {"schema": obj({"data": data, "meta": envelope})}
    if example is not None:
        said: Schema = {"requestId": UUID, "timestamp": TIME, **dict.fromkeys(meta)}
        content["example"] = {"data": example, "meta": said}
    return {"description": description, "content": {"application/json": content}}


def refusals(**by_status: str) -> Schema:
    """Error answers: ``s400="A or B"`` and so on; 503 and 405 carry their headers."""
    codes = {
        "400": "BAD_REQUEST",
        "401": "UNAUTHORIZED",
        "403": "FORBIDDEN",
        "404": "NOT_FOUND",
        "409": "CONFLICT",
        "413": "PAYLOAD_TOO_LARGE",
        "500": "INTERNAL_ERROR",
        "503": "SERVICE_UNAVAILABLE",
    }
    made: Schema = {}
    for name, messages in {**by_status, "s500": "INTERNAL_ERROR"}.items():
        status = name[1:]
        first = messages.split(", ")[0]
        details = {"message": first, "error": codes[status].replace("_", " ").title(), "statusCode": int(status)}
        error = {"code": codes[status], "message": first, "details": details, "requestId": UUID}
        made[status] = {
            "description": f"error.message is one of: {messages}",
            "content": {"application/json": {"schema": ref("Error"), "example": {"error": error}}},
        }
        if status == "503":
            made[status]["headers"] = {"Retry-After": {"description": "seconds", "schema": integer()}}
    return made


ADMIN: list[Schema] = [{"adminToken": [], "adminRole": []}]
ADMIN_REFUSALS = {
    "s401": "ADMIN_AUTH_REQUIRED, INVALID_ADMIN_TOKEN",
    "s403": "ADMIN_ROLE_REQUIRED:ADMIN,STAFF,MANAGER, ADMIN_ROLE_FORBIDDEN:<ROLE>",
    "s503": "OPS_DB_UNAVAILABLE",
}
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


def query(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "query", "required": False, "description": description, "schema": schema}


def header(name: str, description: str, schema: Schema) -> Schema:
    return {"name": name, "in": "header", "required": True, "description": description, "schema": schema}


def path(name: str, description: str) -> Schema:
    return {"name": name, "in": "path", "required": True, "description": description, "schema": text()}


def get(operation: str, tag: str, summary: str, description: str, responses: Schema, **more: Any) -> Schema:
    made = {"operationId": operation, "tags": [tag], "summary": summary, "description": description}
    return {"get": {**made, "security": [], **more, "responses": responses}}


def paths() -> Schema:
    receipt = {
        "eventId": UUID,
        "processStatus": "RECEIVED",
        "idempotentReplay": False,
        "queued": True,
        "processedInline": False,
    }
    examples = {
        name: {"value": json.loads((HERE / "examples" / "valid" / f"{name}.json").read_text("utf-8"))}
        for name in ("direct-created", "updated-shop-payment", "cancelled")
    }
    post = {
        "operationId": "ingestBookingEvent",
        "tags": ["ingest"],
        "summary": "Accept one booking event",
        "description": "Signed as signing.md says. 202 means that the event is committed and will be processed; a repeat with the"
        " same key and body, a fresh nonce and timestamp, gets the first event.",
        "security": [{"serviceToken": []}],
        "parameters": [
            header("x-signature-algorithm", "always HMAC-SHA256", enum("HMAC-SHA256")),
            header("x-timestamp", "instant of this attempt, ISO 8601 with a zone", text()),
            header("x-nonce", "fresh for every attempt", text(minLength=8, maxLength=128)),
            header("x-idempotency-key", "the same for every attempt at one event", text(minLength=1, maxLength=128)),
            header("x-signature", "hex HMAC-SHA256 of the canonical string", text(minLength=64, maxLength=64)),
        ],
        "requestBody": {
            "required": True,
            "description": "at most 1 MiB",
            "content": {"application/json": {"schema": ref("BookingIngestEventV1"), "examples": examples}},
        },
        "responses": {
            "202": answer("accepted, or recognised as a repeat", ref("Receipt"), receipt),
            **refusals(
                s400="INVALID_FIELD_BOOKING_TOURDATE, INVALID_JSON, INVALID_INGEST_PAYLOAD, UNSUPPORTED_PAYLOAD_VERSION:<x>,"
                " UNSUPPORTED_EVENT_TYPE:<X>, INVALID_EVENT_TIME, EVENT_TIME_OUT_OF_RANGE, UNSUPPORTED_SOURCE:<X>,"
                " CHANNEL_NOT_REGISTERED, INVALID_FIELD_<NAME>, EMPTY_FIELD_<NAME>, MISSING_REQUIRED_INGEST_HEADERS,"
                " INVALID_NONCE, INVALID_IDEMPOTENCY_KEY, INVALID_TIMESTAMP_FORMAT; details.errors lists every problem of a body",
                s401="SIGNATURE_MISMATCH, MISSING_OR_INVALID_AUTHORIZATION, INVALID_SERVICE_TOKEN,"
                " UNSUPPORTED_SIGNATURE_ALGORITHM, TIMESTAMP_DRIFT_EXCEEDED, NONCE_REUSED",
                s409="IDEMPOTENCY_KEY_REUSED",
                s413="BODY_TOO_LARGE",
                s503="INGEST_STORE_UNAVAILABLE, INGEST_WEBHOOK_DISABLED, INGEST_OVERLOADED",
            ),
        },
    }
    filters = [
        query("status", "opsFulfillmentStatus, in any letter case", FULFILMENT),
        query("paymentStatus", "customerPaymentStatus, in any letter case", PAYMENT),
        query("source", "channel, in any letter case", SOURCE),
        query("dateFrom", "first tour day", text(format="date")),
        query("dateTo", "last tour day", text(format="date")),
        query("q", "part of the reference, name, e-mail or phone", text(maxLength=191)),
        query("limit", "page size", integer(minimum=1, maximum=200, default=200)),
        query("cursor", "meta.nextCursor of the page before", text()),
    ]
    token: list[Schema] = [{}, {"serviceToken": []}, {"adminToken": []}]
    return {
        "/v1/ingest/bookings/events": {"post": post},
        "/v1/ingest/bookings/events/{eventId}": get(
            "getIngestEvent",
            "ingest",
            "What became of an event",
            "Without a token: ids, status and times. With the service or the admin token: the full record.",
            {
                "200": answer("the event", ref("EventRecord")),
                **refusals(s404="Ingest event not found: <id>", s503="OPS_DB_UNAVAILABLE"),
            },
            security=token,
            parameters=[path("eventId", "UUID")],
        ),
        "/v1/ops/bookings": get(
            "listBookings",
            "bookings",
            "Bookings, newest first",
            "Keyset pages: hand meta.nextCursor back as cursor until it is null.",
            {
                "200": answer("a page", listing(ref("OpsBooking")), [BOOKING_EXAMPLE], nextCursor=maybe(text())),
                **refusals(
                    s400="INVALID_BOOKING_STATUS:<x>, INVALID_PAYMENT_STATUS:<x>, UNSUPPORTED_SOURCE:<x>, INVALID_DATE_FROM,"
                    " INVALID_DATE_TO, INVALID_QUERY, INVALID_CURSOR",
                    **ADMIN_REFUSALS,
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
                "200": answer("the booking", ref("OpsBookingDetail")),
                **refusals(s404="Booking not found: <id>", s409="AMBIGUOUS_BOOKING_REF", **ADMIN_REFUSALS),
            },
            security=ADMIN,
            parameters=[path("id", "names the booking")],
        ),
        "/v1/ingest/metrics/queue": get(
            "getQueueMetrics",
            "metrics",
            "Queue, dead letters, retries",
            "Answers within a second, also when the broker does not.",
            {"200": answer("the figures", ref("QueueMetrics")), **refusals(**ADMIN_REFUSALS)},
            security=ADMIN,
        ),
        "/v1/ingest/metrics/processing": get(
            "getProcessingMetrics",
            "metrics",
            "What became of the events received lately",
            "The window is on the time of receipt.",
            {"200": answer("the figures", ref("ProcessingMetrics")), **refusals(**ADMIN_REFUSALS)},
            security=ADMIN,
            parameters=[query("windowMinutes", "length of the window", integer(minimum=1, maximum=1440, default=60))],
        ),
        "/health": get(
            "getHealth",
            "health",
            "Is the process alive?",
            "Asks nothing else.",
            {"200": answer("it is", ref("Health"))},
        ),
        "/health/db": get(
            "getDatabaseHealth",
            "health",
            "Do the databases answer?",
            "Always 200; degraded when one that is configured does not answer, or none is.",
            {"200": answer("the checks", ref("DatabaseHealth"))},
        ),
        "/health/ready": get(
            "getReadiness",
            "health",
            "Can it do its work?",
            "503 while something required is missing; the queue is not, since the log is enough.",
            {"200": answer("ready", ref("Readiness")), "503": answer("not ready", ref("Readiness"))},
        ),
        **{
            place: get(name, "documents", "This document", "OpenAPI 3.1.", {"200": document_answer()})
            for place, name in (("/schema/openapi.json", "getOpenApi"), ("/docs-json", "getOpenApiAtItsOldPlace"))
        },
    }


def document_answer() -> Schema:
    return {"description": "the document", "content": {"application/json": {"schema": {"type": "object"}}}}


def document() -> Schema:
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "BST core API",
            "version": VERSION,
            "summary": "Signed events in, trusted bookings out",
            "description": "Every JSON answer is an envelope: data and meta, or error. Callers read error.message first.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "http://127.0.0.1:4000", "description": "bst up"}],
        "tags": [{"name": name} for name in ("ingest", "bookings", "metrics", "health", "documents")],
        "paths": paths(),
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "serviceToken": {"type": "http", "scheme": "bearer", "description": "INGEST_SERVICE_TOKEN"},
                "adminToken": {"type": "http", "scheme": "bearer", "description": "CORE_API_ADMIN_TOKEN"},
                "adminRole": {
                    "type": "apiKey",
                    "in": "header",
                    "name": "x-admin-role",
                    "description": "ADMIN, STAFF or MANAGER",
                },
            },
        },
    }


def rendered() -> str:
    """The file, byte for byte."""
    return json.dumps(document(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (HERE / "openapi.json").write_text(rendered(), "utf-8")
