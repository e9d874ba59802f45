"""What channel mappings and the queue of what waits for a person look like, and what their routes refuse."""

from parts.repair import WRITE_REFUSALS
from parts.shapes import (
    ADMIN_REFUSALS,
    TIME,
    UUID,
    Schema,
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

MAPPING_STATUSES = ("MAPPED", "UNMAPPED", "REVIEW_REQUIRED")
UNMAPPED_STATUSES = ("OPEN", "IN_REVIEW", "RESOLVED", "CLOSED")
MAPPING_EXAMPLE: Schema = {
    "mappingId": UUID,
    "entityType": "CATALOG_VARIANT",
    "channelCode": "GYG",
    "externalRefKind": "LEGACY_PACKAGE_ID",
    "externalRef": "7",
    "entityKey": UUID,
    "mappingStatus": "MAPPED",
}
ENTRY_EXAMPLE: Schema = {
    "queueId": UUID,
    "queueType": "CHANNEL_MAPPING",
    "channelCode": "GYG",
    "sourceSystem": "ingest",
    "sourceTable": "booking_core",
    "sourcePk": "GYG:LEGACY_PACKAGE_ID:7",
    "reasonCode": "UNMAPPED_PACKAGE",
    "reasonDetail": None,
    "status": "OPEN",
    "entityType": None,
    "externalRefKind": "LEGACY_PACKAGE_ID",
    "externalRef": "7",
    "resolvedBy": None,
    "resolvedAt": None,
    "resolution": None,
    "createdAt": TIME,
    "updatedAt": TIME,
}
SETTLED_EXAMPLE: Schema = {
    **ENTRY_EXAMPLE,
    "status": "RESOLVED",
    "resolvedBy": "ayu@ops.example.org",
    "resolvedAt": TIME,
    "resolution": "it is the sunrise trek",
}
FOLDED: Schema = {"refolded": 12, "pending": False}
_NOT_READY = {"s503": "MAPPING_SCHEMA_NOT_READY, OPS_DB_UNAVAILABLE"}
READING = {**ADMIN_REFUSALS, **_NOT_READY}
WRITING = {**WRITE_REFUSALS, **_NOT_READY, "s413": "BODY_TOO_LARGE"}
BAD_TARGET = (
    "INVALID_FIELD_ENTITYKEY, EMPTY_FIELD_ENTITYKEY, INVALID_FIELD_ENTITYTYPE, INVALID_FIELD_REPLACE, INVALID_FIELD_CHANNELCODE,"
    " INVALID_FIELD_EXTERNALREFKIND, INVALID_FIELD_EXTERNALREF, INVALID_FIELD_REASON, EMPTY_FIELD_REASON"
)
BAD_MAPPING = (
    "INVALID_FIELD_<NAME>, EMPTY_FIELD_<NAME>, INVALID_MAPPING_STATUS:<x>, CHANNEL_OR_ENTITY_REFERENCE_INVALID,"
    " INVALID_JSON, INVALID_BODY"
)


def schemas() -> Schema:
    refolded = obj(
        {
            "refolded": integer("bookings that were looked at again before this answer", minimum=0),
            "pending": {**flag, "description": "the worker does the rest"},
        }
    )
    mapping = {
        "mappingId": uuid,
        "entityType": text(maxLength=32),
        "channelCode": text(maxLength=32),
        "externalRefKind": text(maxLength=64),
        "externalRef": text(maxLength=128),
        "entityKey": uuid,
        "mappingStatus": enum(*MAPPING_STATUSES),
    }
    return {
        "ChannelMapping": obj(mapping, "what a channel's reference stands for; only a MAPPED one leads anywhere"),
        "UnmappedEntry": obj(
            {
                "queueId": uuid,
                "queueType": text(
                    "CHANNEL_MAPPING, PRODUCT_MAPPING, VARIANT_MAPPING, INGEST_CONFLICT, ...", maxLength=64
                ),
                "channelCode": maybe(text(maxLength=32)),
                "sourceSystem": text(maxLength=32),
                "sourceTable": text(maxLength=64),
                "sourcePk": text(maxLength=128),
                "reasonCode": text(maxLength=64),
                "reasonDetail": maybe(text()),
                "status": enum(*UNMAPPED_STATUSES),
                "entityType": maybe(text(maxLength=32)),
                "externalRefKind": maybe(text(maxLength=64)),
                "externalRef": maybe(text(maxLength=128)),
                "resolvedBy": maybe(text()),
                "resolvedAt": maybe(instant),
                "resolution": maybe(text("why it was settled so")),
                "createdAt": instant,
                "updatedAt": instant,
            }
        ),
        "RefoldedBookings": refolded,
        "UnmappedResolution": obj(
            {"unmapped": ref("UnmappedEntry"), "mapping": ref("ChannelMapping"), "bookings": ref("RefoldedBookings")}
        ),
        "UnmappedBulkResolution": obj(
            {
                "dryRun": flag,
                "total": integer("entries that the request is about", minimum=0),
                "resolved": integer("of those taken; with dryRun those that would be", minimum=0),
                "refused": integer(minimum=0),
                "remaining": integer("entries that were more than one request takes", minimum=0),
                "entries": listing(
                    obj(
                        {
                            "queueId": uuid,
                            "outcome": text("RESOLVED, or the machine string of the refusal"),
                            "mapping": maybe(ref("ChannelMapping")),
                            "member": maybe(text("what CHANNEL_OR_ENTITY_REFERENCE_INVALID is about")),
                        }
                    )
                ),
                "sample": listing(ref("UnmappedEntry")),
                "bookings": ref("RefoldedBookings"),
            }
        ),
    }
