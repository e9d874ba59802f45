"""Settings from the environment, under the names that operators of the predecessor already use.

Pure: the environment is an argument. Everything wrong is found in one pass and said with its cure.
"""

import secrets as entropy
from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from attrs import field, frozen

from bst_application.flags import FALSE_WORDS, TRUE_WORDS, Flag, initial_flags

#: Published defaults of the predecessor and its examples; whoever knows them is nobody in particular.
WELL_KNOWN_SECRETS: Final = frozenset(
    {"dev-service-token", "dev-service-secret", "dev-admin-token", "changeme", "secret"}
)
MIN_SECRET_LENGTH: Final = 16


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
    channel_db_url: str | None = field(repr=False)
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
    retention_enabled: bool
    retention_on_start: bool
    retention_interval_ms: int
    idempotency_ttl_days: int
    dead_letter_retention_days: int
    unmapped_retention_days: int
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

    With BST_ENV=production unset, short or well-known secrets and ADMIN_AUTH_ENABLED=false are refused; in development an
    unset secret is made up for this process.
    """
    reader = _Reader(environ)
    production = is_production(environ)
    generated: list[str] = []

    def secret(name: str) -> str:
        value = environ.get(name, "").strip()
        if production:
            reader.check_secret(name, value)
        if not value:
            generated.append(name)
            return entropy.token_urlsafe(32)
        return value

    admin_auth = reader.flag("ADMIN_AUTH_ENABLED", True)
    if production and not admin_auth:
        reader.problems.append("ADMIN_AUTH_ENABLED=false is refused with BST_ENV=production; remove it")
    flags, flag_problems = initial_flags(environ)
    rotated = tuple(part for part in environ.get("INGEST_SERVICE_SECRETS_PREVIOUS", "").split(",") if part)
    settings = Settings(
        production=production,
        port=reader.number("PORT", 4000, 0, 65535),
        ops_db_url=reader.first("OPS_DB_URL", "DATABASE_URL"),
        channel_db_url=reader.first("CHANNEL_DB_URL", "SYNC_DATABASE_URL"),
        redis_url=reader.first("INGEST_REDIS_URL", "REDIS_URL"),
        queue_name=reader.first("INGEST_QUEUE_NAME") or "ingest-bookings-events",
        admin_auth_enabled=admin_auth,
        admin_token=secret("CORE_API_ADMIN_TOKEN"),
        service_token=secret("INGEST_SERVICE_TOKEN"),
        service_secrets=(secret("INGEST_SERVICE_SECRET"), *rotated),
        timestamp_drift_minutes=reader.number("INGEST_TIMESTAMP_DRIFT_MINUTES", 5, 1, 60),
        nonce_ttl_minutes=reader.number("INGEST_NONCE_TTL_MINUTES", 10, 1, 1440),
        flags=flags,
        sync_fallback_enabled=reader.flag("INGEST_SYNC_FALLBACK_ENABLED", False),
        worker_concurrency=reader.number("BST_WORKER_CONCURRENCY", 4, 1, 64),
        retention_enabled=reader.flag("INGEST_RETENTION_ENABLED", True),
        retention_on_start=reader.flag("INGEST_RETENTION_RUN_ON_START", False),
        retention_interval_ms=_interval(reader),
        # Not less than the table has: a key that is forgotten too early lets a late repeat in as something new.
        idempotency_ttl_days=reader.number("INGEST_IDEMPOTENCY_TTL_DAYS", 35, 35, 3650),
        dead_letter_retention_days=reader.number("INGEST_DLQ_RETENTION_DAYS", 30, 1, 3650),
        unmapped_retention_days=reader.number("INGEST_UNMAPPED_RETENTION_DAYS", 90, 1, 3650),
        log_format=_log_format(reader, production),
        log_level=reader.word("BST_LOG_LEVEL", LOG_LEVELS, "INFO"),
        worker_metrics_port=reader.number("BST_WORKER_METRICS_PORT", 0, 0, 65535) or None,
        worker_metrics_host=reader.first("BST_WORKER_METRICS_HOST") or "127.0.0.1",
        generated=tuple(generated),
    )
    problems = reader.problems + flag_problems
    if problems:
        raise BadSettings(problems)
    return settings


def is_production(environ: Mapping[str, str]) -> bool:
    """Whether BST_ENV says so."""
    return environ.get("BST_ENV", "development").strip().lower() == "production"


def log_settings(environ: Mapping[str, str]) -> tuple[LogFormat, str]:
    """Format and level of log lines, for commands that need no other settings. Raises BadSettings."""
    reader = _Reader(environ)
    found = _log_format(reader, is_production(environ)), reader.word("BST_LOG_LEVEL", LOG_LEVELS, "INFO")
    if reader.problems:
        raise BadSettings(reader.problems)
    return found


def _log_format(reader: "_Reader", production: bool) -> LogFormat:
    return LogFormat(reader.word("BST_LOG_FORMAT", tuple(LogFormat), LogFormat.JSON if production else LogFormat.TEXT))


_DAY_MS: Final = 24 * 60 * 60 * 1000


def _interval(reader: "_Reader") -> int:
    """Milliseconds between two retention runs; below a minute the predecessor took its default, and so do we."""
    stated = reader.number("INGEST_RETENTION_INTERVAL_MS", _DAY_MS, 0, 100 * _DAY_MS)
    return stated if stated >= 60_000 else _DAY_MS


class _Reader:
    def __init__(self, environ: Mapping[str, str]) -> None:
        self._environ = environ
        self.problems: list[str] = []

    def first(self, *names: str) -> str | None:
        for name in names:
            if value := self._environ.get(name, "").strip():
                return value
        return None

    def flag(self, name: str, default: bool) -> bool:
        word = self._environ.get(name, "").strip().lower()
        if word and word not in TRUE_WORDS | FALSE_WORDS:
            self.problems.append(f"{name} must be one of true, false, 1, 0, yes, no, on, off")
        return word in TRUE_WORDS if word else default

    def word(self, name: str, words: tuple[str, ...], default: str) -> str:
        text = self._environ.get(name, "").strip()
        found = next((word for word in words if word.lower() == text.lower()), None)
        if text and found is None:
            self.problems.append(f"{name} must be one of {', '.join(words)}")
        return found or default

    def number(self, name: str, default: int, least: int, most: int) -> int:
        text = self._environ.get(name, "").strip()
        if not text:
            return default
        if not (text.isascii() and text.isdigit()) or not least <= int(text) <= most:
            self.problems.append(f"{name} must be a whole number from {least} to {most}")
            return default
        return int(text)

    def check_secret(self, name: str, value: str) -> None:
        if not value:
            self.problems.append(
                f"{name} is not set; BST_ENV=production needs one, for instance from `openssl rand -hex 32`"
            )
        elif value in WELL_KNOWN_SECRETS or len(value) < MIN_SECRET_LENGTH:
            self.problems.append(
                f"{name} is well known or shorter than {MIN_SECRET_LENGTH} characters; choose a random one"
            )
