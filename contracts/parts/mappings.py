"""Channel mappings."""

from parts.mapping_shapes import BAD_MAPPING, MAPPING_EXAMPLE, MAPPING_STATUSES, READING, WRITING
from parts.shapes import (
    ADMIN,
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
