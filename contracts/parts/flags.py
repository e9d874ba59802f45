"""Flags that operators turn at run time."""

from parts.shapes import (
    ADMIN,
    ADMIN_REFUSALS,
    Schema,
    act,
    answer,
    enum,
    flag,
    get,
    instant,
    listing,
    maybe,
    obj,
    path,
    ref,
    refusals,
    text,
)

EXAMPLE: Schema = {
    "name": "INGEST_QUEUE_ENABLED",
    "kind": "switch",
    "value": "true",
    "initial": "false",
    "overridden": True,
    "actor": "ayu@ops.example.org",
    "reason": "go live",
    "updatedAt": "2026-03-01T10:00:00.000Z",
}
TURN_REFUSALS = {**ADMIN_REFUSALS, "s403": "ADMIN_ROLE_REQUIRED:ADMIN, ADMIN_ROLE_FORBIDDEN:<ROLE>"}


def schemas() -> Schema:
    return {
        "Flag": obj(
            {
                "name": text("as in the environment"),
                "kind": enum("switch", "percentage", "list"),
                "value": text("what holds now"),
                "initial": text("what the environment, or the default, says"),
                "overridden": flag,
                "actor": maybe(text()),
                "reason": maybe(text()),
                "updatedAt": maybe(instant),
            }
        )
    }


def paths() -> Schema:
    name = [path("name", "in any letter case")]
    one = path_of(
        act(
            "put",
            operation="setFlag",
            tag="flags",
            summary="Turn a flag",
            description="Takes effect in every process within five seconds, and survives restarts. Audited. ADMIN only.",
            responses={
                "200": answer("the flag as it is now", ref("Flag"), EXAMPLE),
                **refusals(
                    s400="INVALID_FLAG_VALUE, INVALID_FIELD_VALUE, INVALID_FIELD_REASON, EMPTY_FIELD_REASON, INVALID_JSON,"
                    " INVALID_BODY",
                    s404="Flag not found: <name>",
                    s413="BODY_TOO_LARGE",
                    **TURN_REFUSALS,
                ),
            },
            parameters=name,
            body={
                "type": "object",
                "required": ["value", "reason"],
                "properties": {
                    "value": {"type": ["string", "number", "boolean"]},
                    "reason": text(minLength=1, maxLength=2000),
                },
            },
        ),
        act(
            "delete",
            operation="clearFlag",
            tag="flags",
            summary="Take an override away",
            description="What the environment says holds again. Audited. ADMIN only.",
            responses={
                "200": answer("the flag as it is now", ref("Flag"), EXAMPLE),
                **refusals(
                    s400="INVALID_FIELD_REASON, INVALID_JSON, INVALID_BODY",
                    s404="Flag not found: <name>",
                    s413="BODY_TOO_LARGE",
                    **TURN_REFUSALS,
                ),
            },
            parameters=name,
            body={"type": "object", "properties": {"reason": maybe(text(maxLength=2000))}},
            body_required=False,
        ),
    )
    return {
        "/v1/flags": get(
            "listFlags",
            "flags",
            "How the flags are, and who turned them",
            "All flags there are.",
            {"200": answer("the flags", listing(ref("Flag")), [EXAMPLE]), **refusals(**ADMIN_REFUSALS)},
            security=ADMIN,
        ),
        "/v1/flags/{name}": one,
    }


def path_of(*operations: Schema) -> Schema:
    """Several methods on one path."""
    return {method: operation for made in operations for method, operation in made.items()}
