"""A caller who knows the predecessor's page and changed a base URL: what holds for all of routes 15 to 47.

Written from predecessor/http-api.md and contract/deviations.md alone, case by case: status, machine string, members, types.
What those pages leave open is not asked here.
"""

import pytest

from tests.api.harness import ADMIN, Api, running
from tests.api.predecessor import ITEMS, NOBODY, READS, WRITES, Caller


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


async def test_the_documents(api: Api) -> None:
    page = await api.http.get("/docs")
    assert (page.status_code, page.headers["content-type"].partition(";")[0]) == (200, "text/html")
    assert (await api.http.get("/docs-json")).json()["openapi"].startswith("3.1")


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
