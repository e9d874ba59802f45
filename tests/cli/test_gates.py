"""Each gate passes for the right reason and fails for the right reason, over a real API and PostgreSQL."""

from functools import partial
from typing import Any

import pytest

from bst_cli.gates import api_health, dlq_growth, duplicate_delivery, processing, replay_drill, retention_policy
from bst_domain.gates import Verdict
from bst_testing.conformance.job_queue import until
from bst_testing.deliveries import body, paid
from tests.api.harness import Api, running
from tests.cli.surroundings import Bench, not_passed
from tests.servers import has_redis

BROKEN = paid("P-9", "SOMEHOW")  # a payment word that nobody knows: a dead letter


@pytest.fixture
def broker_url(request: pytest.FixtureRequest) -> str:
    return str(request.getfixturevalue("redis_url")) if has_redis() else ""


async def change(api: Api, statement: str) -> None:
    async with api.database.transaction() as connection:
        await connection.execute(statement.encode())


async def test_processing_passes_when_what_came_in_is_done(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url) as api:
        await api.accept(body(), body(ref="WEB-2"))
        judged = await Bench(api).measure(processing.GATE)
    assert (judged.verdict, judged.passed) == (Verdict.PASS, True)
    assert judged.summary["received"] == judged.summary["done"] == judged.summary["latencySampleCount"] == 2
    assert judged.lines["SUCCESS_RATE"] == 1


async def test_processing_holds_when_nothing_came_in(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url) as api:
        judged = await Bench(api).measure(processing.GATE)
    assert (judged.verdict, judged.passed) == (Verdict.HOLD, False)


async def test_processing_fails_on_dead_letters_and_on_slowness(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url) as api:
        await api.accept(body(), body(ref="WEB-2", raw=BROKEN))
        judged = await Bench(api).measure(processing.GATE)
        assert not_passed(judged) == {"F-01_success_rate": Verdict.FAIL}
        await api.rows(
            "update ingest_event_log set request_received_at = request_received_at - interval '4 seconds' returning 1"
        )
        slow = await Bench(api).measure(processing.GATE, min_success_rate=0.5)
    assert not_passed(slow) == {"F-02_latency_median_ms": Verdict.FAIL}


async def test_api_health(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url) as api:
        assert (await Bench(api).measure(api_health.GATE)).verdict is Verdict.HOLD  # its own look does not count
        for _ in range(9):
            await api.get("/v1/ops/bookings")
        assert (await Bench(api).measure(api_health.GATE)).verdict is Verdict.PASS
        await change(api, "alter table booking_core rename to elsewhere")
        assert (await api.get("/v1/ops/bookings")).status_code == 503
        judged = await Bench(api).measure(api_health.GATE)
    assert not_passed(judged) == {"G-03_api_5xx_rate": Verdict.FAIL}
    assert judged.lines == {"API_5XX_RATE": 0.1, "API_REQUESTS": 10}


async def test_duplicates_pass_when_everything_was_delivered_twice(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url) as api:
        for key in ("a", "a", "b"):
            assert (await api.post(body(), key=key)).status_code == 202
        await api.process()
        judged = await Bench(api).measure(duplicate_delivery.GATE)
    assert judged.passed
    assert judged.summary["totalEvents"] == judged.summary["totalBookings"] == 1
    assert set(judged.summary["uniqueIndexes"].values()) == {"holds"}


async def test_duplicates_fail_without_the_index_and_with_what_comes_then(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url) as api:
        await api.accept(body())
        await change(api, "drop index ux_ingest_event_idempotency_key, ux_ingest_event_secondary_dedup")
        await api.rows(
            """insert into ingest_event_log select (jsonb_populate_record(log, jsonb_build_object(
               'event_key', gen_random_uuid()))).* from ingest_event_log log returning 1"""
        )
        judged = await Bench(api).measure(duplicate_delivery.GATE)
        lenient = await Bench(api).measure(duplicate_delivery.GATE, require_indexes=False, max_excess_rows=1)
    assert not_passed(judged) == {
        "F-04_idempotency_excess_rows": Verdict.FAIL,
        "F-04_secondary_excess_rows": Verdict.FAIL,
        "F-04_broken_unique_indexes": Verdict.FAIL,
        "ux_ingest_event_idempotency_key": Verdict.FAIL,
        "ux_ingest_event_secondary_dedup": Verdict.FAIL,
    }
    assert lenient.passed


async def test_duplicates_fail_on_twins_that_no_index_forbids(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url) as api:
        await api.accept(body(), body(ref="WEB-2"))
        await api.rows(
            "update booking_core set external_booking_ref = 'web-1' where external_booking_ref = 'WEB-2' returning 1"
        )
        judged = await Bench(api).measure(duplicate_delivery.GATE)
    assert not_passed(judged) == {"F-04_booking_identity_excess_rows": Verdict.FAIL}


async def test_retention_is_that_of_the_server_and_not_of_the_gate(
    postgres_dsn: str, broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(postgres_dsn, broker_url) as api:
        monkeypatch.setenv("INGEST_DLQ_RETENTION_DAYS", "99")
        assert (await Bench(api).measure(retention_policy.GATE)).passed
    monkeypatch.delenv("INGEST_DLQ_RETENTION_DAYS")
    set_otherwise = {"INGEST_RETENTION_ENABLED": "false", "INGEST_DLQ_RETENTION_DAYS": "31"}
    async with running(postgres_dsn, broker_url, **set_otherwise) as api:
        judged = await Bench(api).measure(retention_policy.GATE)
    assert not_passed(judged) == {"F-05_retention_enabled": Verdict.FAIL, "F-05_dlq_retention_days": Verdict.FAIL}


async def test_retention_fails_on_what_no_run_has_forgotten(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url) as api:
        await api.accept(body(), body(ref="WEB-2"), body(ref="WEB-3", raw=BROKEN))
        age = "update ingest_event_log set request_received_at = now() - interval '{}' where process_status {} returning 1"
        await api.rows(age.format("400 days", "<> 'DONE'"))  # still to do: never forgotten
        await api.rows(age.format("35 days 23 hours", "= 'DONE'"))  # the daily run may still come
        assert (await Bench(api).measure(retention_policy.GATE)).passed
        await api.rows(age.format("36 days 1 minute", "= 'DONE'"))
        await api.rows(
            "update ingest_dead_letter set status = 'CLOSED', updated_at = now() - interval '31 days 1 minute' returning 1"
        )
        judged = await Bench(api).measure(retention_policy.GATE)
    assert not_passed(judged) == {"F-05_stale_dlq_rows": Verdict.FAIL, "F-05_stale_ingest_rows": Verdict.FAIL}
    assert judged.lines == {"RETENTION_ENABLED": "true", "STALE_DLQ_ROWS": 1, "STALE_INGEST_ROWS": 2}


async def test_growth_passes_over_a_quiet_window(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url) as api:
        await api.accept(body(raw=BROKEN))  # what was there before does not count
        bench = Bench(api)
        judged = await bench.measure(dlq_growth.GATE, window_minutes=3)
    assert judged.passed
    assert bench.waits == 3
    assert len(judged.more["samples"]) == 4
    assert all(line.startswith("sample_ok at=") for line in bench.told)
    assert judged.summary["dlqGrowthPerHour"] == 0


async def test_growth_sees_dead_letters_that_were_resolved_meanwhile(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url) as api:

        async def one_comes_and_is_swept_away() -> None:
            await api.accept(body(ref=f"WEB-{bench.waits}", raw=BROKEN))
            await api.rows("update ingest_dead_letter set status = 'RESOLVED' returning 1")

        bench = Bench(api, meanwhile=one_comes_and_is_swept_away)
        judged = await bench.measure(dlq_growth.GATE, window_minutes=6)
    assert judged.summary["dlqStockGrowth"] == 0
    assert judged.summary["dlqFailures"] == 6
    assert not_passed(judged) == {"F-03_dlq_growth_per_hour": Verdict.FAIL}  # 60 an hour


async def test_growth_counts_more_than_a_page(
    postgres_dsn: str, broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dlq_growth, "PAGE", 2)
    async with running(postgres_dsn, broker_url) as api:

        async def some_come() -> None:
            await api.accept(*(body(ref=f"WEB-{bench.waits}-{n}", raw=BROKEN) for n in range(5)))

        bench = Bench(api, meanwhile=some_come)
        judged = await bench.measure(dlq_growth.GATE, window_minutes=1, max_growth_per_hour=1000)
    assert judged.passed
    assert judged.summary["dlqFailures"] == judged.summary["dlqStockGrowth"] == 5


async def test_growth_that_is_interrupted_holds(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url) as api:
        judged = await Bench(api, interrupt_after=2).measure(dlq_growth.GATE)
    assert not_passed(judged) == {"F-03_observed_minutes": Verdict.HOLD}
    assert len(judged.more["samples"]) == 2


async def test_growth_fails_on_a_queue_that_does_not_answer(postgres_dsn: str) -> None:
    async with running(postgres_dsn, "redis://127.0.0.1:1/0") as api:
        bench = Bench(api)
        judged = await bench.measure(dlq_growth.GATE, window_minutes=1, max_queue_waiting=0)
    assert not_passed(judged)["F-03_fetch_errors"] is Verdict.FAIL
    assert all(line.startswith("sample_err at=") for line in bench.told)


async def _is_waiting(api: Api) -> bool:
    return bool((await api.data("/v1/ingest/metrics/queue"))["queue"]["waiting"])


async def test_growth_fails_on_a_queue_that_is_too_long(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url) as api:
        for number in range(3):
            await api.post(body(ref=f"WEB-{number}"))
        await until(partial(_is_waiting, api))  # a job is handed over a moment after the answer
        judged = await Bench(api).measure(dlq_growth.GATE, window_minutes=1, max_queue_waiting=0)
    assert not_passed(judged) == {"F-03_queue_waiting": Verdict.FAIL}


async def test_the_replay_drill_repairs_an_event_for_real(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url, INGEST_REPLAY_ENABLED="true") as api:
        judged = await Bench(api, meanwhile=api.process).measure(replay_drill.GATE, actor="drill-1")
        again = await Bench(api, meanwhile=api.process).measure(replay_drill.GATE, actor="drill-1")
        [left, _] = await api.data("/v1/ops/bookings")
    assert judged.passed, judged.findings
    assert again.passed
    assert (left["opsFulfillmentStatus"], left["externalBookingRef"][:6]) == ("CANCELLED", "DRILL-")
    summary = judged.summary
    assert (summary["finalDeadLetterStatus"], summary["finalEventProcessStatus"]) == ("SUCCEEDED", "DONE")
    assert summary["auditEventsValidated"]


async def test_the_replay_drill_fails_when_replay_is_off_or_nobody_works(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url) as api:
        off = await Bench(api).measure(replay_drill.GATE)
    refused = off.findings[-1]
    assert (refused.verdict, refused.measured.endswith("503 INGEST_REPLAY_DISABLED")) == (Verdict.FAIL, True)
    async with running(postgres_dsn, broker_url, INGEST_REPLAY_ENABLED="true") as api:
        idle = await Bench(api).measure(replay_drill.GATE)
    assert not_passed(idle) == {"T-007-04_replayed": Verdict.FAIL, "T-007-04_done": Verdict.FAIL}
    assert idle.summary["finalDeadLetterStatus"] == "REPLAYING"


async def test_the_audit_of_an_earlier_drill_does_not_count(
    postgres_dsn: str, broker_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with running(postgres_dsn, broker_url, INGEST_REPLAY_ENABLED="true") as api:
        assert (await Bench(api, meanwhile=api.process).measure(replay_drill.GATE)).passed
        real = api.http.request

        async def anonymous(method: str, path: str, **how: Any) -> object:  # as if the API forgot who acted
            headers = how.get("headers")
            if isinstance(headers, dict):
                headers.pop("x-actor", None)
            return await real(method, path, **how)

        monkeypatch.setattr(api.http, "request", anonymous)
        judged = await Bench(api, meanwhile=api.process).measure(replay_drill.GATE)
    assert not_passed(judged) == {"T-007-04_audited": Verdict.FAIL}
