"""Cutting over: who goes through core, what dual writes came to, what waits for a decision."""

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
    growing,
    instant,
    integer,
    listing,
    maybe,
    number,
    obj,
    query,
    ref,
    refusals,
    text,
    uuid,
)

READY = "OPS_DB_UNAVAILABLE"
STATE_EXAMPLE: Schema = {
    "cutover": {
        "generatedAt": TIME,
        "actor": {"id": None, "email": "ops@example.com", "role": "STAFF"},
        "read": {
            "baseEnabled": True,
            "percentage": 50,
            "canaryUserIds": 0,
            "canaryEmails": 1,
            "enabledForActor": True,
        },
        "write": {
            "baseEnabled": False,
            "percentage": 100,
            "canaryUserIds": 0,
            "canaryEmails": 0,
            "enabledForActor": False,
        },
        "writeStrict": False,
    }
}
COUNTS = (
    "totalEvents",
    "coreAttempted",
    "coreSuccess",
    "coreFailed",
    "fallbackUsed",
    "strictRejected",
    "legacyAttempted",
    "legacySuccess",
    "legacyFailed",
    "compared",
    "mismatch",
)


def schemas() -> Schema:
    counts = {
        **{name: integer(minimum=0) for name in COUNTS},
        "mismatchRatio": {**number, "description": "mismatch in compared, six decimals; 0 where nothing was compared"},
    }
    values: Schema = {"type": "object", "description": "by the names in fields"}
    return {
        "CutoverPath": obj(
            {
                "baseEnabled": flag,
                "percentage": number,
                "canaryUserIds": integer("how many are on the list"),
                "canaryEmails": integer("how many are on the list"),
                "enabledForActor": flag,
            }
        ),
        "CutoverState": obj(
            {
                "cutover": obj(
                    {
                        "generatedAt": instant,
                        "actor": obj({name: maybe(text()) for name in ("id", "email", "role")}),
                        "read": ref("CutoverPath"),
                        "write": ref("CutoverPath"),
                        "writeStrict": flag,
                    }
                )
            }
        ),
        "ReportedWrite": obj(
            {
                "writeId": text(),
                "recorded": {**flag, "description": "false where core was not attempted: there is nothing to compare"},
                "repeated": {**flag, "description": "true where this very report was known"},
                "agreement": enum("AGREED", "DISAGREED", "NOT_COMPARED"),
                "mismatch": flag,
                "differingFields": listing(text()),
            }
        ),
        "WriteCutoverSummary": obj(
            {
                "generatedAt": instant,
                "windowMinutes": integer(),
                "thresholds": obj({"maxMismatchRatio": number, "minSamples": integer()}),
                "summary": obj({**counts, "hasEnoughSamples": flag}),
                "byOperation": listing(obj({"operation": text(), **counts})),
                "recentMismatch": listing(
                    obj(
                        {
                            "writeId": text(),
                            "at": instant,
                            "operation": text(),
                            "bookingId": maybe(text()),
                            "coreSuccess": maybe(flag),
                            "coreStatus": maybe(integer()),
                            "coreError": maybe(text()),
                            "legacySuccess": maybe(flag),
                            "legacyError": maybe(text()),
                            "differingFields": listing(text()),
                        }
                    )
                ),
                "failures": listing(text()),
                "result": enum("PASS", "FAIL"),
            }
        ),
        "QueuedConflict": obj(
            {
                "conflictId": uuid,
                "module": growing("booking_core", "ops_finance_bridge"),
                "fields": listing(growing("tourDate", "totalPrice", "channelCode", "validatedAt", "isLocked")),
                "shown": values,
                "core": values,
                "legacy": values,
                "severity": enum("HIGH", "MEDIUM"),
                "openedBy": text(),
                "openedAt": instant,
                "dueAt": instant,
                "bookingKey": uuid,
                "channelCode": text(),
                "externalBookingRef": text(),
                "overdue": flag,
                "blocksNextBatch": {**flag, "description": "open for more than 24 hours"},
            },
            "A conflict of dual write that waits for a decision: /v1/ops/bookings/{id}/conflicts/{conflictId}/resolve.",
        ),
    }


def paths() -> Schema:
    seen = {**ADMIN_REFUSALS, "s503": READY}
    none = dict.fromkeys(COUNTS, 0)
    return {
        "/v1/ops/cutover-state": get(
            "getCutoverState",
            "cutover",
            "Whether an actor goes through core now",
            "Reads and writes by themselves: on an allow-list, or in the percentage. What the database says wins over the"
            " environment; a change is known within five seconds.",
            {
                "200": answer("the state", ref("CutoverState"), STATE_EXAMPLE),
                **refusals(**ADMIN_REFUSALS, s400="INVALID_EMAIL, INVALID_USERID, INVALID_ROLE"),
            },
            security=ADMIN,
            parameters=[
                query("email", "the actor's", text(maxLength=320)),
                query("userId", "the actor's; counts where there is no e-mail", text(maxLength=320)),
                query("role", "the actor's; only told back", text(maxLength=320)),
            ],
        ),
        "/v1/ops/cutover/writes": act(
            "post",
            operation="reportDualWrite",
            tag="cutover",
            summary="Report a dual write",
            description="Kept and audited (OPS_WRITE_CUTOVER_EVENT) once an id. A mismatch is judged here: another success, or"
            " another outcome in a field that both outcomes name. What strict mode refused is compared with nothing.",
            responses={
                "201": answer(
                    "what became of it",
                    ref("ReportedWrite"),
                    {
                        "writeId": "5b1f",
                        "recorded": True,
                        "repeated": False,
                        "agreement": "DISAGREED",
                        "mismatch": True,
                        "differingFields": ["assignedDriverId"],
                    },
                ),
                **refusals(
                    s400="INVALID_FIELD_<NAME>, EMPTY_FIELD_<NAME>, INVALID_JSON, INVALID_BODY",
                    s409="WRITE_ID_REUSED",
                    s413="BODY_TOO_LARGE",
                    **{**WRITE_REFUSALS, "s503": READY},
                ),
            },
            parameters=[],
            body={
                "type": "object",
                "required": ["writeId", "operation", "coreAttempted"],
                "properties": {
                    "writeId": text("the caller's own, one a write", minLength=1, maxLength=128),
                    "operation": text("BOOKING_PATCH, BOOKING_ASSIGN, BOOKING_UNASSIGN", minLength=1, maxLength=64),
                    "actorRole": maybe(text(maxLength=64)),
                    "bookingId": maybe(text(maxLength=128)),
                    "coreAttempted": flag,
                    "coreSuccess": maybe(flag),
                    "coreStatus": maybe(integer(minimum=0, maximum=2147483647)),
                    "coreError": maybe(text(maxLength=2000)),
                    "coreOutcome": _plain("what the booking came to in core, by field"),
                    "strictMode": flag,
                    "fallbackUsed": flag,
                    "legacyAttempted": flag,
                    "legacySuccess": maybe(flag),
                    "legacyError": maybe(text(maxLength=2000)),
                    "legacyOutcome": _plain("what the booking came to in the old admin, by field"),
                    "mismatch": maybe(flag),
                    "metadata": _plain("for the audit trail; no guest data"),
                },
            },
            body_required=True,
        ),
        "/v1/ops/cutover/writes/summary": get(
            "getWriteCutoverSummary",
            "cutover",
            "What dual writes came to",
            "Over a window, and by operation, the greatest ratio first.",
            {
                "200": answer(
                    "the summary",
                    ref("WriteCutoverSummary"),
                    {
                        "generatedAt": TIME,
                        "windowMinutes": 60,
                        "thresholds": {"maxMismatchRatio": 0.001, "minSamples": 1},
                        "summary": {**none, "mismatchRatio": 0, "hasEnoughSamples": False},
                        "byOperation": [],
                        "recentMismatch": [],
                        "failures": ["0 writes could be compared, 1 are needed"],
                        "result": "FAIL",
                    },
                ),
                **refusals(**seen, s400="INVALID_MAXRATIO"),
            },
            security=ADMIN,
            parameters=[
                query("windowMinutes", "until now", integer(minimum=1, maximum=1440, default=60)),
                query("maxRatio", "mismatches in compared writes", {"type": "number", "minimum": 0, "maximum": 1}),
                query("minSamples", "writes that must be comparable", integer(minimum=0, maximum=1000000, default=1)),
            ],
        ),
        "/v1/ops/cutover/conflicts": get(
            "listCutoverConflicts",
            "cutover",
            "The review queue of dual writes",
            "What waits for a decision, the soonest due first: high severity within 30 minutes, medium within 4 hours.",
            {
                "200": answer(
                    "the queue",
                    listing(ref("QueuedConflict")),
                    [
                        {
                            "conflictId": UUID,
                            "module": "booking_core",
                            "fields": ["tourDate"],
                            "shown": {"tourDate": "2026-05-01"},
                            "core": {"tourDate": "2026-05-01"},
                            "legacy": {"tourDate": "2026-05-02"},
                            "severity": "HIGH",
                            "openedBy": "cutover watcher",
                            "openedAt": TIME,
                            "dueAt": "2026-03-01T10:30:00.000Z",
                            "bookingKey": UUID,
                            "channelCode": "GYG",
                            "externalBookingRef": "GYG123",
                            "overdue": False,
                            "blocksNextBatch": False,
                        }
                    ],
                ),
                **refusals(**seen),
            },
            security=ADMIN,
            parameters=[query("limit", "at most", integer(minimum=1, maximum=500, default=100))],
        ),
    }


def _plain(description: str) -> Schema:
    return {
        "type": ["object", "null"],
        "description": description,
        "maxProperties": 64,
        "additionalProperties": {"type": ["string", "number", "boolean", "null"]},
    }
