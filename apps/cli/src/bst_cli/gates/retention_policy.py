"""F-05: the serving process is set to forget as required, and what should be forgotten is."""

from datetime import timedelta

from bst_cli.gates.carrying import Gate, Given, as_command, at_least, setting, within_ms
from bst_cli.gates.findings import Judged, judged_checks
from bst_cli.gates.surroundings import Surroundings
from bst_domain.gates import RetentionFigures, RetentionLimits, retention_checks
from bst_domain.ingest import Kept
from bst_postgres.retention import PostgresRetentionStore

_STALE = "No retention run got to them: see that a worker runs, its log, and `bst retention run --dry-run`."
_SET = "Set it so for the API and the workers, and start them again; or say with the gate's settings what is required."
CURES = {
    "F-05_retention_enabled": "Set INGEST_RETENTION_ENABLED=true for the API and the workers, and start them again.",
    "F-05_nonce_ttl_minutes": f"INGEST_NONCE_TTL_MINUTES: {_SET}",
    "F-05_idempotency_ttl_days": f"INGEST_IDEMPOTENCY_TTL_DAYS: {_SET}",
    "F-05_dlq_retention_days": f"INGEST_DLQ_RETENTION_DAYS: {_SET}",
    "F-05_stale_dlq_rows": _STALE,
    "F-05_stale_ingest_rows": _STALE,
}


async def measure(around: Surroundings, given: Given) -> Judged:
    """Asks the API for its settings and counts in the database what a run should have forgotten.

    A run is due every interval, so a row is stale only one interval after its time.
    """
    limits = RetentionLimits(
        nonce_ttl_minutes=given["required_nonce_ttl_minutes"],
        idempotency_ttl_days=given["required_idempotency_ttl_days"],
        dead_letter_days=given["required_dlq_retention_days"],
        max_stale_dead_letters=given["max_stale_dlq_rows"],
        max_stale_events=given["max_stale_ingest_rows"],
    )
    async with around.api() as api:
        said = await api.get("/v1/metrics/retention", within_ms=given["request_timeout_ms"])
    interval = timedelta(milliseconds=said["intervalMs"])
    before_letters = around.now() - timedelta(days=limits.dead_letter_days) - interval
    before_events = around.now() - timedelta(days=limits.idempotency_ttl_days) - interval
    async with around.database() as database:
        store = PostgresRetentionStore(database)
        stale_letters = await store.expired(Kept.DEAD_LETTER, before=before_letters)
        stale_events = await store.expired(Kept.EVENT, before=before_events)
    figures = RetentionFigures(
        enabled=said["enabled"],
        nonce_ttl_minutes=said["nonceTtlMinutes"],
        idempotency_ttl_days=said["idempotencyTtlDays"],
        dead_letter_days=said["dlqRetentionDays"],
        stale_dead_letters=stale_letters,
        stale_events=stale_events,
    )
    return Judged(
        config={
            "requiredNonceTtlMinutes": limits.nonce_ttl_minutes,
            "requiredIdempotencyTtlDays": limits.idempotency_ttl_days,
            "requiredDlqRetentionDays": limits.dead_letter_days,
            "maxStaleDlqRows": limits.max_stale_dead_letters,
            "maxStaleIngestRows": limits.max_stale_events,
            "graceMs": said["intervalMs"],
        },
        summary={
            "retentionEnabled": figures.enabled,
            "nonceTtlMinutes": figures.nonce_ttl_minutes,
            "idempotencyTtlDays": figures.idempotency_ttl_days,
            "dlqRetentionDays": figures.dead_letter_days,
            "staleDlqRows": stale_letters,
            "staleIngestRows": stale_events,
        },
        findings=judged_checks(retention_checks(figures, limits), CURES),
        lines={
            "RETENTION_ENABLED": str(figures.enabled).lower(),
            "STALE_DLQ_ROWS": stale_letters,
            "STALE_INGEST_ROWS": stale_events,
        },
    )


_USUAL = RetentionLimits()
_REQUIRED = "What the serving process must be set to."
GATE = Gate(
    name="ingest-retention-policy",
    id="F-05_RETENTION_POLICY_ACTIVE",
    title="F-05 Retention policy",
    folder="gates/ingest-retention-policy",
    help="F-05: retention is on, set as required, and works.",
    settings=[
        setting(
            "required-nonce-ttl-minutes",
            "GATE_RETENTION_REQUIRED_NONCE_TTL_MINUTES",
            at_least(1),
            _USUAL.nonce_ttl_minutes,
            _REQUIRED,
        ),
        setting(
            "required-idempotency-ttl-days",
            "GATE_RETENTION_REQUIRED_IDEMPOTENCY_TTL_DAYS",
            at_least(1),
            _USUAL.idempotency_ttl_days,
            _REQUIRED,
        ),
        setting(
            "required-dlq-retention-days",
            "GATE_RETENTION_REQUIRED_DLQ_RETENTION_DAYS",
            at_least(1),
            _USUAL.dead_letter_days,
            _REQUIRED,
        ),
        setting(
            "max-stale-dlq-rows", "GATE_RETENTION_MAX_STALE_DLQ_ROWS", at_least(0), 0, "Dead letters kept too long."
        ),
        setting(
            "max-stale-ingest-rows", "GATE_RETENTION_MAX_STALE_INGEST_ROWS", at_least(0), 0, "Events kept too long."
        ),
        within_ms("GATE_REQUEST_TIMEOUT_MS"),
    ],
    measure=measure,
)
command = as_command(GATE)
