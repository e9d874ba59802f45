"""What operations and producers read: bookings with their provenance, events, metrics, health, documents."""

from time import monotonic
from typing import Any, cast

import httpx
import pytest
from litestar import Litestar
from litestar.exceptions import ImproperlyConfiguredException

from bst_application.settings import settings_from
from bst_contracts import openapi
from bst_core_api.wiring import build
from bst_litestar.routes.health import health_routes
from bst_postgres.booking_reader import PostgresBookingReader
from bst_postgres.probe import PostgresProbe
from bst_testing.deliveries import body, paid
from bst_testing.fakes.job_queue import MemoryJobQueue
from tests.api.harness import ADMIN, TOKEN, Api, running


async def test_a_booking_shows_what_was_said_and_where_it_comes_from(api: Api) -> None:
    created = body(customer={"name": "Guest", "email": "customer-1@reply.getyourguide.com", "phone": "0812 3456 7890"})
    changed = body("UPDATED", at="2026-03-02T00:00:00Z", booking={"adult": 3}, customer={"name": "José Núñez"})
    payment = body("UPDATED", at="2026-03-03T00:00:00Z", raw=paid("P-1", orderId="O-1"))
    first, second, _ = await api.accept(created, changed, payment)
    booking = await api.data("/v1/ops/bookings/WEB-1")
    assert booking["adult"] == 3
    assert booking["totalPrice"] == "150.00"
    assert booking["tourTime"] == "08:00"
    assert (booking["customerPaymentStatus"], booking["opsFulfillmentStatus"]) == ("PAID", "UPDATED")
    assert booking["statusReasons"] == ["UNACKNOWLEDGED_CHANGE"]
    assert booking["contact"]["mainName"] == "José Núñez"
    assert booking["contact"]["emailKind"] == "relay"
    assert booking["contact"]["isPlaceholderEmail"] is True
    assert booking["contact"]["phoneE164"] == "+6281234567890"
    origins = {field: origin["eventId"] for field, origin in booking["provenance"].items()}
    assert {origins[field] for field in ("adult", "mainName")} == {second}
    assert {origins[field] for field in ("tourDate", "currency", "totalPrice", "mainEmail", "phone")} == {first}
    assert [(p["reference"], p["status"], p["amount"], p["orderId"]) for p in booking["payments"]] == [
        ("P-1", "PAID", "150.00", "O-1")
    ]
    assert [item["totalAmount"] for item in booking["items"]] == ["150.00"]


async def test_a_booking_is_found_by_all_its_names(api: Api) -> None:
    [_, _] = await api.accept(
        body(ref="WEB-1", raw={"providerPayload": {"bookingId": 4711}}), body(ref="GYG-1", source="GYG")
    )
    key = (await api.data("/v1/ops/bookings/WEB-1"))["bookingKey"]
    for name in (key, key.upper(), "DIRECT:WEB-1", "direct:web-1", "web-1", " WEB-1 ", "4711"):
        assert (await api.data(f"/v1/ops/bookings/{name}"))["bookingKey"] == key
    missing = await api.get("/v1/ops/bookings/GYG:WEB-1")
    assert missing.status_code == 404
    assert missing.json()["error"]["message"] == "Booking not found: GYG:WEB-1"


async def test_a_reference_in_two_channels_is_ambiguous(api: Api) -> None:
    await api.accept(body(ref="X-1"), body(ref="X-1", source="GYG"))
    answer = await api.get("/v1/ops/bookings/x-1")
    assert answer.status_code == 409
    assert answer.json()["error"]["message"] == "AMBIGUOUS_BOOKING_REF"
    candidates = answer.json()["error"]["details"]["candidates"]
    assert {(c["channelCode"], c["externalBookingRef"]) for c in candidates} == {("DIRECT", "X-1"), ("GYG", "X-1")}


async def test_an_update_before_its_creation_is_shown_with_what_is_known(api: Api) -> None:
    await api.accept(body("UPDATED", booking={"note": "vegetarian"}))
    booking = await api.data("/v1/ops/bookings/WEB-1")
    assert booking["statusReasons"][0] == "INCOMPLETE"
    assert booking["note"] == "vegetarian"
    for unknown in ("tourDate", "tourTime", "adult", "child", "infant", "currency", "totalPrice"):
        assert booking[unknown] is None


async def test_pages_have_no_gaps_and_no_repeats(api: Api) -> None:
    await api.accept(*(body(ref=f"WEB-{n}", at=f"2026-03-01T10:00:{n % 7:02d}Z") for n in range(23)))
    seen: list[str] = []
    query: dict[str, str] = {"limit": "5"}
    while True:
        page = (await api.get("/v1/ops/bookings", **query)).json()
        assert len(page["data"]) <= 5
        seen += [booking["externalBookingRef"] for booking in page["data"]]
        if page["meta"]["nextCursor"] is None:
            break
        query["cursor"] = page["meta"]["nextCursor"]
    assert sorted(seen) == sorted(f"WEB-{n}" for n in range(23))
    everything = await api.data("/v1/ops/bookings")
    assert [booking["externalBookingRef"] for booking in everything] == seen


@pytest.mark.parametrize(
    ("query", "refs"),
    [
        ({"status": "cancelled"}, {"B"}),
        ({"paymentStatus": "PAID"}, {"A"}),
        ({"source": "gyg"}, {"C"}),
        ({"dateFrom": "2031-06-01"}, {"C"}),
        ({"dateTo": "2031-05-01"}, {"A", "B"}),
        ({"q": "brandst"}, {"C"}),
        ({"q": "100%"}, set()),
        ({"limit": "abc"}, {"A", "B", "C"}),
        ({"limit": "0"}, {"C"}),
        ({"status": "NEW", "source": "GYG"}, {"C"}),
    ],
)
async def test_filters(api: Api, query: dict[str, str], refs: set[str]) -> None:
    late = body(ref="C", source="GYG", at="2026-03-09T00:00:00Z", customer={"name": "Annika Brandstätter"})
    late["booking"]["tourDate"] = "2031-07-01"
    await api.accept(
        body(ref="A", raw=paid("P-1")), body(ref="B"), body("CANCELLED", ref="B", at="2026-03-02T00:00:00Z"), late
    )
    assert {booking["externalBookingRef"] for booking in await api.data("/v1/ops/bookings", **query)} == refs


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ({"status": "lost"}, "INVALID_BOOKING_STATUS:lost"),
        ({"paymentStatus": "x"}, "INVALID_PAYMENT_STATUS:x"),
        ({"source": "airbnb"}, "UNSUPPORTED_SOURCE:airbnb"),
        ({"dateFrom": "tomorrow"}, "INVALID_DATE_FROM"),
        ({"dateTo": "2026-02-30"}, "INVALID_DATE_TO"),
        ({"q": "x" * 192}, "INVALID_QUERY"),
        ({"cursor": "not-one"}, "INVALID_CURSOR"),
        ({"cursor": "W10"}, "INVALID_CURSOR"),
    ],
)
async def test_a_bad_query_is_named(api: Api, query: dict[str, str], message: str) -> None:
    answer = await api.get("/v1/ops/bookings", **query)
    assert answer.status_code == 400
    assert answer.json()["error"]["message"] == message
    assert answer.json()["error"]["details"]["errors"][0]["path"] in query


@pytest.mark.parametrize(
    "path", ["/v1/ops/bookings", "/v1/ops/bookings/X", "/v1/ingest/metrics/queue", "/v1/ingest/metrics/processing"]
)
async def test_admins_need_a_token_and_a_role(api: Api, path: str) -> None:
    async def said(**who: Any) -> tuple[int, str]:
        answer = await api.get(path, **who)
        return answer.status_code, answer.json()["error"]["message"]

    assert await said(token=None) == (401, "ADMIN_AUTH_REQUIRED")
    assert await said(token=TOKEN) == (401, "INVALID_ADMIN_TOKEN")
    assert await said(role=None) == (403, "ADMIN_ROLE_REQUIRED:ADMIN,STAFF,MANAGER")
    assert await said(role="guest") == (403, "ADMIN_ROLE_FORBIDDEN:GUEST")
    assert (await api.get(path, role=" staff ")).status_code in {200, 404}


async def test_admin_auth_can_be_switched_off_in_development(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url, ADMIN_AUTH_ENABLED="false") as api:
        assert (await api.get("/v1/ops/bookings", token=None, role=None)).status_code == 200


async def test_an_event_says_what_became_of_it_and_no_more_without_a_token(api: Api) -> None:
    said = body(customer={"email": "annika@mail.example.org"})
    [event_id] = await api.accept(said)
    path = f"/v1/ingest/bookings/events/{event_id}"
    bare = await api.get(path, token=None, role=None)
    assert bare.status_code == 200
    assert bare.json()["data"]["processStatus"] == "DONE"
    assert "annika" not in bare.text
    for hidden in ("payload", "nonce", "idempotencyKey", "payloadHash"):
        assert bare.json()["data"][hidden] is None
    for token in (TOKEN, ADMIN):
        full = (await api.get(path, token=token, role=None)).json()["data"]
        assert full["payload"] == said
        assert full["nonce"]
        assert full["idempotencyKey"]
        assert len(full["payloadHash"]) == 64


@pytest.mark.parametrize("event_id", ["0197f3a2-7c11-7b6e-9c1e-5d0f6a2b9e11", "nonsense", "0", "{}", "'"])
async def test_an_event_that_is_not_there_is_not_found(api: Api, event_id: str) -> None:
    answer = await api.get(f"/v1/ingest/bookings/events/{event_id}", token=None)
    assert answer.status_code == 404
    assert answer.json()["error"]["message"] == f"Ingest event not found: {event_id}"


async def test_metrics_count_what_happened(api: Api) -> None:
    unknown = body("UPDATED", at="2026-03-02T00:00:00Z", raw=paid("P-9", "SOMEHOW"))
    await api.accept(body(), unknown)
    await api.post(body(ref="WEB-2"))
    figures = await api.data("/v1/ingest/metrics/processing", windowMinutes="9999")
    assert figures["windowMinutes"] == 1440
    assert figures["totals"] == {"received": 3, "done": 1, "failed": 1, "processing": 0, "pending": 1, "terminal": 2}
    assert figures["successRate"] == pytest.approx(1 / 3)
    assert figures["latenciesMs"]["sampleCount"] == 1
    queue = await api.data("/v1/ingest/metrics/queue")
    assert queue["queue"]["connected"] is True
    assert queue["deadLetter"]["total"] == queue["deadLetter"]["byStatus"]["OPEN"] == 1
    assert queue["retry"]["policy"] == {"maxAttempts": 5, "retryDelaysSeconds": [30, 120, 600, 1800, 7200]}


async def test_queue_metrics_answer_within_a_second_without_redis(postgres_dsn: str) -> None:
    async with running(postgres_dsn, "redis://127.0.0.1:1/0") as api:
        begun = monotonic()
        queue = (await api.data("/v1/ingest/metrics/queue"))["queue"]
        assert monotonic() - begun < 1.3
        assert queue["connected"] is False
        assert queue["lastError"]


async def test_health_tells_alive_from_ready(postgres_dsn: str, empty_postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url, CHANNEL_DB_URL="postgresql://nobody@127.0.0.1:1/none") as api:
        assert (await api.data("/health"))["status"] == "ok"
        databases = await api.data("/health/db")
        assert databases["status"] == "degraded"
        assert [(c["database"], c["reachable"], c["error"]) for c in databases["checks"]] == [
            ("ops_db", True, None),
            ("channel_db", False, "DB_CHECK_FAILED"),
        ]
        assert (await api.data("/health/ready"))["status"] == "ready"
    async with running(empty_postgres_dsn, broker_url) as api:
        answer = await api.get("/health/ready")
        assert answer.status_code == 503
        failed = [check["name"] for check in answer.json()["data"]["checks"] if not check["ok"]]
        assert failed == ["schema"]
        assert (await api.data("/health/db"))["status"] == "ok"
        # A new release that starts before its migration: callers are asked to come again, not told of a fault.
        assert (await api.get("/v1/ops/bookings")).status_code == 503


async def test_without_a_database_configured_health_is_degraded() -> None:
    probes = [PostgresProbe("ops_db", None), PostgresProbe("channel_db", None)]
    app = Litestar(health_routes(probes, MemoryJobQueue(), now=Api.now), openapi_config=None)
    transport = httpx.ASGITransport(app=cast(Any, app))
    async with httpx.AsyncClient(transport=transport, base_url="http://core-api") as client:
        databases = (await client.get("/health/db")).json()["data"]
        assert databases["status"] == "degraded"
        assert [(c["configured"], c["error"]) for c in databases["checks"]] == [
            (False, "MISSING_CONNECTION_STRING")
        ] * 2


@pytest.mark.parametrize("kind", [RuntimeError, ImproperlyConfiguredException])
async def test_a_bug_is_answered_without_its_text(
    kind: type[Exception], api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever raises it: the framework has exceptions of its own for bugs, with texts for developers."""

    async def breaks(*_: object, **__: object) -> None:
        raise kind("select secret from guests where phone = '+62 812'")

    monkeypatch.setattr(PostgresBookingReader, "page", breaks)
    answer = await api.get("/v1/ops/bookings")
    assert answer.status_code == 500
    assert answer.json()["error"]["message"] == "INTERNAL_ERROR"
    assert "select" not in answer.text
    assert "812" not in answer.text


async def test_the_document_is_served_at_both_places(api: Api) -> None:
    for place in ("/schema/openapi.json", "/docs-json"):
        assert (await api.http.get(place)).json() == openapi()


async def test_unknown_routes_and_methods_say_so(api: Api) -> None:
    missing = await api.http.get("/v1/nothing")
    assert (missing.status_code, missing.json()["error"]["message"]) == (404, "Cannot GET /v1/nothing")
    wrong = await api.http.delete("/v1/ops/bookings")
    assert (wrong.status_code, wrong.json()["error"]["message"]) == (405, "Cannot DELETE /v1/ops/bookings")
    assert "GET" in wrong.headers["allow"]


def test_the_document_and_the_routes_are_the_same() -> None:
    app: Litestar = build(settings_from({"OPS_DB_URL": "postgresql://nobody@127.0.0.1:1/none"}))
    served = {
        (method, _plain(route.path))
        for route in app.routes
        for method in (getattr(route, "methods", None) or {"POST"}) - {"OPTIONS"}
    }
    served.remove(("GET", "/v1/catalog/items/id"))  # a slug
    described = {(method.upper(), _plain(path)) for path, methods in openapi()["paths"].items() for method in methods}
    assert served == described


def _plain(path: str) -> str:
    return "/".join("{}" if part.startswith("{") else part for part in path.split("/"))


async def test_api_metrics_count_the_core_and_nothing_beside_it(api: Api) -> None:
    """Predecessor's defect 43: the gate's own call, health, documents and unknown paths blurred the figures."""
    await api.post(body(ref="WEB-1"))
    await api.get("/v1/ops/bookings")
    await api.get("/v1/ops/bookings/NOBODY")
    for place in ("/health", "/docs-json", "/v1/nothing", "/v1/ingest/metrics/queue", "/v1/metrics/api"):
        await api.get(place)
    figures = await api.data("/v1/metrics/api", windowMinutes="9999")
    assert figures["windowMinutes"] == 1440
    assert figures["totals"] == {"requests": 3, "status2xx": 2, "status3xx": 0, "status4xx": 1, "status5xx": 0}
    assert figures["byMethod"] == {"GET": 2, "POST": 1}
    assert figures["rates"]["successRate"] == pytest.approx(2 / 3)
    assert figures["latencyMs"]["sampleCount"] == 3
    assert 0 < figures["latencyMs"]["median"] <= figures["latencyMs"]["p95"] <= figures["latencyMs"]["max"]
