"""An example for every body and answer that nobody wrote one for, from its schema: members get values that such a member has.

What a person should see is written by hand where the operation is; this fills the rest, so that no operation is without.
"""

import re
from typing import Any

from parts.shapes import TIME, UUID, Schema

#: By the name of a member, whatever it is a member of.
TEXTS: dict[str, str] = {
    "actor": "ayu@ops.example.org",
    "reason": "the mapping is mended",
    "resourceType": "INGEST_EVENT",
    "eventType": "UPDATED",
    "externalBookingRef": "WEB-1042",
    "channelCode": "DIRECT",
    "currency": "USD",
    "currencyCode": "USD",
    "mainName": "Annika Brandstätter",
    "mainEmail": "annika@mail.example.org",
    "phone": "+491701234567",
    "pickupLocation": "Alaya Resort Ubud",
    "meetingPoint": "Hotel lobby",
    "note": "Vegetarian breakfast",
    "notes": "Vegetarian breakfast",
    "tourTime": "03:30",
    "reasonCode": "SCHEMA_MISMATCH",
    "queueName": "ingest-bookings-events",
    "gateway": "PAYPAL",
    "provider": "PAYPAL",
    "rawStatus": "COMPLETED",
    "payloadHash": "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef",
    "nextCursor": "WyIyMDI2LTAzLTAxVDEwOjAwOjAwKzAwOjAwIl0",
    "slug": "mount-batur-sunrise",
    "code": "PRIVATE-1D",
    "name": "Mount Batur Sunrise",
}
FORMATS = {"uuid": UUID, "date-time": TIME, "date": "2026-05-14", "uri": "https://example.org/batur.jpg"}
PATTERNS = ("150.00", "+491701234567", "a" * 64, "03:30", "2026-05-14", "USD")
#: Members that are null as a rule, where they may be.
MOSTLY_NULL = frozenset({"nextCursor", "error", "lastError", "errorMessage", "detail", "lagSeconds", "replayedAt"})


def with_examples(document: Schema) -> Schema:
    """The same, with an example in each JSON body and answer that had none."""
    schemas = document["components"]["schemas"]
    for operations in document["paths"].values():
        for operation in operations.values():
            for holder in (operation.get("requestBody", {}), *operation["responses"].values()):
                for media_type, media in holder.get("content", {}).items():
                    if media_type == "application/json" and not {"example", "examples"} & media.keys():
                        media["example"] = example_of(media["schema"], schemas)
    return document


def example_of(schema: Schema, schemas: Schema, name: str = "") -> Any:
    """A value that the schema allows; ``name`` is the member's whose value it is."""
    if "$ref" in schema:
        return example_of(schemas[schema["$ref"].rpartition("/")[2]], schemas, name)
    if "allOf" in schema:
        return {key: value for part in schema["allOf"] for key, value in example_of(part, schemas, name).items()}
    if choices := schema.get("oneOf") or schema.get("anyOf"):
        return example_of(choices[0], schemas, name)
    said = [schema[word] for word in ("example", "const", "default") if word in schema]
    return said[0] if said else _of_its_type(schema, schemas, name)


def _of_its_type(schema: Schema, schemas: Schema, name: str) -> Any:
    types = schema.get("type", "object")
    types = [types] if isinstance(types, str) else types
    if "null" in types and name in MOSTLY_NULL:
        return None
    if "enum" in schema:
        return next(word for word in schema["enum"] if word is not None)
    match next(kind for kind in types if kind != "null"):
        case "object":
            return {key: example_of(inner, schemas, key) for key, inner in schema.get("properties", {}).items()}
        case "array":
            return [example_of(schema["items"], schemas, name)] * max(1, schema.get("minItems", 0))
        case "string":
            return _text(schema, name)
        case kind:
            return {"boolean": True, "integer": schema.get("minimum", 2), "number": schema.get("minimum", 0.5)}[kind]


def _text(schema: Schema, name: str) -> str:
    if "format" in schema:
        return FORMATS[schema["format"]]
    pattern = schema.get("pattern", "")
    fitting = (text for text in (TEXTS.get(name, name or "text"), *PATTERNS) if re.search(pattern, text))
    return next(fitting)[: schema.get("maxLength", 200)]
