"""The queue of what waits for a person."""

from parts.mapping_shapes import (
    BAD_TARGET,
    ENTRY_EXAMPLE,
    FOLDED,
    MAPPING_EXAMPLE,
    READING,
    SETTLED_EXAMPLE,
    UNMAPPED_STATUSES,
    WRITING,
)
from parts.shapes import (
    ADMIN,
    UUID,
    Schema,
    act,
    answer,
    enum,
    flag,
    get,
    integer,
    listing,
    maybe,
    path,
    query,
    ref,
    refusals,
    text,
    uuid,
)


def paths() -> Schema:
    page = {"nextCursor": maybe(text())}
    cursor = query("cursor", "meta.nextCursor of the page before", text())
    channel = query("channelCode", "in any letter case", text(maxLength=2000))
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
        "bookings": FOLDED,
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
                    {"unmapped": SETTLED_EXAMPLE, "mapping": MAPPING_EXAMPLE, "bookings": FOLDED},
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
