"""A caller who knows the predecessor's page and changed a base URL: the catalog's editor and its lists, routes 26 to 39.

Written from predecessor/http-api.md and contract/deviations.md alone, case by case: status, machine string, members, types.
What those pages leave open is not asked here.
"""

from tests.api.harness import Api
from tests.api.predecessor import ITEMS, NOBODY, Caller, an_item

EDITOR = ["itemId", "slug", "name", "description", "isActive", "isFeatured", "thumbnailUrl", "content", "variants"]
PARTS = {"slides", "itinerary", "faqs", "highlights", "inclusions", "exclusions", "additionalInfo", "optionalFeatures"}
VARIANT = ["variantId", "itemId", "code", "name", "durationDays", "currencyCode", "isDefault", "isActive", "rates"]
RATE = ["rateId", "travelerType", "currencyCode", "price", "minQuantity", "maxQuantity", "isActive"]


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


async def test_the_slug_id_is_a_slug(api: Api, call: Caller) -> None:
    missing = await call.refused("GET", f"{ITEMS}/id")
    assert missing == (404, "Catalog item not found for slug: id")
    item = await call.data("POST", ITEMS, an_item(slug="ID"), status=201)
    for spelt in ("id", "ID", "id/"):
        assert (await call.data("GET", f"{ITEMS}/{spelt}", status=200))["itemId"] == item["itemId"]
    assert (await api.http.get(f"{ITEMS}/id")).json()["error"]["message"] == "Catalog item not found for slug: id"
    assert (await call.data("GET", f"{ITEMS}/id/{item['itemId']}", status=200))["slug"] == "id"


async def test_a_slug_is_found_in_any_letter_case_however_it_was_stored(api: Api, call: Caller) -> None:
    await api.do("insert into catalog_product (product_key, slug, name) values (gen_random_uuid(), 'Old_Tour', 'Old')")
    for spelt in ("Old_Tour", "old_tour", "OLD_TOUR"):
        assert (await call.data("GET", f"{ITEMS}/{spelt}", status=200))["slug"] == "Old_Tour"
    assert [one["slug"] for one in (await call.data("GET", f"{ITEMS}?q=D_TOUR", status=200))["items"]] == ["Old_Tour"]
