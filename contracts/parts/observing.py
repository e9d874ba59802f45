"""Metrics, health and the documents themselves."""

from parts.shapes import (
    ADMIN,
    ADMIN_REFUSALS,
    Schema,
    answer,
    enum,
    flag,
    get,
    instant,
    integer,
    listing,
    maybe,
    number,
    obj,
    path,
    query,
    ref,
    refusals,
    text,
)

RECONCILIATION_CHECKS = (
    "booking_core_null_identity",
    "booking_core_duplicate_identity",
    "payment_orphan_rows",
    "ops_done_not_paid_ratio",
    "ingest_secondary_dedup_duplicates",
    "unmapped_ratio_percent",
    "global_mismatch_ratio",
)
METRICS_EXAMPLE = 'bst_ingest_deliveries_total{outcome="ACCEPTED"} 313.0\nbst_ingest_backlog_events 0.0\n'
CHECK: Schema = {
    "database": "ops_db",
    "configured": True,
    "reachable": True,
    "latencyMs": 1,
    "error": None,
    "lagSeconds": None,
    "replayedAt": None,
}
UNCONFIGURED = {
    "database": "channel_db",
    "configured": False,
    "reachable": False,
    "latencyMs": None,
    "error": "MISSING_CONNECTION_STRING",
}
DATABASES: Schema = {"status": "ok", "checks": [CHECK, {**CHECK, **UNCONFIGURED}]}
READY: Schema = {
    "status": "ready",
    "checks": [
        {"name": name, "ok": True, "required": required, "detail": None}
        for name, required in (("ops_db", True), ("schema", True), ("queue", False))
    ],
}
PENDING = {"name": "schema", "ok": False, "required": True, "detail": "migrations are pending: run `bst db upgrade`"}
NOT_READY: Schema = {"status": "not_ready", "checks": [READY["checks"][0], PENDING, READY["checks"][2]]}


def paths() -> Schema:
    words = {"schema": {"type": "string"}}
    return {
        "/v1/ingest/metrics/queue": get(
            "getQueueMetrics",
            "metrics",
            "Queue, dead letters, retries",
            "Answers within a second, also when the broker does not.",
            {"200": answer("the figures", ref("QueueMetrics")), **refusals(**ADMIN_REFUSALS)},
            security=ADMIN,
        ),
        "/v1/ingest/metrics/processing": get(
            "getProcessingMetrics",
            "metrics",
            "What became of the events received lately",
            "The window is on the time of receipt.",
            {"200": answer("the figures", ref("ProcessingMetrics")), **refusals(**ADMIN_REFUSALS)},
            security=ADMIN,
            parameters=[query("windowMinutes", "length of the window", integer(minimum=1, maximum=1440, default=60))],
        ),
        "/v1/metrics/api": get(
            "getApiMetrics",
            "metrics",
            "What this process answered lately",
            "Exact counts of the core's own paths; health, documents, metrics and unknown paths are left out.",
            {"200": answer("the figures", ref("ApiMetrics")), **refusals(**ADMIN_REFUSALS)},
            security=ADMIN,
            parameters=[query("windowMinutes", "length of the window", integer(minimum=1, maximum=1440, default=15))],
        ),
        "/v1/metrics/reconciliation": get(
            "getReconciliation",
            "metrics",
            "Whether what is stored agrees with itself",
            "Seven checks over four domains, counted in one snapshot. One at a time per process: it reads whole tables.",
            {
                "200": answer("the counts, judged", ref("Reconciliation")),
                **refusals(**{**ADMIN_REFUSALS, "s503": "OPS_DB_UNAVAILABLE, RECONCILIATION_SCHEMA_NOT_READY"}),
            },
            security=ADMIN,
        ),
        "/v1/metrics/retention": get(
            "getRetentionSettings",
            "metrics",
            "What this process is set to forget, and when",
            "The settings of the serving process itself; gate F-05 compares them with what is required.",
            {"200": answer("the settings", ref("RetentionSettings")), **refusals(**ADMIN_REFUSALS)},
            security=ADMIN,
        ),
        "/metrics": get(
            "getPrometheusMetrics",
            "metrics",
            "Everything that Prometheus scrapes",
            "Needs no token: nothing names a booking, a guest or a producer. What does not answer is said to be down.",
            {
                "200": {
                    "description": "the text format",
                    "content": {"text/plain": {"schema": {"type": "string"}, "example": METRICS_EXAMPLE}},
                }
            },
        ),
        "/health": get(
            "getHealth",
            "health",
            "Is the process alive?",
            "Asks nothing else.",
            {"200": answer("it is", ref("Health"))},
        ),
        "/health/db": get(
            "getDatabaseHealth",
            "health",
            "Do the databases answer?",
            "Always 200; degraded when one that is configured does not answer or is too far behind, or none is.",
            {"200": answer("the checks", ref("DatabaseHealth"), DATABASES)},
        ),
        "/health/ready": get(
            "getReadiness",
            "health",
            "Can it do its work?",
            "503 while something required is missing; the queue and a read replica are not: log and primary are enough.",
            {
                "200": answer("ready", ref("Readiness"), READY),
                "503": answer("not ready", ref("Readiness"), NOT_READY),
            },
        ),
        "/docs": get(
            "getDocsPage",
            "documents",
            "This document to read and to try",
            "A page for people; open to everybody. It sends to this server only, and signs what has to be signed.",
            {"200": {"description": "the page", "content": {"text/html": {**words, "example": "<!doctype html>…"}}}},
        ),
        "/docs/{name}": get(
            "getDocsAsset",
            "documents",
            "What the page is made of",
            "Scripts, styles and the licence of Swagger UI.",
            {
                "200": {
                    "description": "the file",
                    "content": {
                        kind: {**words, "example": "…"} for kind in ("text/javascript", "text/css", "text/plain")
                    },
                },
                "404": refusals(s404="Cannot GET /docs/<name>")["404"],
            },
            parameters=[path("name", "as the page asks for it")],
        ),
        **{
            place: get(name, "documents", "This document", "OpenAPI 3.1.", {"200": document_answer()})
            for place, name in (("/schema/openapi.json", "getOpenApi"), ("/docs-json", "getOpenApiAtItsOldPlace"))
        },
    }


def schemas() -> Schema:
    counts = (
        "bookingCoreTotalRows",
        "bookingCoreNullIdentity",
        "bookingCoreDuplicateIdentityGroups",
        "bookingCoreDuplicateIdentityExcessRows",
        "paymentEventTotalRows",
        "paymentOrphanRows",
        "opsDoneTotal",
        "opsDoneNotPaid",
        "ingestEventTotalRows",
        "ingestSecondaryDedupDuplicateGroups",
        "ingestSecondaryDedupDuplicateExcessRows",
        "unmappedRows",
        "totalCatalogEntities",
    )
    share = obj(
        {
            "mismatchRows": integer(minimum=0),
            "denominator": integer(minimum=0),
            "ratio": {**maybe(number), "description": "null of nothing"},
            "thresholdRatio": number,
            "passed": flag,
        }
    )
    return {
        "Reconciliation": obj(
            {
                "generatedAt": instant,
                "result": enum("PASS", "FAIL"),
                "thresholds": obj(
                    dict.fromkeys(
                        ("maxGlobalMismatchRatio", "maxOpsDoneNotPaidRatio", "maxUnmappedRatioPercent"), number
                    )
                ),
                "metrics": obj(
                    {
                        **{name: integer(minimum=0) for name in counts},
                        "opsDoneNotPaidRatio": {**number, "description": "0 when nothing is DONE"},
                        "unmappedRatioPercent": {**maybe(number), "description": "null when the catalog is empty"},
                        "globalMismatchRatio": number,
                    }
                ),
                "domains": obj(dict.fromkeys(("booking", "payment", "ingest", "catalog"), share)),
                "checks": {
                    **listing(obj({"name": enum(*RECONCILIATION_CHECKS), "passed": flag, "detail": text()})),
                    "minItems": len(RECONCILIATION_CHECKS),
                    "maxItems": len(RECONCILIATION_CHECKS),
                },
            }
        ),
        "RetentionSettings": obj(
            {
                "enabled": flag,
                **{
                    name: integer(minimum=0)
                    for name in (
                        "intervalMs",
                        "nonceTtlMinutes",
                        "idempotencyTtlDays",
                        "dlqRetentionDays",
                        "unmappedRetentionDays",
                    )
                },
            }
        ),
    }


def document_answer() -> Schema:
    return {
        "description": "the document",
        "content": {"application/json": {"schema": {"type": "object"}, "example": {"openapi": "3.1.0"}}},
    }
