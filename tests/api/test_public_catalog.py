"""The catalog that everybody reads: what is published, exactly; and the editor's state for administrators."""

from datetime import timedelta
from typing import Any

import httpx
import pytest

from bst_application import published_catalog
from tests.api.harness import ADMIN, TOKEN, Api, running
from tests.api.test_publishing import ITEMS, VERSIONS, done, item, public, published, said, slugs

FEATURED = f"{ITEMS}/featured"


async def read(api: Api, path: str = ITEMS, *, headers: dict[str, str] | None = None, **query: str) -> httpx.Response:
    return await api.http.get(path, params=query, headers=headers)


def rate(who: str, price: float, **other: Any) -> dict[str, Any]:
    return {"travelerType": who, "price": price, "currencyCode": "USD", **other}


async def test_an_item_as_everybody_reads_it(api: Api) -> None:
    variant = {
        "code": "PKG-7",
        "name": "Shared",
        "durationDays": 2,
        "currencyCode": "USD",
        "rates": [
            rate("ADULT", 50, minQuantity=1, maxQuantity=4),
            rate("ADULT", 40, minQuantity=5),
            rate("CHILD", 20),
        ],
    }
    made = await done(
        api,
        "POST",
        ITEMS,
        {"slug": "Ubud Tour", "name": "Ubud", "description": "All day", "isFeatured": True, "variants": [variant]},
    )
    slides = [{"url": "https://img/b.jpg"}, {"url": "https://img/a.jpg", "isCover": True}]
    content = {"slides": slides, "highlights": ["Rice fields"], "faqs": [{"question": "Lunch?", "answer": "Yes"}]}
    await done(api, "PATCH", f"{ITEMS}/{made['itemId']}/content", {"content": content})
    await published(api)
    answer = await read(api, f"{ITEMS}/UBUD-tour")
    assert answer.status_code == 200
    shown = answer.json()["data"]
    variant_id = made["variants"][0]["variantId"]
    currency = {"currency": "USD"}
    assert shown == {
        "itemId": made["itemId"],
        "slug": "ubud-tour",
        "name": "Ubud",
        "description": "All day",
        "isActive": True,
        "isFeatured": True,
        "media": [
            {"url": "https://img/b.jpg", "isCover": False, "sortOrder": 1},
            {"url": "https://img/a.jpg", "isCover": True, "sortOrder": 2},
        ],
        "variants": [
            {
                "variantId": variant_id,
                "name": "Shared",
                "durationDays": 2,
                "currency": "USD",
                "rates": [
                    {"travelerType": "ADULT", "price": 50.0, "minQuantity": 1, "maxQuantity": 4, **currency},
                    {"travelerType": "ADULT", "price": 40.0, "minQuantity": 5, "maxQuantity": None, **currency},
                    {"travelerType": "CHILD", "price": 20.0, "minQuantity": None, "maxQuantity": None, **currency},
                ],
            }
        ],
        "packageRefType": "CATALOG_PRODUCT",
        "packageRefKey": made["itemId"],
        "legacyPackageId": 7,
        "package_id": 7,
        "package_name": "Ubud",
        "price_per_person": 50.0,
        "price_per_child": 20.0,
        "thumbnailUrl": None,
        "content": shown["content"],
    }
    assert shown["content"]["highlights"] == ["Rice fields"]
    listed = (await public(api))["items"]
    assert listed == [{name: value for name, value in shown.items() if name != "content"}]
    assert await public(api, FEATURED) == listed


async def test_what_is_off_is_not_public_and_an_editor_sees_it(api: Api) -> None:
    kept, off = await item(api, "ubud"), await item(api, "canggu", isFeatured=True)
    await done(api, "DELETE", f"{ITEMS}/{off}")
    await published(api)
    await item(api, "later", isFeatured=True)
    assert await slugs(api) == ["ubud"]
    assert await public(api, FEATURED) == []
    assert (await read(api, f"{ITEMS}/canggu")).status_code == 404
    data = await api.data(ITEMS)
    assert {one["slug"]: one["isActive"] for one in data["items"]} == {"ubud": True, "canggu": False, "later": True}
    assert data["pagination"] == {"page": 1, "limit": 20, "total": 3}
    assert [one["slug"] for one in await api.data(FEATURED)] == ["later", "canggu"]
    shown = await api.data(f"{ITEMS}/Canggu")
    assert (shown["itemId"], shown["isActive"], shown["variants"]) == (off, False, [])
    assert [one["slug"] for one in (await api.data(ITEMS, active="yes", featured="0"))["items"]] == ["ubud"]
    assert [one["itemId"] for one in (await api.data(ITEMS, active="true", featured="off"))["items"]] == [kept]


async def test_an_item_that_is_switched_off_stays_published_until_the_next_publish(api: Api) -> None:
    first = await item(api, "ubud")
    await item(api, "canggu")
    await published(api)
    await done(api, "DELETE", f"{ITEMS}/{first}")
    assert await slugs(api) == ["canggu", "ubud"]
    await published(api)
    assert await slugs(api) == ["canggu"]


async def test_whose_token_shows_what(api: Api) -> None:
    """Nobody is turned away: callers never needed a token. Only an administrator's shows the editor's state."""
    await item(api, "ubud")
    for token in ("no-token-of-anybody", TOKEN):
        answer = await read(api, headers={"authorization": f"Bearer {token}", "x-admin-role": "ADMIN"})
        assert (answer.status_code, answer.json()["data"]["items"]) == (200, [])
    for headers in ({}, {"x-admin-role": "STAFF"}):
        answer = await read(api, headers={"authorization": f"Bearer {ADMIN}", **headers})
        assert [one["slug"] for one in answer.json()["data"]["items"]] == ["ubud"]
        assert (answer.headers["cache-control"], answer.headers["vary"]) == ("no-store", "Authorization")
        assert "etag" not in answer.headers


async def test_the_words_of_switches_and_pages(api: Api) -> None:
    for number in range(5):
        await item(api, f"tour-{number}", isFeatured=number > 2)
    await published(api)

    async def found(**query: str) -> list[str]:
        return [one["slug"] for one in (await public(api, ITEMS, **query))["items"]]

    for yes in ("1", "yes", "true", "on", "TRUE"):
        assert sorted(await found(featured=yes)) == ["tour-3", "tour-4"]
        assert len(await found(active=yes)) == 5
    for no in ("0", "no", "false", "off"):
        assert sorted(await found(featured=no)) == ["tour-0", "tour-1", "tour-2"]
        assert await found(active=no) == []
    for bad in ("2", "ja", "null"):
        assert said(await read(api, featured=bad)) == (400, "INVALID_FEATURED")
        assert said(await read(api, active=bad)) == (400, "INVALID_ACTIVE")
    whole = await found()
    assert whole[:2] == ["tour-4", "tour-3"]
    assert [await found(limit="2", page=str(page)) for page in (1, 2, 3, 4)] == [whole[:2], whole[2:4], whole[4:], []]
    for query, page, limit in (
        ({"page": "0", "limit": "0"}, 1, 1),
        ({"page": "-3", "limit": "1000"}, 1, 100),
        ({"page": "x", "limit": "y"}, 1, 20),
        ({"page": "1.9", "limit": "2.9"}, 1, 2),
    ):
        data = await public(api, ITEMS, **query)
        assert data["pagination"] == {"page": page, "limit": limit, "total": 5}
        assert len(data["items"]) == min(limit, 5)


@pytest.mark.parametrize("as_admin", [False, True])
async def test_no_sign_is_special_in_a_search(api: Api, as_admin: bool) -> None:
    await item(api, "ubud", name="100% Ubud", description="rice_fields")
    await item(api, "canggu", name="1000 steps", description="The RICE fields")
    await published(api)

    async def found(text: str) -> list[str]:
        data = await api.data(ITEMS, q=text) if as_admin else await public(api, ITEMS, q=text)
        assert data["pagination"]["total"] == len(data["items"])
        return sorted(one["slug"] for one in data["items"])

    assert await found("100%") == ["ubud"]
    assert await found("e_f") == ["ubud"]
    assert await found("%") == ["ubud"]
    assert await found("rice") == ["canggu", "ubud"]
    assert await found("CANG") == ["canggu"]
    assert await found("\\") == []
    assert said(await read(api, q="x" * 2001)) == (400, "INVALID_QUERY")


async def test_an_answer_may_be_kept_until_something_else_is_published(api: Api) -> None:
    await item(api, "ubud")
    empty = await read(api)
    await published(api)
    first = await read(api)
    assert first.headers["vary"] == "Authorization"
    assert first.headers["cache-control"] == "public, max-age=60"
    tag = first.headers["etag"]
    assert tag.startswith('"')
    assert tag != empty.headers["etag"]
    for path in (ITEMS, FEATURED, f"{ITEMS}/ubud"):
        for said_tag in (tag, f"W/{tag}", f'"other", {tag}', "*"):
            same = await read(api, path, headers={"if-none-match": said_tag})
            assert (same.status_code, same.content) == (304, b"")
            assert (same.headers["etag"], same.headers["vary"]) == (tag, "Authorization")
            assert same.headers["cache-control"] == "public, max-age=60"
    assert (await read(api, headers={"if-none-match": '"other"'})).status_code == 200
    # A tag is no pass: what is not there is not there.
    assert (await read(api, f"{ITEMS}/no-such", headers={"if-none-match": tag})).status_code == 404
    # An administrator is shown the editor's state whatever a cache has.
    answer = await api.http.get(ITEMS, headers={"authorization": f"Bearer {ADMIN}", "if-none-match": tag})
    assert answer.status_code == 200
    await published(api)
    again = await read(api, headers={"if-none-match": tag})
    assert again.status_code == 200
    assert again.headers["etag"] != tag
    await done(api, "POST", f"{VERSIONS}/1/rollback", {"reason": "back"})
    assert (await read(api, headers={"if-none-match": tag})).status_code == 304


async def test_only_rates_that_hold_now_in_the_variants_currency_are_shown(api: Api) -> None:
    await item(api, "ubud")
    soon = api.now() + timedelta(seconds=30)
    await api.do(f"update catalog_variant_rate set valid_to = '{soon.isoformat()}'")
    await api.do(
        f"""insert into catalog_variant_rate (variant_rate_key, variant_key, traveler_type, currency_code, price, valid_from)
        select gen_random_uuid(), variant_key, 'ADULT', currency, price, valid_from::timestamptz from catalog_variant
        cross join (values ('USD', 60, '{soon.isoformat()}'), ('EUR', 45, null)) as given (currency, price, valid_from)"""
    )
    await published(api)
    answer = await read(api, f"{ITEMS}/ubud")
    [variant] = answer.json()["data"]["variants"]
    assert [(one["price"], one["currency"]) for one in variant["rates"]] == [(50.0, "USD")]
    # Nobody keeps an answer beyond the change of a price.
    assert 0 < int(answer.headers["cache-control"].removeprefix("public, max-age=")) <= 30


async def test_an_address_reads_so_often_and_no_more(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url, BST_LIMIT_CATALOG_PER_MINUTE="5") as api:
        answers = [await read(api) for _ in range(6)]
        assert [answer.status_code for answer in answers] == [200] * 5 + [429]
        assert said(answers[-1]) == (429, "RATE_LIMITED")
        assert int(answers[-1].headers["retry-after"]) >= 1
        # An administrator is not counted, and nothing else is.
        assert (await api.get(ITEMS)).status_code == 200
        assert (await api.get("/health", token=None, role=None)).status_code == 200


async def test_another_process_sees_a_publish_within_its_next_look(
    postgres_dsn: str, broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(published_catalog, "LOOK_EVERY_S", 0.0)
    async with running(postgres_dsn, broker_url) as one, running(postgres_dsn, broker_url) as other:
        await item(one, "ubud")
        assert await slugs(other) == []
        await published(one)
        assert await slugs(other) == ["ubud"]


@pytest.mark.parametrize("as_admin", [False, True])
async def test_odd_names_and_numbers_are_no_fault_of_ours(api: Api, as_admin: bool) -> None:
    headers = {"authorization": f"Bearer {ADMIN}"} if as_admin else {}
    await item(api, "ubud")
    await published(api)
    for slug in ("%00", "%ff", "%ED%A0%80", "..%2F", "%F0%9F%8F%9D", "a" * 4000, "%20", "'"):
        answer = await api.http.get(f"{ITEMS}/{slug}", headers=headers)
        assert answer.status_code == 404, slug
    for query in ("page=1e308&limit=nan", "page=inf", "page=-inf", "page=99999999999999999999", "limit=", "q="):
        assert (await api.http.get(f"{ITEMS}?{query}", headers=headers)).status_code == 200, query
    for query in ("q=%00", "featured=%00", "active=%ff"):
        assert (await api.http.get(f"{ITEMS}?{query}", headers=headers)).status_code == 400, query
