"""Versions of a booking over HTTP: whoever writes may say which one was seen, also when twenty do so at once."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from bst_testing.deliveries import body
from tests.api.harness import Api
from tests.api.test_operations import AYU, BOOKING, NO_CONFLICT, dispute, message
from tests.api.test_repair import act

#: Every write on a booking: method, path below the booking, a body that would do.
WRITES: list[tuple[str, str, Any]] = [
    ("PATCH", "", {"note": "x"}),
    ("POST", "/assign", {"driverId": 8}),
    ("POST", "/unassign", None),
    ("POST", "/status/sync", None),
    ("POST", "/acknowledge", None),
    ("POST", "/status/override", {"status": "READY", "reason": "r"}),
    ("POST", f"/conflicts/{NO_CONFLICT}/resolve", {"choose": "CORE", "reason": "r"}),
]


@pytest.mark.parametrize(("method", "path", "said"), WRITES)
async def test_every_write_honours_if_match_and_names_its_booking(api: Api, method: str, path: str, said: Any) -> None:
    missing = await act(api, method, f"/v1/ops/bookings/NOBODY{path}", said)
    assert message(missing) == (404, "Booking not found: NOBODY")
    await api.accept(body(), body(source="GYG"), body("UPDATED", at="2026-03-02T00:00:00Z", booking={"adult": 3}))
    await api.accept(body("UPDATED", at="2026-03-03T00:00:00Z", booking={"adult": 4}))
    ambiguous = await act(api, method, BOOKING + path, said)
    assert message(ambiguous) == (409, "AMBIGUOUS_BOOKING_REF")
    assert len(ambiguous.json()["error"]["details"]["candidates"]) == 2
    one = f"/v1/ops/bookings/direct:web-1{path}"
    for stale in ('"1"', 'W/"2"', '"3", "1"', '"x"', '""', '"99999999999"'):
        refused = await act(api, method, one, said, **{"if-match": stale})
        assert message(refused) == (412, "VERSION_MISMATCH"), stale
        assert refused.json()["error"]["details"]["version"] == 2
    nonsense = await act(api, method, one, said, **{"if-match": "yes"})
    assert message(nonsense) == (400, "INVALID_IF_MATCH")
    assert (await api.data("/v1/ops/bookings/direct:web-1"))["version"] == 2
    assert await api.data("/v1/audit/events", resourceType="BOOKING") == []
    for fresh in ("*", '"1", "2"', "2"):
        done = await act(api, method, one, said, **{"if-match": fresh})
        if "conflicts" in path:
            assert done.status_code == 404
            continue
        assert done.status_code in {200, 201}
        break
    for role, status in ((None, 403), ("STAFF", 403), ("MANAGER", 404)):
        answer = await act(api, method, f"/v1/ops/bookings/NOBODY{path}", said, role=role)
        assert answer.status_code == status


async def test_a_read_names_the_version_that_a_write_expects(api: Api) -> None:
    await api.accept(body())
    read = await api.get(BOOKING)
    written = await act(api, "PATCH", BOOKING, {"note": "n"}, **{"if-match": read.headers["etag"]})
    assert (written.status_code, written.headers["etag"]) == (200, '"2"')
    again = await act(api, "PATCH", BOOKING, {"note": "m"}, **{"if-match": read.headers["etag"]})
    assert (again.status_code, again.headers["etag"]) == (412, '"2"')


async def test_every_write_is_audited_with_actor_and_versions(api: Api) -> None:
    """Predecessor's defect 53."""
    await api.accept(body())
    conflict = await dispute(api)
    for method, path, said in WRITES[:-1]:
        assert (await act(api, method, BOOKING + path, said)).status_code in {200, 201}
    settled = await act(
        api,
        "POST",
        f"{BOOKING}/conflicts/{conflict}/resolve",
        {"choose": "SHOWN", "reason": "r"},
        **{"x-actor": "made"},
    )
    assert settled.status_code == 201
    key = settled.json()["data"]["bookingKey"]
    trail = (await api.data("/v1/audit/events", resourceType="BOOKING", resourceId=key))[::-1]
    assert [(one["eventType"], one["actor"]) for one in trail] == [
        ("BOOKING_CONFLICT_RAISED", "dual-write"),
        ("BOOKING_UPDATED", AYU),
        ("BOOKING_ASSIGNED", AYU),
        ("BOOKING_UNASSIGNED", AYU),
        ("BOOKING_STATUS_SYNCED", AYU),
        ("BOOKING_ACKNOWLEDGED", AYU),
        ("BOOKING_STATUS_OVERRIDDEN", AYU),
        ("BOOKING_CONFLICT_RESOLVED", "made"),
    ]
    assert all(one["metadata"]["before"]["version"] <= one["metadata"]["after"]["version"] for one in trail)


@pytest.mark.parametrize(("method", "path", "said"), WRITES[:-1])
async def test_of_twenty_that_saw_the_same_version_one_writes(api: Api, method: str, path: str, said: Any) -> None:
    """Predecessor's defect 49: concurrent editors lost each other's changes."""
    await api.accept(body(), body("UPDATED", at="2026-03-02T00:00:00Z", booking={"adult": 3}))
    if path == "/unassign":
        await act(api, "POST", f"{BOOKING}/assign", {"driverId": 8})
    if path == "/status/sync":  # the tour day has begun, and nobody has noticed
        day = (datetime.now(UTC) - timedelta(days=3)).date()
        await api.accept(body("UPDATED", at="2026-03-03T00:00:00Z", booking={"tourDate": day.isoformat()}))
        await api.do("update booking_core set ops_fulfillment_status = 'NEW'")
    version = (await api.data(BOOKING))["version"]
    answers = await asyncio.gather(
        *(act(api, method, BOOKING + path, said, **{"if-match": f'"{version}"'}) for _ in range(20))
    )
    assert Counter(answer.status_code for answer in answers) == {200 if method == "PATCH" else 201: 1, 412: 19}
    assert (await api.data(BOOKING))["version"] == version + 1


async def test_twenty_assigners_at_once_leave_one_active_assignment(api: Api) -> None:
    await api.accept(body())
    answers = await asyncio.gather(
        *(act(api, "POST", f"{BOOKING}/assign", {"driverId": number}) for number in range(1, 21))
    )
    assert {answer.status_code for answer in answers} == {201}
    shown = await api.data(BOOKING)
    [active] = [one for one in shown["assignments"] if one["isActive"]]
    assert active["driverId"] == shown["assignedDriverId"]
    assert len(shown["assignments"]) == 20
    assert shown["version"] == 21


async def test_of_twenty_judges_of_one_conflict_one_decides(api: Api) -> None:
    await api.accept(body())
    resolve = f"{BOOKING}/conflicts/{await dispute(api)}/resolve"
    choices = ["CORE", "LEGACY"] * 10
    answers = await asyncio.gather(*(act(api, "POST", resolve, {"choose": one, "reason": "r"}) for one in choices))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
