"""What metrics and health look like."""

from parts.shapes import (
    DEAD_LETTER_STATUSES,
    Schema,
    enum,
    flag,
    growing,
    instant,
    integer,
    listing,
    maybe,
    number,
    obj,
    text,
)


def schemas() -> Schema:
    return {
        "QueueMetrics": obj(
            {
                "queue": obj(
                    {
                        "queueName": text(),
                        "enabled": flag,
                        "connected": flag,
                        **{
                            state: integer()
                            for state in ("waiting", "active", "delayed", "completed", "failed", "paused")
                        },
                        "lastError": maybe(text()),
                    }
                ),
                "deadLetter": obj(
                    {"total": integer(), "byStatus": obj({status: integer() for status in DEAD_LETTER_STATUSES})}
                ),
                "retry": obj(
                    {
                        "policy": obj({"maxAttempts": integer(), "retryDelaysSeconds": listing(integer())}),
                        "totals": obj(
                            {
                                name: integer()
                                for name in (
                                    "pendingRetry",
                                    "dueRetry",
                                    "processingRetry",
                                    "queuedRetry",
                                    "exhausted",
                                    "withAttempt",
                                )
                            }
                        ),
                        "nextRetryAt": obj({"earliest": maybe(instant), "latest": maybe(instant)}),
                        "attemptHistogram": {"type": "object", "additionalProperties": integer()},
                    }
                ),
            }
        ),
        "ProcessingMetrics": obj(
            {
                "windowMinutes": integer(minimum=1, maximum=1440),
                "totals": obj(
                    {name: integer() for name in ("received", "done", "failed", "processing", "pending", "terminal")}
                ),
                "successRate": {**number, "description": "done of received; 1 when none"},
                "failureRate": number,
                "latenciesMs": obj({name: integer() for name in ("sampleCount", "median", "p95", "max")}),
            }
        ),
        "ApiMetrics": obj(
            {
                "windowMinutes": integer(minimum=1, maximum=1440),
                "generatedAt": instant,
                "uptimeSeconds": integer(),
                "totals": obj(
                    {name: integer() for name in ("requests", "status2xx", "status3xx", "status4xx", "status5xx")}
                ),
                "rates": obj(
                    {
                        "successRate": {**number, "description": "2xx and 3xx of all; 1 when none"},
                        "error4xxRate": number,
                        "error5xxRate": number,
                    }
                ),
                "throughput": obj({"requestsPerSecond": number, "requestsPerMinute": number}),
                "latencyMs": obj(
                    {**{name: integer() for name in ("sampleCount", "median", "p95", "max")}, "avg": number}
                ),
                "byMethod": {"type": "object", "additionalProperties": integer()},
            }
        ),
        "Health": obj({"status": enum("ok"), "service": enum("core-api"), "timestamp": instant}),
        "DatabaseHealth": obj(
            {
                "status": enum("ok", "degraded"),
                "checks": listing(
                    obj(
                        {
                            "database": growing("ops_db", "channel_db", "ops_db_read"),
                            "configured": flag,
                            "reachable": flag,
                            "latencyMs": maybe(integer()),
                            "error": maybe(
                                growing(
                                    "MISSING_CONNECTION_STRING",
                                    "DB_CHECK_FAILED",
                                    "NOT_LOOKED_AT",
                                    "NOT_A_REPLICA",
                                    "REPLICA_BEHIND",
                                )
                            ),
                            "lagSeconds": maybe(number),
                            "replayedAt": maybe(instant),
                        }
                    )
                ),
            }
        ),
        "Readiness": obj(
            {
                "status": enum("ready", "not_ready"),
                "checks": listing(
                    obj(
                        {
                            "name": growing("ops_db", "schema", "queue", "ops_db_read"),
                            "ok": flag,
                            "required": flag,
                            "detail": maybe(text()),
                        }
                    )
                ),
            }
        ),
    }
