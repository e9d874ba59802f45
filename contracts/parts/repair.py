"""Repairing: events and dead letters in lists, and what is done to them by hand."""

from parts.shapes import (
    ADMIN,
    ADMIN_REFUSALS,
    DEAD_LETTER_STATUSES,
    PROCESS_STATUS,
    SOURCE,
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

DEAD_LETTER_STATUS = enum(*DEAD_LETTER_STATUSES)
EVENT_TYPE = enum("CREATED", "UPDATED", "CANCELLED")
WRITE_REFUSALS = {**ADMIN_REFUSALS, "s403": "ADMIN_ROLE_REQUIRED:ADMIN,MANAGER, ADMIN_ROLE_FORBIDDEN:<ROLE>"}
LETTER_EXAMPLE: Schema = {
    "deadLetterKey": UUID,
    "eventId": UUID,
    "status": "OPEN",
    "reasonCode": "SCHEMA_MISMATCH",
    "reasonDetail": "SCHEMA_MISMATCH: unknown payment status 'SETTLING' of PAYPAL",
    "poisonMessage": True,
    "replayCount": 0,
    "firstFailedAt": TIME,
    "lastFailedAt": TIME,
    "nextReplayAt": None,
    "source": "DIRECT",
    "channelCode": "DIRECT",
    "externalBookingRef": "WEB-1042",
    "eventType": "UPDATED",
}


JOB_EXAMPLE: Schema = {
    "jobId": UUID,
    "kind": "DEAD_LETTER_REPLAY",
    "state": "RUNNING",
    "total": 12,
    "pending": 9,
    "replayed": 2,
    "refused": 1,
    "refusals": {"DEAD_LETTER_NOT_READY_FOR_REPLAY:CLOSED": 1},
    "deadLetters": {**dict.fromkeys(DEAD_LETTER_STATUSES, 0), "REPLAYING": 1, "SUCCEEDED": 1},
    "filter": {"source": "GYG"},
    "reason": "the mapping is mended",
    "actor": "ayu@ops.example.org",
    "createdAt": TIME,
    "finishedAt": None,
}


def schemas() -> Schema:
    counts = {"type": "object", "additionalProperties": integer(minimum=1)}
    return {
        "ReplayPreview": obj(
            {
                "dryRun": {"type": "boolean", "const": True},
                "total": integer(minimum=0),
                "sample": listing(ref("DeadLetter")),
            }
        ),
        "ReplayJob": obj(
            {
                "jobId": uuid,
                "kind": enum("DEAD_LETTER_REPLAY"),
                "state": enum("RUNNING", "DONE"),
                "total": integer(minimum=0),
                "pending": integer(minimum=0),
                "replayed": integer("items that were sent on their way", minimum=0),
                "refused": integer("items that somebody settled meanwhile", minimum=0),
                "refusals": counts,
                "deadLetters": obj({name: integer(minimum=0) for name in DEAD_LETTER_STATUSES}),
                "filter": {"type": "object", "additionalProperties": text()},
                "reason": text(),
                "actor": text(),
                "createdAt": instant,
                "finishedAt": maybe(instant),
            }
        ),
        "DeadLetter": obj(
            {
                "deadLetterKey": uuid,
                "eventId": uuid,
                "status": DEAD_LETTER_STATUS,
                "reasonCode": text(maxLength=64),
                "reasonDetail": maybe(text()),
                "poisonMessage": flag,
                "replayCount": integer(minimum=0),
                "firstFailedAt": instant,
                "lastFailedAt": instant,
                "nextReplayAt": maybe(instant),
                "source": SOURCE,
                "channelCode": SOURCE,
                "externalBookingRef": text(),
                "eventType": EVENT_TYPE,
            }
        ),
        "DeadLetterGroup": obj(
            {
                "reasonCode": text(),
                "source": SOURCE,
                "total": integer(minimum=1),
                "byStatus": obj({status: integer() for status in DEAD_LETTER_STATUSES}),
                "newestFailureAt": instant,
            }
        ),
        "ReplayedEvent": {
            "allOf": [
                ref("EventRecord"),
                obj(
                    {
                        "queued": {**flag, "description": "a job for it is staged in the same commit"},
                        "processedInline": flag,
                    }
                ),
            ]
        },
    }


def paths() -> Schema:
    span = [
        query("from", "instant with a zone, or a day, inclusive", text()),
        query("to", "the same, exclusive", text()),
    ]
    pages = [query("cursor", "meta.nextCursor of the page before", text())]
    page = {"nextCursor": maybe(text())}
    bad_list = "UNSUPPORTED_SOURCE:<x>, INVALID_REF, INVALID_FROM, INVALID_TO, INVALID_CURSOR"
    event_id = [path("eventId", "UUID")]
    return {
        "/v1/ingest/events": get(
            "listIngestEvents",
            "ingest",
            "Events of the log, the newest received first",
            "Payloads are null here; the event's own page has them.",
            {
                "200": answer("a page", listing(ref("EventRecord")), **page),
                **refusals(
                    s400=f"INVALID_PROCESS_STATUS:<x>, UNSUPPORTED_EVENT_TYPE:<x>, {bad_list}", **ADMIN_REFUSALS
                ),
            },
            security=ADMIN,
            parameters=[
                query("status", "processStatus, in any letter case", PROCESS_STATUS),
                query("source", "in any letter case", SOURCE),
                query("ref", "external booking reference, in any spelling", text(maxLength=191)),
                query("type", "eventType, in any letter case", EVENT_TYPE),
                *span,
                query("limit", "page size", integer(minimum=1, maximum=200, default=50)),
                *pages,
            ],
        ),
        "/v1/ingest/dead-letter": get(
            "listDeadLetters",
            "repair",
            "Dead letters, the newest failure first",
            "from and to are about the last failure.",
            {
                "200": answer("a page", listing(ref("DeadLetter")), [LETTER_EXAMPLE], **page),
                **refusals(s400=f"INVALID_DEAD_LETTER_STATUS:<x>, INVALID_REASON_CODE, {bad_list}", **ADMIN_REFUSALS),
            },
            security=ADMIN,
            parameters=[
                query("status", "in any letter case", DEAD_LETTER_STATUS),
                query("reasonCode", "in any letter case", text(maxLength=64)),
                query("source", "in any letter case", SOURCE),
                query("ref", "external booking reference, in any spelling", text(maxLength=191)),
                *span,
                query("limit", "page size", integer(minimum=1, maximum=200, default=50)),
                *pages,
            ],
        ),
        "/v1/ingest/dead-letter/groups": get(
            "listDeadLetterGroups",
            "repair",
            "How many dead letters there are, by reason and source",
            "The most numerous first.",
            {"200": answer("the groups", listing(ref("DeadLetterGroup"))), **refusals(**ADMIN_REFUSALS)},
            security=ADMIN,
        ),
        "/v1/ingest/dead-letter/replay": act(
            "post",
            operation="replayDeadLetters",
            tag="repair",
            summary="Send many failed events through the processing door again",
            description="The filter is that of the list; without a status it means OPEN, READY and FAILED. Of each event the"
            " newest matching dead letter counts. OPEN and FAILED become READY first. The worker does one after the other;"
            " every step is audited with the actor and the reason of the job.",
            responses={
                "200": answer("what it would replay", ref("ReplayPreview")),
                "202": answer("the job", ref("ReplayJob"), JOB_EXAMPLE),
                **refusals(
                    s400="INVALID_FIELD_REASON, EMPTY_FIELD_REASON, INVALID_FIELD_DRYRUN, INVALID_FIELD_FILTER, UNKNOWN_FILTER,"
                    " INVALID_DEAD_LETTER_STATUS:<x>, INVALID_REASON_CODE, UNSUPPORTED_SOURCE:<x>, INVALID_REF, INVALID_FROM,"
                    " INVALID_TO, INVALID_JSON, INVALID_BODY",
                    s413="BODY_TOO_LARGE",
                    **{**WRITE_REFUSALS, "s503": "INGEST_REPLAY_DISABLED, OPS_DB_UNAVAILABLE"},
                ),
            },
            parameters=[],
            body={
                "type": "object",
                "required": ["reason"],
                "properties": {
                    "filter": {
                        "type": "object",
                        "additionalProperties": False,
                        "properties": {
                            "status": text("in any letter case"),
                            "reasonCode": text("in any letter case", maxLength=64),
                            "source": text("in any letter case"),
                            "ref": text("external booking reference, in any spelling", maxLength=191),
                            "from": text("instant or day; of the last failure"),
                            "to": text("instant or day, exclusive"),
                        },
                    },
                    "reason": text(minLength=1, maxLength=2000),
                    "dryRun": flag,
                },
            },
        ),
        "/v1/jobs/{jobId}": get(
            "getJob",
            "repair",
            "How a job stands",
            "pending falls to 0; deadLetters says how the replays end.",
            {
                "200": answer("the job", ref("ReplayJob"), JOB_EXAMPLE),
                **refusals(s404="Job not found: <id>", **ADMIN_REFUSALS),
            },
            security=ADMIN,
            parameters=[path("jobId", "UUID")],
        ),
        "/v1/ingest/dead-letter/{deadLetterKey}": get(
            "getDeadLetter",
            "repair",
            "One dead letter",
            "Its event's page has the body.",
            {
                "200": answer("the dead letter", ref("DeadLetter"), LETTER_EXAMPLE),
                **refusals(s404="Dead letter not found: <key>", **ADMIN_REFUSALS),
            },
            security=ADMIN,
            parameters=[path("deadLetterKey", "UUID")],
        ),
        "/v1/ingest/dead-letter/{deadLetterKey}/status/{status}": act(
            "patch",
            operation="changeDeadLetterStatus",
            tag="repair",
            summary="Judge a dead letter",
            description="By the table: OPEN to READY, RESOLVED, CLOSED; READY to REPLAYING; REPLAYING to SUCCEEDED, FAILED,"
            " READY; FAILED to READY, RESOLVED, CLOSED; SUCCEEDED and RESOLVED to CLOSED. Audited.",
            responses={
                "200": answer("the dead letter as it is now", ref("DeadLetter"), {**LETTER_EXAMPLE, "status": "READY"}),
                **refusals(
                    s400="INVALID_DEAD_LETTER_STATUS:<x>",
                    s404="Dead letter not found: <key>",
                    s409="INVALID_DEAD_LETTER_TRANSITION:<FROM>-><TO>",
                    **WRITE_REFUSALS,
                ),
            },
            parameters=[path("deadLetterKey", "UUID"), path("status", "in any letter case")],
        ),
        "/v1/ingest/bookings/events/{eventId}/fail": act(
            "post",
            operation="markIngestEventFailed",
            tag="repair",
            summary="Mark an event failed",
            description="In whatever state it is; what it said stays with its booking. Audited.",
            responses={
                "202": answer("its dead letter", ref("DeadLetter"), LETTER_EXAMPLE),
                **refusals(
                    s400="INVALID_FIELD_REASONCODE, EMPTY_FIELD_REASONCODE, INVALID_FIELD_REASONDETAIL,"
                    " INVALID_FIELD_POISONMESSAGE, INVALID_JSON, INVALID_BODY",
                    s404="Ingest event not found: <id>",
                    s413="BODY_TOO_LARGE",
                    **WRITE_REFUSALS,
                ),
            },
            parameters=event_id,
            body={
                "type": "object",
                "required": ["reasonCode"],
                "properties": {
                    "reasonCode": text(minLength=1, maxLength=64),
                    "reasonDetail": maybe(text(maxLength=100_000)),
                    "poisonMessage": flag,
                },
            },
        ),
        "/v1/ingest/bookings/events/{eventId}/replay": act(
            "post",
            operation="replayIngestEvent",
            tag="repair",
            summary="Send a failed event through the processing door again",
            description="Takes the newest READY dead letter. Audited with who asked and why, and, when done, with the booking's"
            " version and statuses before and after.",
            responses={
                "202": answer("on its way", ref("ReplayedEvent")),
                **refusals(
                    s400="INVALID_FIELD_REASON, INVALID_JSON, INVALID_BODY",
                    s404="Ingest event not found: <id>",
                    s409="EVENT_NOT_IN_DEAD_LETTER, DEAD_LETTER_NOT_READY_FOR_REPLAY:<STATUS>",
                    s413="BODY_TOO_LARGE",
                    **{**WRITE_REFUSALS, "s503": "INGEST_REPLAY_DISABLED, OPS_DB_UNAVAILABLE"},
                ),
            },
            parameters=event_id,
            body={"type": "object", "properties": {"reason": maybe(text(maxLength=2000))}},
            body_required=False,
        ),
    }
