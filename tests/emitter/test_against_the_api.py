"""The emitter and the real API: stored, sent, sent again; and the README's examples, to the letter."""

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx
import pytest
from anyio.from_thread import BlockingPortal, start_blocking_portal

import bst_emitter
from bst_contracts import valid_events
from bst_emitter import (
    Accepted,
    AsyncEmitter,
    Emitter,
    Envelope,
    Patience,
    Refused,
    Target,
    Undelivered,
    prepare_event,
)
from bst_testing.deliveries import body
from tests.api.harness import SECRET, TOKEN, Api, running

README = (Path(__file__).parents[2] / "packages/bst_emitter/README.md").read_text("utf-8")
TARGET = Target(url="http://core-api", token=TOKEN, secret=SECRET)


@pytest.fixture
async def api(postgres_dsn: str) -> AsyncIterator[Api]:
    async with running(postgres_dsn, "") as api:
        yield api


@pytest.mark.parametrize("name", valid_events())
async def test_every_valid_event_is_accepted_as_it_was_stored(name: str, api: Api) -> None:
    stored = prepare_event(valid_events()[name], key=f"key-{name}").to_json()
    emitter = AsyncEmitter(TARGET, http=api.http)
    first = await emitter.send(Envelope.from_json(stored))
    assert isinstance(first, Accepted), first
    assert (first.status, first.data["idempotentReplay"], first.attempts) == (202, False, 1)
    again = await emitter.send(Envelope.from_json(stored))
    assert isinstance(again, Accepted)
    assert (again.data["eventId"], again.data["idempotentReplay"]) == (first.data["eventId"], True)


async def test_what_is_refused_says_why(api: Api) -> None:
    async with AsyncEmitter(TARGET, http=api.http) as emitter:
        bad = await emitter.send(prepare_event(body(booking={"tourDate": "tomorrow"}), key="key-1"))
        assert isinstance(bad, Refused)
        assert (bad.status, bad.message) == (400, "INVALID_FIELD_BOOKING_TOURDATE")
        assert bad.details["errors"][0]["path"] == "booking.tourDate"
        taken = await emitter.send(prepare_event(body(), key="key-2"))
        other = await emitter.send(prepare_event(body(ref="WEB-2"), key="key-2"))
        assert isinstance(taken, Accepted)
        assert isinstance(other, Refused)
        assert (other.status, other.message) == (409, "IDEMPOTENCY_KEY_REUSED")
    stranger = AsyncEmitter(Target(url="http://core-api", token=TOKEN, secret="guessed"), http=api.http)
    refused = await stranger.send(prepare_event(body(), key="key-3"))
    assert isinstance(refused, Refused)
    assert (refused.status, refused.message) == (401, "SIGNATURE_MISMATCH")


async def test_a_door_that_is_shut_leaves_the_envelope_for_later(postgres_dsn: str) -> None:
    async with running(postgres_dsn, "", INGEST_WEBHOOK_ENABLED="false") as api:
        result = await AsyncEmitter(TARGET, http=api.http, patience=Patience(pauses_s=())).send(
            prepare_event(body(), key="key-1")
        )
    assert isinstance(result, Undelivered)
    assert result.trouble == "503 INGEST_WEBHOOK_DISABLED"


class _Through(httpx.BaseTransport):
    """From a thread that blocks to an API that runs in another."""

    def __init__(self, portal: BlockingPortal, api: Api) -> None:
        self._portal, self._api = portal, api

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        async def ask() -> httpx.Response:
            answer = await self._api.http.request(
                request.method, request.url, content=request.read(), headers=request.headers
            )
            return httpx.Response(answer.status_code, headers=answer.headers, content=answer.content)

        return self._portal.call(ask)


@pytest.fixture
def http(postgres_dsn: str) -> Iterator[httpx.Client]:
    with (
        start_blocking_portal() as portal,
        portal.wrap_async_context_manager(running(postgres_dsn, "")) as api,
        httpx.Client(transport=_Through(portal, api)) as client,
    ):
        yield client


def test_the_examples_of_the_readme_run(
    http: httpx.Client, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def through(target: Target, **said: Any) -> Emitter:
        return Emitter(Target(url="http://core-api", token=target.token, secret=target.secret), http=http, **said)

    first, outbox, publishing = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    compile(publishing, "README.md", "exec")  # it runs where there are jobs: tests/emitter/test_delivery.py
    names: dict[str, Any] = {"TOKEN": TOKEN, "SECRET": SECRET, "event": body(), "booking_id": uuid4()}
    with monkeypatch.context() as patch:
        patch.setattr(bst_emitter, "Emitter", through)
        exec(compile(first, "README.md", "exec"), names)
        assert capsys.readouterr().out.startswith("accepted as ")
        names["emitter"] = through(names["target"])
        exec(compile(outbox, "README.md", "exec"), names)
    assert names["result"].data["idempotentReplay"] is True
