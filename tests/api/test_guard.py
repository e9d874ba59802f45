"""What stands before every route: limits, and the headers of every answer."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest

from bst_application.rate_limits import Buckets
from bst_litestar.guard import MAX_HEADER_BYTES, MAX_HEADERS, MAX_TARGET_BYTES
from bst_testing.deliveries import body
from tests.api.harness import ADMIN, PATH, TOKEN, Api, running

PLACES = ("/health", "/health/db", "/metrics", "/docs-json", "/v1/flags", "/v1/ops/bookings", "/v1/nothing", PATH)


def refusal(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["message"]


@pytest.fixture
async def narrow(postgres_dsn: str, broker_url: str) -> AsyncIterator[Api]:
    """Five refusals, twenty requests and eight events a minute; one proxy in front."""
    limits = {
        "BST_LIMIT_REFUSED_PER_MINUTE": "5",
        "BST_LIMIT_ADDRESS_PER_MINUTE": "20",
        "BST_LIMIT_PRODUCER_PER_MINUTE": "8",
        "BST_TRUSTED_PROXIES": "127.0.0.1",
    }
    async with running(postgres_dsn, broker_url, **limits) as api:
        yield api


async def test_an_address_that_is_refused_too_often_has_to_wait(narrow: Api) -> None:
    for _ in range(5):
        assert refusal(await narrow.get("/v1/flags", token="guess")) == (401, "INVALID_ADMIN_TOKEN")
    limited = await narrow.get("/v1/flags", token="guess")
    assert refusal(limited) == (429, "RATE_LIMITED")
    assert limited.json()["error"]["code"] == "TOO_MANY_REQUESTS"
    assert limited.headers["x-request-id"] == limited.json()["error"]["requestId"]
    assert 1 <= int(limited.headers["retry-after"]) <= 60
    right = await narrow.get("/v1/flags")
    assert refusal(right) == (429, "RATE_LIMITED")  # else a guess would be worth its answer
    assert (await narrow.http.get("/health")).status_code == 200
    elsewhere = await narrow.http.get(
        "/v1/flags",
        headers={"authorization": f"Bearer {ADMIN}", "x-admin-role": "ADMIN", "x-forwarded-for": "198.51.100.7"},
    )
    assert elsewhere.status_code == 200


@pytest.mark.parametrize("path", ["/v1/catalog/items", "/v1/ingest/bookings/events/{event}"])
async def test_where_nobody_is_turned_away_a_wrong_token_counts_as_refused(narrow: Api, path: str) -> None:
    """The answer tells whether a token is right: to go on guessing there must cost what it costs elsewhere."""
    accepted = await narrow.post(body())
    path = path.format(event=accepted.json()["data"]["eventId"])
    for token in (None, TOKEN, None, TOKEN, ADMIN, *["guess"] * 5):
        answer = await narrow.get(path, token=token, role=None)
        assert answer.status_code == 200
    assert refusal(await narrow.get(path, token="guess")) == (429, "RATE_LIMITED")
    assert refusal(await narrow.get(path)) == (429, "RATE_LIMITED")


async def test_a_wrong_signature_counts_as_refused(narrow: Api) -> None:
    for _ in range(5):
        assert refusal(await narrow.post(body(), secret="guessed")) == (401, "SIGNATURE_MISMATCH")
    assert refusal(await narrow.post(body())) == (429, "RATE_LIMITED")


async def test_an_address_asks_so_many_times_and_no_more(narrow: Api) -> None:
    answers = [(await narrow.http.get("/health")).status_code for _ in range(25)]
    assert answers == [200] * 20 + [429] * 5


async def test_a_producer_sends_so_many_events_and_no_more(narrow: Api) -> None:
    answers = [await narrow.post(body(ref=f"WEB-{n}"), x_forwarded_for=f"198.51.100.{n}") for n in range(10)]
    assert [answer.status_code for answer in answers] == [202] * 8 + [429] * 2
    assert int(answers[-1].headers["retry-after"]) >= 1
    assert len(await narrow.rows("select 1 from ingest_event_log")) == 8
    assert 'bst_ingest_deliveries_total{outcome="RATE_LIMITED"} 2.0' in (await narrow.http.get("/metrics")).text


async def test_a_caller_does_not_choose_his_address(postgres_dsn: str, broker_url: str) -> None:
    """Without BST_TRUSTED_PROXIES nobody's word counts."""
    async with running(postgres_dsn, broker_url, BST_LIMIT_ADDRESS_PER_MINUTE="3") as api:
        answers = [
            (await api.http.get("/health", headers={"x-forwarded-for": f"198.51.100.{n}"})).status_code
            for n in range(5)
        ]
    assert answers == [200] * 3 + [429] * 2


async def test_the_limits_of_a_fresh_installation_disturb_no_load_test(api: Api) -> None:
    """Hundreds of wrong tokens a second from one address, and good events between them."""
    wrong = await asyncio.gather(*(api.get("/v1/flags", token=f"guess-{n}") for n in range(600)))
    assert {answer.status_code for answer in wrong} == {401}
    assert (await api.post(body())).status_code == 202


@pytest.mark.parametrize("extra", [0, 1])
async def test_a_head_is_so_large_and_no_larger(api: Api, extra: int) -> None:
    plain = await api.http.get("/health")
    own = sum(len(name) + len(value) for name, value in plain.request.headers.raw)
    padding = {"x-padding": "y" * (MAX_HEADER_BYTES - own - len("x-padding") + extra)}
    many = {f"x-{n}": "" for n in range(MAX_HEADERS - len(plain.request.headers.raw) + extra)}
    target = "y" * (MAX_TARGET_BYTES - len("/v1/nothing/") + extra)
    for headers in (padding, many):
        answer = await api.http.get("/health", headers=headers)
        if extra:
            assert refusal(answer) == (431, "REQUEST_HEADERS_TOO_LARGE")
            assert answer.headers["connection"] == "close"
        else:
            assert answer.status_code == 200
    answer = await api.http.get(f"/v1/nothing/{target}")
    assert answer.status_code == (414 if extra else 404)
    assert (await api.http.get(f"/v1/nothing/?q={target}"[: MAX_TARGET_BYTES + extra + 1])).status_code in {404, 414}


async def test_a_large_head_is_refused_before_anything_else_is_done(api: Api) -> None:
    answer = await api.post(body(), x_padding="y" * MAX_HEADER_BYTES)
    assert refusal(answer) == (431, "REQUEST_HEADERS_TOO_LARGE")
    assert await api.rows("select count(*) from ingest_nonce") == [(0,)]


async def test_an_administrators_body_is_counted_as_it_comes(api: Api) -> None:
    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield b" " * 65536

    headers = {"authorization": f"Bearer {ADMIN}", "x-admin-role": "ADMIN"}
    answer = await api.http.put("/v1/flags/INGEST_QUEUE_ENABLED", content=chunks(), headers=headers)
    assert refusal(answer) == (413, "BODY_TOO_LARGE")


@pytest.mark.parametrize("place", PLACES)
async def test_every_answer_carries_the_security_headers(api: Api, place: str) -> None:
    answer = await api.http.get(place)
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["content-security-policy"] == "default-src 'none'; frame-ancestors 'none'"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert answer.headers["cache-control"] == ("no-cache" if place == "/docs-json" else "no-store")
    assert "server" not in answer.headers
    assert "strict-transport-security" not in answer.headers


@pytest.mark.parametrize("method", ["GET", "OPTIONS"])
async def test_no_other_site_may_read_an_answer(api: Api, method: str) -> None:
    """No caller of ours is a page of another site; a browser that meets no permission gives none."""
    headers = {"origin": "https://elsewhere.example.net", "access-control-request-method": "GET"}
    answer = await api.http.request(method, "/v1/ops/bookings", headers=headers)
    assert not [name for name in answer.headers if name.startswith("access-control-")]


async def test_guests_and_receipts_are_not_to_be_kept_by_caches(api: Api) -> None:
    assert (await api.post(body())).headers["cache-control"] == "no-store"
    await api.process()
    assert (await api.get("/v1/ops/bookings")).headers["cache-control"] == "no-store"


async def test_production_asks_browsers_for_tls(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url, BST_ENV="production") as api:
        answer = await api.http.get("/health")
    assert answer.headers["strict-transport-security"] == "max-age=31536000"


async def test_memory_is_bounded_whoever_asks(
    postgres_dsn: str, broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[Buckets] = []

    def small(per_minute: int, *, slots: int | None = 64) -> Buckets:
        made.append(Buckets(per_minute, slots=slots))
        return made[-1]

    monkeypatch.setattr("bst_core_api.wiring.Buckets", small)
    async with running(postgres_dsn, broker_url, BST_TRUSTED_PROXIES="127.0.0.1") as api:
        for number in range(300):
            headers = {"x-forwarded-for": f"198.51.{number // 250}.{number % 250}", "authorization": f"Bearer {number}"}
            await api.http.post(PATH, headers=headers)
    assert all(len(buckets) <= 64 for buckets in made)
    assert any(len(buckets) > 32 for buckets in made)  # refusals of strangers were counted
    assert not any(len(buckets) for buckets in made if buckets.is_exact)  # and no producer was made up for them
