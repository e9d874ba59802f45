"""The way in: sending an event, and what became of it."""

import json
from pathlib import Path

from parts.shapes import UUID, Schema, answer, enum, get, header, path, ref, refusals, text

HERE = Path(__file__).parents[1] / "src" / "bst_contracts"


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
                s403="SOURCE_NOT_ALLOWED:<SOURCE>; details say which sources the producer may send",
                s409="IDEMPOTENCY_KEY_REUSED",
                s413="BODY_TOO_LARGE",
                s503="INGEST_STORE_UNAVAILABLE, INGEST_WEBHOOK_DISABLED, INGEST_OVERLOADED, INGEST_SECRETS_UNAVAILABLE",
            ),
        },
    }
    token: list[Schema] = [{}, {"serviceToken": []}, {"adminToken": []}]
    return {
        "/v1/ingest/bookings/events": {"post": post},
        "/v1/ingest/bookings/events/{eventId}": get(
            "getIngestEvent",
            "ingest",
            "What became of an event",
            "Without a token: ids, status and times. With an administrator's token, or one of a producer that may send this"
            " source: the full record.",
            {
                "200": answer("the event", ref("EventRecord")),
                **refusals(s404="Ingest event not found: <id>", s503="OPS_DB_UNAVAILABLE"),
            },
            security=token,
            parameters=[path("eventId", "UUID")],
        ),
    }
