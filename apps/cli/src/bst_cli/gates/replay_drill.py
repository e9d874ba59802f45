"""T-007-04: a real event is failed, made ready and replayed through the API, and every step leaves its audit entry."""

import json
from datetime import timedelta
from typing import Any
from uuid import uuid4

import httpx
from attrs import define, field

from bst_cli.gates.carrying import Gate, Given, as_command, at_least, setting, within_ms
from bst_cli.gates.findings import Finding, Judged, found
from bst_cli.gates.report import GATE_KEYS, Keys
from bst_cli.gates.surroundings import Api, Producer, Surroundings
from bst_cli.sending import PATH as EVENTS
from bst_cli.sending import Line, signed_headers
from bst_cli.trouble import Trouble
from bst_domain.values import format_instant
from bst_emitter import Target

LETTERS = "/v1/ingest/dead-letter"
REASON = "REPLAY_DRILL_FAIL"
SETTLED = ("SUCCEEDED", "FAILED")
#: What a step leaves in the audit trail, and of what it speaks: the event or its dead letter.
AUDITED = {
    "INGEST_EVENT_MARKED_FAILED": "event",
    "INGEST_DEAD_LETTER_STATUS_UPDATED": "letter",
    "INGEST_REPLAY_REQUESTED": "event",
}


@define
class _Drill:
    """How far it came. A step that is refused ends the drill; what was found until then is reported."""

    findings: list[Finding] = field(factory=list)
    summary: dict[str, Any] = field(
        factory=lambda: {
            "eventId": None,
            "deadLetterKey": None,
            "replayQueued": None,
            "replayProcessedInline": None,
            "finalDeadLetterStatus": None,
            "finalEventProcessStatus": None,
            "auditEventsValidated": False,
        }
    )

    def note(self, name: str, good: bool, *, measured: str, wanted: str, cure: str) -> None:
        self.findings.append(found(name, good, measured=measured, wanted=wanted, cure=cure))


async def measure(around: Surroundings, given: Given) -> Judged:
    """Carries the drill out. It leaves one CANCELLED booking ``DRILL-…`` behind, with its facts and audit."""
    drill, producer = _Drill(), around.producer()
    async with around.api() as api:
        try:
            await _carry_out(drill, api, producer, around, given)
        except Trouble as trouble:
            step = f"T-007-04_step_{len(drill.findings) + 1}"
            drill.note(step, False, measured=trouble.what, wanted="an answer that goes on", cure=_cure(trouble))
    return Judged(
        config={
            "actor": given["actor"],
            "source": given["source"],
            "pollIntervalMs": given["poll_interval_ms"],
            "pollTimeoutMs": given["poll_timeout_ms"],
            "requestTimeoutMs": given["request_timeout_ms"],
            "auditLimit": given["audit_limit"],
        },
        summary=drill.summary,
        findings=drill.findings,
    )


def _cure(trouble: Trouble) -> str:
    if "INGEST_REPLAY_DISABLED" in trouble.what:
        return "Turn replay on: bst flags set INGEST_REPLAY_ENABLED on --reason drill."
    if "INGEST_WEBHOOK_DISABLED" in trouble.what:
        return "Turn the door on: bst flags set INGEST_WEBHOOK_ENABLED on --reason drill."
    return trouble.cure or "The API's log has the request; docs/operations has the runbooks."


async def _carry_out(drill: _Drill, api: Api, producer: Producer, around: Surroundings, given: Given) -> None:
    actor, within, summary = given["actor"], given["request_timeout_ms"], drill.summary
    event_id = summary["eventId"] = await send_event(
        api, producer, around, source=given["source"], ref=f"DRILL-{uuid4().hex[:12].upper()}", within=within
    )
    drill.note(
        "T-007-04_accepted", True, measured=f"event {event_id}", wanted="202", cure="See the error that the door gave."
    )
    failed = {"reasonCode": REASON, "reasonDetail": "a drill; nothing is wrong", "poisonMessage": False}
    letter = await api.act("POST", f"{EVENTS}/{event_id}/fail", within_ms=within, actor=actor, payload=failed)
    key = summary["deadLetterKey"] = letter["deadLetterKey"]
    drill.note(
        "T-007-04_failed",
        (letter["status"], letter["reasonCode"]) == ("OPEN", REASON),
        measured=f"{letter['status']} {letter['reasonCode']}",
        wanted=f"OPEN {REASON}",
        cure="An older dead letter of the event got in between; see GET /v1/ingest/dead-letter.",
    )
    letter = await api.act("PATCH", f"{LETTERS}/{key}/status/READY", within_ms=within, actor=actor)
    drill.note(
        "T-007-04_ready",
        letter["status"] == "READY",
        measured=letter["status"],
        wanted="READY",
        cure="Somebody else judges the drill's dead letter; do it again.",
    )
    replayed = await api.act(
        "POST", f"{EVENTS}/{event_id}/replay", within_ms=within, actor=actor, payload={"reason": "replay drill"}
    )
    summary["replayQueued"], summary["replayProcessedInline"] = replayed["queued"], replayed["processedInline"]
    status = summary["finalDeadLetterStatus"] = await _settled(api, key, around, given)
    drill.note(
        "T-007-04_replayed",
        status == "SUCCEEDED",
        measured=f"dead letter {status} (queued={replayed['queued']}, inline={replayed['processedInline']})",
        wanted=f"SUCCEEDED within {given['poll_timeout_ms']} ms",
        cure="REPLAYING: no worker took it, see that one runs. FAILED: the dead letter's reasonDetail says why.",
    )
    event = await api.get(f"{EVENTS}/{event_id}", within_ms=within)
    summary["finalEventProcessStatus"] = event["processStatus"]
    drill.note(
        "T-007-04_done",
        event["processStatus"] == "DONE",
        measured=event["processStatus"],
        wanted="DONE",
        cure="See the event's errorMessage.",
    )
    missing = await _not_audited(api, actor, {"event": event_id, "letter": key}, given)
    summary["auditEventsValidated"] = not missing
    drill.note(
        "T-007-04_audited",
        not missing,
        measured=f"{len(AUDITED) - len(missing)} of {len(AUDITED)} entries of this drill",
        wanted="an entry for each step, by its actor",
        cure=f"Not found: {', '.join(missing)}. With many entries of the same actor, raise INGEST_REPLAY_DRILL_AUDIT_LIMIT.",
    )


async def send_event(api: Api, producer: Producer, around: Surroundings, *, source: str, ref: str, within: int) -> str:
    """A signed event; its id. A cancellation of a booking that nobody knows: nothing for operations to do. Raises Trouble."""
    said = {
        "payloadVersion": "v1",
        "eventType": "CANCELLED",
        "eventTime": format_instant(around.now()),
        "source": source,
        "externalBookingRef": ref,
        "booking": {},
    }
    line = Line(number=1, key=str(uuid4()), body=json.dumps(said).encode())
    target = Target(url=str(api.http.base_url), token=producer.token, secret=producer.secret)
    headers = signed_headers(target, line)
    answer = await api.ask("POST", EVENTS, within_ms=within, headers=headers, content=line.body)
    if answer.status_code != httpx.codes.ACCEPTED:
        raise Trouble(
            f"the door answered {answer.status_code} {answer.text[:200]}",
            "Check INGEST_SERVICE_TOKEN, INGEST_SERVICE_SECRET and the flags.",
        )
    event_id: str = answer.json()["data"]["eventId"]
    return event_id


async def _settled(api: Api, key: str, around: Surroundings, given: Given) -> str:
    """The dead letter's status when the replay has ended, or when time is up."""
    deadline = around.now() + timedelta(milliseconds=given["poll_timeout_ms"])
    while True:
        letter = await api.get(f"{LETTERS}/{key}", within_ms=given["request_timeout_ms"])
        status: str = letter["status"]
        if status in SETTLED or around.now() >= deadline:
            return status
        if await around.pause(given["poll_interval_ms"] / 1000):
            return status


async def _not_audited(api: Api, actor: str, ids: dict[str, str], given: Given) -> list[str]:
    """The entries of this very drill that are not there; those of an earlier one do not count."""
    entries = await api.get(
        "/v1/audit/events", within_ms=given["request_timeout_ms"], actor=actor, limit=str(given["audit_limit"])
    )
    seen = {(entry["eventType"], entry["resourceId"]) for entry in entries if entry["actor"] == actor}
    return [name for name, of in AUDITED.items() if (name, ids[of]) not in seen]


GATE = Gate(
    name="replay-drill",
    id="T-007-04_REPLAY_DRILL",
    title="T-007-04 Replay drill",
    folder="gates/ingest-replay-drill",
    help="T-007-04: an event is failed, repaired and replayed for real. Leaves one cancelled booking DRILL-… behind.",
    settings=[
        setting("actor", "INGEST_REPLAY_DRILL_ACTOR", str, "ingest-replay-drill", "For the audit trail."),
        setting("source", "INGEST_REPLAY_DRILL_SOURCE", str, "DIRECT", "Of the event."),
        setting("poll-interval-ms", "INGEST_REPLAY_DRILL_POLL_INTERVAL_MS", at_least(10), 1000, "Between two looks."),
        setting("poll-timeout-ms", "INGEST_REPLAY_DRILL_POLL_TIMEOUT_MS", at_least(0), 45000, "Longest replay."),
        setting("audit-limit", "INGEST_REPLAY_DRILL_AUDIT_LIMIT", at_least(50), 200, "Entries to look at."),
        within_ms("INGEST_REPLAY_DRILL_REQUEST_TIMEOUT_MS"),
    ],
    measure=measure,
    keys=(
        GATE_KEYS,
        Keys(
            result="INGEST_REPLAY_DRILL_RESULT",
            json="INGEST_REPLAY_DRILL_REPORT_JSON",
            md="INGEST_REPLAY_DRILL_REPORT_MD",
        ),
    ),
)
command = as_command(GATE)
