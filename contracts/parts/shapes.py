"""Shapes that recur: JSON Schema in few words, envelopes, refusals, parameters."""

from typing import Any

UUID = "0197f3a2-7c11-7b6e-9c1e-5d0f6a2b9e11"
TIME = "2026-03-01T10:00:00.000Z"
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


def growing(*words: str) -> Schema:
    """Words to which others may come in a minor version: callers pass over one that they do not know."""
    return {**enum(*words), "x-grows": True}


def listing(items: Schema) -> Schema:
    return {"type": "array", "items": items}


uuid = text(format="uuid")
instant = text("ISO 8601 in UTC with three fractional digits and Z", format="date-time")
amount = text("decimal with two digits after the point", pattern=r"^-?\d+\.\d{2}$")
flag: Schema = {"type": "boolean"}
number: Schema = {"type": "number"}
PAYMENT = enum("DRAFT", "PENDING_PAYMENT", "PAID", "FAILED", "REFUNDED")
FULFILMENT = enum("NEW", "READY", "ATTENTION", "COMPLETED", "DONE", "UPDATED", "CANCELLED", "NO_SHOW")
REASON = growing(
    "INCOMPLETE",
    "REVIEW_REQUIRED",
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


def answer(description: str, data: Schema, example: Any = None, **meta: Schema) -> Schema:
    """A success envelope."""
    envelope = ref("Meta") if not meta else {"allOf": [ref("Meta"), obj(meta)]}
    content: Schema = {"schema": obj({"data": data, "meta": envelope})}
    if example is not None:
        said: Schema = {"requestId": UUID, "timestamp": TIME, **dict.fromkeys(meta)}
        content["example"] = {"data": example, "meta": said}
    return {"description": description, "content": {"application/json": content}}


def tagged(described: Schema) -> Schema:
    """The same with the version of what it shows, for If-Match."""
    return {**described, "headers": {"ETag": {"description": 'the version, e.g. "3"', "schema": text()}}}


def refusals(**by_status: str) -> Schema:
    """Error answers: ``s400="A or B"`` and so on; 429 and 503 carry their header."""
    codes = {
        "400": "BAD_REQUEST",
        "401": "UNAUTHORIZED",
        "403": "FORBIDDEN",
        "404": "NOT_FOUND",
        "409": "CONFLICT",
        "412": "PRECONDITION_FAILED",
        "413": "PAYLOAD_TOO_LARGE",
        "414": "URI_TOO_LONG",
        "429": "TOO_MANY_REQUESTS",
        "431": "REQUEST_HEADER_FIELDS_TOO_LARGE",
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
        if status in {"429", "503"}:
            made[status]["headers"] = {"Retry-After": {"description": "seconds", "schema": integer()}}
    return made


GUARD_ANSWERS = {"414": "TargetTooLong", "429": "RateLimited", "431": "HeadersTooLarge"}


def guard_responses() -> Schema:
    """What stands before every route may say, by the name of the response."""
    said = refusals(s414="REQUEST_TARGET_TOO_LONG", s429="RATE_LIMITED", s431="REQUEST_HEADERS_TOO_LARGE")
    return {name: said[status] for status, name in GUARD_ANSWERS.items()}


ADMIN: list[Schema] = [{"adminToken": [], "adminRole": []}]
ADMIN_REFUSALS = {
    "s401": "ADMIN_AUTH_REQUIRED, INVALID_ADMIN_TOKEN",
    "s403": "ADMIN_ROLE_REQUIRED:ADMIN,STAFF,MANAGER, ADMIN_ROLE_FORBIDDEN:<ROLE>",
    "s503": "OPS_DB_UNAVAILABLE",
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


def act(
    method: str,
    *,
    operation: str,
    tag: str,
    summary: str,
    description: str,
    responses: Schema,
    parameters: list[Schema],
    body: Schema | None = None,
    body_required: bool = True,
) -> Schema:
    """An administrative change: PATCH or POST, by ADMIN or MANAGER, with the headers that say who acts."""
    actor = {**header("x-actor", "who acts, for the audit trail; system when absent", text()), "required": False}
    made: Schema = {
        "operationId": operation,
        "tags": [tag],
        "summary": summary,
        "description": description,
        "security": ADMIN,
        "parameters": [*parameters, actor],
        "responses": responses,
    }
    if body is not None:
        made["requestBody"] = {"required": body_required, "content": {"application/json": {"schema": body}}}
    return {method: made}
