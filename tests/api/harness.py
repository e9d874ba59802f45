"""The real API in this process, over real PostgreSQL and Redis, and a client that checks every answer against the contract."""

import json
import re
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, cast
from uuid import uuid4

import httpx
from attrs import frozen
from jsonschema import Draft202012Validator

from bst_application.ids import uuid7
from bst_application.ports.tracing import NO_TRACING, Tracing
from bst_application.settings import settings_from
from bst_application.use_cases.process import ProcessEvents
from bst_contracts import openapi
from bst_core_api.wiring import build
from bst_domain.ingest import ALGORITHM, canonical_string, sign
from bst_postgres.bookings import PostgresBookingStore
from bst_postgres.database import Database

PATH = "/v1/ingest/bookings/events"
TOKEN, SECRET, ADMIN = "a-service-token-of-the-tests", "a-secret-of-the-tests", "an-admin-token-of-the-tests"
DOCUMENT = openapi()


@frozen(kw_only=True)
class Api:
    """A client of a running API, and the worker's part for tests that need it."""

    http: httpx.AsyncClient
    database: Database

    async def post(self, body: Any, *, key: str | None = None, **changes: Any) -> httpx.Response:
        """Signs and sends; ``changes`` replace headers, None leaves one out."""
        raw = body if isinstance(body, bytes) else json.dumps(body, ensure_ascii=False).encode()
        return await self.http.post(PATH, content=raw, headers=signed(raw, key=key or str(uuid4()), **changes))

    async def get(
        self, path: str, *, role: str | None = "ADMIN", token: str | None = ADMIN, **query: str
    ) -> httpx.Response:
        headers = {} if token is None else {"authorization": f"Bearer {token}"}
        if role is not None:
            headers["x-admin-role"] = role
        return await self.http.get(path, params=query, headers=headers)

    async def data(self, path: str, **query: str) -> Any:
        answer = await self.get(path, **query)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    async def accept(self, *said: dict[str, Any]) -> list[str]:
        """Accepts bodies and processes them; the event ids."""
        ids = []
        for body in said:
            answer = await self.post(body)
            assert answer.status_code == 202, answer.text
            ids.append(answer.json()["data"]["eventId"])
        await self.process()
        return ids

    async def process(self) -> None:
        store = PostgresBookingStore(self.database)
        now = datetime.now(UTC)
        process = ProcessEvents(store=store, now=lambda: datetime.now(UTC), new_id=uuid7)
        await process(await store.due(now=now, accepted_before=datetime.now(UTC), limit=1000))

    @staticmethod
    def now() -> datetime:
        return datetime.now(UTC)

    async def do(self, statement: str) -> None:
        async with self.database.transaction() as connection:
            await connection.execute(statement.encode())

    async def rows(self, query: str) -> list[tuple[Any, ...]]:
        async with self.database.transaction() as connection:
            return [tuple(row) for row in await (await connection.execute(query.encode())).fetchall()]


def signed(raw: bytes, *, key: str, secret: str = SECRET, path: str = PATH, **changes: Any) -> dict[str, str]:
    """The headers of a signed request. Changed ones are signed as changed, but for x_signature."""
    headers = {
        "authorization": f"Bearer {TOKEN}",
        "content-type": "application/json",
        "x-signature-algorithm": ALGORITHM,
        "x-timestamp": datetime.now(UTC).isoformat(),
        "x-nonce": str(uuid4()),
        "x-idempotency-key": key,
        **{name.replace("_", "-"): value for name, value in changes.items()},
    }
    if "x_signature" not in changes:
        canonical = canonical_string(
            method="POST",
            path=path,
            timestamp=headers["x-timestamp"] or "",
            nonce=headers["x-nonce"] or "",
            idempotency_key=key,
            body_hash=sha256(raw).hexdigest(),
        )
        headers["x-signature"] = sign(secret, canonical)
    return {name: value for name, value in headers.items() if value is not None}


@asynccontextmanager
async def running(dsn: str, redis_url: str, tracing: Tracing = NO_TRACING, /, **environ: str) -> AsyncIterator[Api]:
    """The API with these settings, started and stopped."""
    app = build(
        settings_from(
            {
                "OPS_DB_URL": dsn,
                "INGEST_REDIS_URL": redis_url,
                "CORE_API_ADMIN_TOKEN": ADMIN,
                "INGEST_SERVICE_TOKEN": TOKEN,
                "INGEST_SERVICE_SECRET": SECRET,
                "INGEST_WEBHOOK_ENABLED": "true",
                "INGEST_QUEUE_ENABLED": "true",
                **environ,
            }
        ),
        tracing,
    )
    database = Database(dsn, pool_size=2)
    # The two libraries spell the ASGI types differently.
    transport = httpx.ASGITransport(app=cast(Any, app), raise_app_exceptions=False)
    async with (
        app.lifespan(),
        httpx.AsyncClient(
            transport=transport, base_url="http://core-api", event_hooks={"response": [_keeps_the_contract]}
        ) as client,
    ):
        try:
            yield Api(http=client, database=database)
        finally:
            await database.close()


async def _keeps_the_contract(answer: httpx.Response) -> None:
    """Every answer of a documented route is what the document says."""
    await answer.aread()
    operation = operation_for(answer.request.method, answer.request.url.path)
    if operation is None:
        return
    described = operation["responses"].get(str(answer.status_code))
    assert described is not None, (
        f"{answer.request.method} {answer.request.url.path}: {answer.status_code} is not described"
    )
    if "$ref" in described:
        described = DOCUMENT["components"]["responses"][described["$ref"].rpartition("/")[2]]
    if "content" not in described:
        assert not answer.content
        return
    if "application/json" not in described["content"]:
        assert answer.headers["content-type"].startswith(tuple(described["content"]))
        return
    schema = described["content"]["application/json"]["schema"]
    Draft202012Validator({**schema, "components": DOCUMENT["components"]}).validate(answer.json())
    assert answer.headers["content-type"].startswith("application/json")


def operation_for(method: str, path: str) -> Mapping[str, Any] | None:
    # A path that stands there as it is comes before those with a place for any word.
    for template, methods in sorted(DOCUMENT["paths"].items(), key=lambda entry: "{" in entry[0]):
        if re.fullmatch(re.sub(r"\{\w+\}", "[^/]+", template), path):
            found: Mapping[str, Any] | None = methods.get(method.lower())
            return found
    return None
