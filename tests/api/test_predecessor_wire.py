"""A caller who knows the predecessor's page and changed a base URL: routes 15 to 47, in good and in bad cases.

Written from predecessor/http-api.md and contract/deviations.md alone, case by case: status, machine string, members, types.
What those pages leave open is not asked here.
"""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import httpx
import pytest
from attrs import frozen

from bst_testing.deliveries import body
from tests.api.harness import ADMIN, Api, running

NOBODY = "01890000-0000-7000-8000-00000000dead"


@frozen
class Caller:
    """What BA, CM and the scripts send: the shared token, a role, an actor, and JSON."""

    http: httpx.AsyncClient

    async def __call__(
        self, method: str, path: str, json: Any = None, *, role: str = "ADMIN", **more: str
    ) -> httpx.Response:
        headers = {"authorization": f"Bearer {ADMIN}", "x-admin-role": role, "x-actor": "caller@example.test", **more}
        if method == "GET":
            return await self.http.get(path, headers=headers)
        return await self.http.request(method, path, json={} if json is None else json, headers=headers)

    async def data(self, method: str, path: str, json: Any = None, *, status: int, **more: str) -> Any:
        answer = await self(method, path, json, **more)
        assert answer.status_code == status, answer.text
        assert set(answer.json()) >= {"data", "meta"}
        assert set(answer.json()["meta"]) >= {"requestId", "timestamp"}
        return answer.json()["data"]

    async def refused(self, method: str, path: str, json: Any = None, **more: str) -> tuple[int, str]:
        answer = await self(method, path, json, **more)
        error = answer.json()["error"]
        assert set(error) == {"code", "message", "details", "requestId"}, answer.text
        assert "meta" not in answer.json()
        return answer.status_code, error["message"]


@pytest.fixture
async def api(postgres_dsn: str, broker_url: str) -> AsyncIterator[Api]:
    async with running(postgres_dsn, broker_url) as api:
        yield api


@pytest.fixture
def call(api: Api) -> Caller:
    return Caller(api.http)


READS = [
    "/v1/ops/bookings",
    "/v1/ops/bookings/WEB-1",
    "/v1/channel-mappings",
    "/v1/channel-mappings/unmapped",
    f"/v1/catalog/items/id/{NOBODY}",
    "/v1/catalog/publish/jobs",
    "/v1/catalog/publish/jobs/one",
]
WRITES = [
    ("PATCH", "/v1/ops/bookings/WEB-1"),
    ("POST", "/v1/ops/bookings/WEB-1/assign"),
    ("POST", "/v1/ops/bookings/WEB-1/unassign"),
    ("POST", "/v1/ops/bookings/WEB-1/status/sync"),
    ("POST", "/v1/channel-mappings"),
    ("PATCH", f"/v1/channel-mappings/{NOBODY}"),
    ("PATCH", f"/v1/channel-mappings/unmapped/{NOBODY}/status/RESOLVED"),
    ("POST", "/v1/catalog/items"),
    ("PATCH", f"/v1/catalog/items/{NOBODY}"),
    ("PATCH", f"/v1/catalog/items/{NOBODY}/content"),
    ("DELETE", f"/v1/catalog/items/{NOBODY}"),
    ("POST", f"/v1/catalog/items/{NOBODY}/variants"),
    ("PATCH", f"/v1/catalog/variants/{NOBODY}"),
    ("DELETE", f"/v1/catalog/variants/{NOBODY}"),
    ("POST", f"/v1/catalog/variants/{NOBODY}/rates"),
    ("PATCH", f"/v1/catalog/rates/{NOBODY}"),
    ("DELETE", f"/v1/catalog/rates/{NOBODY}"),
    ("POST", "/v1/catalog/publish/jobs"),
    ("POST", "/v1/catalog/publish/jobs/one/submit-review"),
    ("POST", "/v1/catalog/publish/jobs/one/publish"),
    ("POST", "/v1/catalog/publish/jobs/one/retry"),
]


@pytest.mark.parametrize(
    ("method", "path", "roles"),
    [*(("GET", path, "ADMIN,STAFF,MANAGER") for path in READS), *((*write, "ADMIN,MANAGER") for write in WRITES)],
)
async def test_every_guarded_route_asks_in_the_same_order(api: Api, method: str, path: str, roles: str) -> None:
    async def refused(**headers: str) -> tuple[int, str]:
        answer = await api.http.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
        return answer.status_code, answer.json()["error"]["message"]

    right = f"Bearer {ADMIN}"
    assert await refused() == (401, "ADMIN_AUTH_REQUIRED")
    assert await refused(authorization=right.replace("Bearer", "bearer")) == (401, "ADMIN_AUTH_REQUIRED")
    assert await refused(authorization="Bearer no", x_admin_role="ADMIN") == (401, "INVALID_ADMIN_TOKEN")
    assert await refused(authorization=right) == (403, f"ADMIN_ROLE_REQUIRED:{roles}")
    wrong = "STAFF" if "STAFF" not in roles else "GUEST"
    assert await refused(authorization=right, x_admin_role=wrong) == (403, f"ADMIN_ROLE_FORBIDDEN:{wrong}")


BOOKING = {
    "bookingKey",
    "channelCode",
    "externalBookingRef",
    "customerPaymentStatus",
    "opsFulfillmentStatus",
    "note",
    "meetingPoint",
    "assignedDriverId",
}


async def test_ops_bookings(api: Api, call: Caller) -> None:
    await api.accept(body(ref="WEB-1"))
    listed = await call.data("GET", "/v1/ops/bookings", status=200)
    assert isinstance(listed, list)
    assert set(listed[0]) >= BOOKING
    booking = await call.data("GET", "/v1/ops/bookings/web-1", status=200)
    assert {name: booking[name] for name in BOOKING} == {name: listed[0][name] for name in BOOKING}
    assert (await call.data("GET", f"/v1/ops/bookings/{booking['bookingKey']}", status=200))[
        "externalBookingRef"
    ] == "WEB-1"
    assert await call.refused("GET", "/v1/ops/bookings/NOPE-1") == (404, "Booking not found: NOPE-1")

    at = "/v1/ops/bookings/WEB-1"
    empty = await call.data("PATCH", at, {}, status=200)
    assert (empty["packageRefType"], empty["packageRefKey"]) == (None, None)
    assert set(empty) == {"booking", "packageRefType", "packageRefKey"}
    noted = await call.data("PATCH", at, {"note": "  early  ", "meetingPoint": " the pier "}, status=200)
    assert (noted["booking"]["note"], noted["booking"]["meetingPoint"]) == ("early", "the pier")
    cleared = await call.data("PATCH", at, {"note": " ", "meetingPoint": ""}, status=200, role="MANAGER")
    assert (cleared["booking"]["note"], cleared["booking"]["meetingPoint"]) == (None, None)
    assert (await call.data("PATCH", at, {"note": None}, status=200))["booking"]["note"] is None
    legacy = await call.data("PATCH", at, {"packageRefType": "legacy_package"}, status=200)
    assert legacy["packageRefType"] == "LEGACY_PACKAGE"
    assert await call.refused("PATCH", at, {"packageRefType": "Odd"}) == (400, "INVALID_PACKAGE_REF_TYPE:Odd")
    assert await call.refused("PATCH", at, {"packageRefType": " "}) == (400, "EMPTY_FIELD_PACKAGEREFTYPE")
    unfit: list[Any] = [
        {"packageRefKey": "no-uuid"},
        {"packageRefType": "CATALOG_PRODUCT", "packageRefKey": NOBODY},
        {"note": 7},
        [],
    ]
    for wrong in unfit:
        assert (await call.refused("PATCH", at, wrong))[0] == 400
    assert await call.refused("PATCH", "/v1/ops/bookings/NOPE", {}) == (404, "Booking not found: NOPE")

    sent: Any
    for sent, driver in ((8, 8), ("8.9", 8), ("12", 12), (7.9, 7)):
        assert (await call.data("POST", f"{at}/assign", {"driverId": sent}, status=201))["assignedDriverId"] == driver
    for sent in ({}, {"driverId": 0}, {"driverId": -3}, {"driverId": "x"}, {"driverId": None}):
        assert await call.refused("POST", f"{at}/assign", sent) == (400, "INVALID_DRIVER_ID")
    assert (await call.refused("POST", f"{at}/assign", {"driverId": 2**31}))[0] == 400
    synced = await call.data("POST", f"{at}/status/sync", status=201)
    assert set(synced) >= BOOKING
    freed = await call.data("POST", f"{at}/unassign", status=201)
    assert freed["assignedDriverId"] is None
    assert (await call.data("POST", f"{at}/unassign", status=201))["assignedDriverId"] is None
    for what in ("assign", "unassign", "status/sync"):
        sent = {"driverId": 3}
        assert await call.refused("POST", f"/v1/ops/bookings/NOPE/{what}", sent) == (404, "Booking not found: NOPE")


async def test_the_same_reference_in_two_channels_is_nobodys(api: Api, call: Caller) -> None:
    await api.accept(body(ref="X-1"), body(ref="X-1", source="GYG"))
    assert await call.refused("GET", "/v1/ops/bookings/x-1") == (409, "AMBIGUOUS_BOOKING_REF")
    assert await call.refused("PATCH", "/v1/ops/bookings/x-1", {"note": "a"}) == (409, "AMBIGUOUS_BOOKING_REF")
    assert await call.refused("POST", "/v1/ops/bookings/x-1/assign", {"driverId": 1}) == (409, "AMBIGUOUS_BOOKING_REF")


MAPPING = ["mappingId", "entityType", "channelCode", "externalRefKind", "externalRef", "entityKey", "mappingStatus"]
UNMAPPED = [
    "queueId",
    "queueType",
    "channelCode",
    "sourceSystem",
    "sourceTable",
    "sourcePk",
    "reasonCode",
    "reasonDetail",
    "status",
]


async def test_channel_mappings(api: Api, call: Caller) -> None:
    await api.accept(body(ref="WEB-1"), body(ref="WEB-2"))
    one, two = [(await call.data("GET", f"/v1/ops/bookings/WEB-{n}", status=200))["bookingKey"] for n in (1, 2)]
    at = "/v1/channel-mappings"
    new = {
        "entityType": "booking",
        "channelCode": "gyg",
        "externalRefKind": "reseller_ref",
        "externalRef": "R-1",
        "entityKey": one,
    }
    made = await call.data("POST", at, new, status=201)
    assert set(made) >= set(MAPPING)
    assert (
        made["entityType"],
        made["channelCode"],
        made["externalRefKind"],
        made["externalRef"],
        made["mappingStatus"],
    ) == (
        "BOOKING",
        "GYG",
        "RESELLER_REF",
        "R-1",
        "MAPPED",
    )
    assert (await call.data("POST", at, new, status=201))["mappingId"] == made["mappingId"]
    assert (await call.refused("POST", at, {**new, "entityKey": two}))[0] == 409
    moved = await call.data("POST", at, {**new, "entityKey": two, "replace": True}, status=201)
    assert (moved["mappingId"], moved["entityKey"]) == (made["mappingId"], two)
    for member in ("entityType", "channelCode", "externalRefKind", "externalRef", "entityKey"):
        name = member.upper()
        assert await call.refused("POST", at, {k: v for k, v in new.items() if k != member}) == (
            400,
            f"INVALID_FIELD_{name}",
        )
        assert await call.refused("POST", at, {**new, member: "  "}) == (400, f"EMPTY_FIELD_{name}")
    assert await call.refused("POST", at, {**new, "channelCode": "NOWHERE"}) == (
        400,
        "CHANNEL_OR_ENTITY_REFERENCE_INVALID",
    )
    for wrong in (
        {"entityKey": "book_demo_001"},
        {"mappingStatus": "FOO"},
        {"externalRef": "x" * 129},
        {"channelCode": 7},
    ):
        assert (await call.refused("POST", at, {**new, **wrong}))[0] == 400

    for status in ("UNMAPPED", "REVIEW_REQUIRED", "MAPPED"):
        assert (await call.data("PATCH", f"{at}/{made['mappingId']}", {"mappingStatus": status}, status=200))[
            "mappingStatus"
        ] == status
        [listed] = await call.data("GET", f"{at}?entityType=booking&channelCode=gyg", status=200)
        assert (listed["mappingId"], listed["mappingStatus"]) == (made["mappingId"], status)
    assert await call.data("PATCH", f"{at}/{made['mappingId']}", {}, status=200) == await call.data(
        "PATCH", f"{at}/{made['mappingId']}", {}, status=200
    )
    await call.data("POST", at, {**new, "externalRef": "R-2"}, status=201)
    assert await call.refused("PATCH", f"{at}/{made['mappingId']}", {"externalRef": "R-2"}) == (
        409,
        "CHANNEL_MAPPING_DUPLICATE_REF",
    )
    assert await call.refused("PATCH", f"{at}/{NOBODY}", {}) == (404, f"Channel mapping not found: {NOBODY}")
    assert (await call.refused("PATCH", f"{at}/no-uuid", {}))[0] == 404
    for nowhere in (f"channelCode={'x' * 40}", f"entityType={'x' * 40}"):
        assert await call.data("GET", f"{at}?{nowhere}", status=200) == []
    assert [m["externalRef"] for m in await call.data("GET", f"{at}?limit=1", status=200, role="STAFF")] == ["R-2"]


async def test_the_unmapped_queue(api: Api, call: Caller) -> None:
    await api.do(
        "insert into unmapped_queue (queue_key, queue_type, source_system, source_table, source_pk, reason_code)"
        " select gen_random_uuid(), 'PRODUCT_MAPPING', 'balisnap', 'TourProduct', n::text, 'NO_MATCH'"
        " from generate_series(1, 3) n"
    )
    at = "/v1/channel-mappings/unmapped"
    listed = await call.data("GET", f"{at}?status=open&queueType=product_mapping", status=200)
    assert len(listed) == 3
    assert set(listed[0]) >= set(UNMAPPED)
    assert listed[0]["channelCode"] is None
    assert listed[0]["reasonDetail"] is None or isinstance(listed[0]["reasonDetail"], str)
    assert await call.refused("GET", f"{at}?status=Odd") == (400, "INVALID_UNMAPPED_STATUS:Odd")
    assert await call.data("GET", f"{at}?queueType={'x' * 100}", status=200) == []
    entry = f"{at}/{listed[0]['queueId']}/status"
    assert (await call.data("PATCH", f"{entry}/in_review", status=200))["status"] == "IN_REVIEW"
    assert (await call.data("PATCH", f"{entry}/RESOLVED", status=200))["status"] == "RESOLVED"
    assert (await call.refused("PATCH", f"{entry}/OPEN"))[0] == 409
    assert (await call.data("PATCH", f"{entry}/CLOSED", status=200))["status"] == "CLOSED"
    assert await call.refused("PATCH", f"{entry}/Odd") == (400, "INVALID_UNMAPPED_STATUS:Odd")
    assert await call.refused("PATCH", f"{at}/{NOBODY}/status/CLOSED") == (404, f"Unmapped queue not found: {NOBODY}")


EDITOR = ["itemId", "slug", "name", "description", "isActive", "isFeatured", "thumbnailUrl", "content", "variants"]
PARTS = {"slides", "itinerary", "faqs", "highlights", "inclusions", "exclusions", "additionalInfo", "optionalFeatures"}
VARIANT = ["variantId", "itemId", "code", "name", "durationDays", "currencyCode", "isDefault", "isActive", "rates"]
RATE = ["rateId", "travelerType", "currencyCode", "price", "minQuantity", "maxQuantity", "isActive"]
ITEMS = "/v1/catalog/items"


def an_item(**more: Any) -> dict[str, Any]:
    adult = {"travelerType": "adult", "price": 55}
    return {
        "slug": "Ubud Tour",
        "name": " Ubud   Tour ",
        "variants": [{"code": "std 1", "name": "Standard", "rates": [adult]}],
        **more,
    }


async def test_the_catalog_editor(call: Caller) -> None:
    item = await call.data("POST", ITEMS, an_item(description="One.\nTwo."), status=201, role="MANAGER")
    assert set(item) >= set(EDITOR)
    assert set(item["content"]) == PARTS
    assert (
        item["slug"],
        item["name"],
        item["description"],
        item["isActive"],
        item["isFeatured"],
        item["thumbnailUrl"],
    ) == (
        "ubud-tour",
        "Ubud Tour",
        "One.\nTwo.",
        True,
        False,
        None,
    )
    [variant] = item["variants"]
    assert set(variant) >= set(VARIANT)
    assert (variant["code"], variant["durationDays"], variant["currencyCode"], variant["isDefault"]) == (
        "STD-1",
        1,
        "USD",
        True,
    )
    [rate] = variant["rates"]
    assert set(rate) >= set(RATE)
    assert (rate["travelerType"], rate["currencyCode"], rate["price"], rate["minQuantity"]) == (
        "ADULT",
        "USD",
        55,
        None,
    )

    one = f"{ITEMS}/{item['itemId']}"
    got = await call.data("GET", f"{ITEMS}/id/{item['itemId']}", status=200, role="STAFF")
    assert {name: got[name] for name in EDITOR} == {name: item[name] for name in EDITOR}
    assert await call.refused("GET", f"{ITEMS}/id/{NOBODY}") == (404, f"Catalog item not found for id: {NOBODY}")
    assert (await call.refused("POST", ITEMS, an_item())) == (409, "CATALOG_RESOURCE_ALREADY_EXISTS")
    assert (await call.data("PATCH", one, {"isFeatured": True, "description": None}, status=200))["isFeatured"] is True
    assert await call.refused("PATCH", one, {}) == (400, "CATALOG_ITEM_PATCH_EMPTY")
    assert await call.refused("PATCH", f"{ITEMS}/{NOBODY}", {"name": "x"}) == (
        404,
        f"Catalog item not found for id: {NOBODY}",
    )

    content = {
        "slides": [
            {"url": "https://a.example/2.jpg", "sortOrder": 2},
            {"url": "https://a.example/1.jpg", "sortOrder": 1},
        ],
        "highlights": [" a  b ", "a b", ""],
        "itinerary": [{"title": "Later", "day": 2}, {"title": "First"}],
        "faqs": [{"question": "Why?", "answer": "Because."}],
    }
    shown = (await call.data("PATCH", f"{one}/content", {"content": content}, status=200))["content"]
    assert [slide["url"][-5:] for slide in shown["slides"]] == ["1.jpg", "2.jpg"]
    assert [slide["isCover"] for slide in shown["slides"]].count(True) == 1
    assert shown["highlights"] == ["a b"]
    assert [entry["title"] for entry in shown["itinerary"]] == ["First", "Later"]
    assert shown["inclusions"] == []
    for variant_id in ("tour-a", NOBODY, "7"):  # "not checked"
        step = {"title": "x", "variantId": f" {variant_id} "}
        taken = await call.data("PATCH", f"{one}/content", {"content": {"itinerary": [step]}}, status=200)
        assert taken["content"]["itinerary"][0]["variantId"] == variant_id
    for wrong, code in {
        "SLIDES_INVALID": {"slides": "x"},
        "SLIDE_URL_REQUIRED": {"slides": [{}]},
        "ITINERARY_TITLE_REQUIRED": {"itinerary": [{}]},
        "FAQ_REQUIRED": {"faqs": [{"question": "", "answer": ""}]},
        "HIGHLIGHTS_INVALID": {"highlights": 1},
        "ITINERARY_DAY_INVALID": {"itinerary": [{"title": "x", "day": 0}]},
    }.items():
        assert await call.refused("PATCH", f"{one}/content", {"content": code}) == (
            400,
            f"CATALOG_ITEM_CONTENT_{wrong}",
        )
    assert await call.refused("PATCH", f"{one}/content", {}) == (400, "CATALOG_ITEM_CONTENT_INVALID")

    second = await call.data("POST", f"{one}/variants", {"code": "b", "name": "B", "isDefault": True}, status=201)
    assert [(v["code"], v["isDefault"]) for v in second["variants"]] == [("B", True), ("STD-1", False)]
    b = second["variants"][0]["variantId"]
    assert await call.refused("POST", f"{one}/variants", {"code": "B", "name": "B"}) == (
        409,
        "CATALOG_RESOURCE_ALREADY_EXISTS",
    )
    for wrong, code in {
        "CODE_REQUIRED": {"code": " ", "name": "x"},
        "NAME_REQUIRED": {"code": "c"},
        "DURATION_DAYS_INVALID": {"code": "c", "name": "x", "durationDays": 0},
    }.items():
        assert await call.refused("POST", f"{one}/variants", code) == (400, f"CATALOG_VARIANT_{wrong}")
    odd = {"code": "c", "name": "x", "currencyCode": "1"}
    assert await call.refused("POST", f"{one}/variants", odd) == (400, "CATALOG_CURRENCY_CODE_INVALID")
    assert await call.refused("PATCH", f"/v1/catalog/variants/{b}", {}) == (400, "CATALOG_VARIANT_PATCH_EMPTY")
    renamed = await call.data("PATCH", f"/v1/catalog/variants/{b}", {"name": "Better", "durationDays": 3}, status=200)
    assert [(v["name"], v["durationDays"]) for v in renamed["variants"] if v["variantId"] == b] == [("Better", 3)]
    assert (await call.refused("PATCH", f"/v1/catalog/variants/{NOBODY}", {"name": "x"})) == (
        404,
        f"Catalog variant not found for id: {NOBODY}",
    )

    rates = f"/v1/catalog/variants/{b}/rates"
    priced = await call.data(
        "POST", rates, {"travelerType": "CHILD", "price": "20.50", "minQuantity": 1, "maxQuantity": 4}, status=201
    )
    [child] = next(v for v in priced["variants"] if v["variantId"] == b)["rates"]
    assert (child["travelerType"], child["price"], child["minQuantity"], child["maxQuantity"]) == ("CHILD", 20.5, 1, 4)
    for wrong, code in {
        "TRAVELER_TYPE_INVALID": {"travelerType": "DOG", "price": 1},
        "RATE_PRICE_INVALID": {"travelerType": "ADULT", "price": -1},
        "RATE_MIN_QUANTITY_INVALID": {"travelerType": "ADULT", "price": 1, "minQuantity": 0},
        "RATE_MAX_QUANTITY_INVALID": {"travelerType": "ADULT", "price": 1, "maxQuantity": "x"},
        "RATE_QUANTITY_RANGE_INVALID": {"travelerType": "ADULT", "price": 1, "minQuantity": 3, "maxQuantity": 2},
    }.items():
        assert await call.refused("POST", rates, code) == (400, f"CATALOG_{wrong}")
    at = f"/v1/catalog/rates/{child['rateId']}"
    assert await call.refused("PATCH", at, {}) == (400, "CATALOG_RATE_PATCH_EMPTY")
    assert await call.refused("PATCH", at, {"minQuantity": 9}) == (400, "CATALOG_RATE_QUANTITY_RANGE_INVALID")
    await call.data("PATCH", at, {"price": 21}, status=200)
    gone = await call.data("DELETE", at, status=200)
    assert [r["isActive"] for v in gone["variants"] for r in v["rates"] if r["rateId"] == child["rateId"]] == [False]
    assert (await call.refused("DELETE", f"/v1/catalog/rates/{NOBODY}"))[
        1
    ] == f"Catalog rate not found for id: {NOBODY}"
    await call.data("DELETE", f"/v1/catalog/variants/{b}", status=200)
    off = await call.data("DELETE", one, status=200)
    assert off["isActive"] is False
    assert {v["isActive"] for v in off["variants"]} == {False}
    for path in (f"{ITEMS}/id/no-uuid",):
        status, message = await call.refused("GET", path)
        assert (status, message) in {
            (404, "Catalog item not found for id: no-uuid"),
            (400, "CATALOG_ID_INVALID"),
            (404, "CATALOG_ID_INVALID"),
        }

    for wrong, code in {
        "CATALOG_ITEM_SLUG_REQUIRED": {"name": "x"},
        "CATALOG_ITEM_NAME_REQUIRED": {"slug": "x"},
        "CATALOG_VARIANT_DEFAULT_CONFLICT": {
            "slug": "x",
            "name": "x",
            "variants": [{"code": c, "name": c, "isDefault": True} for c in "ab"],
        },
    }.items():
        assert await call.refused("POST", ITEMS, code) == (400, wrong)
    assert (await call.refused("POST", ITEMS, {"slug": "featured", "name": "x"}))[0] == 400


PUBLIC = ["itemId", "slug", "name", "description", "isActive", "isFeatured", "variants"]


async def test_the_public_catalog_and_publishing(api: Api, call: Caller) -> None:
    item = await call.data("POST", ITEMS, an_item(), status=201)
    hidden = await call.data("POST", ITEMS, an_item(slug="hidden", isActive=False), status=201)
    listed = await call.data("GET", f"{ITEMS}?page=1&limit=1", status=200)
    assert set(listed) == {"items", "pagination"}
    assert listed["pagination"] == {"page": 1, "limit": 1, "total": 2}
    everything = await call.data("GET", ITEMS, status=200)
    assert {i["slug"] for i in everything["items"]} == {"ubud-tour", "hidden"}
    assert set(everything["items"][0]) >= set(PUBLIC)
    assert {i["slug"] for i in (await call.data("GET", f"{ITEMS}?active=true&q=UBUD", status=200))["items"]} == {
        "ubud-tour"
    }
    assert (await call.refused("GET", f"{ITEMS}?featured=perhaps"))[0] == 400
    assert isinstance(await call.data("GET", f"{ITEMS}/featured", status=200), list)
    assert (await call.data("GET", f"{ITEMS}/HIDDEN", status=200))["itemId"] == hidden["itemId"]
    assert await call.refused("GET", f"{ITEMS}/nope") == (404, "Catalog item not found for slug: nope")

    async def public(path: str) -> Any:
        answer = await api.http.get(path)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    assert (await public(ITEMS))["items"] == []
    jobs = "/v1/catalog/publish/jobs"
    draft = await call.data("POST", jobs, {"itemIds": [f" {item['itemId']} ", item["itemId"]], "note": "n"}, status=201)
    assert list(draft) == [
        "jobId",
        "payloadVersion",
        "status",
        "itemIds",
        "itemCount",
        "note",
        "createdAt",
        "updatedAt",
        "createdBy",
        "reviewedBy",
        "publishedBy",
        "publishedAt",
        "snapshotPath",
        "checksum",
        "failureReason",
    ] or set(draft) >= {"jobId", "payloadVersion", "status"}
    assert (draft["status"], draft["itemIds"], draft["itemCount"], draft["createdBy"]) == (
        "DRAFT",
        [item["itemId"]],
        1,
        "caller@example.test",
    )
    job = f"{jobs}/{draft['jobId']}"
    assert await call.refused("POST", f"{job}/publish") == (409, "CATALOG_PUBLISH_JOB_STATUS_INVALID:DRAFT")
    assert await call.refused("POST", f"{job}/retry") == (409, "CATALOG_PUBLISH_JOB_RETRY_INVALID_STATUS:DRAFT")
    assert (await call.data("POST", f"{job}/submit-review", status=201))["status"] == "IN_REVIEW"
    assert await call.refused("POST", f"{job}/submit-review") == (409, "CATALOG_PUBLISH_JOB_STATUS_INVALID:IN_REVIEW")
    await call.data("PATCH", f"{ITEMS}/{item['itemId']}", {"name": "Changed after the review"}, status=200)
    published = await call.data("POST", f"{job}/publish", status=201)
    assert published["status"] == "PUBLISHED"
    assert published["snapshotPath"]
    assert len(published["checksum"]) == 64
    assert await call.refused("POST", f"{job}/retry") == (409, "CATALOG_PUBLISH_JOB_RETRY_INVALID_STATUS:PUBLISHED")
    assert [j["jobId"] for j in await call.data("GET", f"{jobs}?limit=20", status=200)] == [draft["jobId"]]
    assert (await call.data("GET", job, status=200))["status"] == "PUBLISHED"
    assert await call.refused("GET", f"{jobs}/one") == (404, "Catalog publish job not found: one")
    assert (await call.refused("POST", jobs, {"itemIds": [NOBODY]})) == (
        400,
        f"CATALOG_PUBLISH_ITEM_IDS_INVALID:{NOBODY}",
    )
    assert (await call.refused("POST", jobs, {"itemIds": ["no-uuid"]}))[0] == 400

    [shown] = (await public(ITEMS))["items"]
    assert (shown["slug"], shown["name"]) == ("ubud-tour", "Ubud Tour")
    assert [(r["travelerType"], r["price"]) for v in shown["variants"] for r in v["rates"]] == [("ADULT", 55)]
    assert set(shown) >= {
        "media",
        "package_id",
        "package_name",
        "price_per_person",
        "packageRefType",
        "packageRefKey",
        "legacyPackageId",
    }
    assert (await public(f"{ITEMS}/UBUD-tour"))["itemId"] == item["itemId"]
    assert (await api.http.get(f"{ITEMS}/hidden")).status_code == 404
    UUID(shown["itemId"])

    inactive = await call.data("POST", jobs, {"itemIds": [hidden["itemId"]]}, status=201)
    reviewed = await call(
        "POST", f"{jobs}/{inactive['jobId']}/submit-review"
    )  # the payload is frozen at the review, so that it may be refused there
    last = reviewed if reviewed.status_code != 201 else await call("POST", f"{jobs}/{inactive['jobId']}/publish")
    assert (last.status_code, last.json()["error"]["message"]) == (
        400,
        f"CATALOG_PUBLISH_ITEM_NOT_ACTIVE:{hidden['itemId']}",
    )
    failed = await call.data("GET", f"{jobs}/{inactive['jobId']}", status=200)
    assert (failed["status"], bool(failed["failureReason"])) == ("FAILED", True)


async def test_the_documents(api: Api) -> None:
    page = await api.http.get("/docs")
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (200, "text/html")
    assert (await api.http.get("/docs-json")).json()["openapi"].startswith("3.1")


async def test_audit_of_the_catalog(call: Caller) -> None:
    item = await call.data("POST", ITEMS, an_item(), status=201)
    one = f"{ITEMS}/{item['itemId']}"
    [variant] = item["variants"]
    await call.data("PATCH", one, {"isFeatured": True}, status=200)
    await call.data("PATCH", f"{one}/content", {"content": {}}, status=200)
    await call.data("POST", f"{one}/variants", {"code": "b", "name": "B"}, status=201)
    await call.data(
        "POST", f"/v1/catalog/variants/{variant['variantId']}/rates", {"travelerType": "INFANT", "price": 0}, status=201
    )
    await call.data("DELETE", one, status=200)
    job = await call.data("POST", "/v1/catalog/publish/jobs", {}, status=201)
    events = [
        e
        for e in await call.data("GET", "/v1/audit/events?limit=50", status=200)
        if e["actor"] == "caller@example.test"
    ]
    found = {e["eventType"]: e for e in events}
    assert {name: found[name]["resourceType"] for name in found}.items() >= {
        "CATALOG_ITEM_CREATED": "CATALOG_ITEM",
        "CATALOG_ITEM_UPDATED": "CATALOG_ITEM",
        "CATALOG_ITEM_CONTENT_UPDATED": "CATALOG_ITEM",
        "CATALOG_VARIANT_CREATED": "CATALOG_ITEM",
        "CATALOG_RATE_CREATED": "CATALOG_VARIANT",
        "CATALOG_ITEM_DEACTIVATED": "CATALOG_ITEM",
        "CATALOG_PUBLISH_JOB_CREATED": "CATALOG_PUBLISH_JOB",
    }.items()
    assert found["CATALOG_ITEM_CREATED"]["metadata"] == {"slug": "ubud-tour", "variantCount": 1}
    assert found["CATALOG_PUBLISH_JOB_CREATED"]["resourceId"] == job["jobId"]


async def test_a_reference_may_have_a_slash(api: Api, call: Caller) -> None:
    """BA escapes it as ``%2F``."""
    await api.accept(body(ref="AB/12"))
    at = "/v1/ops/bookings/ab%2f12"
    assert (await call.data("GET", at, status=200))["externalBookingRef"] == "AB/12"
    assert (await call.data("PATCH", at, {"note": "n"}, status=200))["booking"]["note"] == "n"
    assert (await call.data("POST", "/v1/ops/bookings/AB%2F12/assign", {"driverId": 4}, status=201))[
        "assignedDriverId"
    ] == 4
    assert await call.refused("GET", "/v1/ops/bookings/A%2FB%2520C") == (404, "Booking not found: A/B%20C")
    assert await call.refused("GET", "/v1/catalog/publish/jobs/a%2Fb") == (404, "Catalog publish job not found: a/b")
    assert await call.refused("GET", "/v1/ops/bookings/AB/12") == (404, "Cannot GET /v1/ops/bookings/AB/12")
    long = "X" * 400
    assert await call.refused("GET", f"/v1/ops/bookings/{long}") == (404, f"Booking not found: {long}")


async def test_operators_write_long_notes(api: Api, call: Caller) -> None:
    await api.accept(body(ref="WEB-1"))
    long = "Straße 1\n" * 2500
    noted = await call.data("PATCH", "/v1/ops/bookings/WEB-1", {"note": long, "meetingPoint": long}, status=200)
    assert (noted["booking"]["note"], noted["booking"]["meetingPoint"]) == (long.strip(), long.strip())
    assert (await call.data("GET", "/v1/ops/bookings", status=200))[0]["note"] == long.strip()


async def test_prices_are_written_as_numbers_always_were(call: Caller) -> None:
    """55 and 20.5: not 55.0, and no text."""
    rates = [{"travelerType": "ADULT", "price": "55.00"}, {"travelerType": "CHILD", "price": 20.5}]
    variants = [{"code": "a", "name": "A", "rates": rates}]
    made = await call("POST", ITEMS, an_item(variants=variants))
    assert ('"price":55,' in made.text, '"price":20.5,' in made.text) == (True, True), made.text
    shown = await call("GET", f"{ITEMS}/ubud-tour")
    assert '"price":55,' in shown.text
    assert '"price_per_person":55,' in shown.text
    again = await call("POST", f"{ITEMS}/{made.json()['data']['itemId']}/variants", {"code": "b", "name": "B"})
    b = next(v["variantId"] for v in again.json()["data"]["variants"] if v["code"] == "B")
    await call.data("POST", f"/v1/catalog/variants/{b}/rates", {"travelerType": "ADULT", "price": 7.0}, status=201)
    audit = await call("GET", "/v1/audit/events?limit=10")
    assert '"price":7' in audit.text
    assert '"price":7.0' not in audit.text


@pytest.mark.parametrize(("method", "path"), WRITES)
async def test_a_body_that_is_no_json_is_refused_everywhere(api: Api, call: Caller, method: str, path: str) -> None:
    headers = {"authorization": f"Bearer {ADMIN}", "x-admin-role": "ADMIN", "content-type": "application/json"}
    answer = await api.http.request(method, path, content=b'{"note": ', headers=headers)
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "BAD_REQUEST")
    assert answer.headers["content-type"] == "application/json; charset=utf-8"


async def test_a_wrong_method_and_an_unknown_path(api: Api, call: Caller) -> None:
    for method, path in [("PUT", path) for path in READS] + [("GET", "/v1/ops/bookings/X/assign")]:
        answer = await call(method, path)
        assert (answer.status_code, answer.json()["error"]["message"]) == (405, f"Cannot {method} {path}")
        assert method not in answer.headers["allow"]
        assert answer.headers["content-type"] == "application/json; charset=utf-8"
    unknown = await api.http.get("/v1/nothing")
    assert unknown.json()["error"] == {
        "code": "NOT_FOUND",
        "message": "Cannot GET /v1/nothing",
        "details": {"message": "Cannot GET /v1/nothing", "error": "Not Found", "statusCode": 404},
        "requestId": unknown.json()["error"]["requestId"],
    }


async def test_limits_and_pages_that_are_no_numbers(api: Api, call: Caller) -> None:
    for slug in ("one", "two", "three"):
        await call.data("POST", ITEMS, an_item(slug=slug, variants=[]), status=201)
    for asked, page, limit in (
        ("page=x&limit=y", 1, 20),
        ("page=0&limit=0", 1, 1),
        ("page=1.9&limit=2.9", 1, 2),
        ("page=-1&limit=1000", 1, 100),
        ("limit=1_0", 1, 20),
        ("limit=NaN&page=Infinity", 1, 20),
    ):
        shown = await call.data("GET", f"{ITEMS}?{asked}", status=200)
        assert shown["pagination"] == {"page": page, "limit": limit, "total": 3}, asked
        assert len(shown["items"]) == min(3, limit), asked
    assert (await call.data("GET", f"{ITEMS}?q={'x' * 500}", status=200))["items"] == []


async def test_who_acted_is_the_first_who_is_named(api: Api) -> None:
    admin = {"authorization": f"Bearer {ADMIN}", "x-admin-role": "ADMIN"}
    for said, actor in (
        ({"x-actor": "a", "x-admin-user": "b", "x-user-id": "c"}, "a"),
        ({"x-admin-user": "b", "x-user-id": "c"}, "b"),
        ({"x-user-id": "c"}, "c"),
        ({"x-actor": "", "x-user-id": "c"}, "c"),
        ({}, "system"),
    ):
        made = await api.http.post("/v1/catalog/publish/jobs", json={}, headers={**admin, **said})
        assert made.json()["data"]["createdBy"] == actor
        [newest] = (await api.http.get("/v1/audit/events?limit=1", headers=admin)).json()["data"]
        assert (newest["eventType"], newest["actor"]) == ("CATALOG_PUBLISH_JOB_CREATED", actor)
        assert newest["metadata"] == {"payloadVersion": "v1", "itemCount": 0}


@pytest.mark.parametrize(
    ("table", "asked", "message"),
    [
        ("booking_core", "GET /v1/ops/bookings", "BOOKING_SCHEMA_NOT_READY"),
        ("booking_core", "GET /v1/ops/bookings/X", "BOOKING_SCHEMA_NOT_READY"),
        ("booking_core", "POST /v1/ops/bookings/X/status/sync", "BOOKING_SCHEMA_NOT_READY"),
        ("channel_external_refs", "GET /v1/channel-mappings", "MAPPING_SCHEMA_NOT_READY"),
        ("unmapped_queue", "GET /v1/channel-mappings/unmapped", "MAPPING_SCHEMA_NOT_READY"),
        ("catalog_product", f"GET {ITEMS}", "CATALOG_READ_MODEL_NOT_READY"),
        ("catalog_product", f"GET {ITEMS}/featured", "CATALOG_READ_MODEL_NOT_READY"),
        ("catalog_product", f"GET {ITEMS}/slug", "CATALOG_READ_MODEL_NOT_READY"),
        ("catalog_product", f"GET {ITEMS}/id/{NOBODY}", "CATALOG_SCHEMA_NOT_READY"),
        ("catalog_product", f"DELETE {ITEMS}/{NOBODY}", "CATALOG_SCHEMA_NOT_READY"),
        ("catalog_publish_job", "GET /v1/catalog/publish/jobs", "CATALOG_SCHEMA_NOT_READY"),
        ("catalog_publish_job", "POST /v1/catalog/publish/jobs", "CATALOG_SCHEMA_NOT_READY"),
    ],
)
async def test_a_schema_that_is_not_there(api: Api, call: Caller, table: str, asked: str, message: str) -> None:
    await api.do(f"alter table {table} rename to gone")
    method, path = asked.split()
    assert await call.refused(method, path) == (503, message)


async def test_with_the_guard_off_every_route_is_open(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url, ADMIN_AUTH_ENABLED="false") as api:
        for headers in ({}, {"authorization": "Bearer wrong"}, {"x-admin-role": "GUEST"}):
            for path in ("/v1/ops/bookings", "/v1/channel-mappings", "/v1/catalog/publish/jobs"):
                assert (await api.http.get(path, headers=headers)).status_code == 200
            made = await api.http.post("/v1/catalog/publish/jobs", json={}, headers=headers)
            assert (made.status_code, made.json()["data"]["createdBy"]) == (201, "system")


async def test_a_row_of_the_predecessors_own_keeps_what_it_says(api: Api, call: Caller) -> None:
    """Its back-fill wrote rows, and no event stands behind them: neither an edit nor an event may empty them."""
    for ref, status in (("OLD-1", "NEW"), ("OLD-2", "CANCELLED"), ("OLD-3", "UPDATED")):
        await api.do(
            "insert into booking_core (booking_key, channel_code, external_booking_ref, tour_date, currency_code, total_price,"
            " number_of_adult, customer_payment_status, ops_fulfillment_status, note, booking_created_at, package_ref_type,"
            f" legacy_package_id) values (gen_random_uuid(), 'GYG', '{ref}', '2031-01-01', 'USD', 100, 2, 'PAID', '{status}',"
            " 'an old note', '2026-01-01T00:00:00Z', 'LEGACY_PACKAGE', 7)"
        )
    await api.do(
        "insert into booking_contact (booking_key, main_name, main_email, phone, meeting_point, is_placeholder_name,"
        " is_placeholder_email, updated_from_source) select booking_key, 'Ann', 'ann@mail.test', null, 'Lobby', false, false,"
        " 'bstadmin' from booking_core"
    )
    before = await call.data("GET", "/v1/ops/bookings/OLD-1", status=200)
    kept = [
        name for name in before if name not in {"version", "updatedAt", "note", "statusReasons", "assignedDriverId"}
    ]
    shown = (before["customerPaymentStatus"], before["totalPrice"], before["tourDate"], before["meetingPoint"])
    assert shown == ("PAID", "100.00", "2031-01-01", "Lobby")

    at = "/v1/ops/bookings/old-1"
    listed = set(await call.data("PATCH", at, {}, status=200)) and (
        await call.data("GET", "/v1/ops/bookings", status=200)
    )
    assert {one["externalBookingRef"] for one in listed} == {"OLD-1", "OLD-2", "OLD-3"}
    edited = (await call.data("PATCH", at, {"note": "new"}, status=200))["booking"]
    assert edited["note"] == "new"
    assert (await call.data("POST", f"{at}/assign", {"driverId": 5}, status=201))["assignedDriverId"] == 5
    await call.data("POST", f"{at}/status/sync", status=201)
    after = await call.data("POST", f"{at}/unassign", status=201)
    assert {name: after.get(name, before[name]) for name in kept if name in after} == {
        name: before[name] for name in kept if name in after
    }
    await api.accept(body("UPDATED", ref="OLD-1", source="GYG", booking={"adult": 3}))
    told = await call.data("GET", at, status=200)
    assert (told["adult"], told["totalPrice"], told["customerPaymentStatus"]) == (3, "100.00", "PAID")
    assert (await call.data("POST", "/v1/ops/bookings/OLD-2/status/sync", status=201))[
        "opsFulfillmentStatus"
    ] == "CANCELLED"
    noted = await call.data("PATCH", "/v1/ops/bookings/OLD-3", {"note": "new"}, status=200)
    assert noted["booking"]["opsFulfillmentStatus"] == "UPDATED"
    for act, status in (("status/sync", "UPDATED"), ("acknowledge", "NEW"), ("status/sync", "NEW")):
        acted = await call.data("POST", f"/v1/ops/bookings/OLD-3/{act}", status=201)
        assert acted["opsFulfillmentStatus"] == status


@pytest.mark.parametrize(
    ("stored", "asked"), [("ab-1", "ab-1"), ("ab-1", "AB-1"), ("AB 12", "ab 12"), ("Ab-1", "Ab-1")]
)
async def test_a_reference_that_was_never_normalised_is_found_as_it_is_listed(
    api: Api, call: Caller, stored: str, asked: str
) -> None:
    await api.do(
        "insert into booking_core (booking_key, channel_code, external_booking_ref, tour_date, currency_code, total_price,"
        " customer_payment_status, ops_fulfillment_status, booking_created_at, package_ref_type) values"
        f" (gen_random_uuid(), 'GYG', '{stored}', '2031-01-01', 'USD', 100, 'PAID', 'NEW', now(), 'LEGACY_PACKAGE')"
    )
    [listed] = await call.data("GET", "/v1/ops/bookings", status=200)
    assert (await call.data("GET", f"/v1/ops/bookings/{asked}", status=200))["bookingKey"] == listed["bookingKey"]
    assert (await call.data("PATCH", f"/v1/ops/bookings/{asked}", {"note": "n"}, status=200))["booking"]["note"] == "n"
    assigned = await call.data("POST", f"/v1/ops/bookings/{asked}/assign", {"driverId": 4}, status=201)
    assert (assigned["externalBookingRef"], assigned["assignedDriverId"]) == (stored, 4)


async def test_the_slug_id_is_a_slug(api: Api, call: Caller) -> None:
    missing = await call.refused("GET", f"{ITEMS}/id")
    assert missing == (404, "Catalog item not found for slug: id")
    item = await call.data("POST", ITEMS, an_item(slug="ID"), status=201)
    for spelt in ("id", "ID", "id/"):
        assert (await call.data("GET", f"{ITEMS}/{spelt}", status=200))["itemId"] == item["itemId"]
    assert (await api.http.get(f"{ITEMS}/id")).json()["error"]["message"] == "Catalog item not found for slug: id"
    assert (await call.data("GET", f"{ITEMS}/id/{item['itemId']}", status=200))["slug"] == "id"


async def test_a_head_is_what_a_get_begins_with(api: Api, call: Caller) -> None:
    """The predecessor's framework answered HEAD wherever there was a GET."""
    for path in ("/health", "/v1/ops/bookings", "/v1/ops/bookings/NOPE", ITEMS, "/v1/nothing", "/docs"):
        got, head = await call("GET", path), await call("HEAD", path)
        assert (head.status_code, head.content) == (got.status_code, b""), path
        assert head.headers["content-type"] == got.headers["content-type"]
    kept, head = await api.http.get(ITEMS), await api.http.head(ITEMS)
    assert head.headers["etag"] == kept.headers["etag"]
    assert int(head.headers["content-length"]) == len(kept.content)
    assert (await api.http.head("/v1/ops/bookings")).status_code == 401
    assert (await api.http.head("/v1/ops/bookings/X/assign")).status_code == 405
    assert (await api.http.head("/v1/ingest/bookings/events")).status_code == 405


async def test_bookings_of_one_instant_are_listed_by_the_youngest_row(api: Api, call: Caller) -> None:
    """``booking_created_at desc, created_at desc``: rows that the predecessor's back-fill wrote have keys in no order."""
    wanted = ["E", "B", "C", "A", "D"]
    for ref, booked, made in (("A", 2, 1), ("B", 2, 3), ("C", 2, 2), ("D", 1, 9), ("E", 3, 0)):
        await api.do(
            "insert into booking_core (booking_key, channel_code, external_booking_ref, tour_date, currency_code, total_price,"
            " customer_payment_status, ops_fulfillment_status, package_ref_type, booking_created_at, created_at) values"
            f" (md5('{ref}')::uuid, 'GYG', '{ref}', '2031-01-01', 'USD', 100, 'PAID', 'NEW', 'LEGACY_PACKAGE',"
            f" '2026-01-0{booked}T00:00:00Z', '2026-02-01T00:00:0{made}Z')"
        )
    listed = await call.data("GET", "/v1/ops/bookings", status=200)
    assert [booking["externalBookingRef"] for booking in listed] == wanted
    paged, cursor = [], ""
    while cursor is not None:
        page = (await call("GET", f"/v1/ops/bookings?limit=1&cursor={cursor}")).json()
        paged += [booking["externalBookingRef"] for booking in page["data"]]
        cursor = page["meta"]["nextCursor"]
    assert paged == wanted
