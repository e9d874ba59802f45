"""Metrics, health and the documents themselves."""

from parts.shapes import ADMIN, ADMIN_REFUSALS, Schema, answer, get, integer, query, ref, refusals


def paths() -> Schema:
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
        "/metrics": get(
            "getPrometheusMetrics",
            "metrics",
            "Everything that Prometheus scrapes",
            "Needs no token: nothing names a booking, a guest or a producer. What does not answer is said to be down.",
            {"200": {"description": "the text format", "content": {"text/plain": {"schema": {"type": "string"}}}}},
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
            "Always 200; degraded when one that is configured does not answer, or none is.",
            {"200": answer("the checks", ref("DatabaseHealth"))},
        ),
        "/health/ready": get(
            "getReadiness",
            "health",
            "Can it do its work?",
            "503 while something required is missing; the queue is not, since the log is enough.",
            {"200": answer("ready", ref("Readiness")), "503": answer("not ready", ref("Readiness"))},
        ),
        **{
            place: get(name, "documents", "This document", "OpenAPI 3.1.", {"200": document_answer()})
            for place, name in (("/schema/openapi.json", "getOpenApi"), ("/docs-json", "getOpenApiAtItsOldPlace"))
        },
    }


def document_answer() -> Schema:
    return {"description": "the document", "content": {"application/json": {"schema": {"type": "object"}}}}
