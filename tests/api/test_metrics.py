"""What Prometheus scrapes and what the processing metrics say, over real PostgreSQL and a real broker."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from prometheus_client.parser import text_string_to_metric_families

from bst_application.ids import uuid7
from bst_application.use_cases.process import ProcessEvents
from bst_domain.values import EventId
from bst_postgres.bookings import PostgresBookingStore
from bst_testing.deliveries import body, paid
from tests.api.harness import ADMIN, Api, running

Samples = dict[tuple[str, tuple[tuple[str, str], ...]], float]


async def scraped(api: Api) -> Samples:
    """The page by name and labels; asks without a token, as Prometheus does."""
    answer = await api.http.get("/metrics")
    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith("text/plain; version=")
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(answer.text)
        for sample in family.samples
    }


def of(samples: Samples, name: str, **labels: str) -> float:
    return samples[name, tuple(sorted(labels.items()))]


async def test_deliveries_are_counted_by_what_became_of_them(api: Api) -> None:
    await api.post(body(), key="a")
    await api.post(body(), key="a")
    await api.post(body(ref="OTHER"), key="a")
    await api.post(body(), x_signature="0" * 64)
    await api.post(body(source="NOBODY"))
    seen = await scraped(api)
    outcomes = {labels[0][1]: value for (name, labels), value in seen.items() if name == "bst_ingest_deliveries_total"}
    assert outcomes == {
        "RATE_LIMITED": 0,
        "INGEST_WEBHOOK_DISABLED": 0,
        "ACCEPTED": 1,
        "REPLAYED": 1,
        "IDEMPOTENCY_KEY_REUSED": 1,
        "SIGNATURE_MISMATCH": 1,
        "UNSUPPORTED_SOURCE": 1,
    }
    assert of(seen, "bst_http_request_seconds_count", method="POST", status="202") == 2


async def test_the_backlog_shows_what_waits_and_for_how_long(api: Api) -> None:
    assert of(await scraped(api), "bst_oldest_waiting_event_seconds") == 0
    await api.post(body(ref="WEB-1"))
    await api.post(body(ref="WEB-2"))
    await api.rows(
        """update ingest_event_log set request_received_at = now() - interval '1 hour',
           next_retry_at = now() + interval '10 minutes' where external_booking_ref = 'WEB-1' returning 1"""
    )
    await api.rows(
        """update ingest_event_log set request_received_at = now() - interval '2 minutes'
           where external_booking_ref = 'WEB-2' returning 1"""
    )
    seen = await scraped(api)
    assert of(seen, "bst_events_waiting") == 2
    assert of(seen, "bst_events_due") == of(seen, "bst_events_waiting_for_retry") == 1
    assert 3600 <= of(seen, "bst_oldest_waiting_event_seconds") < 3660
    assert 120 <= of(seen, "bst_oldest_due_event_seconds") < 180


async def test_dead_letters_are_counted_by_reason_source_and_status(api: Api) -> None:
    await api.accept(body(), body("UPDATED", at="2026-03-02T00:00:00Z", raw=paid("P-9", "SOMEHOW")))
    seen = await scraped(api)
    (letters,) = [(dict(labels), value) for (name, labels), value in seen.items() if name == "bst_dead_letters"]
    assert letters == ({"reason": "SCHEMA_MISMATCH", "source": "DIRECT", "status": "OPEN"}, 1)


async def test_conflicts_that_wait_are_counted_by_how_late_they_are(api: Api) -> None:
    await api.accept(body())
    row = (
        "insert into booking_conflict (conflict_key, booking_key, module, fields, shown_values, core_values, legacy_values,"
        " severity, opened_by, opened_at, due_at) select gen_random_uuid(), booking_key, 'booking_core', '{{tour_date}}', '{{}}',"
        " '{{}}', '{{}}', 'HIGH', 'suite', now() - interval '{0}', now() - interval '{0}' + interval '30 minutes'"
        " from booking_core"
    )
    for age in ("1 minute", "1 hour", "25 hours"):
        await api.do(row.format(age))
    seen = await scraped(api)
    assert of(seen, "bst_conflicts_open") == 3
    assert of(seen, "bst_conflicts_overdue") == 2
    assert of(seen, "bst_conflicts_over_a_day") == 1


async def test_what_is_down_is_said_and_the_page_still_comes(postgres_dsn: str) -> None:
    async with running(postgres_dsn, "redis://127.0.0.1:1/0") as api:
        seen = await scraped(api)
        assert of(seen, "bst_queue_up") == 0
        assert of(seen, "bst_database_up") == 1
        assert not [name for name, _ in seen if name == "bst_queue_jobs"]
    async with running("postgresql://nobody@127.0.0.1:1/none", "redis://127.0.0.1:1/0") as api:
        # The API's own database is not needed for this page; the harness opens one that nobody asks.
        seen = await scraped(api)
        assert of(seen, "bst_database_up") == 0
        assert of(seen, "bst_flag_on", flag="INGEST_WEBHOOK_ENABLED") == 1


async def test_nothing_on_the_page_names_a_booking_or_a_guest(api: Api) -> None:
    await api.accept(body(ref="WEB-SECRET-1", customer={"name": "Ketut Example", "email": "ketut@example.com"}))
    page = (await api.http.get("/metrics")).text
    for name in ("WEB-SECRET-1", "Ketut", "example.com"):
        assert name not in page


async def test_an_event_that_waits_for_its_retry_has_not_failed(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    answer = await api.post(body())
    event_id = answer.json()["data"]["eventId"]
    store = PostgresBookingStore(api.database)
    process = ProcessEvents(store=store, now=lambda: datetime.now(UTC), new_id=uuid7)
    monkeypatch.setattr("bst_application.use_cases.changing.project", _breaks)
    await process([EventId(UUID(event_id))])
    event = await api.data(f"/v1/ingest/bookings/events/{event_id}")
    assert (event["processStatus"], event["attemptCount"]) == ("RECEIVED", 1)
    retry = (await api.data("/v1/ingest/metrics/queue"))["retry"]["totals"]
    assert (retry["pendingRetry"], retry["exhausted"]) == (1, 0)
    processing = await api.data("/v1/ingest/metrics/processing")
    assert (processing["totals"]["failed"], processing["totals"]["pending"]) == (0, 1)


def _breaks(*_: object) -> None:
    raise RuntimeError("a rule has a bug")


async def test_a_replay_leaves_the_latencies_alone(replaying: Api) -> None:
    """One event that is replayed after its success, and one that first succeeds an hour late, by a replay."""
    api = replaying
    done, broken = await api.accept(body(), body("UPDATED", at="2026-03-02T00:00:00Z", raw=paid("P-1", "SETTLING")))
    outcome = f"select process_status, processed_at from ingest_event_log where event_key = '{done}'"
    before = await api.rows(outcome)
    assert before[0][0] == "DONE"
    await _replayed(api, done)
    assert await api.rows(outcome) == before
    await api.rows(
        f"""update ingest_event_log set request_received_at = now() - interval '50 minutes',
           raw_payload = raw_payload - 'raw' where event_key = '{broken}' returning 1"""
    )
    await _replayed(api, broken)
    assert (await api.data(f"/v1/ingest/bookings/events/{broken}"))["processStatus"] == "DONE"
    latency = (await api.data("/v1/ingest/metrics/processing"))["latenciesMs"]
    assert latency["sampleCount"] == 1
    assert latency["max"] < 60_000


async def _replayed(api: Api, event_id: str) -> None:
    admin = {"authorization": f"Bearer {ADMIN}", "x-admin-role": "ADMIN"}
    event = f"/v1/ingest/bookings/events/{event_id}"
    letters = await api.data("/v1/ingest/dead-letter")
    if not any(letter["eventId"] == event_id for letter in letters):
        await api.http.post(f"{event}/fail", json={"reasonCode": "DRILL"}, headers=admin)
    [key] = [one["deadLetterKey"] for one in await api.data("/v1/ingest/dead-letter") if one["eventId"] == event_id]
    assert (await api.http.patch(f"/v1/ingest/dead-letter/{key}/status/READY", headers=admin)).status_code == 200
    assert (await api.http.post(f"{event}/replay", headers=admin)).status_code == 202
    await api.process()
