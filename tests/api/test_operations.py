"""What operators do over HTTP, as callers of the predecessor know it and as the additions say."""

from collections import Counter
from typing import Any, get_args
from uuid import uuid4

import httpx
import pytest

from bst_application.ids import uuid7
from bst_application.ports.operations import ConflictRecord
from bst_application.use_cases.booking_conflicts import RaiseConflict
from bst_application.use_cases.repair import Author
from bst_domain.values import BookingIdentity, ExternalRef
from bst_litestar.ops_door import REFUSALS, Refusal
from bst_postgres.operations import PostgresOpsDesk
from bst_testing.deliveries import body, paid
from tests.api.harness import Api
from tests.api.test_repair import act

BOOKING = "/v1/ops/bookings/WEB-1"
AYU = "ayu@ops.example.org"
NO_CONFLICT = "0197f3a2-7c11-7b6e-9c1e-5d0f6a2b9e13"
PRODUCT, VARIANT = "0197f3a2-7c11-7b6e-9c1e-5d0f6a2b9e11", "0197f3a2-7c11-7b6e-9c1e-5d0f6a2b9e12"
CATALOG = f"""
insert into catalog_product (product_key, slug, name) values ('{PRODUCT}', 'ubud', 'Ubud');
insert into catalog_variant (variant_key, product_key, code, name, service_type, duration_days)
values ('{VARIANT}', '{PRODUCT}', 'U', 'Ubud', 'PRIVATE', 1);
"""


def message(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["message"]


async def dispute(api: Api, day: str = "2031-05-02") -> str:
    """A conflict with what another system holds; its id."""
    raising = RaiseConflict(desk=PostgresOpsDesk(api.database), now=Api.now, new_id=uuid7)
    identity = BookingIdentity("DIRECT", ExternalRef("WEB-1"))
    raised = await raising(identity, {"tour_date": day}, legacy_at=Api.now(), by=Author(actor="dual-write"))
    assert isinstance(raised, ConflictRecord)
    return str(raised.key)


async def test_an_edit_is_answered_with_the_booking_and_the_stored_package(api: Api) -> None:
    await api.accept(body())
    await api.do(CATALOG)
    said = {"note": "  vegan ", "meetingPoint": "Lobby", "packageRefType": "catalog_variant", "packageRefKey": VARIANT}
    done = await act(api, "PATCH", BOOKING, said)
    assert (done.status_code, done.headers["etag"]) == (200, '"2"')
    data = done.json()["data"]
    assert list(data) == ["booking", "packageRefType", "packageRefKey"]
    assert (data["packageRefType"], data["packageRefKey"]) == ("CATALOG_VARIANT", VARIANT)
    booking = data["booking"]
    assert (booking["note"], booking["meetingPoint"], booking["version"]) == ("vegan", "Lobby", 2)
    shown = await api.data(BOOKING)
    assert {name: shown["provenance"][name]["source"] for name in ("note", "meetingPoint", "package", "tourDate")} == {
        "note": "OPERATOR",
        "meetingPoint": "OPERATOR",
        "package": "OPERATOR",
        "tourDate": "DIRECT",
    }
    empty = await act(api, "PATCH", BOOKING)
    assert empty.status_code == 200
    assert (empty.json()["data"]["packageRefType"], empty.json()["data"]["packageRefKey"]) == (None, None)
    assert empty.json()["data"]["booking"]["version"] == 2


@pytest.mark.parametrize("cleared", [None, "", "  "])
async def test_null_and_blank_clear_and_the_answer_says_null(api: Api, cleared: str | None) -> None:
    """Predecessor's defect 48: what was cleared was left out, and looked as if nothing had happened."""
    await api.accept(body(booking={**body()["booking"], "note": "n", "meetingPoint": "Gate"}))
    done = await act(api, "PATCH", BOOKING, {"note": cleared, "meetingPoint": cleared})
    booking = done.json()["data"]["booking"]
    assert (booking["note"], booking["meetingPoint"]) == (None, None)
    [listed] = await api.data("/v1/ops/bookings")
    assert (listed["note"], listed["meetingPoint"], listed["assignedDriverId"]) == (None, None, None)


async def test_a_packages_key_must_exist_and_fit_and_can_be_cleared(api: Api) -> None:
    await api.accept(body())
    await api.do(CATALOG)

    async def edited(**said: str | None) -> httpx.Response:
        return await act(api, "PATCH", BOOKING, said)

    misfit = (400, "PACKAGE_REF_KEY_INVALID")
    assert message(await edited(packageRefType="CATALOG_PRODUCT", packageRefKey=VARIANT)) == misfit
    assert message(await edited(packageRefType="CATALOG_VARIANT", packageRefKey=str(uuid4()))) == misfit
    assert message(await edited(packageRefKey=str(uuid4()))) == misfit
    assert (await edited(packageRefType="CATALOG_PRODUCT", packageRefKey=PRODUCT.upper())).status_code == 200
    assert message(await edited(packageRefType="CATALOG_VARIANT")) == misfit  # the key that is there is a product's
    done = (await edited(packageRefKey=None)).json()["data"]
    assert (done["booking"]["packageRefType"], done["booking"]["packageRefKey"]) == ("CATALOG_PRODUCT", None)
    done = (await edited(packageRefType="catalog_variant")).json()["data"]
    assert (done["packageRefType"], done["packageRefKey"]) == ("CATALOG_VARIANT", None)


@pytest.mark.parametrize(
    ("path", "said", "expected"),
    [
        ("", {"note": 7}, "INVALID_FIELD_NOTE"),
        ("", {"note": "x" * 100_001}, "INVALID_FIELD_NOTE"),
        ("", {"meetingPoint": {}}, "INVALID_FIELD_MEETINGPOINT"),
        ("", {"packageRefType": "X"}, "INVALID_PACKAGE_REF_TYPE:X"),
        ("", {"packageRefType": "  "}, "EMPTY_FIELD_PACKAGEREFTYPE"),
        ("", {"packageRefType": None}, "INVALID_FIELD_PACKAGEREFTYPE"),
        ("", {"packageRefKey": "nonsense"}, "INVALID_PACKAGE_REF_KEY"),
        ("", {"packageRefKey": ""}, "EMPTY_FIELD_PACKAGEREFKEY"),
        ("", {"packageRefKey": 7}, "INVALID_FIELD_PACKAGEREFKEY"),
        ("", [], "INVALID_BODY"),
        ("/assign", None, "INVALID_DRIVER_ID"),
        ("/assign", {}, "INVALID_DRIVER_ID"),
        *(
            ("/assign", {"driverId": bad}, "INVALID_DRIVER_ID")
            for bad in (0, -1, 0.9, 2**31, 2**52, -(2**52), True, None, "", "x", "0", "8_0", "1e2", "2147483648", [8])
        ),
        ("/assign", {"driverId": 8, "partnerId": 0}, "INVALID_PARTNER_ID"),
        ("/acknowledge", {"version": 0}, "INVALID_FIELD_VERSION"),
        ("/acknowledge", {"version": "1"}, "INVALID_FIELD_VERSION"),
        ("/acknowledge", {"version": True}, "INVALID_FIELD_VERSION"),
        ("/status/override", {"status": "LOST", "reason": "r"}, "INVALID_BOOKING_STATUS:LOST"),
        ("/status/override", {"reason": "r"}, "INVALID_FIELD_STATUS"),
        ("/status/override", {"status": "READY"}, "INVALID_FIELD_REASON"),
        ("/status/override", {"status": "READY", "reason": " "}, "EMPTY_FIELD_REASON"),
        ("/status/override", {"status": "READY", "reason": "r", "reinstate": "yes"}, "INVALID_FIELD_REINSTATE"),
        (f"/conflicts/{NO_CONFLICT}/resolve", {"choose": "MINE", "reason": "r"}, "INVALID_CHOICE:MINE"),
        (f"/conflicts/{NO_CONFLICT}/resolve", {"choose": "CORE"}, "INVALID_FIELD_REASON"),
    ],
)
async def test_bad_input_is_named_and_never_a_500(api: Api, path: str, said: Any, expected: str) -> None:
    await api.accept(body())
    answer = await act(api, "POST" if path else "PATCH", BOOKING + path, said)
    assert message(answer) == (400, expected)
    assert answer.json()["error"]["details"]["errors"][0]["code"] == expected
    assert (await api.data(BOOKING))["version"] == 1


@pytest.mark.parametrize(("said", "driver"), [(8, 8), ("8", 8), ("8.9", 8), (8.9, 8), (" 2147483647 ", 2147483647)])
async def test_a_driver_is_a_number_as_callers_write_it(api: Api, said: Any, driver: int) -> None:
    await api.accept(body())
    done = await act(api, "POST", f"{BOOKING}/assign", {"driverId": said})
    assert done.status_code == 201
    assert done.json()["data"]["assignedDriverId"] == driver


async def test_the_assignment_drill_of_the_predecessor(api: Api) -> None:
    """Assign, sync, unassign, sync; the state of every step is in the answer, and an unassignment is seen."""
    await api.accept(body(raw=paid("P-1")))
    steps = []
    for path, said in (
        ("assign", {"driverId": 99991}),
        ("status/sync", None),
        ("unassign", None),
        ("status/sync", None),
    ):
        done = await act(api, "POST", f"{BOOKING}/{path}", said)
        assert done.status_code == 201
        data = done.json()["data"]
        steps.append((data["assignedDriverId"], data["opsFulfillmentStatus"], data["version"]))
    assert steps == [(99991, "NEW", 2), (99991, "NEW", 2), (None, "NEW", 3), (None, "NEW", 3)]
    shown = await api.data(BOOKING)
    [assignment] = shown["assignments"]
    assert (assignment["driverId"], assignment["source"], assignment["isActive"]) == (99991, "CORE_API", False)
    assert assignment["unassignedAt"] is not None
    await api.do(
        "insert into ops_finance_bridge (finance_bridge_key, booking_key, pattern_id)"
        " select gen_random_uuid(), booking_key, 4 from booking_core"
    )
    done = await act(api, "POST", f"{BOOKING}/assign", {"driverId": 8, "partnerId": "3"})
    assert done.json()["data"]["opsFulfillmentStatus"] == "READY"


async def test_drivers_are_checked_where_they_are_managed(api: Api) -> None:
    await api.accept(body())
    assert (await api.data("/v1/ops/drivers")) == []
    assert (await act(api, "POST", f"{BOOKING}/assign", {"driverId": 9})).status_code == 201
    entered = await act(api, "PUT", "/v1/ops/drivers/8", {"name": " Wayan Artha "})
    assert entered.status_code == 200
    assert (entered.json()["data"]["driverId"], entered.json()["data"]["name"]) == (8, "Wayan Artha")
    assert message(await act(api, "POST", f"{BOOKING}/assign", {"driverId": 10})) == (400, "UNKNOWN_DRIVER")
    assert (await act(api, "POST", f"{BOOKING}/assign", {"driverId": 8})).status_code == 201
    await act(api, "PUT", "/v1/ops/drivers/9", {"name": "Made", "isActive": False})
    assert message(await act(api, "POST", f"{BOOKING}/assign", {"driverId": 9})) == (400, "UNKNOWN_DRIVER")
    assert [(one["driverId"], one["isActive"]) for one in await api.data("/v1/ops/drivers")] == [(8, True), (9, False)]
    await act(api, "PUT", "/v1/ops/partners/3", {"name": "Ubud Trans"})
    assert [one["partnerId"] for one in await api.data("/v1/ops/partners")] == [3]
    wanted = {"driverId": 8, "partnerId": 4}
    assert message(await act(api, "POST", f"{BOOKING}/assign", wanted)) == (400, "UNKNOWN_PARTNER")
    for number, said, expected in (
        ("0", {"name": "x"}, "INVALID_DRIVER_ID"),
        ("x", {"name": "x"}, "INVALID_DRIVER_ID"),
        ("8.9", {"name": "x"}, "INVALID_DRIVER_ID"),
        ("8", {}, "INVALID_FIELD_NAME"),
        ("8", {"name": "x", "isActive": 1}, "INVALID_FIELD_ISACTIVE"),
    ):
        assert message(await act(api, "PUT", f"/v1/ops/drivers/{number}", said)) == (400, expected)
    assert message(await act(api, "PUT", "/v1/ops/drivers/8", {"name": "x"}, role="STAFF"))[0] == 403


async def test_an_acknowledgement_makes_changes_known(api: Api) -> None:
    await api.accept(body(), body("UPDATED", at="2026-03-02T00:00:00Z", booking={"adult": 3}))
    await api.accept(body("UPDATED", at="2026-03-03T00:00:00Z", booking={"child": 1}))
    old = await act(api, "POST", f"{BOOKING}/acknowledge", {"version": 1})
    assert (old.status_code, old.json()["data"]["opsFulfillmentStatus"]) == (201, "UPDATED")
    ahead = await act(api, "POST", f"{BOOKING}/acknowledge", {"version": 4})
    assert message(ahead) == (409, "VERSION_NOT_REACHED")
    assert ahead.json()["error"]["details"]["version"] == 3
    done = await act(api, "POST", f"{BOOKING}/acknowledge")
    assert (done.json()["data"]["opsFulfillmentStatus"], done.json()["data"]["statusReasons"]) == (
        "NEW",
        ["PLACEHOLDER_CONTACT"],
    )


async def test_only_an_admin_reinstates(api: Api) -> None:
    await api.accept(body(), body("CANCELLED", at="2026-03-02T00:00:00Z"))
    override = f"{BOOKING}/status/override"
    said = {"status": "ready", "reason": "the guest came back"}
    refused = await act(api, "POST", override, said)
    assert message(refused) == (409, "TERMINAL_STATUS_STANDS:CANCELLED")
    lifting = {**said, "reinstate": True}
    assert message(await act(api, "POST", override, lifting, role="MANAGER")) == (403, "ADMIN_ROLE_FORBIDDEN:MANAGER")
    done = await act(api, "POST", override, lifting)
    assert (done.status_code, done.json()["data"]["opsFulfillmentStatus"]) == (201, "READY")
    assert "MANUAL_OVERRIDE" in done.json()["data"]["statusReasons"]
    again = await act(api, "POST", override, {"status": "NO_SHOW", "reason": "nobody came"}, role="MANAGER")
    assert again.json()["data"]["opsFulfillmentStatus"] == "NO_SHOW"
    [last, *_] = await api.data("/v1/audit/events", eventType="BOOKING_STATUS_OVERRIDDEN")
    assert (last["actor"], last["metadata"]["reason"]) == (AYU, "nobody came")


async def test_a_conflict_is_shown_until_it_is_settled(api: Api) -> None:
    await api.accept(body())
    conflict = await dispute(api)
    await api.accept(body("UPDATED", at="2026-03-02T00:00:00Z", booking={"tourDate": "2031-06-01"}))
    shown = await api.data(BOOKING)
    assert shown["tourDate"] == "2031-05-01"
    assert "REVIEW_REQUIRED" in shown["statusReasons"]
    [said] = shown["conflicts"]
    assert (said["conflictId"], said["fields"], said["openedBy"]) == (conflict, ["tourDate"], "dual-write")
    assert (said["shown"], said["core"], said["legacy"]) == (
        {"tourDate": "2031-05-01"},
        {"tourDate": "2031-05-01"},
        {"tourDate": "2031-05-02"},
    )
    resolve = f"{BOOKING}/conflicts/{conflict}/resolve"
    for unknown in (str(uuid4()), "nonsense"):
        missing = await act(api, "POST", f"{BOOKING}/conflicts/{unknown}/resolve", {"choose": "CORE", "reason": "r"})
        assert message(missing) == (404, f"Conflict not found: {unknown}")
    done = await act(api, "POST", resolve, {"choose": "legacy", "reason": "asked the guest"})
    assert (done.status_code, done.json()["data"]["tourDate"]) == (201, "2031-05-02")
    assert (await api.data(BOOKING))["conflicts"] == []
    again = await act(api, "POST", resolve, {"choose": "CORE", "reason": "r"})
    assert message(again) == (409, "CONFLICT_ALREADY_RESOLVED:LEGACY")


def test_every_way_to_refuse_an_act_has_its_answer() -> None:
    assert set(get_args(Refusal)) == set(REFUSALS)


async def test_the_timeline_tells_everything_in_pages(api: Api) -> None:
    [event, *_] = await api.accept(body(), body(ref="WEB-2"))
    await act(api, "POST", f"/v1/ingest/bookings/events/{event}/fail", {"reasonCode": "DRILL"})
    await act(api, "PATCH", BOOKING, {"note": "vegan"})
    await act(api, "POST", f"{BOOKING}/assign", {"driverId": 8})
    await act(api, "POST", f"{BOOKING}/status/override", {"status": "READY", "reason": "r"})
    everything = await api.data(f"{BOOKING}/timeline")
    assert [one["kind"] for one in everything][:2] == ["FACT", "STATUS"]
    assert Counter(one["kind"] for one in everything) == {"FACT": 3, "STATUS": 2, "ASSIGNMENT": 1, "AUDIT": 4}
    assert [one["at"] for one in everything] == sorted(one["at"] for one in everything)
    assert everything[0]["id"] == event
    seen: list[Any] = []
    query = {"limit": "3"}
    while True:
        page = (await api.get(f"{BOOKING}/timeline", **query)).json()
        seen += page["data"]
        if page["meta"]["nextCursor"] is None:
            break
        query["cursor"] = page["meta"]["nextCursor"]
    assert seen == everything
    assert message(await api.get("/v1/ops/bookings/NOBODY/timeline")) == (404, "Booking not found: NOBODY")
    for bad in ("x", "W10", "WzEsMiwzXQ"):
        assert message(await api.get(f"{BOOKING}/timeline", cursor=bad)) == (400, "INVALID_CURSOR")


async def test_without_the_tables_callers_are_told_to_come_back(api: Api) -> None:
    await api.accept(body())
    await api.do("alter table ops_assignment rename to away")
    answer = await act(api, "POST", f"{BOOKING}/assign", {"driverId": 8})
    assert message(answer) == (503, "BOOKING_SCHEMA_NOT_READY")
    assert answer.headers["retry-after"] == "1"
