"""A caller who knows the predecessor's page and changed a base URL: publishing the catalog, and what is public then.

Written from predecessor/http-api.md and contract/deviations.md alone, case by case: status, machine string, members, types.
What those pages leave open is not asked here.
"""

from typing import Any
from uuid import UUID

import pytest

from tests.api.harness import Api
from tests.api.predecessor import ITEMS, NOBODY, Caller, an_item

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


async def test_reviewers_are_told_at_length(call: Caller) -> None:
    """A note had no limit but that of the body, 100 kB."""
    long = "Straße 1\n" * 10_000
    made = await call.data("POST", "/v1/catalog/publish/jobs", {"note": long}, status=201)
    assert made["note"] == long.strip()


@pytest.mark.parametrize("step", ["", "/submit-review", "/publish", "/retry"])
async def test_a_job_that_is_not_there_is_named_as_it_was_asked_for(call: Caller, step: str) -> None:
    for name in (NOBODY, NOBODY.upper(), "gone"):
        told = await call.refused("POST" if step else "GET", f"/v1/catalog/publish/jobs/{name}{step}")
        assert told == (404, f"Catalog publish job not found: {name}")
