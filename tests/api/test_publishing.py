"""Publishing over HTTP: jobs as callers of the predecessor know them, what is frozen, going back, events."""

import asyncio
import json
from collections import Counter
from hashlib import sha256
from typing import Any
from uuid import uuid4

import httpx
import psycopg
import pytest

from tests.api.harness import ADMIN, Api

JOBS = "/v1/catalog/publish/jobs"
VERSIONS = "/v1/catalog/publish/versions"
ITEMS = "/v1/catalog/items"


async def act(api: Api, method: str, path: str, payload: Any = None, **headers: str) -> httpx.Response:
    given = {"authorization": f"Bearer {ADMIN}", "x-actor": "ayu@ops.example.org", "x-admin-role": "MANAGER"}
    given |= {name.replace("_", "-"): value for name, value in headers.items()}
    return await api.http.request(method, path, json={} if payload is None else payload, headers=given)


async def done(api: Api, method: str, path: str, payload: Any = None, **headers: str) -> Any:
    answer = await act(api, method, path, payload, **headers)
    assert answer.is_success, answer.text
    return answer.json()["data"]


def said(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["message"]


async def item(api: Api, slug: str, **other: Any) -> str:
    """A product with a variant and a rate; its id."""
    variant = {
        "code": "STD",
        "name": "Standard",
        "currencyCode": "USD",
        "rates": [{"travelerType": "ADULT", "price": 50, "currencyCode": "USD"}],
    }
    body = {"slug": slug, "name": slug.title(), "variants": [variant], **other}
    made = await done(api, "POST", ITEMS, body)
    return str(made["itemId"])


async def in_review(api: Api, *ids: str) -> str:
    job = await done(api, "POST", JOBS, {"itemIds": list(ids)})
    await done(api, "POST", f"{JOBS}/{job['jobId']}/submit-review")
    return str(job["jobId"])


async def published(api: Api, *ids: str) -> dict[str, Any]:
    job = await in_review(api, *ids)
    made: dict[str, Any] = await done(api, "POST", f"{JOBS}/{job}/publish")
    return made


async def public(api: Api, path: str = ITEMS, **query: str) -> Any:
    answer = await api.get(path, token=None, role=None, **query)
    assert answer.status_code == 200, answer.text
    return answer.json()["data"]


async def slugs(api: Api) -> list[str]:
    return sorted(one["slug"] for one in (await public(api))["items"])


async def test_a_job_from_draft_to_published(api: Api) -> None:
    """The calls, statuses and members that the predecessor's gate and its content manager read."""
    first = await item(api, "ubud")
    answer = await act(
        api, "POST", JOBS, {"itemIds": [f" {first} ", first, ""], "note": " spring ", "payloadVersion": "v1"}
    )
    assert answer.status_code == 201
    draft = answer.json()["data"]
    assert list(draft)[:15] == [
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
    ]
    assert (draft["status"], draft["itemIds"], draft["itemCount"], draft["note"]) == ("DRAFT", [first], 1, "spring")
    assert (draft["payloadVersion"], draft["createdBy"], draft["reviewed"]) == ("v1", "ayu@ops.example.org", None)
    where = f"{JOBS}/{draft['jobId']}"
    answer = await act(api, "POST", f"{where}/submit-review", x_actor="budi")
    assert answer.status_code == 201
    review = answer.json()["data"]
    assert (review["status"], review["reviewedBy"], review["checksum"], review["snapshotPath"]) == (
        "IN_REVIEW",
        "budi",
        None,
        None,
    )
    assert (review["reviewed"]["version"], review["reviewed"]["itemCount"]) == (1, 1)
    answer = await act(api, "POST", f"{where}/publish", x_actor="citra")
    assert answer.status_code == 201
    job = answer.json()["data"]
    assert (job["status"], job["publishedBy"], job["failureReason"]) == ("PUBLISHED", "citra", None)
    assert job["snapshotPath"] == f"catalog/v1/{job['jobId']}.json"
    assert len(job["checksum"]) == 64
    assert await api.data(where) == job
    assert (await api.data(JOBS, limit="20"))[0] == job
    assert said(await act(api, "POST", f"{where}/retry")) == (409, "CATALOG_PUBLISH_JOB_RETRY_INVALID_STATUS:PUBLISHED")
    assert said(await act(api, "POST", f"{where}/publish")) == (409, "CATALOG_PUBLISH_JOB_STATUS_INVALID:PUBLISHED")
    trail = await api.data("/v1/audit/events", resourceType="CATALOG_PUBLISH_JOB")
    assert [(one["eventType"], one["actor"], one["resourceId"]) for one in reversed(trail)] == [
        ("CATALOG_PUBLISH_JOB_CREATED", "ayu@ops.example.org", job["jobId"]),
        ("CATALOG_PUBLISH_JOB_SUBMITTED_REVIEW", "budi", job["jobId"]),
        ("CATALOG_PUBLISH_JOB_PUBLISHED", "citra", job["jobId"]),
    ]
    assert trail[2]["metadata"] == {"payloadVersion": "v1", "itemCount": 1}
    assert trail[1]["metadata"]["previousStatus"] == "DRAFT"
    assert trail[0]["metadata"]["snapshotPath"] == job["snapshotPath"]


async def test_the_payload_is_the_text_that_the_checksum_is_of(api: Api) -> None:
    first = await item(api, "ubud", description="Café\n\nrice fields")
    job = await published(api, first)
    answer = await api.get(f"{VERSIONS}/{job['reviewed']['version']}/payload")
    assert answer.headers["content-type"].startswith("application/json")
    assert sha256(answer.content).hexdigest() == job["checksum"]
    assert answer.headers["etag"] == f'"{job["checksum"]}"'
    text = answer.content.decode()
    payload = json.loads(text)
    assert text == json.dumps(payload, indent=2, ensure_ascii=False) + "\n"
    assert list(payload) == ["payloadVersion", "generatedAt", "jobId", "items"]
    assert payload["jobId"] == job["jobId"]
    assert payload["items"][0]["description"] == "Café\n\nrice fields"


async def test_what_was_reviewed_is_published_whatever_was_edited_since(api: Api) -> None:
    first = await item(api, "ubud", description="as reviewed")
    job = await in_review(api, first)
    await done(api, "PATCH", f"{ITEMS}/{first}", {"description": "edited later"})
    await item(api, "later")
    reviewed = (await api.data(f"{JOBS}/{job}"))["reviewed"]
    answer = await done(api, "POST", f"{JOBS}/{job}/publish")
    assert answer["checksum"] == reviewed["checksum"]
    assert (await public(api, f"{ITEMS}/ubud"))["description"] == "as reviewed"
    assert await slugs(api) == ["ubud"]


async def test_nothing_that_is_edited_is_public_before_it_is_published(api: Api) -> None:
    await item(api, "ubud")
    assert await public(api) == {"items": [], "pagination": {"page": 1, "limit": 20, "total": 0}}
    answer = await api.get(f"{ITEMS}/ubud", token=None, role=None)
    assert said(answer) == (404, "Catalog item not found for slug: ubud")
    assert await public(api, f"{ITEMS}/featured") == []
    await published(api)
    assert await slugs(api) == ["ubud"]
    await item(api, "canggu")
    assert await slugs(api) == ["ubud"]


async def test_ids_that_are_none_or_nobodys_are_named(api: Api) -> None:
    nobody = str(uuid4())
    answer = await act(api, "POST", JOBS, {"itemIds": [nobody]})
    assert said(answer) == (400, f"CATALOG_PUBLISH_ITEM_IDS_INVALID:{nobody}")
    for bad in (["no-id"], [7], [None], "all", {"a": 1}, [nobody.replace("-", "")]):
        assert said(await act(api, "POST", JOBS, {"itemIds": bad})) == (400, "CATALOG_ID_INVALID")
    assert said(await act(api, "POST", JOBS, {"note": 7})) == (400, "INVALID_FIELD_NOTE")
    for name in ("no-id", str(uuid4())):
        assert said(await api.get(f"{JOBS}/{name}")) == (404, f"Catalog publish job not found: {name}")
        for step in ("submit-review", "publish", "retry"):
            assert said(await act(api, "POST", f"{JOBS}/{name}/{step}")) == (
                404,
                f"Catalog publish job not found: {name}",
            )
    assert await api.data(JOBS) == []


async def test_a_payload_that_cannot_be_published_fails_the_job(api: Api) -> None:
    first = await item(api, "ubud")
    await done(api, "DELETE", f"{ITEMS}/{first}")
    empty = await in_review(api)
    answer = await act(api, "POST", f"{JOBS}/{empty}/publish")
    assert said(answer) == (400, "CATALOG_PUBLISH_EMPTY_PAYLOAD")
    job = await api.data(f"{JOBS}/{empty}")
    assert (job["status"], job["failureReason"], job["checksum"]) == ("FAILED", "CATALOG_PUBLISH_EMPTY_PAYLOAD", None)
    inactive = await in_review(api, first)
    answer = await act(api, "POST", f"{JOBS}/{inactive}/publish")
    assert said(answer) == (400, f"CATALOG_PUBLISH_ITEM_NOT_ACTIVE:{first}")
    assert (await api.data(f"{JOBS}/{inactive}"))["status"] == "FAILED"
    [entry, *_] = await api.data("/v1/audit/events", eventType="CATALOG_PUBLISH_JOB_FAILED")
    assert entry["metadata"]["reason"] == f"CATALOG_PUBLISH_ITEM_NOT_ACTIVE:{first}"
    await done(api, "PATCH", f"{ITEMS}/{first}", {"isActive": True})
    answer = await act(api, "POST", f"{JOBS}/{inactive}/retry", x_actor="budi")
    assert answer.status_code == 201
    job = answer.json()["data"]
    assert (job["status"], job["failureReason"], job["reviewedBy"], job["publishedBy"]) == (
        "PUBLISHED",
        None,
        "budi",
        "budi",
    )
    [entry] = await api.data("/v1/audit/events", eventType="CATALOG_PUBLISH_JOB_RETRIED")
    assert entry["metadata"]["snapshotPath"] == job["snapshotPath"]


async def test_what_was_withdrawn_since_the_review_is_not_published(api: Api) -> None:
    first = await item(api, "ubud")
    job = await in_review(api)
    await done(api, "DELETE", f"{ITEMS}/{first}")
    answer = await act(api, "POST", f"{JOBS}/{job}/publish")
    assert said(answer) == (400, f"CATALOG_PUBLISH_ITEM_NOT_ACTIVE:{first}")


async def test_a_retry_of_what_is_unchanged_keeps_its_reviewer(api: Api) -> None:
    first = await item(api, "ubud")
    job = await in_review(api, first)
    await done(api, "DELETE", f"{ITEMS}/{first}")
    assert (await act(api, "POST", f"{JOBS}/{job}/publish")).status_code == 400
    await done(api, "PATCH", f"{ITEMS}/{first}", {"isActive": True})
    variants = (await api.data(f"{ITEMS}/id/{first}"))["variants"]
    assert variants[0]["isActive"]
    again = await done(api, "POST", f"{JOBS}/{job}/retry", x_actor="citra")
    assert (again["reviewedBy"], again["publishedBy"]) == ("ayu@ops.example.org", "citra")


async def test_an_older_job_does_not_replace_a_newer_one(api: Api) -> None:
    first, second = await item(api, "ubud"), await item(api, "canggu")
    older = await in_review(api, first)
    newer = await in_review(api, second)
    await done(api, "POST", f"{JOBS}/{newer}/publish")
    answer = await act(api, "POST", f"{JOBS}/{older}/publish")
    assert said(answer) == (409, "CATALOG_PUBLISH_SUPERSEDED:1<2")
    assert await slugs(api) == ["canggu"]
    assert (await api.data(f"{JOBS}/{older}"))["status"] == "FAILED"
    await done(api, "POST", f"{JOBS}/{older}/submit-review")
    await done(api, "POST", f"{JOBS}/{older}/publish")
    assert await slugs(api) == ["ubud"]


async def test_twenty_publishers_of_one_job_end_in_one_publish(api: Api) -> None:
    await item(api, "ubud")
    job = await in_review(api)
    answers = await asyncio.gather(*(act(api, "POST", f"{JOBS}/{job}/publish") for _ in range(20)))
    assert Counter(answer.status_code for answer in answers) == {201: 1, 409: 19}
    assert {answer.json()["error"]["message"] for answer in answers if answer.status_code == 409} == {
        "CATALOG_PUBLISH_JOB_STATUS_INVALID:PUBLISHED"
    }
    assert [one["version"] for one in await api.data("/v1/catalog/publish/events")] == [1]
    assert len(await api.data("/v1/audit/events", eventType="CATALOG_PUBLISH_JOB_PUBLISHED")) == 1


async def test_twenty_jobs_published_at_once_end_with_the_newest(api: Api) -> None:
    ids = [await item(api, f"tour-{number}") for number in range(20)]
    jobs = [await in_review(api, one) for one in ids]
    answers = await asyncio.gather(*(act(api, "POST", f"{JOBS}/{job}/publish") for job in jobs))
    assert {answer.status_code for answer in answers} <= {201, 409}
    assert answers[-1].status_code == 201
    assert await slugs(api) == ["tour-19"]
    by_job = {one["jobId"]: one for one in await api.data(JOBS)}
    for job, answer in zip(jobs, answers, strict=True):
        assert by_job[job]["status"] == ("PUBLISHED" if answer.status_code == 201 else "FAILED")
    events = await api.data("/v1/catalog/publish/events")
    assert [one["sequence"] for one in events] == list(range(1, len(events) + 1))
    versions = [one["version"] for one in events]
    assert versions == sorted(versions)
    assert [one["previousVersion"] for one in events] == [None, *versions[:-1]]


async def test_twenty_reviewers_and_publishers_at_once_never_wait_in_a_circle(api: Api) -> None:
    ids = [await item(api, f"tour-{number}") for number in range(5)]
    jobs = [str((await done(api, "POST", JOBS, {"itemIds": [one]}))["jobId"]) for one in ids]

    async def whole(job: str) -> set[int]:
        first = await act(api, "POST", f"{JOBS}/{job}/submit-review")
        second = await act(api, "POST", f"{JOBS}/{job}/publish")
        return {first.status_code, second.status_code}

    seen = await asyncio.gather(*(whole(job) for job in jobs for _ in range(4)))
    assert set().union(*seen) <= {201, 409}
    [current] = [one for one in await api.data(VERSIONS) if one["current"]]
    assert current["version"] == max(one["version"] for one in await api.data(VERSIONS))


async def test_going_back_to_an_earlier_version(api: Api) -> None:
    first = await item(api, "ubud")
    one = await published(api, first)
    await item(api, "canggu")
    two = await published(api)
    assert await slugs(api) == ["canggu", "ubud"]
    for bad, wanted in (({}, "INVALID_FIELD_REASON"), ({"reason": " "}, "EMPTY_FIELD_REASON")):
        assert said(await act(api, "POST", f"{VERSIONS}/1/rollback", bad)) == (400, wanted)
    answer = await act(api, "POST", f"{VERSIONS}/1/rollback", {"reason": "the prices were wrong"})
    assert answer.status_code == 201
    now = answer.json()["data"]
    assert (now["version"], now["current"], now["checksum"]) == (1, True, one["checksum"])
    assert await slugs(api) == ["ubud"]
    assert [(v["version"], v["current"]) for v in await api.data(VERSIONS)] == [(2, False), (1, True)]
    assert said(await act(api, "POST", f"{VERSIONS}/1/rollback", {"reason": "x"})) == (
        409,
        "CATALOG_PUBLISH_VERSION_IS_CURRENT:1",
    )
    unpublished = await in_review(api)
    for name in ("3", "99", "0", "-1", "one", "9" * 30):
        assert (await act(api, "POST", f"{VERSIONS}/{name}/rollback", {"reason": "x"})).status_code == 404
    events = (await api.get("/v1/catalog/publish/events", after="1")).json()
    assert [(e["kind"], e["version"], e["previousVersion"]) for e in events["data"]] == [
        ("PUBLISHED", 2, 1),
        ("ROLLED_BACK", 1, 2),
    ]
    assert (events["data"][1]["reason"], events["meta"]["lastSequence"]) == ("the prices were wrong", 3)
    [entry] = await api.data("/v1/audit/events", eventType="CATALOG_PUBLISH_ROLLED_BACK")
    assert (entry["actor"], entry["resourceId"]) == ("ayu@ops.example.org", "1")
    assert entry["metadata"]["reason"] == "the prices were wrong"
    assert entry["metadata"]["previousVersion"] == two["reviewed"]["version"]
    await done(api, "POST", f"{JOBS}/{unpublished}/publish")
    assert await slugs(api) == ["canggu", "ubud"]


async def test_a_frozen_payload_cannot_be_changed_behind_its_back(api: Api) -> None:
    await item(api, "ubud")
    await in_review(api)
    for statement in (
        "update catalog_snapshot set payload = 'other'",
        "update catalog_snapshot set checksum = repeat('0', 64)",
        "delete from catalog_snapshot",
        "truncate catalog_snapshot cascade",
    ):
        with pytest.raises(psycopg.errors.RestrictViolation):
            await api.do(statement)


async def test_a_listener_of_the_database_hears_of_a_publish(api: Api, postgres_dsn: str) -> None:
    await item(api, "ubud")
    async with await psycopg.AsyncConnection.connect(postgres_dsn, autocommit=True) as listener:
        await listener.execute("listen catalog_published")
        await published(api)
        [heard] = [note async for note in listener.notifies(timeout=5, stop_after=1)]
    assert heard.payload == "1"


async def test_who_may_publish(api: Api) -> None:
    staff = {"x_admin_role": "STAFF"}
    assert said(await act(api, "POST", JOBS, **staff)) == (403, "ADMIN_ROLE_FORBIDDEN:STAFF")
    assert said(await act(api, "POST", f"{VERSIONS}/1/rollback", **staff)) == (403, "ADMIN_ROLE_FORBIDDEN:STAFF")
    for path in (JOBS, VERSIONS, f"{VERSIONS}/1/payload", "/v1/catalog/publish/events"):
        assert said(await api.get(path, token=None)) == (401, "ADMIN_AUTH_REQUIRED")
    assert (await api.get(JOBS, role="STAFF")).status_code == 200
    assert said(await api.get(f"{VERSIONS}/1/payload")) == (404, "Catalog version not found: 1")
