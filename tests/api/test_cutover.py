"""Cutting over over HTTP: who goes through core, reported writes, the review queue, and shadows that are in nobody's way."""

import asyncio
from datetime import UTC, datetime
from typing import Any

import httpx
import pytest

from bst_application.ids import uuid7
from bst_application.ports.legacy import ChangedRow
from bst_application.use_cases.compare_legacy import CompareLegacyRow
from bst_domain.migration import LegacySystem
from bst_postgres.cutover import PostgresDualWriteDesk
from bst_testing.deliveries import body
from bst_testing.legacy_rows import legacy_booking, legacy_finance
from tests.api.harness import ADMIN, Api, running

#: Of predecessor rules 13: actor -> bucket.
BUCKETS = {
    "admin@example.com": 4,
    "ops@example.com": 27,
    "staff1@example.com": 50,
    "user@balisnaptrip.com": 55,
}
WRITE: dict[str, Any] = {
    "writeId": "w-1",
    "operation": "BOOKING_ASSIGN",
    "actorRole": "STAFF",
    "bookingId": "17",
    "coreAttempted": True,
    "coreSuccess": True,
    "coreStatus": 201,
    "coreOutcome": {"assignedDriverId": 8, "status": "READY"},
    "legacyAttempted": True,
    "legacySuccess": True,
    "legacyOutcome": {"assignedDriverId": 8},
}


async def ask(api: Api, method: str, path: str, payload: Any = None, role: str = "ADMIN") -> httpx.Response:
    headers = {"authorization": f"Bearer {ADMIN}", "x-admin-role": role, "x-actor": "ayu"}
    return await api.http.request(method, path, json=payload, headers=headers)


async def turn(api: Api, name: str, value: object) -> None:
    answer = await ask(api, "PUT", f"/v1/flags/{name}", {"value": value, "reason": "test"})
    assert answer.status_code == 200


async def enabled(api: Api, **actor: str) -> tuple[bool, bool]:
    state = (await api.data("/v1/ops/cutover-state", **actor))["cutover"]
    return state["read"]["enabledForActor"], state["write"]["enabledForActor"]


async def test_the_state_is_that_of_the_environment_until_somebody_turns_it(postgres_dsn: str, broker_url: str) -> None:
    environ = {"OPS_READ_NEW_MODEL_ENABLED": "true", "OPS_READ_NEW_MODEL_PERCENT": "", "OPS_WRITE_CORE_STRICT": "yes"}
    async with running(postgres_dsn, broker_url, **environ) as api:
        answer = await ask(api, "GET", "/v1/ops/cutover-state?email=Admin@Example.com%20&role=STAFF")
        state = answer.json()["data"]["cutover"]
        assert state["read"] == {
            "baseEnabled": True,
            "percentage": 0,  # set to nothing: predecessor rules 13
            "canaryUserIds": 0,
            "canaryEmails": 0,
            "enabledForActor": False,
        }
        assert (state["write"]["baseEnabled"], state["writeStrict"]) == (False, True)
        assert state["actor"] == {"id": None, "email": "Admin@Example.com", "role": "STAFF"}
        for actor, bucket in BUCKETS.items():
            await turn(api, "OPS_READ_NEW_MODEL_PERCENT", bucket + 0.5)
            assert (await enabled(api, email=actor))[0] is True
            await turn(api, "OPS_READ_NEW_MODEL_PERCENT", bucket)
            assert (await enabled(api, email=actor))[0] is False
        await turn(api, "OPS_READ_NEW_MODEL_PERCENT", 63)
        assert await enabled(api, userId="42") == (True, False)
        assert await enabled(api, userId="42.9") == (True, False)
        assert await enabled(api) == (False, False)
        await turn(api, "OPS_READ_NEW_MODEL_PERCENT", 0)
        await turn(api, "OPS_READ_NEW_MODEL_CANARY_USER_IDS", "7, 42")
        assert [(await enabled(api, userId=user))[0] for user in ("42", "42.5", "43")] == [True, True, False]


async def test_a_report_is_kept_once_and_judged_by_its_outcomes(api: Api) -> None:
    first = await ask(api, "POST", "/v1/ops/cutover/writes", WRITE)
    assert first.status_code == 201
    assert first.json()["data"] == {
        "writeId": "w-1",
        "recorded": True,
        "repeated": False,
        "agreement": "AGREED",
        "mismatch": False,
        "differingFields": [],
    }
    again = await ask(api, "POST", "/v1/ops/cutover/writes", WRITE)
    assert again.json()["data"]["repeated"] is True
    other = await ask(api, "POST", "/v1/ops/cutover/writes", {**WRITE, "coreStatus": 200})
    assert (other.status_code, other.json()["error"]["message"]) == (409, "WRITE_ID_REUSED")
    # Both say that it went well, and they do not mean the same (defect 100).
    differs = {**WRITE, "writeId": "w-2", "legacyOutcome": {"assignedDriverId": 9}, "mismatch": False}
    judged = (await ask(api, "POST", "/v1/ops/cutover/writes", differs)).json()["data"]
    assert (judged["mismatch"], judged["differingFields"]) == (True, ["assignedDriverId"])
    strict = {
        **{name: WRITE[name] for name in ("operation", "bookingId")},
        "writeId": "w-3",
        "coreAttempted": True,
        "coreSuccess": False,
        "coreError": "timeout",
        "strictMode": True,
        "legacySuccess": False,
        "legacyError": "STRICT_MODE_ABORTED",
    }
    assert (await ask(api, "POST", "/v1/ops/cutover/writes", strict)).json()["data"]["agreement"] == "NOT_COMPARED"
    left = {"writeId": "w-4", "operation": "BOOKING_PATCH", "coreAttempted": False}
    assert (await ask(api, "POST", "/v1/ops/cutover/writes", left)).json()["data"]["recorded"] is False
    summary = await api.data("/v1/ops/cutover/writes/summary")
    totals = summary["summary"]
    assert (totals["totalEvents"], totals["compared"], totals["mismatch"], totals["strictRejected"]) == (3, 2, 1, 1)
    assert (totals["mismatchRatio"], totals["hasEnoughSamples"], summary["result"]) == (0.5, True, "FAIL")
    assert [one["writeId"] for one in summary["recentMismatch"]] == ["w-2"]
    assert [one["operation"] for one in summary["byOperation"]] == ["BOOKING_ASSIGN"]
    lenient = await api.data("/v1/ops/cutover/writes/summary", maxRatio="0.5", minSamples="2")
    assert (lenient["result"], lenient["failures"]) == ("PASS", [])
    trail = await api.data("/v1/audit/events", eventType="OPS_WRITE_CUTOVER_EVENT")
    assert [entry["metadata"]["writeId"] for entry in trail] == ["w-3", "w-2", "w-1"]
    assert trail[1]["metadata"]["metadata"] == {"reportedMismatch": False}


async def test_without_anything_to_compare_the_summary_does_not_pass(api: Api) -> None:
    summary = await api.data("/v1/ops/cutover/writes/summary")
    assert (summary["result"], summary["failures"]) == ("FAIL", ["0 writes could be compared, 1 are needed"])


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"writeId": " "}, "EMPTY_FIELD_WRITEID"),
        ({"operation": "drop table"}, "INVALID_FIELD_OPERATION"),
        ({"coreAttempted": None}, "INVALID_FIELD_COREATTEMPTED"),
        ({"coreSuccess": "yes"}, "INVALID_FIELD_CORESUCCESS"),
        ({"coreStatus": True}, "INVALID_FIELD_CORESTATUS"),
        ({"coreOutcome": {"a": {"b": 1}}}, "INVALID_FIELD_COREOUTCOME"),
        ({"metadata": [1]}, "INVALID_FIELD_METADATA"),
    ],
)
async def test_a_bad_report_is_named(api: Api, change: dict[str, Any], message: str) -> None:
    answer = await ask(api, "POST", "/v1/ops/cutover/writes", {**WRITE, **change})
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, message)


async def test_roles(api: Api) -> None:
    answer = await ask(api, "POST", "/v1/ops/cutover/writes", WRITE, role="STAFF")
    assert (answer.status_code, answer.json()["error"]["message"]) == (403, "ADMIN_ROLE_FORBIDDEN:STAFF")
    for path in ("cutover-state", "cutover/conflicts", "cutover/writes/summary"):
        assert (await api.get(f"/v1/ops/{path}", role="STAFF")).status_code == 200
        assert (await api.get(f"/v1/ops/{path}", token=None)).status_code == 401


async def test_the_review_queue_lists_what_the_watcher_found_and_empties_as_it_is_settled(api: Api) -> None:
    await api.accept(body())
    row = legacy_booking(
        LegacySystem.ADMIN,
        7,
        "WEB-1",
        tour_at=datetime(2031, 5, 2, tzinfo=UTC),
        finance=legacy_finance(31, validated_at=None, locked=False, items=0),
    )
    compare = CompareLegacyRow(desk=PostgresDualWriteDesk(api.database), now=api.now, new_id=uuid7)
    await compare(ChangedRow(booking=row, changed_at=api.now()))
    validated = legacy_booking(
        LegacySystem.ADMIN, 7, "WEB-1", tour_at=datetime(2031, 5, 2, tzinfo=UTC), finance=legacy_finance(31, items=0)
    )
    await compare(ChangedRow(booking=validated, changed_at=api.now()))
    waiting = await api.data("/v1/ops/cutover/conflicts")
    assert [(one["module"], one["severity"], one["overdue"]) for one in waiting] == [
        ("booking_core", "HIGH", False),
        ("ops_finance_bridge", "MEDIUM", False),
    ]
    assert (waiting[0]["externalBookingRef"], waiting[0]["legacy"]) == ("WEB-1", {"tourDate": "2031-05-02"})
    assert waiting[1]["fields"] == ["isLocked", "validatedAt"]
    detail = await api.data("/v1/ops/bookings/DIRECT:WEB-1")
    assert [one["conflictId"] for one in detail["conflicts"]] == [waiting[0]["conflictId"]]
    for one in waiting:
        path = f"/v1/ops/bookings/{one['bookingKey']}/conflicts/{one['conflictId']}/resolve"
        done = await asyncio.gather(
            *(ask(api, "POST", path, {"choose": "LEGACY", "reason": str(n)}) for n in range(20))
        )
        assert sorted(answer.status_code for answer in done) == [201] + [409] * 19
    assert await api.data("/v1/ops/cutover/conflicts") == []
    assert (await api.data("/v1/ops/bookings/DIRECT:WEB-1"))["tourDate"] == "2031-05-02"


async def test_a_dead_old_admin_is_in_nobodys_way(postgres_dsn: str, broker_url: str) -> None:
    """Reads answer as ever, however full the queue of shadows is."""
    environ = {"OPS_READ_SHADOW_PERCENT": "100", "BSTADMIN_DB_URL": "postgresql://nobody@127.0.0.1:1/none"}
    async with running(postgres_dsn, broker_url, **environ) as api:
        await api.accept(body())
        for _ in range(1100):
            if (await api.get("/v1/ops/bookings")).status_code != 200:
                pytest.fail("a read failed because of its shadow")
        page = (await api.http.get("/metrics")).text
    figures = {
        line.split()[0]: float(line.split()[1]) for line in page.splitlines() if line.startswith("bst_shadow_bookings")
    }
    assert figures['bst_shadow_bookings_total{outcome="taken"}'] >= 1000
    assert figures['bst_shadow_bookings_total{outcome="matched"}'] == 0
