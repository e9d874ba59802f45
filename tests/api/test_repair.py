"""Dead letters, replay and the audit trail over HTTP, as callers of the predecessor and an operator use them."""

from typing import Any
from uuid import uuid4

import httpx
import pytest

from bst_testing.deliveries import body, paid
from tests.api.harness import ADMIN, TOKEN, Api

EVENTS = "/v1/ingest/bookings/events"
LETTERS = "/v1/ingest/dead-letter"
BROKEN = body("UPDATED", at="2026-03-02T00:00:00Z", raw=paid("P-1", "SETTLING"))


async def act(
    api: Api, method: str, path: str, payload: Any = None, *, role: str | None = "ADMIN", **headers: str
) -> httpx.Response:
    given = {"authorization": f"Bearer {ADMIN}", "x-actor": "ayu@ops.example.org", **headers}
    if role is not None:
        given["x-admin-role"] = role
    return await api.http.request(method, path, json=payload, headers=given)


async def letter_of(api: Api, event_id: str) -> dict[str, Any]:
    [letter] = [one for one in await api.data(LETTERS) if one["eventId"] == event_id]
    return dict(letter)


async def test_the_drill_of_the_predecessor(replaying: Api) -> None:
    """Send, fail, judge, replay, settle: the calls, statuses and audit events that its drill asserts."""
    api = replaying
    [event_id] = await api.accept(body())
    failed = await act(
        api, "POST", f"{EVENTS}/{event_id}/fail", {"reasonCode": "replay_drill_fail", "reasonDetail": "d"}
    )
    assert failed.status_code == 202
    letter = failed.json()["data"]
    assert (letter["status"], letter["reasonCode"], letter["poisonMessage"]) == ("OPEN", "REPLAY_DRILL_FAIL", False)
    assert (await api.data(f"{EVENTS}/{event_id}"))["processStatus"] == "FAILED"
    ready = await act(api, "PATCH", f"{LETTERS}/{letter['deadLetterKey']}/status/ready")
    assert ready.status_code == 200
    assert ready.json()["data"]["nextReplayAt"] is not None
    replay = await act(api, "POST", f"{EVENTS}/{event_id}/replay", {"reason": "drill"})
    assert replay.status_code == 202
    record = replay.json()["data"]
    assert (record["processStatus"], record["queued"], record["processedInline"]) == ("RECEIVED", True, False)
    assert (record["replayCount"], record["payload"]["externalBookingRef"]) == (1, "WEB-1")
    await api.process()
    assert (await api.data(f"{LETTERS}/{letter['deadLetterKey']}"))["status"] == "SUCCEEDED"
    assert (await api.data(f"{EVENTS}/{event_id}"))["processStatus"] == "DONE"
    trail = await api.data("/v1/audit/events", actor="ayu@ops.example.org")
    assert [entry["eventType"] for entry in trail] == [
        "INGEST_REPLAY_SUCCEEDED",
        "INGEST_REPLAY_REQUESTED",
        "INGEST_DEAD_LETTER_STATUS_UPDATED",
        "INGEST_EVENT_MARKED_FAILED",
    ]
    succeeded = trail[0]["metadata"]
    assert succeeded["reason"] == "drill"
    assert succeeded["before"]["version"] == succeeded["after"]["version"] == 1


async def test_a_poison_message_is_judged_and_replayed(replaying: Api) -> None:
    api = replaying
    _, event_id = await api.accept(body(), BROKEN)
    letter = await letter_of(api, event_id)
    assert (letter["reasonCode"], letter["poisonMessage"], letter["externalBookingRef"]) == (
        "SCHEMA_MISMATCH",
        True,
        "WEB-1",
    )
    assert "SETTLING" in letter["reasonDetail"]
    refused = await act(api, "POST", f"{EVENTS}/{event_id}/replay")
    assert refused.status_code == 409
    assert refused.json()["error"]["message"] == "DEAD_LETTER_NOT_READY_FOR_REPLAY:OPEN"
    await act(api, "PATCH", f"{LETTERS}/{letter['deadLetterKey']}/status/READY")
    started = await act(api, "POST", f"{EVENTS}/{event_id}/replay", content_type="application/json")
    assert started.status_code == 202
    await api.process()
    again = await letter_of(api, event_id)
    assert (again["status"], again["replayCount"]) == ("FAILED", 1)
    assert (await api.data("/v1/audit/events"))[0]["eventType"] == "INGEST_REPLAY_FAILED"


async def test_replay_can_be_switched_off(api: Api) -> None:
    [event_id] = await api.accept(body())
    answer = await act(api, "POST", f"{EVENTS}/{event_id}/replay")
    assert answer.status_code == 503
    assert answer.json()["error"]["message"] == "INGEST_REPLAY_DISABLED"
    assert answer.headers["retry-after"] == "60"
    assert [entry["eventType"] for entry in await api.data("/v1/audit/events")] == ["SYSTEM_BOOTSTRAP"]


async def test_what_is_not_there_cannot_be_repaired(replaying: Api) -> None:
    api = replaying
    [event_id] = await api.accept(body())
    for name in (str(uuid4()), str(uuid4()).upper(), "not-a-uuid"):
        for path, payload in ((f"{EVENTS}/{name}/fail", {"reasonCode": "X"}), (f"{EVENTS}/{name}/replay", None)):
            answer = await act(api, "POST", path, payload)
            assert answer.status_code == 404
            assert answer.json()["error"]["message"] == f"Ingest event not found: {name}"
        for method, path in (("GET", f"{LETTERS}/{name}"), ("PATCH", f"{LETTERS}/{name}/status/READY")):
            answer = await act(api, method, path)
            assert answer.status_code == 404
            assert answer.json()["error"]["message"] == f"Dead letter not found: {name}"
    never = await act(api, "POST", f"{EVENTS}/{event_id}/replay")
    assert (never.status_code, never.json()["error"]["message"]) == (409, "EVENT_NOT_IN_DEAD_LETTER")


async def test_a_failure_is_told_at_length(api: Api) -> None:
    """A detail never had a limit but that of the body, 100 kB."""
    [event_id] = await api.accept(body())
    detail = "Traceback\n" * 9000
    answer = await act(api, "POST", f"{EVENTS}/{event_id}/fail", {"reasonCode": "X", "reasonDetail": detail})
    assert answer.status_code == 202
    assert answer.json()["data"]["reasonDetail"] == detail.strip()


@pytest.mark.parametrize(
    ("payload", "message"),
    [
        ({}, "INVALID_FIELD_REASONCODE"),
        ({"reasonCode": 7}, "INVALID_FIELD_REASONCODE"),
        ({"reasonCode": "  "}, "EMPTY_FIELD_REASONCODE"),
        ({"reasonCode": "x" * 65}, "INVALID_FIELD_REASONCODE"),
        ({"reasonCode": "X", "reasonDetail": {"a": 1}}, "INVALID_FIELD_REASONDETAIL"),
        ({"reasonCode": "X", "reasonDetail": "x" * 100_001}, "INVALID_FIELD_REASONDETAIL"),
        ({"reasonCode": "X", "poisonMessage": "yes"}, "INVALID_FIELD_POISONMESSAGE"),
        ([], "INVALID_BODY"),
        (None, "INVALID_JSON"),
    ],
)
async def test_a_bad_failure_is_named(api: Api, payload: Any, message: str) -> None:
    [event_id] = await api.accept(body())
    answer = await act(api, "POST", f"{EVENTS}/{event_id}/fail", payload)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == message
    assert answer.json()["error"]["details"]["errors"][0]["message"]
    assert await api.data(LETTERS) == []


async def test_moves_outside_the_table_are_refused_with_what_is_allowed(api: Api) -> None:
    [event_id] = await api.accept(BROKEN)
    key = (await letter_of(api, event_id))["deadLetterKey"]
    refused = await act(api, "PATCH", f"{LETTERS}/{key}/status/SUCCEEDED")
    assert refused.status_code == 409
    error = refused.json()["error"]
    assert error["message"] == "INVALID_DEAD_LETTER_TRANSITION:OPEN->SUCCEEDED"
    assert error["details"]["allowed"] == ["CLOSED", "READY", "RESOLVED"]
    unknown = await act(api, "PATCH", f"{LETTERS}/{key}/status/lost")
    assert (unknown.status_code, unknown.json()["error"]["message"]) == (400, "INVALID_DEAD_LETTER_STATUS:lost")
    closed = await act(api, "PATCH", f"{LETTERS}/{key}/status/closed")
    assert closed.status_code == 200
    assert (await act(api, "PATCH", f"{LETTERS}/{key}/status/OPEN")).status_code == 409
    again = await act(api, "POST", f"{EVENTS}/{event_id}/fail", {"reasonCode": "ONCE_MORE"})
    assert again.json()["data"]["deadLetterKey"] != key  # what was closed stays closed
    assert [one["status"] for one in await api.data(LETTERS)] == ["OPEN", "CLOSED"]


async def test_roles(api: Api) -> None:
    [event_id] = await api.accept(BROKEN)
    key = (await letter_of(api, event_id))["deadLetterKey"]
    writes = [
        ("POST", f"{EVENTS}/{event_id}/fail"),
        ("POST", f"{EVENTS}/{event_id}/replay"),
        ("PATCH", f"{LETTERS}/{key}/status/READY"),
    ]
    for method, path in writes:
        staff = await act(api, method, path, {"reasonCode": "X"}, role="STAFF")
        assert (staff.status_code, staff.json()["error"]["message"]) == (403, "ADMIN_ROLE_FORBIDDEN:STAFF")
        nobody = await act(api, method, path, {"reasonCode": "X"}, role=None)
        assert nobody.json()["error"]["message"] == "ADMIN_ROLE_REQUIRED:ADMIN,MANAGER"
        wrong = await act(api, method, path, {"reasonCode": "X"}, authorization=f"Bearer {TOKEN}")
        assert (wrong.status_code, wrong.json()["error"]["message"]) == (401, "INVALID_ADMIN_TOKEN")
    for path in (LETTERS, f"{LETTERS}/groups", f"{LETTERS}/{key}", "/v1/ingest/events", "/v1/audit/events"):
        assert (await api.get(path, role="STAFF")).status_code == 200
        assert (await api.get(path, token=None)).status_code == 401
    assert (await act(api, "PATCH", f"{LETTERS}/{key}/status/READY", role="MANAGER")).status_code == 200


async def test_lists_are_filtered_and_paged(api: Api) -> None:
    said = [body(ref=f"WEB-{n}", source="GYG" if n % 2 else "DIRECT", raw=paid("P-1", "SETTLING")) for n in range(5)]
    ids = await api.accept(*said)
    seen, cursor = [], ""
    while True:
        answer = await api.get(LETTERS, limit="2", cursor=cursor)
        seen += [one["eventId"] for one in answer.json()["data"]]
        cursor = answer.json()["meta"]["nextCursor"]
        if cursor is None:
            break
    assert sorted(seen) == sorted(ids)
    assert len(seen) == 5
    events, cursor = [], ""
    while True:
        answer = await api.get("/v1/ingest/events", limit="3", cursor=cursor)
        events += [one["eventId"] for one in answer.json()["data"]]
        cursor = answer.json()["meta"]["nextCursor"]
        if cursor is None:
            break
    assert events == ids[::-1]

    async def refs(path: str, **query: str) -> list[str]:
        return sorted(one["externalBookingRef"] for one in await api.data(path, **query))

    assert await refs(LETTERS, source="gyg") == ["WEB-1", "WEB-3"]
    assert await refs(LETTERS, ref=" web-2 ") == ["WEB-2"]
    assert await refs(LETTERS, reasonCode="schema_mismatch", status="open") == [f"WEB-{n}" for n in range(5)]
    assert await refs(LETTERS, status="closed") == []
    assert await refs(LETTERS, to="2020-01-01") == []
    assert len(await refs(LETTERS, **{"from": "2020-01-01T00:00:00+08:00"})) == 5
    assert await refs("/v1/ingest/events", status="failed", source="DIRECT") == ["WEB-0", "WEB-2", "WEB-4"]
    assert await refs("/v1/ingest/events", status="DONE") == []
    assert await refs("/v1/ingest/events", type="created", ref="web-4") == ["WEB-4"]
    [direct, gyg] = sorted(await api.data(f"{LETTERS}/groups"), key=lambda group: str(group["source"]))
    assert (direct["source"], direct["total"], direct["byStatus"]["OPEN"]) == ("DIRECT", 3, 3)
    assert (gyg["source"], gyg["total"], gyg["reasonCode"]) == ("GYG", 2, "SCHEMA_MISMATCH")
    assert (await api.data("/v1/ingest/events"))[0]["payload"] is None


@pytest.mark.parametrize(
    ("path", "query", "message"),
    [
        (LETTERS, {"status": "lost"}, "INVALID_DEAD_LETTER_STATUS:lost"),
        (LETTERS, {"source": "KLOOK"}, "UNSUPPORTED_SOURCE:KLOOK"),
        (LETTERS, {"from": "yesterday"}, "INVALID_FROM"),
        (LETTERS, {"cursor": "x"}, "INVALID_CURSOR"),
        ("/v1/ingest/events", {"status": "lost"}, "INVALID_PROCESS_STATUS:lost"),
        ("/v1/ingest/events", {"type": "X"}, "UNSUPPORTED_EVENT_TYPE:X"),
        ("/v1/ingest/events", {"to": "2026-02-30"}, "INVALID_TO"),
        ("/v1/audit/events", {"actor": "x" * 192}, "INVALID_ACTOR"),
    ],
)
async def test_a_bad_filter_is_named(api: Api, path: str, query: dict[str, str], message: str) -> None:
    answer = await api.get(path, **query)
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)


async def test_a_limit_that_is_no_number_is_the_default(api: Api) -> None:
    for limit in ("many", "-3", "1e9", ""):
        assert (await api.get(LETTERS, limit=limit)).status_code == 200


async def test_the_audit_trail_is_filtered(api: Api) -> None:
    [event_id] = await api.accept(body())
    await act(api, "POST", f"{EVENTS}/{event_id}/fail", {"reasonCode": "X"}, **{"x-request-id": "request-of-the-test"})
    [entry] = await api.data("/v1/audit/events", resourceType="ingest_event", resourceId=event_id)
    assert (entry["actor"], entry["requestId"]) == ("ayu@ops.example.org", "request-of-the-test")
    assert await api.data("/v1/audit/events", eventType="ingest_event_marked_failed", actor="somebody") == []
    assert await api.data("/v1/audit/events", to="2020-01-01") == []
    first = await api.get("/v1/audit/events", limit="1")
    then = await api.get("/v1/audit/events", limit="1", cursor=first.json()["meta"]["nextCursor"])
    assert [answer.json()["data"][0]["eventType"] for answer in (first, then)] == [
        "INGEST_EVENT_MARKED_FAILED",
        "SYSTEM_BOOTSTRAP",
    ]
    nameless = await act(api, "POST", f"{EVENTS}/{event_id}/fail", {"reasonCode": "X"}, **{"x-actor": " "})
    assert nameless.status_code == 202
    assert (await api.data("/v1/audit/events"))[0]["actor"] == "system"


async def test_half_a_page_is_none(api: Api) -> None:
    """The predecessor answered 500 to a fraction here, and took whatever is no number for absent."""
    answer = await api.get(LETTERS, limit="1.5")
    assert answer.status_code == 400
    assert answer.json()["error"]["details"]["errors"][0]["path"] == "limit"
    assert await api.data(LETTERS, limit="many") == await api.data(LETTERS, limit="2.0") == []
