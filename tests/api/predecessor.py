"""What the predecessor's callers send, and where to. Source: predecessor/http-api.md."""

from typing import Any

import httpx
from attrs import frozen

from tests.api.harness import ADMIN

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
ITEMS = "/v1/catalog/items"


def an_item(**more: Any) -> dict[str, Any]:
    adult = {"travelerType": "adult", "price": 55}
    return {
        "slug": "Ubud Tour",
        "name": " Ubud   Tour ",
        "variants": [{"code": "std 1", "name": "Standard", "rates": [adult]}],
        **more,
    }
