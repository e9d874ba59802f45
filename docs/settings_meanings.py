"""What each setting means and who reads it. Values and defaults come from the code; here stand those that the code does not say.

``settings_page.py`` makes the page, and fails where these names are not those that are read.
"""

from collections.abc import Mapping
from typing import Final

from attrs import frozen

API: Final = "API"
WORKER: Final = "worker"
BOTH: Final = "API, worker"
ALL: Final = "API, worker, commands"


@frozen
class Meaning:
    """``values`` and ``default`` only where the reader does not say them, or says less."""

    by: str
    text: str
    values: str | None = None
    default: str | None = None


_MADE_UP: Final = "made up for the process; production refuses"
_OTEL: Final = "not set"

SECTIONS: Final[Mapping[str, Mapping[str, Meaning]]] = {
    "Where things are": {
        "BST_ENV": Meaning(ALL, "with production everything unsafe is refused, and log lines are JSON"),
        "PORT": Meaning(API, "where `bst api` and `bst up` listen; `--port` goes before it"),
        "OPS_DB_URL": Meaning(ALL, "the operational database; needed", "postgresql://…"),
        "OPS_READ_DB_URL": Meaning(
            API, "a streaming replica of it, for reads: [scaling.md](scaling.md)", "postgresql://…"
        ),
        "BST_READ_MAX_LAG_SECONDS": Meaning(API, "a replica that is further behind serves nothing"),
        "CHANNEL_DB_URL": Meaning(API, "the shop's database, for `/health/db` only", "postgresql://…"),
        "OPS_READ_PARITY_DATABASE_URL": Meaning(
            "API, commands",
            "the old admin's database, for shadow reads and BG-01: [cutover.md](cutover.md)",
            "postgresql://…",
        ),
        "INGEST_REDIS_URL": Meaning(BOTH, "the queue's Redis; without one the queue runs on PostgreSQL", "redis://…"),
        "INGEST_QUEUE_NAME": Meaning(BOTH, "the queue's name", default="ingest-bookings-events"),
    },
    "Switches": {
        "INGEST_WEBHOOK_ENABLED": Meaning(API, "events are accepted; off: 503 `INGEST_WEBHOOK_DISABLED`"),
        "INGEST_QUEUE_ENABLED": Meaning(
            BOTH, "accepted events are handed to the queue and taken from it; off: they wait in the log"
        ),
        "INGEST_REPLAY_ENABLED": Meaning(BOTH, "failed events may be replayed; off: 503 `INGEST_REPLAY_DISABLED`"),
        "INGEST_SYNC_FALLBACK_ENABLED": Meaning(
            BOTH,
            "with the queue off, the API processes an event before it answers, and whoever runs looks every few seconds for those"
            " that are due. Not turned at run time",
        ),
        "OPS_READ_NEW_MODEL_ENABLED": Meaning(
            API, "the old admin reads bookings from here; the three below say who does"
        ),
        "OPS_READ_NEW_MODEL_PERCENT": Meaning(API, "so many of a hundred people; set to nothing it is 0"),
        "OPS_READ_NEW_MODEL_CANARY_USER_IDS": Meaning(API, "people who always do, by number"),
        "OPS_READ_NEW_MODEL_CANARY_EMAILS": Meaning(API, "people who always do, by address"),
        "OPS_READ_SHADOW_PERCENT": Meaning(
            API, "so many of a hundred reads are compared with the old admin afterwards: [cutover.md](cutover.md)"
        ),
        "OPS_WRITE_CORE_ENABLED": Meaning(API, "the old admin writes bookings here; the three below say who does"),
        "OPS_WRITE_CORE_PERCENT": Meaning(API, "so many of a hundred people; set to nothing it is 0"),
        "OPS_WRITE_CORE_CANARY_USER_IDS": Meaning(API, "people who always do, by number"),
        "OPS_WRITE_CORE_CANARY_EMAILS": Meaning(API, "people who always do, by address"),
        "OPS_WRITE_CORE_STRICT": Meaning(
            API, "a write that core refuses fails, and is not made in the old admin alone"
        ),
        "WEB_EMIT_BOOKING_EVENT_ENABLED": Meaning(API, "kept for the web shop, which asks for it"),
        "EMAIL_PIPELINE_CORE_ENABLED": Meaning(API, "kept for the mail intake, which asks for it"),
    },
    "Who gets in": {
        "ADMIN_AUTH_ENABLED": Meaning(API, "false opens every administrator's route; production refuses it"),
        "CORE_API_ADMIN_TOKEN": Meaning("API, commands", "the shared token of administrators", default=_MADE_UP),
        "INGEST_SERVICE_TOKEN": Meaning(
            "API, commands", "the token of the producer that may send every source", default=_MADE_UP
        ),
        "INGEST_SERVICE_SECRET": Meaning("API, commands", "what that producer signs with", default=_MADE_UP),
        "INGEST_SERVICE_SECRETS_PREVIOUS": Meaning(
            API, "secrets that are being replaced and are still good", "list, by commas", "none"
        ),
        "BST_SECRETS_KEY": Meaning(
            "API, commands",
            "what producers' secrets are encrypted with in the database, the newest first",
            "keys of 32 bytes in URL-safe base64, by commas",
        ),
        "INGEST_TIMESTAMP_DRIFT_MINUTES": Meaning(API, "how far the clock of a signed request may be off, either way"),
        "INGEST_NONCE_TTL_MINUTES": Meaning(BOTH, "how long a nonce is remembered; production wants twice the drift"),
        "BST_TRUSTED_PROXIES": Meaning(
            API, "whose X-Forwarded-For is believed", "addresses and networks, by commas", "nobody's"
        ),
        "BST_LIMIT_PRODUCER_PER_MINUTE": Meaning(API, "requests of one producer, then 429"),
        "BST_LIMIT_ADDRESS_PER_MINUTE": Meaning(API, "requests from one address, then 429"),
        "BST_LIMIT_REFUSED_PER_MINUTE": Meaning(API, "refused requests from one address, then 429"),
        "BST_LIMIT_CATALOG_PER_MINUTE": Meaning(API, "reads of the public catalog from one address, then 429"),
    },
    "Publishing the catalog": {
        "CATALOG_PUBLISH_SECRET": Meaning(
            "API, commands", "what publish requests are signed with: [publishing.md](publishing.md)", default="unsigned"
        ),
        "CATALOG_PUBLISH_SECRETS_PREVIOUS": Meaning(
            API, "secrets that are being replaced and are still good", "list, by commas", "none"
        ),
        "CATALOG_PUBLISH_SIGNATURE_REQUIRED": Meaning(
            API, "an unsigned write is 401", default="true where a secret is set, else false"
        ),
        "CATALOG_PUBLISH_TIMESTAMP_DRIFT_MINUTES": Meaning(API, "as for events"),
        "CATALOG_PUBLISH_NONCE_TTL_MINUTES": Meaning(API, "as for events"),
        "CATALOG_PUBLISH_REVIEWER_MUST_DIFFER_FROM_CREATOR": Meaning(
            API, "four eyes at the review", default="false; true with the last one below"
        ),
        "CATALOG_PUBLISH_PUBLISHER_MUST_DIFFER_FROM_REVIEWER": Meaning(
            API, "four eyes at the publish; no retry then", default="false; true with the last one below"
        ),
        "CATALOG_PUBLISH_FOUR_EYES_BY_PRINCIPAL": Meaning(
            API, "both rules, and only principals may publish; 403 for the shared token"
        ),
    },
    "Work and clean-up": {
        "BST_WORKER_CONCURRENCY": Meaning(WORKER, "jobs in hand at once"),
        "BST_WORKER_NICENESS": Meaning(WORKER, "how far it gives way to others on the machine"),
        "BST_REPLAYS_PER_SECOND": Meaning(BOTH, "of a bulk replay, in each process that runs it"),
        "INGEST_RETENTION_ENABLED": Meaning(
            WORKER, "what has lived long enough is forgotten; off: only `bst retention run` does it"
        ),
        "INGEST_RETENTION_RUN_ON_START": Meaning(WORKER, "also when the worker starts, not only an interval later"),
        "INGEST_RETENTION_INTERVAL_MS": Meaning(
            WORKER, "between two runs, in milliseconds; less than a minute is the default"
        ),
        "INGEST_IDEMPOTENCY_TTL_DAYS": Meaning(ALL, "events that are DONE, and their idempotency keys, live so long"),
        "INGEST_DLQ_RETENTION_DAYS": Meaning(ALL, "dead letters, after they were settled"),
        "INGEST_UNMAPPED_RETENTION_DAYS": Meaning(ALL, "unmapped entries, after they were settled"),
        "BST_CUTOVER_RETENTION_DAYS": Meaning(
            ALL,
            "what cutting over leaves behind: reported dual writes, counts of shadow reads, legacy rows that were compared",
        ),
    },
    "Logs, metrics, traces, judgement": {
        "BST_LOG_FORMAT": Meaning(
            ALL, "one JSON object a line, or text for people", default="json in production, else text"
        ),
        "BST_LOG_LEVEL": Meaning(ALL, "what is not worth a line"),
        "BST_WORKER_METRICS_PORT": Meaning(WORKER, "its page for Prometheus; 0: none"),
        "BST_WORKER_METRICS_HOST": Meaning(WORKER, "where that page listens", default="127.0.0.1"),
        "RECON_MAX_GLOBAL_MISMATCH_RATIO": Meaning(
            API, "threshold of `GET /v1/metrics/reconciliation`: [gates.md](gates.md#reconciliation)"
        ),
        "QUALITY_MAX_OPS_DONE_NOT_PAID_RATIO": Meaning("API, commands", "the same"),
        "QUALITY_MAX_UNMAPPED_RATIO_PERCENT": Meaning("API, commands", "the same"),
        "QUALITY_ALLOW_EMPTY_CATALOG_DENOMINATOR": Meaning(
            "API, commands", "an empty catalog passes where nothing is unmapped"
        ),
        "OTEL_TRACES_EXPORTER": Meaning(
            BOTH,
            "traces: [logs-and-traces.md](operations/logs-and-traces.md)",
            "otlp or console or none",
            "otlp where an endpoint is set",
        ),
        "OTEL_EXPORTER_OTLP_ENDPOINT": Meaning(
            BOTH, "where they go; `OTEL_EXPORTER_OTLP_TRACES_ENDPOINT` goes before it", "URL", _OTEL
        ),
        "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": Meaning(BOTH, "the same, for traces alone", "URL", _OTEL),
        "OTEL_EXPORTER_OTLP_PROTOCOL": Meaning(
            BOTH,
            "and `OTEL_EXPORTER_OTLP_TRACES_PROTOCOL` before it; no other is taken",
            "http/protobuf",
            "http/protobuf",
        ),
        "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL": Meaning(
            BOTH, "the same, for traces alone", "http/protobuf", "http/protobuf"
        ),
        "OTEL_SERVICE_NAME": Meaning(BOTH, "how the process is called in traces", "text", "bst-api, bst-worker"),
        "OTEL_SDK_DISABLED": Meaning(BOTH, "true: no traces, whatever else is set", "true", _OTEL),
    },
}

#: Name -> default and meaning.
OF_COMMANDS: Final[Mapping[str, tuple[str, str]]] = {
    "CORE_API_BASE_URL": (
        "the `bst up` of `--data-dir`",
        "the API that commands and gates ask; `--url` goes before it",
    ),
    "BALISNAP_DB_URL": (
        "none",
        "the shop's old database, read and never written, for `bst migrate`, `bst recon` and gates",
    ),
    "BSTADMIN_DB_URL": ("none", "the old admin's, likewise; `bst cutover` and the API's shadow reads ask it, too"),
    "CORE_API_ADMIN_ROLE": ("ADMIN", "what gates send as `x-admin-role`"),
}

NOT_READ: Final[Mapping[tuple[str, ...], str]] = {
    ("AUDIT_PERSISTENCE_ENABLED", "AUDIT_LOG_PATH"): "the audit trail is a table, written with each change",
    (
        "CATALOG_PUBLISH_PERSISTENCE_ENABLED",
        "CATALOG_PUBLISH_JOBS_PATH",
        "CATALOG_PUBLISH_DIR",
    ): "jobs and versions are tables; there are no files",
    ("API_METRICS_MAX_SAMPLES",): "requests are counted by time, not by number",
}
