"""The catalog's editor over HTTP, as the content manager and its smoke test use it."""

import asyncio
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.api.harness import ADMIN, Api

ITEMS = "/v1/catalog/items"
ACTOR = "editor@content.example.org"
ADULT = {"travelerType": "ADULT", "price": 50}


async def call(
    api: Api, method: str, path: str, payload: Any = None, *, role: str | None = "MANAGER", **headers: str
) -> httpx.Response:
    given = {"authorization": f"Bearer {ADMIN}", "x-actor": ACTOR, **headers}
    if role is not None:
        given["x-admin-role"] = role
    return await api.http.request(method, path, json={} if payload is None else payload, headers=given)


async def done(api: Api, method: str, path: str, payload: Any = None, *, status: int = 200) -> dict[str, Any]:
    answer = await call(api, method, path, payload)
    assert answer.status_code == status, answer.text
    return dict(answer.json()["data"])


async def make(api: Api, slug: str = "ubud", **members: Any) -> dict[str, Any]:
    variants = [{"code": "shared", "name": "Shared", "rates": [ADULT]}]
    return await done(api, "POST", ITEMS, {"slug": slug, "name": "Ubud", "variants": variants, **members}, status=201)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["message"]


async def test_the_smoke_test_of_the_predecessor(api: Api) -> None:
    """Create, read, change, describe, extend, switch off, switch on one by one: each call answers the whole product."""
    item = await make(api, "Smoke Item", description="First")
    item_id, [variant] = item["itemId"], item["variants"]
    assert list(item) == [
        *("itemId", "slug", "name", "description", "isActive", "isFeatured", "thumbnailUrl", "content", "variants"),
    ]
    assert item | {"content": None, "variants": None} == {
        "itemId": item_id,
        "slug": "smoke-item",
        "name": "Ubud",
        "description": "First",
        "isActive": True,
        "isFeatured": False,
        "thumbnailUrl": None,
        "content": None,
        "variants": None,
    }
    empty = (
        "slides",
        "itinerary",
        "highlights",
        "inclusions",
        "exclusions",
        "additionalInfo",
        "optionalFeatures",
        "faqs",
    )
    assert item["content"] == {part: [] for part in empty}
    [rate] = variant["rates"]
    assert list(variant) == [
        *("variantId", "itemId", "code", "name", "durationDays", "currencyCode", "isDefault", "isActive", "rates"),
    ]
    assert variant | {"rates": None} == {
        "variantId": variant["variantId"],
        "itemId": item_id,
        "code": "SHARED",
        "name": "Shared",
        "durationDays": 1,
        "currencyCode": "USD",
        "isDefault": True,
        "isActive": True,
        "rates": None,
    }
    assert rate == {
        "rateId": rate["rateId"],
        "travelerType": "ADULT",
        "currencyCode": "USD",
        "price": 50,
        "minQuantity": None,
        "maxQuantity": None,
        "isActive": True,
    }
    assert await done(api, "GET", f"{ITEMS}/id/{item_id}") == item
    changed = await done(
        api, "PATCH", f"{ITEMS}/{item_id}", {"name": "Smoke", "thumbnailUrl": "/t.jpg", "isFeatured": True}
    )
    assert (changed["name"], changed["thumbnailUrl"], changed["isFeatured"]) == ("Smoke", "/t.jpg", True)
    content = {
        "slides": [{"url": "/a.jpg"}, {"url": "/b.jpg", "isCover": True}],
        "itinerary": [{"title": "Up", "variantId": variant["variantId"], "description": "One\n\nTwo"}],
        "highlights": ["Rice"],
        "faqs": [{"question": "When?", "answer": "At 8\nsharp"}],
    }
    described = (await done(api, "PATCH", f"{ITEMS}/{item_id}/content", {"content": content}))["content"]
    assert described["slides"] == [
        {"url": "/a.jpg", "altText": None, "isCover": False, "sortOrder": 1},
        {"url": "/b.jpg", "altText": None, "isCover": True, "sortOrder": 2},
    ]
    assert described["itinerary"] == [
        {
            "variantId": variant["variantId"],
            "day": 1,
            "sortOrder": 1,
            "title": "Up",
            "description": "One\n\nTwo",
            "location": None,
            "startTime": None,
            "endTime": None,
        }
    ]
    assert described["faqs"] == [{"question": "When?", "answer": "At 8\nsharp"}]
    path = f"{ITEMS}/{item_id}/variants"
    more = await done(api, "POST", path, {"code": "van", "name": "Van", "isDefault": True}, status=201)
    assert [(one["code"], one["isDefault"]) for one in more["variants"]] == [("VAN", True), ("SHARED", False)]
    van = more["variants"][0]["variantId"]
    path = f"/v1/catalog/variants/{van}"
    assert (await done(api, "PATCH", path, {"name": "Big van"}))["variants"][0]["name"] == "Big van"
    group = {"travelerType": "child", "price": "12.5", "minQuantity": 2, "maxQuantity": 4}
    [child] = (await done(api, "POST", f"{path}/rates", group, status=201))["variants"][0]["rates"]
    assert (child["travelerType"], child["price"], child["maxQuantity"]) == ("CHILD", 12.5, 4)
    rate_path = f"/v1/catalog/rates/{child['rateId']}"
    [child] = (await done(api, "PATCH", rate_path, {"price": 13, "maxQuantity": None}))["variants"][0]["rates"]
    assert (child["price"], child["maxQuantity"]) == (13, None)
    off = await done(api, "DELETE", rate_path)
    assert off["variants"][0]["rates"][0]["isActive"] is False
    off = await done(api, "DELETE", path)
    assert [(one["code"], one["isDefault"], one["isActive"]) for one in off["variants"]] == [
        ("SHARED", True, True),
        ("VAN", False, False),
    ]
    off = await done(api, "DELETE", f"{ITEMS}/{item_id}")
    assert not off["isActive"]
    assert not any(one["isActive"] or one["isDefault"] for one in off["variants"])
    for one_path in (f"{ITEMS}/{item_id}", path, rate_path):
        on = await done(api, "PATCH", one_path, {"isActive": True})
    assert on["isActive"]
    assert all(one["isActive"] and all(rate["isActive"] for rate in one["rates"]) for one in on["variants"])
    trail = await api.data("/v1/audit/events", actor=ACTOR, limit="50")
    assert [entry["eventType"] for entry in reversed(trail)] == [
        *("CATALOG_ITEM_CREATED", "CATALOG_ITEM_UPDATED", "CATALOG_ITEM_CONTENT_UPDATED", "CATALOG_VARIANT_CREATED"),
        *("CATALOG_VARIANT_UPDATED", "CATALOG_RATE_CREATED", "CATALOG_RATE_UPDATED", "CATALOG_RATE_DEACTIVATED"),
        *("CATALOG_VARIANT_DEACTIVATED", "CATALOG_ITEM_DEACTIVATED", "CATALOG_ITEM_UPDATED"),
        *("CATALOG_VARIANT_UPDATED", "CATALOG_RATE_UPDATED"),
    ]
    assert trail[-1]["metadata"] == {"slug": "smoke-item", "variantCount": 1}
    assert (trail[-1]["resourceType"], trail[-1]["resourceId"]) == ("CATALOG_ITEM", item_id)


async def test_inactive_things_are_left_out_where_that_is_asked_for(api: Api) -> None:
    child_off = {"travelerType": "CHILD", "price": 20, "isActive": False}
    variants = [{"code": "A", "name": "A", "rates": [ADULT, child_off]}, {"code": "B", "name": "B", "isActive": False}]
    item = await make(api, variants=variants)
    path = f"{ITEMS}/id/{item['itemId']}"
    shown = await api.data(path, includeInactive="false")
    assert [(one["code"], len(one["rates"])) for one in shown["variants"]] == [("A", 1)]
    for words in ("true", "0", "no", ""):
        assert len((await api.data(path, includeInactive=words))["variants"]) == 2
    await done(api, "DELETE", f"{ITEMS}/{item['itemId']}")
    assert (await api.get(path)).status_code == 200
    gone = await api.get(path, includeInactive="false")
    assert refusal(gone) == (404, f"Catalog item not found for id: {item['itemId']}")


WRITES = [
    ("PATCH", "/v1/catalog/items/{}", "item"),
    ("PATCH", "/v1/catalog/items/{}/content", "item"),
    ("DELETE", "/v1/catalog/items/{}", "item"),
    ("POST", "/v1/catalog/items/{}/variants", "item"),
    ("PATCH", "/v1/catalog/variants/{}", "variant"),
    ("DELETE", "/v1/catalog/variants/{}", "variant"),
    ("POST", "/v1/catalog/variants/{}/rates", "variant"),
    ("PATCH", "/v1/catalog/rates/{}", "rate"),
    ("DELETE", "/v1/catalog/rates/{}", "rate"),
]
BODY = {"name": "X", "code": "X", "content": {}, "isActive": True, **ADULT}


@pytest.mark.parametrize(("method", "path", "what"), WRITES)
async def test_what_is_not_there_cannot_be_edited(api: Api, method: str, path: str, what: str) -> None:
    key = str(uuid4())
    missing = await call(api, method, path.format(key), BODY)
    assert refusal(missing) == (404, f"Catalog {what} not found for id: {key}")
    for name in ("7", "not-a-uuid", key.replace("-", "")):
        bad = await call(api, method, path.format(name), BODY)
        assert refusal(bad) == (400, "CATALOG_ID_INVALID")
        assert bad.json()["error"]["details"]["errors"][0]["code"] == "CATALOG_ID_INVALID"


@pytest.mark.parametrize(("method", "path", "what"), [("POST", "/v1/catalog/items", "item"), *WRITES])
async def test_only_admins_and_managers_edit(api: Api, method: str, path: str, what: str) -> None:
    url = path.format(uuid4())
    assert refusal(await api.http.request(method, url, json={})) == (401, "ADMIN_AUTH_REQUIRED")
    assert refusal(await call(api, method, url, role="STAFF")) == (403, "ADMIN_ROLE_FORBIDDEN:STAFF")
    assert refusal(await call(api, method, url, role=None)) == (403, "ADMIN_ROLE_REQUIRED:ADMIN,MANAGER")


async def test_every_role_looks_and_nobody_else(api: Api) -> None:
    item = await make(api)
    path = f"{ITEMS}/id/{item['itemId']}"
    for role in ("ADMIN", "STAFF", "MANAGER"):
        assert (await api.get(path, role=role)).status_code == 200
    assert refusal(await api.get(path, token=None)) == (401, "ADMIN_AUTH_REQUIRED")
    assert refusal(await api.get(f"{ITEMS}/id/7")) == (400, "CATALOG_ID_INVALID")


async def test_the_first_flaw_is_the_message_and_all_are_in_the_details(api: Api) -> None:
    answer = await call(api, "POST", ITEMS, {"slug": "!", "variants": [{"code": "A", "durationDays": 0}]})
    assert refusal(answer) == (400, "CATALOG_ITEM_SLUG_REQUIRED")
    assert [(one["path"], one["code"]) for one in answer.json()["error"]["details"]["errors"]] == [
        ("slug", "CATALOG_ITEM_SLUG_REQUIRED"),
        ("name", "CATALOG_ITEM_NAME_REQUIRED"),
        ("variants[0].name", "CATALOG_VARIANT_NAME_REQUIRED"),
        ("variants[0].durationDays", "CATALOG_VARIANT_DURATION_DAYS_INVALID"),
    ]
    assert refusal(await call(api, "POST", ITEMS, [])) == (400, "INVALID_BODY")
    assert refusal(await call(api, "POST", ITEMS)) == (400, "CATALOG_ITEM_SLUG_REQUIRED")
    assert refusal(await call(api, "POST", ITEMS, {"slug": "Featured", "name": "X"})) == (
        400,
        "CATALOG_ITEM_SLUG_RESERVED",
    )
    item = await make(api)
    path, [variant] = f"{ITEMS}/{item['itemId']}", item["variants"]
    for url, message in (
        (path, "CATALOG_ITEM_PATCH_EMPTY"),
        (f"{path}/content", "CATALOG_ITEM_CONTENT_INVALID"),
        (f"/v1/catalog/variants/{variant['variantId']}", "CATALOG_VARIANT_PATCH_EMPTY"),
        (f"/v1/catalog/rates/{variant['rates'][0]['rateId']}", "CATALOG_RATE_PATCH_EMPTY"),
    ):
        assert refusal(await call(api, "PATCH", url, {"unknown": 1})) == (400, message)
    steps = [{"title": "Up"}, {"title": "Elsewhere", "variantId": 5}]
    elsewhere = await call(api, "PATCH", f"{path}/content", {"content": {"itinerary": steps}})
    assert refusal(elsewhere) == (400, "CATALOG_ITEM_CONTENT_ITINERARY_VARIANT_INVALID")
    assert elsewhere.json()["error"]["details"]["errors"][0]["path"] == "content.itinerary[1].variantId"


async def test_what_is_there_already_is_a_conflict(api: Api) -> None:
    item, other = await make(api), await make(api, "lovina")
    path, [variant] = f"{ITEMS}/{item['itemId']}", item["variants"]
    taken = (409, "CATALOG_RESOURCE_ALREADY_EXISTS")
    assert refusal(await call(api, "POST", ITEMS, {"slug": "UBUD", "name": "X"})) == taken
    assert refusal(await call(api, "PATCH", f"{ITEMS}/{other['itemId']}", {"slug": "ubud"})) == taken
    assert refusal(await call(api, "POST", f"{path}/variants", {"code": "Shared", "name": "X"})) == taken
    rates = f"/v1/catalog/variants/{variant['variantId']}/rates"
    overlap = await call(api, "POST", rates, {**ADULT, "minQuantity": 4})
    assert refusal(overlap) == (409, "CATALOG_RATE_OVERLAP")
    assert overlap.json()["error"]["details"]["overlapsWith"] == variant["rates"][0]["rateId"]
    await done(api, "PATCH", f"/v1/catalog/rates/{variant['rates'][0]['rateId']}", {"maxQuantity": 3})
    await done(api, "POST", rates, {**ADULT, "minQuantity": 4}, status=201)
    low = await call(api, "PATCH", f"/v1/catalog/rates/{variant['rates'][0]['rateId']}", {"minQuantity": 9})
    assert refusal(low) == (400, "CATALOG_RATE_QUANTITY_RANGE_INVALID")


async def test_a_description_is_edited_alone_and_keeps_its_lines(api: Api) -> None:
    item = await make(api)
    await api.do("update catalog_product set short_description = 'Short', description = null")
    path = f"{ITEMS}/{item['itemId']}"
    assert (await done(api, "GET", f"{ITEMS}/id/{item['itemId']}"))["description"] == "Short"
    assert (await done(api, "PATCH", path, {"description": "One\r\n\r\nTwo  words "}))[
        "description"
    ] == "One\n\nTwo  words"
    assert await api.rows("select short_description, description from catalog_product") == [
        ("Short", "One\n\nTwo  words")
    ]
    assert (await done(api, "PATCH", path, {"description": None}))["description"] == "Short"


async def test_a_change_may_name_the_version_that_it_is_meant_for(api: Api) -> None:
    item = await make(api)
    path = f"{ITEMS}/{item['itemId']}"
    seen = await api.get(f"{ITEMS}/id/{item['itemId']}")
    assert seen.headers["etag"] == '"1"'
    mine = await call(api, "PATCH", path, {"name": "Mine"}, **{"if-match": '"1"'})
    assert (mine.status_code, mine.headers["etag"]) == (200, '"2"')
    late = await call(api, "PATCH", path, {"name": "Late"}, **{"if-match": '"1"'})
    assert refusal(late) == (412, "VERSION_MISMATCH")
    assert (late.headers["etag"], late.json()["error"]["details"]["version"]) == ('"2"', 2)
    for stated in ('W/"2"', '"-1"', '"1", "3"'):
        unseen = await call(api, "PATCH", path, {"name": "Bad"}, **{"if-match": stated})
        assert refusal(unseen) == (412, "VERSION_MISMATCH")
    bad = await call(api, "PATCH", path, {"name": "Bad"}, **{"if-match": "two"})
    assert refusal(bad) == (400, "INVALID_IF_MATCH")
    assert (await call(api, "DELETE", path, **{"if-match": "*"})).status_code == 200
    assert (await call(api, "PATCH", path, {"name": "Last"})).headers["etag"] == '"4"'


async def test_twenty_editors_with_one_version_make_one_change(api: Api) -> None:
    item = await make(api)
    path = f"{ITEMS}/{item['itemId']}"
    answers = await asyncio.gather(
        *(call(api, "PATCH", path, {"name": f"Name {n}"}, **{"if-match": '"1"'}) for n in range(20))
    )
    statuses = [answer.status_code for answer in answers]
    assert (statuses.count(200), statuses.count(412)) == (1, 19)
    [won] = [answer.json()["data"]["name"] for answer in answers if answer.status_code == 200]
    assert (await done(api, "GET", f"{ITEMS}/id/{item['itemId']}"))["name"] == won


async def test_twenty_editors_without_a_version_all_write(api: Api) -> None:
    item = await make(api)
    [variant] = item["variants"]
    rates = f"/v1/catalog/variants/{variant['variantId']}/rates"
    bands = [{"travelerType": "CHILD", "price": n, "minQuantity": n, "maxQuantity": n} for n in range(1, 21)]
    answers = await asyncio.gather(*(call(api, "POST", rates, band) for band in bands))
    assert {answer.status_code for answer in answers} == {201}
    after = await done(api, "GET", f"{ITEMS}/id/{item['itemId']}")
    assert [one["price"] for one in after["variants"][0]["rates"] if one["travelerType"] == "CHILD"] == list(
        range(1, 21)
    )
    same = await asyncio.gather(*(call(api, "POST", ITEMS, {"slug": "same", "name": "Same"}) for _ in range(20)))
    statuses = [answer.status_code for answer in same]
    assert (statuses.count(201), statuses.count(409)) == (1, 19)


async def test_a_catalog_without_its_tables_says_so(api: Api) -> None:
    await api.do("drop table catalog_product_content")
    answer = await call(api, "PATCH", f"{ITEMS}/{uuid4()}", {"name": "X"})
    assert refusal(answer) == (503, "CATALOG_SCHEMA_NOT_READY")


async def test_without_the_contents_alone_products_are_shown_with_none(api: Api) -> None:
    """The page: "If only `catalog_product_content` is missing, reads give empty content"."""
    kept = await make(api)
    await api.do("delete from catalog_product_content")
    assert (await api.data(f"{ITEMS}/id/{kept['itemId']}"))["content"] == kept["content"]
    for document in ("null", "7", '"text"', "[1]", "{}"):
        await api.do("delete from catalog_product_content")
        await api.do(
            f"insert into catalog_product_content (product_key, payload) values ('{kept['itemId']}', '{document}'::jsonb)"
        )
        assert (await api.data(f"{ITEMS}/id/{kept['itemId']}"))["content"] == kept["content"]
    await api.do("drop table catalog_product_content")
    assert (await api.data(f"{ITEMS}/id/{kept['itemId']}"))["content"] == kept["content"]
    assert (await api.data(f"{ITEMS}/ubud"))["content"] == kept["content"]
    assert [item["itemId"] for item in (await api.data(ITEMS))["items"]] == [kept["itemId"]]
