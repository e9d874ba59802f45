"""What a production process refuses to start with: each thing by name, with its cure.

Every process reads its settings through here, so API, worker and the commands that touch the database refuse alike.
"""

from collections.abc import Iterator, Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote, urlsplit

from bst_application import publish_settings

if TYPE_CHECKING:
    from bst_application.settings import Settings

#: Published defaults of the predecessor and its examples; whoever knows them is nobody in particular.
WELL_KNOWN_SECRETS: Final = frozenset(
    {"dev-service-token", "dev-service-secret", "dev-admin-token", "changeme", "secret"}
)
WELL_KNOWN_PASSWORDS: Final = WELL_KNOWN_SECRETS | {"postgres", "password", "admin", "root", "redis", "bst", "123456"}
MIN_SECRET_LENGTH: Final = 16
#: Fewer different characters than this come from a held key, not from a generator.
MIN_DIFFERENT: Final = 6
SECRETS: Final = ("CORE_API_ADMIN_TOKEN", "INGEST_SERVICE_TOKEN", "INGEST_SERVICE_SECRET")
PREVIOUS: Final = ("INGEST_SERVICE_SECRETS_PREVIOUS", publish_settings.PREVIOUS)
DATABASES: Final = (
    "OPS_DB_URL",
    "DATABASE_URL",
    "OPS_READ_DB_URL",
    "CHANNEL_DB_URL",
    "SYNC_DATABASE_URL",
    "INGEST_REDIS_URL",
    "REDIS_URL",
)
#: A proxy range wider than this is the internet, not a proxy.
WIDEST_PREFIX: Final = {4: 8, 6: 16}


def unsafe_in_production(environ: Mapping[str, str], settings: "Settings") -> list[str]:
    """Sentences, each with its cure; empty when all is well."""
    return [*_secrets(environ), *_passwords(environ), *_switches(settings)]


def _secrets(environ: Mapping[str, str]) -> Iterator[str]:
    said = {name: environ.get(name, "").strip() for name in SECRETS}
    for name, value in said.items():
        if not value:
            yield f"{name} is not set; BST_ENV=production needs one, for instance from `openssl rand -hex 32`"
        elif weak := _weakness(value):
            yield f"{name} is {weak}; choose a random one, for instance from `openssl rand -hex 32`"
    for name in PREVIOUS:
        for value in environ.get(name, "").split(","):
            if value and (weak := _weakness(value)):
                yield f"{name} holds a secret that is {weak}; take it out"
    # Publishing without a signature is a choice, so this one may be unset; once it is there it must be as good as any.
    said[publish_settings.SIGNED_WITH] = environ.get(publish_settings.SIGNED_WITH, "").strip()
    if said[publish_settings.SIGNED_WITH] and (weak := _weakness(said[publish_settings.SIGNED_WITH])):
        yield f"{publish_settings.SIGNED_WITH} is {weak}; choose a random one, for instance from `openssl rand -hex 32`"
    given = [value for value in said.values() if value]
    if len(set(given)) < len(given):
        same = " and ".join(name for name, value in said.items() if given.count(value) > 1)
        yield f"{same} are the same; choose a random one for each, so that who has one has no other"


def _weakness(value: str) -> str | None:
    if value in WELL_KNOWN_SECRETS or len(value) < MIN_SECRET_LENGTH:
        return f"well known or shorter than {MIN_SECRET_LENGTH} characters"
    return f"made of fewer than {MIN_DIFFERENT} different characters" if len(set(value)) < MIN_DIFFERENT else None


def _passwords(environ: Mapping[str, str]) -> Iterator[str]:
    for name in DATABASES:
        try:
            password = urlsplit(environ.get(name, "").strip()).password
        except ValueError:
            continue  # whoever connects says what is wrong with it
        if password is not None and unquote(password).lower() in WELL_KNOWN_PASSWORDS:
            yield f"{name} has a password that is well known; give the server's user a random one"


def _switches(settings: "Settings") -> Iterator[str]:
    if not settings.admin_auth_enabled:
        yield "ADMIN_AUTH_ENABLED=false is refused with BST_ENV=production; remove it"
    publish = settings.publish
    if publish.signature_required and not publish.secrets:
        yield (
            f"CATALOG_PUBLISH_SIGNATURE_REQUIRED=true without {publish_settings.SIGNED_WITH}: nobody could publish; set both"
        )
    minute = timedelta(minutes=1)
    for prefix, drift, ttl in (
        ("INGEST", settings.timestamp_drift_minutes, settings.nonce_ttl_minutes),
        ("CATALOG_PUBLISH", publish.max_drift // minute, publish.nonce_ttl // minute),
    ):
        if ttl < 2 * drift:  # a stamp may be ahead by the drift, and is good until it is behind by the drift
            yield (
                f"{prefix}_NONCE_TTL_MINUTES={ttl} is less than twice {prefix}_TIMESTAMP_DRIFT_MINUTES={drift}: a request could"
                f" be sent again after its nonce was forgotten; set it to {2 * drift} or more"
            )
    for network in settings.trusted_proxies:
        if network.prefixlen < WIDEST_PREFIX[network.version]:
            yield (
                f"BST_TRUSTED_PROXIES={network} trusts everybody to say who they are; name the addresses of your proxies"
            )
