"""The audit trail."""

from parts.shapes import (
    ADMIN,
    ADMIN_REFUSALS,
    Schema,
    answer,
    get,
    instant,
    integer,
    listing,
    maybe,
    obj,
    query,
    ref,
    refusals,
    text,
    uuid,
)


def schemas() -> Schema:
    return {
        "AuditEvent": obj(
            {
                "eventId": uuid,
                "eventType": text("e.g. INGEST_REPLAY_REQUESTED"),
                "actor": text(),
                "createdAt": instant,
                "resourceType": maybe(text()),
                "resourceId": maybe(text()),
                "metadata": {"type": ["object", "null"]},
                "requestId": maybe(text("the id of the request that did it, as in the logs")),
            }
        ),
    }


def paths() -> Schema:
    span = [
        query("from", "instant with a zone, or a day, inclusive", text()),
        query("to", "the same, exclusive", text()),
    ]
    pages = [query("cursor", "meta.nextCursor of the page before", text())]
    page = {"nextCursor": maybe(text())}
    return {
        "/v1/audit/events": get(
            "listAuditEvents",
            "audit",
            "Who did what to what, newest first",
            "Append-only; entries are written in the commit of the change that they tell of.",
            {
                "200": answer("a page", listing(ref("AuditEvent")), **page),
                **refusals(
                    s400="INVALID_ACTOR, INVALID_EVENT_TYPE, INVALID_RESOURCE_TYPE, INVALID_RESOURCE_ID, INVALID_FROM,"
                    " INVALID_TO, INVALID_CURSOR",
                    **ADMIN_REFUSALS,
                ),
            },
            security=ADMIN,
            parameters=[
                query("actor", "exactly", text(maxLength=191)),
                query("eventType", "in any letter case", text(maxLength=64)),
                query("resourceType", "in any letter case", text(maxLength=64)),
                query("resourceId", "exactly", text(maxLength=191)),
                *span,
                query("limit", "page size", integer(minimum=1, maximum=500, default=50)),
                *pages,
            ],
        ),
    }
