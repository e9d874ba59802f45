"""Reconciliation and the retention settings through the real API, over PostgreSQL."""

import asyncio

from bst_testing.deliveries import body, paid
from tests.api.harness import Api, running

CHECKS = [
    "booking_core_null_identity",
    "booking_core_duplicate_identity",
    "payment_orphan_rows",
    "ops_done_not_paid_ratio",
    "ingest_secondary_dedup_duplicates",
    "unmapped_ratio_percent",
    "global_mismatch_ratio",
]


async def test_a_healthy_day_passes_where_an_empty_catalog_is_allowed(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url, QUALITY_ALLOW_EMPTY_CATALOG_DENOMINATOR="true") as api:
        await api.accept(body(), body("UPDATED", at="2026-03-02T00:00:00Z", raw=paid("P-1")), body(ref="WEB-2"))
        found = await api.data("/v1/metrics/reconciliation")
    assert found["result"] == "PASS"
    assert found["thresholds"] == {
        "maxGlobalMismatchRatio": 0.01, "maxOpsDoneNotPaidRatio": 0.01, "maxUnmappedRatioPercent": 5
    }  # fmt: skip
    metrics = found["metrics"]
    totals = metrics["bookingCoreTotalRows"], metrics["paymentEventTotalRows"], metrics["ingestEventTotalRows"]
    assert totals == (2, 1, 3)
    assert metrics["unmappedRatioPercent"] is None
    assert [check["name"] for check in found["checks"]] == CHECKS
    assert list(found["domains"]) == ["booking", "payment", "ingest", "catalog"]
    nothing = {"mismatchRows": 0, "denominator": 0, "ratio": None, "thresholdRatio": 0.05, "passed": True}
    assert found["domains"]["catalog"] == nothing
    payment = {"mismatchRows": 0, "denominator": 1, "ratio": 0, "thresholdRatio": 0.01, "passed": True}
    assert found["domains"]["payment"] == payment


async def test_what_does_not_agree_is_found_and_the_thresholds_are_the_environments(
    postgres_dsn: str, broker_url: str
) -> None:
    limits = {"RECON_MAX_GLOBAL_MISMATCH_RATIO": "0.5", "QUALITY_MAX_OPS_DONE_NOT_PAID_RATIO": "0.4"}
    async with running(postgres_dsn, broker_url, **limits) as api:
        await api.accept(body(), body(ref="WEB-2"), body("UPDATED", ref="WEB-2", raw=paid("P-2")))
        await api.rows(
            """update booking_core set ops_fulfillment_status = 'DONE',
               external_booking_ref = case external_booking_ref when 'WEB-2' then 'web-1' else 'WEB-1' end returning 1"""
        )
        found = await api.data("/v1/metrics/reconciliation")
    assert found["result"] == "FAIL"
    failed = {check["name"]: check["detail"] for check in found["checks"] if not check["passed"]}
    assert failed == {
        "booking_core_duplicate_identity": "groups=1 excessRows=1 expected=0",
        "ops_done_not_paid_ratio": "ratio=0.500000 threshold=0.4 rows=1/2",
        "unmapped_ratio_percent": "percent=none threshold=5 rows=0/0: the catalog is empty, which is not allowed",
    }
    assert found["metrics"]["globalMismatchRatio"] == 0.25  # 2 of 2 bookings, 1 payment, 2 DONE and 3 events
    assert found["domains"]["booking"]["ratio"] == 0.5


async def test_a_missing_table_is_a_schema_that_is_not_ready(api: Api) -> None:
    async with api.database.transaction() as connection:
        await connection.execute("drop table catalog_variant_rate, booking_item_snapshot, catalog_variant")
    answer = await api.get("/v1/metrics/reconciliation")
    assert (answer.status_code, answer.json()["error"]["message"]) == (503, "RECONCILIATION_SCHEMA_NOT_READY")


async def test_every_role_may_look_and_nobody_else(api: Api) -> None:
    for path in ("/v1/metrics/reconciliation", "/v1/metrics/retention"):
        assert (await api.get(path, role="STAFF")).status_code == 200
        assert (await api.get(path, token=None, role=None)).status_code == 401
        assert (await api.get(path, role="GUEST")).status_code == 403


async def test_many_callers_at_once_leave_connections_for_others(api: Api) -> None:
    async with api.database.transaction() as connection:  # nobody can count while this lasts
        await connection.execute("lock table booking_core in access exclusive mode")
        callers = [asyncio.create_task(api.get("/v1/metrics/reconciliation")) for _ in range(12)]
        assert (await api.get("/v1/ingest/metrics/queue")).status_code == 200
    answers = await asyncio.gather(*callers)
    assert {answer.status_code for answer in answers} == {200}


async def test_the_retention_of_the_serving_process_is_told(postgres_dsn: str, broker_url: str) -> None:
    async with running(
        postgres_dsn, broker_url, INGEST_DLQ_RETENTION_DAYS="31", INGEST_RETENTION_INTERVAL_MS="120000"
    ) as api:
        assert await api.data("/v1/metrics/retention") == {
            "enabled": True,
            "intervalMs": 120_000,
            "nonceTtlMinutes": 10,
            "idempotencyTtlDays": 35,
            "dlqRetentionDays": 31,
            "unmappedRetentionDays": 90,
        }
