"""Settings from the environment, under the names that operators of the predecessor already use.

Pure: the environment is an argument. Everything wrong is found in one pass and said with its cure.
"""

import secrets as entropy
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from attrs import field, frozen

from bst_application.environment import EnvironmentReader
from bst_application.flags import Flag, initial_flags
from bst_application.publish_settings import PublishSettings, publish_settings
from bst_application.redis_url import problem_of
from bst_application.safety import unsafe_in_production
from bst_application.trusted_proxies import Network, networks_from
from bst_domain.gates import ReconciliationLimits

ENVIRONMENTS: Final = ("development", "test", "staging", "production")
MOST_PER_MINUTE: Final = 100_000_000

LOG_LEVELS: Final = ("DEBUG", "INFO", "WARNING", "ERROR")


class LogFormat(StrEnum):
    """How log lines look: one JSON object each, for machines, or text."""

    JSON = "json"
    TEXT = "text"


class BadSettings(Exception):
    """The environment cannot be used; ``problems`` are sentences, each with its cure."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("; ".join(problems))
        self.problems = problems


@frozen(kw_only=True)
class Settings:
    """Everything the processes are told. Secrets are not part of the repr."""

    production: bool
    port: int
    ops_db_url: str | None = field(repr=False)
    read_db_url: str | None = field(repr=False)  # a streaming replica of the operational database
    read_max_lag_s: int  # a replica that is further behind serves nothing
    channel_db_url: str | None = field(repr=False)
    legacy_admin_url: str | None = field(repr=False)  # the old admin's database, which shadow reads look into
    redis_url: str | None = field(repr=False)
    queue_name: str
    admin_auth_enabled: bool
    admin_token: str = field(repr=False)
    service_token: str = field(repr=False)
    service_secrets: tuple[str, ...] = field(repr=False)
    timestamp_drift_minutes: int
    nonce_ttl_minutes: int
    flags: Mapping[Flag, str]  # as the environment has them; overrides are in the database
    sync_fallback_enabled: bool
    worker_concurrency: int
    worker_niceness: int  # 0 to 19: how far a worker gives way to the API on the same machine
    replays_per_s: int  # of bulk replays, in each worker
    retention_enabled: bool
    retention_on_start: bool
    retention_interval_ms: int
    idempotency_ttl_days: int
    dead_letter_retention_days: int
    unmapped_retention_days: int
    cutover_retention_days: int
    secrets_keys: tuple[str, ...] = field(repr=False)  # the newest first; empty where no producer has a secret here
    trusted_proxies: tuple[Network, ...]
    producer_per_minute: int
    address_per_minute: int
    refused_per_minute: int
    catalog_per_minute: int
    publish: PublishSettings
    reconciliation: ReconciliationLimits
    log_format: LogFormat
    log_level: str
    worker_metrics_port: int | None  # None: the worker opens no door for Prometheus
    worker_metrics_host: str
    generated: tuple[str, ...]  # names of secrets that were unset and made up for this process

    def begins_on(self, flag: Flag) -> bool:
        """Whether a switch is on as long as nobody has turned it."""
        return self.flags[flag] == "true"


def settings_from(environ: Mapping[str, str]) -> Settings:
    """Reads the environment. Raises BadSettings.

    With BST_ENV=production everything unsafe is refused (``safety``); in development an unset secret is made up for this
    process.
    """
    reader = EnvironmentReader(environ)
    production = reader.word("BST_ENV", "development", ENVIRONMENTS) == "production"
    generated: list[str] = []

    def secret(name: str) -> str:
        value = environ.get(name, "").strip()
        if not value:
            generated.append(name)
            return entropy.token_urlsafe(32)
        return value

    flags, flag_problems = initial_flags(environ)
    rotated = tuple(part for part in environ.get("INGEST_SERVICE_SECRETS_PREVIOUS", "").split(",") if part)
    settings = Settings(
        production=production,
        port=reader.number("PORT", 4000, 0, 65535),
        ops_db_url=reader.first("OPS_DB_URL", "DATABASE_URL"),
        read_db_url=reader.first("OPS_READ_DB_URL"),
        read_max_lag_s=reader.number("BST_READ_MAX_LAG_SECONDS", 5, 2, 3600),
        channel_db_url=reader.first("CHANNEL_DB_URL", "SYNC_DATABASE_URL"),
        legacy_admin_url=reader.first("OPS_READ_PARITY_DATABASE_URL", "BSTADMIN_DB_URL"),
        redis_url=reader.first("INGEST_REDIS_URL", "REDIS_URL"),
        queue_name=reader.first("INGEST_QUEUE_NAME") or "ingest-bookings-events",
        admin_auth_enabled=reader.flag("ADMIN_AUTH_ENABLED", True),
        admin_token=secret("CORE_API_ADMIN_TOKEN"),
        service_token=secret("INGEST_SERVICE_TOKEN"),
        service_secrets=(secret("INGEST_SERVICE_SECRET"), *rotated),
        timestamp_drift_minutes=reader.number("INGEST_TIMESTAMP_DRIFT_MINUTES", 5, 1, 60),
        nonce_ttl_minutes=reader.number("INGEST_NONCE_TTL_MINUTES", 10, 1, 1440),
        flags=flags,
        sync_fallback_enabled=reader.flag("INGEST_SYNC_FALLBACK_ENABLED", False),
        worker_concurrency=reader.number("BST_WORKER_CONCURRENCY", 16, 1, 64),
        worker_niceness=reader.number("BST_WORKER_NICENESS", 10, 0, 19),
        replays_per_s=reader.number("BST_REPLAYS_PER_SECOND", 50, 1, 10_000),
        retention_enabled=reader.flag("INGEST_RETENTION_ENABLED", True),
        retention_on_start=reader.flag("INGEST_RETENTION_RUN_ON_START", False),
        retention_interval_ms=_interval(reader),
        # Not less than the table has: a key that is forgotten too early lets a late repeat in as something new.
        idempotency_ttl_days=reader.number("INGEST_IDEMPOTENCY_TTL_DAYS", 35, 35, 3650),
        dead_letter_retention_days=reader.number("INGEST_DLQ_RETENTION_DAYS", 30, 1, 3650),
        unmapped_retention_days=reader.number("INGEST_UNMAPPED_RETENTION_DAYS", 90, 1, 3650),
        # Not less than the longest window that anybody can ask gates and commands for.
        cutover_retention_days=reader.number("BST_CUTOVER_RETENTION_DAYS", 90, 31, 3650),
        secrets_keys=reader.fernet_keys("BST_SECRETS_KEY"),
        trusted_proxies=networks_from(environ.get("BST_TRUSTED_PROXIES", ""), reader.problems),
        producer_per_minute=reader.number("BST_LIMIT_PRODUCER_PER_MINUTE", 1_200_000, 1, MOST_PER_MINUTE),
        address_per_minute=reader.number("BST_LIMIT_ADDRESS_PER_MINUTE", 1_200_000, 1, MOST_PER_MINUTE),
        refused_per_minute=reader.number("BST_LIMIT_REFUSED_PER_MINUTE", 12_000, 1, MOST_PER_MINUTE),
        catalog_per_minute=reader.number("BST_LIMIT_CATALOG_PER_MINUTE", 12_000, 1, MOST_PER_MINUTE),
        publish=publish_settings(environ, reader),
        reconciliation=_reconciliation(reader),
        log_format=_log_format(reader, production),
        log_level=reader.word("BST_LOG_LEVEL", "INFO", LOG_LEVELS),
        worker_metrics_port=reader.number("BST_WORKER_METRICS_PORT", 0, 0, 65535) or None,
        worker_metrics_host=reader.first("BST_WORKER_METRICS_HOST") or "127.0.0.1",
        generated=tuple(generated),
    )
    problems = reader.problems + flag_problems + problem_of("INGEST_REDIS_URL", settings.redis_url)
    if settings.read_db_url is not None and settings.read_db_url == settings.ops_db_url:
        problems.append("OPS_READ_DB_URL is the same as OPS_DB_URL; give a streaming replica of it, or leave it out")
    if production:
        problems += unsafe_in_production(environ, settings)
    if problems:
        raise BadSettings(problems)
    return settings


def is_production(environ: Mapping[str, str]) -> bool:
    """Whether BST_ENV says so."""
    return environ.get("BST_ENV", "development").strip().lower() == "production"


def log_settings(environ: Mapping[str, str]) -> tuple[LogFormat, str]:
    """Format and level of log lines, for commands that need no other settings. Raises BadSettings."""
    reader = EnvironmentReader(environ)
    found = _log_format(reader, is_production(environ)), reader.word("BST_LOG_LEVEL", "INFO", LOG_LEVELS)
    if reader.problems:
        raise BadSettings(reader.problems)
    return found


def _log_format(reader: EnvironmentReader, production: bool) -> LogFormat:
    return LogFormat(reader.word("BST_LOG_FORMAT", LogFormat.JSON if production else LogFormat.TEXT, tuple(LogFormat)))


_DAY_MS: Final = 24 * 60 * 60 * 1000


def _interval(reader: EnvironmentReader) -> int:
    """Milliseconds between two retention runs; below a minute the predecessor took its default, and so do we."""
    stated = reader.number("INGEST_RETENTION_INTERVAL_MS", _DAY_MS, 0, 100 * _DAY_MS)
    return stated if stated >= 60_000 else _DAY_MS


def _reconciliation(reader: EnvironmentReader) -> ReconciliationLimits:
    usual = ReconciliationLimits()
    return ReconciliationLimits(
        global_mismatch_ratio=reader.decimal("RECON_MAX_GLOBAL_MISMATCH_RATIO", usual.global_mismatch_ratio, most=1),
        done_not_paid_ratio=reader.decimal("QUALITY_MAX_OPS_DONE_NOT_PAID_RATIO", usual.done_not_paid_ratio, most=1),
        unmapped_percent=reader.decimal("QUALITY_MAX_UNMAPPED_RATIO_PERCENT", usual.unmapped_percent, most=100),
        allow_empty_catalog=reader.flag("QUALITY_ALLOW_EMPTY_CATALOG_DENOMINATOR", usual.allow_empty_catalog),
    )
