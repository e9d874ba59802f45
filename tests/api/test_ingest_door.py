"""The ingest door: who gets in, what they are told, and that nothing ever answers 500."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from time import monotonic
from typing import Any

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from bst_testing.deliveries import body
from tests.api.harness import ADMIN, PATH, SECRET, TOKEN, Api, running, signed


def refusal(answer: httpx.Response) -> tuple[int, str]:
    error = answer.json()["error"]
    assert error["requestId"]
    return answer.status_code, error["message"]


async def test_a_new_event_is_accepted_and_staged(api: Api) -> None:
    answer = await api.post(body())
    assert answer.status_code == 202
    data = answer.json()["data"]
    assert (data["processStatus"], data["idempotentReplay"], data["queued"], data["processedInline"]) == (
        "RECEIVED",
        False,
        True,
        False,
    )
    assert await api.rows("select count(*) from ingest_event_log") == [(1,)]


async def test_a_repeat_gets_the_first_event_and_its_present_status(api: Api) -> None:
    first = (await api.post(body(), key="k1")).json()["data"]
    again = (await api.post(body(), key="k1")).json()["data"]
    assert again == {**first, "idempotentReplay": True, "queued": False}
    await api.process()
    later = (await api.post(body(), key="another-key")).json()["data"]
    assert later == {**again, "processStatus": "DONE"}


async def test_one_key_for_two_bodies_is_refused_and_the_second_is_kept(api: Api) -> None:
    await api.post(body(), key="k1")
    assert refusal(await api.post(body(ref="WEB-2"), key="k1")) == (409, "IDEMPOTENCY_KEY_REUSED")
    kept = await api.rows("select queue_type, status, payload->>'externalBookingRef' from unmapped_queue")
    assert kept == [("INGEST_CONFLICT", "OPEN", "WEB-2")]


async def test_equal_deliveries_at_once_all_get_202_and_one_event(api: Api) -> None:
    answers = await asyncio.gather(*(api.post(body(), key="k1") for _ in range(20)))
    assert {answer.status_code for answer in answers} == {202}
    assert len({answer.json()["data"]["eventId"] for answer in answers}) == 1


async def test_checks_come_in_the_order_of_the_contract(api: Api) -> None:
    """Each request breaks this check and every later one; only the first is told."""
    old = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    later: dict[str, Any] = {"x_signature": "0" * 64}
    cases: list[tuple[tuple[int, str], dict[str, Any]]] = [
        ((401, "SIGNATURE_MISMATCH"), {}),
        ((401, "TIMESTAMP_DRIFT_EXCEEDED"), {"x_timestamp": old}),
        ((400, "INVALID_TIMESTAMP_FORMAT"), {"x_timestamp": "2026-03-01"}),
        ((401, "UNSUPPORTED_SIGNATURE_ALGORITHM"), {"x_signature_algorithm": "none"}),
        ((400, "INVALID_NONCE"), {"x_nonce": "short"}),
        ((400, "MISSING_REQUIRED_INGEST_HEADERS"), {"x_idempotency_key": None}),
        ((401, "INVALID_SERVICE_TOKEN"), {"authorization": "Bearer nobody"}),
        ((401, "MISSING_OR_INVALID_AUTHORIZATION"), {"authorization": None}),
    ]
    for expected, change in cases:
        later = {**later, **change}
        assert refusal(await api.post(b"not json", key="k1", **later)) == expected


async def test_a_nonce_works_once_whatever_became_of_its_request(api: Api) -> None:
    for first in (body(), body(booking={}), b"not json"):
        nonce = f"nonce-of-{len(str(first))}"
        await api.post(first, x_nonce=nonce)
        assert refusal(await api.post(body(ref="WEB-9"), x_nonce=nonce)) == (401, "NONCE_REUSED")


async def test_a_wrong_signature_uses_up_no_nonce(api: Api) -> None:
    assert refusal(await api.post(body(), x_nonce="nonce-01", secret="guessed")) == (401, "SIGNATURE_MISMATCH")
    assert (await api.post(body(), x_nonce="nonce-01")).status_code == 202


async def test_a_bad_body_is_refused_with_everything_that_is_wrong(api: Api) -> None:
    answer = await api.post(body(booking={"adult": -1}, source="airbnb"))
    assert refusal(answer) == (400, "UNSUPPORTED_SOURCE:AIRBNB")
    errors = answer.json()["error"]["details"]["errors"]
    assert [(error["path"], error["code"]) for error in errors] == [
        ("source", "UNSUPPORTED_SOURCE:AIRBNB"),
        ("booking.tourDate", "INVALID_FIELD_BOOKING_TOURDATE"),
        ("booking.adult", "INVALID_FIELD_BOOKING_ADULT"),
    ]
    assert await api.rows("select count(*) from ingest_event_log") == [(0,)]


async def test_a_channel_that_is_not_registered_is_a_bad_source(api: Api) -> None:
    async with api.database.transaction() as connection:
        await connection.execute("delete from channel_registry where channel_code = 'TRIPDOTCOM'")
    assert refusal(await api.post(body(source="TRIPDOTCOM"))) == (400, "CHANNEL_NOT_REGISTERED")


@pytest.mark.parametrize("extra", [0, 1])
async def test_a_body_over_1_mib_is_too_large(api: Api, extra: int) -> None:
    padding = 1024 * 1024 - len(b'""') + extra
    raw = b'"' + b"x" * padding + b'"'
    expected = (413, "BODY_TOO_LARGE") if extra else (400, "INVALID_INGEST_PAYLOAD")
    assert refusal(await api.post(raw)) == expected


async def test_a_streamed_body_is_counted_as_it_comes(api: Api) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 65536

    headers = signed(b"", key="k1")
    answer = await api.http.post(PATH, content=chunks(), headers=headers)
    assert refusal(answer) == (413, "BODY_TOO_LARGE")


async def test_other_methods_are_not_allowed(api: Api) -> None:
    for method in ("GET", "PUT", "PATCH", "DELETE"):
        answer = await api.http.request(method, PATH)
        assert refusal(answer) == (405, f"Cannot {method} {PATH}")
        assert answer.headers["allow"] == "POST"


async def test_the_query_is_not_signed_but_the_path_is(api: Api) -> None:
    raw = b"{}"
    good = await api.http.post(f"{PATH}?from=somewhere", content=raw, headers=signed(raw, key="k"))
    assert refusal(good)[0] == 400  # let in, and then an empty body
    other = await api.http.post(PATH, content=raw, headers=signed(raw, key="k", path=f"{PATH}/"))
    assert refusal(other) == (401, "SIGNATURE_MISMATCH")


async def test_the_callers_request_id_is_kept_when_it_is_sane(api: Api) -> None:
    kept = await api.post(body(), x_request_id="req-0123456789")
    assert kept.json()["meta"]["requestId"] == kept.headers["x-request-id"] == "req-0123456789"
    replaced = await api.post(b"", x_request_id="<script>")
    assert replaced.json()["error"]["requestId"] == replaced.headers["x-request-id"] != "<script>"


async def test_a_door_that_is_closed_says_so_before_anything_else(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url, INGEST_WEBHOOK_ENABLED="false") as api:
        answer = await api.http.post(PATH)
        assert refusal(answer) == (503, "INGEST_WEBHOOK_DISABLED")
        assert int(answer.headers["retry-after"]) > 0


async def test_without_a_database_producers_are_told_to_come_back(broker_url: str) -> None:
    async with running("postgresql://nobody@127.0.0.1:1/none", broker_url) as api:
        answer = await api.post(body())
        assert refusal(answer) == (503, "INGEST_STORE_UNAVAILABLE")
        assert int(answer.headers["retry-after"]) > 0
        assert "postgres" not in answer.text.lower()
        assert refusal(await api.get("/v1/ops/bookings")) == (503, "OPS_DB_UNAVAILABLE")
        assert (await api.http.get("/health")).status_code == 200


async def test_connections_that_are_cut_are_replaced(api: Api) -> None:
    for number in range(5):
        await api.rows(
            "select pg_terminate_backend(pid, 5000) from pg_stat_activity"
            " where datname = current_database() and application_name = 'bst-api'"
        )
        assert (await api.post(body(ref=f"WEB-{number}"))).status_code == 202


async def test_accepting_does_not_wait_for_redis(postgres_dsn: str) -> None:
    async with running(postgres_dsn, "redis://127.0.0.1:1/0") as api:
        begun = monotonic()
        answers = await asyncio.gather(*(api.post(body(ref=f"WEB-{n}")) for n in range(20)))
        assert {answer.status_code for answer in answers} == {202}
        assert monotonic() - begun < 1
        await api.process()
        assert len(await api.data("/v1/ops/bookings")) == 20


async def test_without_a_queue_and_with_the_fallback_events_are_processed_at_once(
    postgres_dsn: str, broker_url: str
) -> None:
    flags = {"INGEST_QUEUE_ENABLED": "false", "INGEST_SYNC_FALLBACK_ENABLED": "true"}
    async with running(postgres_dsn, broker_url, **flags) as api:
        data = (await api.post(body())).json()["data"]
        assert (data["queued"], data["processedInline"]) == (False, True)
        bad = body("UPDATED", raw={"providerPayload": {"paymentRef": "P", "paymentStatus": "?", "capturedAmount": 1}})
        assert (await api.post(bad)).status_code == 202  # its own dead letter, not the sender's problem
        assert await api.rows("select reason_code from ingest_dead_letter") == [("SCHEMA_MISMATCH",)]


async def test_without_a_queue_events_wait_in_the_log(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url, INGEST_QUEUE_ENABLED="false") as api:
        data = (await api.post(body())).json()["data"]
        assert (data["queued"], data["processedInline"]) == (False, False)
        assert await api.rows("select process_status from ingest_event_log") == [("RECEIVED",)]


async def test_the_start_is_in_the_audit_trail(api: Api) -> None:
    found: list[tuple[object, ...]] = []
    async with asyncio.timeout(10):
        while not found:
            await asyncio.sleep(0.01)
            found = await api.rows("select event_type, actor, metadata->>'source' from audit_log")
    assert found == [("SYSTEM_BOOTSTRAP", "system", "core-api")]


async def test_nothing_that_is_sent_makes_the_door_fail(postgres_dsn: str, broker_url: str) -> None:
    """Arbitrary bytes under a right signature, and arbitrary headers: always an answer of ours, never 5xx."""
    header_values = st.one_of(
        st.none(),
        st.sampled_from([TOKEN, SECRET, ADMIN, "", "Bearer ", "2026-03-01T10:00:00Z"]),
        st.text("aé\x80 \t0-:Z", max_size=150),
    )
    json_like = st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=True), st.text(max_size=8)),
        lambda inner: st.one_of(
            st.lists(inner, max_size=3),
            st.dictionaries(
                st.sampled_from([*body(), "payment", "raw", "customer", "adult", "totalPrice"]), inner, max_size=6
            ),
        ),
        max_leaves=15,
    )
    requests = st.tuples(
        st.one_of(
            st.binary(max_size=60), json_like.map(lambda value: body(**value) if isinstance(value, dict) else value)
        ),
        st.dictionaries(
            st.sampled_from(["x_nonce", "x_timestamp", "x_signature", "x_signature_algorithm", "authorization"]),
            header_values,
            max_size=2,
        ),
    )
    async with running(postgres_dsn, broker_url) as api:
        loop = asyncio.get_running_loop()

        def send(said: Any, changes: dict[str, str | None]) -> httpx.Response:
            encoded = {
                name: None if value is None else value.encode("latin-1", "replace").decode("latin-1")
                for name, value in changes.items()
            }
            return asyncio.run_coroutine_threadsafe(_safely(api, said, encoded), loop).result()

        @settings(max_examples=150, suppress_health_check=[HealthCheck.too_slow], deadline=None)
        @given(requests)
        def law(request: tuple[Any, dict[str, str | None]]) -> None:
            answer = send(*request)
            assert answer.status_code in {202, 400, 401, 409, 413}
            if answer.status_code != 202:
                assert answer.json()["error"]["message"]

        await asyncio.to_thread(law)


async def _safely(api: Api, said: Any, changes: dict[str, str | None]) -> httpx.Response:
    raw = said if isinstance(said, bytes) else _json(said)
    plain: dict[str, Any] = {n: v for n, v in changes.items() if v is None or v.isascii()}
    headers = signed(raw, key="k-1", **plain)
    blurred = {
        n.replace("_", "-"): v.encode("latin-1") for n, v in changes.items() if v is not None and not v.isascii()
    }
    every = [(n.encode(), v.encode()) for n, v in headers.items()] + [(n.encode(), v) for n, v in blurred.items()]
    return await api.http.post(PATH, content=raw, headers=every)


def _json(value: Any) -> bytes:
    import json

    return json.dumps(value).encode()
