"""Channel mappings, and the queue of what waits for a person."""

from parts.repair import WRITE_REFUSALS
from parts.shapes import (
    ADMIN,
    ADMIN_REFUSALS,
    TIME,
    UUID,
    Schema,
    act,
    answer,
    enum,
    flag,
    get,
    instant,
    integer,
    listing,
    maybe,
    obj,
    path,
    query,
    ref,
    refusals,
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
_FOLDED: Schema = {"refolded": 12, "pending": False}
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


def paths() -> Schema:
    page = {"nextCursor": maybe(text())}
    cursor = query("cursor", "meta.nextCursor of the page before", text())
    channel = query("channelCode", "in any letter case", text(maxLength=2000))
    return {
        "/v1/channel-mappings": {
            **get(
                "listChannelMappings",
                "mappings",
                "What channels' references stand for",
                "The last updated first.",
                {
                    "200": answer("a page", listing(ref("ChannelMapping")), [MAPPING_EXAMPLE], **page),
                    **refusals(s400="INVALID_CHANNEL_CODE, INVALID_ENTITY_TYPE, INVALID_CURSOR", **READING),
                },
                security=ADMIN,
                parameters=[
                    channel,
                    query("entityType", "in any letter case", text(maxLength=2000)),
                    query("limit", "page size", integer(minimum=1, maximum=200, default=100)),
                    cursor,
                ],
            ),
            **act(
                "post",
                operation="createChannelMapping",
                tag="mappings",
                summary="Map a reference",
                description="The same again is the same mapping. A reference that stands for another entity is not re-pointed"
                " unless replace is true. Entity type, channel and kind are upper-cased. A mapping in doubt (UNMAPPED,"
                " REVIEW_REQUIRED) waits in the unmapped queue. A package (LEGACY_PACKAGE_ID) that is mapped to a CATALOG_VARIANT"
                " or CATALOG_PRODUCT shows in the bookings that name it. Audited.",
                responses={
                    "201": answer("the mapping", ref("ChannelMapping"), MAPPING_EXAMPLE),
                    **refusals(
                        s400=BAD_MAPPING,
                        s409="CHANNEL_MAPPING_DUPLICATE_REF",
                        **{
                            **WRITING,
                            "s503": "CHANNEL_MAPPING_CREATE_FAILED, MAPPING_SCHEMA_NOT_READY, OPS_DB_UNAVAILABLE",
                        },
                    ),
                },
                parameters=[],
                body={
                    "type": "object",
                    "required": ["entityType", "channelCode", "externalRefKind", "externalRef", "entityKey"],
                    "properties": {**_members(), "replace": flag},
                    "examples": [{name: value for name, value in MAPPING_EXAMPLE.items() if name != "mappingId"}],
                },
            ),
        },
        "/v1/channel-mappings/{mappingId}": act(
            "patch",
            operation="changeChannelMapping",
            tag="mappings",
            summary="Change members of a mapping",
            description="An empty body keeps all; null counts as absent. Audited.",
            responses={
                "200": answer("the mapping as it is now", ref("ChannelMapping"), MAPPING_EXAMPLE),
                **refusals(
                    s400=BAD_MAPPING,
                    s404="Channel mapping not found: <id>",
                    s409="CHANNEL_MAPPING_DUPLICATE_REF",
                    **WRITING,
                ),
            },
            parameters=[path("mappingId", "UUID")],
            body={"type": "object", "properties": {name: maybe(shape) for name, shape in _members().items()}},
            body_required=False,
        ),
        **_queue(channel, cursor, page),
    }


def _members() -> Schema:
    return {
        "entityType": text(minLength=1, maxLength=32),
        "channelCode": text(minLength=1, maxLength=32),
        "externalRefKind": text(minLength=1, maxLength=64),
        "externalRef": text(minLength=1, maxLength=128),
        "entityKey": uuid,
        "mappingStatus": enum(*MAPPING_STATUSES),
        "sourceSystem": text(maxLength=32),
        "sourceTable": text(maxLength=64),
        "sourcePk": text(maxLength=128),
        "reasonCode": text("of the entry that a mapping in doubt leaves in the queue", maxLength=64),
    }


def _target() -> Schema:
    own = "only where the entry does not say it"
    return {
        "entityKey": uuid,
        "entityType": maybe(text("that of the entry, else of the entity with this key", maxLength=32)),
        "replace": {**flag, "description": "also where the reference stands for another entity"},
        "channelCode": maybe(text(own, maxLength=32)),
        "externalRefKind": maybe(text(own, maxLength=64)),
        "externalRef": maybe(text(own, maxLength=128)),
    }


def _queue(channel: Schema, cursor: Schema, page: Schema) -> Schema:
    not_found, bad_body = "Unmapped queue not found: <id>", "INVALID_JSON, INVALID_BODY"
    reason = text(minLength=1, maxLength=2000)
    conditions = {
        "queueType": text("in any letter case", maxLength=2000),
        "channelCode": text("in any letter case", maxLength=2000),
        "reasonCode": text(maxLength=64),
        "externalRefKind": text("in any letter case", maxLength=64),
        "externalRef": text(maxLength=128),
    }
    outcomes = [
        {"queueId": UUID, "outcome": "RESOLVED", "mapping": MAPPING_EXAMPLE, "member": None},
        {
            "queueId": UUID,
            "outcome": "CHANNEL_OR_ENTITY_REFERENCE_INVALID",
            "mapping": None,
            "member": "entityKey",
        },
    ]
    bulk = {
        "dryRun": False,
        "total": 2,
        "resolved": 1,
        "refused": 1,
        "remaining": 0,
        "entries": outcomes,
        "sample": [SETTLED_EXAMPLE],
        "bookings": _FOLDED,
    }
    return {
        "/v1/channel-mappings/unmapped": get(
            "listUnmapped",
            "mappings",
            "What waits for a person, and what was settled",
            "The newest first. Bodies that led to an entry are not shown.",
            {
                "200": answer("a page", listing(ref("UnmappedEntry")), [ENTRY_EXAMPLE], **page),
                **refusals(
                    s400="INVALID_UNMAPPED_STATUS:<x>, INVALID_QUEUE_TYPE, INVALID_CHANNEL_CODE, INVALID_REASON_CODE,"
                    " INVALID_EXTERNAL_REF_KIND, INVALID_EXTERNAL_REF, INVALID_CURSOR",
                    **READING,
                ),
            },
            security=ADMIN,
            parameters=[
                query("status", "in any letter case", enum(*UNMAPPED_STATUSES)),
                query("queueType", "in any letter case", text(maxLength=2000)),
                channel,
                query("reasonCode", "exactly", text(maxLength=64)),
                query("externalRefKind", "in any letter case", text(maxLength=64)),
                query("externalRef", "exactly", text(maxLength=128)),
                query("limit", "page size", integer(minimum=1, maximum=500, default=100)),
                cursor,
            ],
        ),
        "/v1/channel-mappings/unmapped/{queueId}/status/{status}": act(
            "patch",
            operation="changeUnmappedStatus",
            tag="mappings",
            summary="Judge an entry",
            description="By the table: OPEN to IN_REVIEW, RESOLVED, CLOSED; IN_REVIEW to OPEN, RESOLVED, CLOSED; RESOLVED to"
            " CLOSED. A mapping that waited for it follows: OPEN is UNMAPPED, IN_REVIEW is REVIEW_REQUIRED, RESOLVED is MAPPED."
            " Audited.",
            responses={
                "200": answer("the entry as it is now", ref("UnmappedEntry"), SETTLED_EXAMPLE),
                **refusals(
                    s400=f"INVALID_UNMAPPED_STATUS:<x>, INVALID_FIELD_REASON, {bad_body}",
                    s404=not_found,
                    s409="INVALID_UNMAPPED_TRANSITION:<FROM>-><TO>",
                    **WRITING,
                ),
            },
            parameters=[path("queueId", "UUID"), path("status", "in any letter case")],
            body={"type": "object", "properties": {"reason": maybe(text(maxLength=2000))}},
            body_required=False,
        ),
        "/v1/channel-mappings/unmapped/{queueId}/resolve": act(
            "post",
            operation="resolveUnmapped",
            tag="mappings",
            summary="Map what an entry waits for",
            description="Writes the mapping, settles the entry and has the bookings that waited folded again, all in one commit;"
            " the first thousand bookings of a package before this answer, the others by the worker. The entity must exist where"
            " its type lives here. Audited.",
            responses={
                "200": answer(
                    "the entry, its mapping, and how far the bookings are",
                    ref("UnmappedResolution"),
                    {"unmapped": SETTLED_EXAMPLE, "mapping": MAPPING_EXAMPLE, "bookings": _FOLDED},
                ),
                **refusals(
                    s400=f"{BAD_TARGET}, CHANNEL_OR_ENTITY_REFERENCE_INVALID, {bad_body}",
                    s404=not_found,
                    s409="INVALID_UNMAPPED_TRANSITION:<FROM>-><TO>, UNMAPPED_ENTRY_NOT_MAPPABLE:<TYPE>,"
                    " CHANNEL_MAPPING_DUPLICATE_REF",
                    **WRITING,
                ),
            },
            parameters=[path("queueId", "UUID")],
            body={
                "type": "object",
                "required": ["entityKey", "reason"],
                "properties": {**_target(), "reason": reason},
                "examples": [{"entityKey": UUID, "reason": "it is the sunrise trek"}],
            },
        ),
        "/v1/channel-mappings/unmapped/resolve": act(
            "post",
            operation="resolveManyUnmapped",
            tag="mappings",
            summary="Map what many entries wait for",
            description="Either entries, each with its own target, or a filter and one target for all that wait and match. At"
            " most 200 a request, the newest first, each in a commit of its own; asking again takes those that are left. dryRun"
            " says what would become of each and writes nothing. Audited.",
            responses={
                "200": answer("what became of each", ref("UnmappedBulkResolution"), bulk),
                **refusals(
                    s400=f"{BAD_TARGET}, INVALID_FIELD_DRYRUN, INVALID_FIELD_ENTRIES, INVALID_FIELD_QUEUEID,"
                    " EMPTY_FIELD_QUEUEID, INVALID_FIELD_FILTER, UNKNOWN_FILTER, INVALID_UNMAPPED_STATUS:<x>,"
                    f" INVALID_QUEUE_TYPE, INVALID_CHANNEL_CODE, INVALID_REASON_CODE, INVALID_EXTERNAL_REF_KIND,"
                    f" INVALID_EXTERNAL_REF, {bad_body}",
                    **WRITING,
                ),
            },
            parameters=[],
            body={
                "type": "object",
                "required": ["reason"],
                "properties": {
                    "reason": reason,
                    "dryRun": flag,
                    "entries": {
                        **listing(
                            {
                                "type": "object",
                                "required": ["queueId", "entityKey"],
                                "properties": {"queueId": uuid, **_target()},
                            }
                        ),
                        "minItems": 1,
                        "maxItems": 200,
                    },
                    "filter": {
                        "type": "object",
                        "additionalProperties": False,
                        "minProperties": 1,
                        "properties": {"status": enum("OPEN", "IN_REVIEW"), **conditions},
                    },
                    **_target(),
                },
                "examples": [
                    {
                        "filter": {"reasonCode": "UNMAPPED_PACKAGE", "externalRef": "7"},
                        "entityKey": UUID,
                        "reason": "package 7 is the sunrise trek on every channel",
                        "dryRun": True,
                    }
                ],
            },
        ),
    }
