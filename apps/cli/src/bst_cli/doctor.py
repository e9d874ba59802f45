"""``bst doctor``: settings and dependencies, each problem with its cure."""

import asyncio
import shutil
import socket
import ssl
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import httpx
from attrs import frozen

from bst_application.errors import Conflict, Unavailable
from bst_application.flags import Flag
from bst_application.redis_url import cluster_url, names_cluster
from bst_application.settings import BadSettings, Settings, settings_from
from bst_cli.embedded.redis import find_redis
from bst_cli.installation import Installation
from bst_cli.ports import is_free
from bst_postgres.access import PostgresAccessStore
from bst_postgres.database import Database
from bst_postgres.migrate import MigrationFailed, server_version, status
from bst_postgres.replica import follows_a_primary
from bst_postgres.secret_cipher import SecretCipher

OLDEST_POSTGRES, NEWEST_POSTGRES = 15, 18
LEAST_DISK_BYTES = 1024**3
REDIS_WITHIN_S = 2.0
HEALTH_WITHIN_S = 5.0


@frozen(kw_only=True)
class Finding:
    """One thing looked at. ``required``: without it BST does not work; ``cure`` is None when all is well."""

    name: str
    ok: bool
    required: bool
    detail: str
    cure: str | None = None


def examine(installation: Installation, data_folder: Path) -> list[Finding]:
    """Looks at everything; never raises for what it finds."""
    findings = [Finding(name="looks at", ok=True, required=False, detail=installation.name)]
    settings: Settings | None = None
    try:
        settings = settings_from(installation.environ)
    except BadSettings as error:
        findings += [
            Finding(name="settings", ok=False, required=True, detail=problem.partition(";")[0], cure=problem)
            for problem in error.problems
        ]
    else:
        findings.append(Finding(name="settings", ok=True, required=True, detail="can be used"))
        findings += list(_settings(settings))
    if settings is None or settings.ops_db_url is None:
        findings.append(
            Finding(
                name="database",
                ok=False,
                required=settings is not None and settings.production,
                detail="OPS_DB_URL is not set",
                cure="For production set it to a PostgreSQL database; `bst up` brings one of its own.",
            )
        )
    else:
        findings += _database(settings.ops_db_url)
        findings += _producers(settings)
        findings += _replica(settings)
    findings.append(_queue(None if settings is None else settings.redis_url))
    findings.append(_port(4000 if settings is None else settings.port, installation.url, data_folder))
    findings.append(_disk(data_folder))
    return findings


def _port(port: int, url: str | None, data_folder: Path) -> Finding:
    """Free for a BST that is still to start; of one that runs the API must have it."""
    if url is not None:
        try:
            ready = httpx.get(f"{url}/health", timeout=HEALTH_WITHIN_S, trust_env=False).is_success
        except httpx.HTTPError:
            ready = False
        detail = f"{port} is in use by this bst up" if ready else f"the API does not answer at {url}"
        cure = None if ready else f"See {data_folder / 'logs' / 'api.log'}."
        return Finding(name="port", ok=ready, required=True, detail=detail, cure=cure)
    free = is_free("127.0.0.1", port)
    return Finding(
        name="port",
        ok=free,
        required=False,
        detail=f"{port} is {'free' if free else 'in use'}",
        cure=None if free else "If that is not BST itself, set PORT or give --port.",
    )


def _settings(settings: Settings) -> Iterator[Finding]:
    for name in settings.generated:
        cure = f"Set {name}; until then each process makes up its own, and API and producers do not agree."
        yield Finding(name="secrets", ok=False, required=False, detail=f"{name} is not set", cure=cure)
    wanted = {Flag.WEBHOOK: "shall take events", Flag.QUEUE: "shall take events"}
    if settings.production:
        wanted[Flag.REPLAY] = "shall repair and replay events"
    for flag, purpose in wanted.items():
        name, on = flag.value, settings.begins_on(flag)
        yield Finding(
            name="flags",
            ok=on,
            required=False,
            detail=f"{name} is {'on' if on else 'off'}",
            cure=None if on else f"Set {name}=true when this installation {purpose}.",
        )

    if settings.production and not settings.secrets_keys:
        yield Finding(
            name="secrets",
            ok=False,
            required=False,
            detail="BST_SECRETS_KEY is not set: no producer of its own can be added",
            cure="Give every API the same one; make it with `openssl rand -base64 32 | tr '+/' '-_'`.",
        )


def _producers(settings: Settings) -> Iterator[Finding]:
    """Whether every producer's signatures can be checked with the keys of this environment."""
    assert settings.ops_db_url is not None
    try:
        found = asyncio.run(_unreadable(settings.ops_db_url, settings.secrets_keys))
    except (Unavailable, Conflict, ValueError):
        return  # the database's own finding says it
    if found:
        yield Finding(
            name="producers",
            ok=False,
            required=True,
            detail=f"secrets of {', '.join(found)} cannot be opened",
            cure="Set BST_SECRETS_KEY to the key that they were made under, here and for every API.",
        )


async def _unreadable(dsn: str, keys: tuple[str, ...]) -> list[str]:
    database = Database(dsn, pool_size=1, application_name="bst-doctor")
    try:
        producers = await PostgresAccessStore(database, SecretCipher(keys)).producers()
    finally:
        await database.close()
    return [
        producer.name
        for producer in producers
        if producer.disabled_at is None
        and any(secret.value is None and secret.ended_at is None for secret in producer.secrets)
    ]


def _database(dsn: str) -> Iterator[Finding]:
    try:
        version = server_version(dsn)
        found = status(dsn)
    except (Unavailable, MigrationFailed, ValueError) as error:
        cure = "Check OPS_DB_URL, that the server runs, and that this machine may connect."
        yield Finding(name="database", ok=False, required=True, detail=str(error), cure=cure)
        return
    fits = OLDEST_POSTGRES <= version <= NEWEST_POSTGRES
    yield Finding(
        name="database",
        ok=fits,
        required=True,
        detail=f"PostgreSQL {version}",
        cure=None if fits else f"BST is tested on PostgreSQL {OLDEST_POSTGRES} to {NEWEST_POSTGRES}.",
    )
    pending = ", ".join(found.pending)
    yield Finding(
        name="schema",
        ok=not pending,
        required=True,
        detail=f"at {found.current}" if not pending else f"migrations pending: {pending}",
        cure=None if not pending else "Run `bst db upgrade`.",
    )


def _replica(settings: Settings) -> Iterator[Finding]:
    """Whether the read replica answers, and follows somebody."""
    if settings.read_db_url is None:
        return
    try:
        follows = asyncio.run(_follows(settings.read_db_url))
    except (Unavailable, Conflict, ValueError) as error:
        cure = "Check OPS_READ_DB_URL, and that the replica runs. Until then reads come from the primary."
        yield Finding(name="read replica", ok=False, required=False, detail=str(error), cure=cure)
        return
    yield Finding(
        name="read replica",
        ok=follows,
        required=False,
        detail="it follows a primary" if follows else "it follows nobody: it is a primary itself",
        cure=None if follows else "Point OPS_READ_DB_URL at a streaming replica of OPS_DB_URL, or leave it out.",
    )


async def _follows(dsn: str) -> bool:
    database = Database(dsn, pool_size=1, application_name="bst-doctor")
    try:
        return await follows_a_primary(database)
    finally:
        await database.close()


def _queue(url: str | None) -> Finding:
    if url is None:
        program = find_redis()
        detail = "no INGEST_REDIS_URL: the queue runs on PostgreSQL" + (
            f"; `bst up` would use {program}" if program else ""
        )
        return Finding(name="queue", ok=True, required=False, detail=detail)
    try:
        version = cluster_version(url) if names_cluster(url) else redis_version(url)
    except (OSError, ValueError) as error:
        cure = "Check INGEST_REDIS_URL and that the server runs. Until then events wait for the sweep."
        return Finding(name="queue", ok=False, required=False, detail=f"Redis does not answer: {error}", cure=cure)
    return Finding(name="queue", ok=True, required=False, detail=f"Redis {version}")


def cluster_version(url: str) -> str:
    """The version that the first node says that answers. Raises OSError or ValueError."""
    cluster = cluster_url(url)
    silent: list[str] = []
    for host, port in cluster.nodes:
        try:
            version = redis_version(cluster.of((host, port)))
        except OSError as error:
            silent.append(f"{host}:{port}: {error}")
        else:
            return f"{version}, a cluster" + (f" whose node {silent[0]}" if silent else "")
    raise OSError("; ".join(silent))


def redis_version(url: str) -> str:
    """Asks a Redis for its version in its own words. Raises OSError or ValueError."""
    parts = urlsplit(url)
    if parts.scheme == "unix":
        connection: socket.socket = socket.socket(socket.AF_UNIX)
        connection.settimeout(REDIS_WITHIN_S)
        connection.connect(parts.path)
    elif parts.scheme in {"redis", "rediss"}:
        connection = socket.create_connection((parts.hostname or "localhost", parts.port or 6379), REDIS_WITHIN_S)
        if parts.scheme == "rediss":
            connection = ssl.create_default_context().wrap_socket(connection, server_hostname=parts.hostname)
    else:
        raise ValueError("a Redis URL starts with redis://, rediss://, unix:// or redis+cluster://")
    with connection, connection.makefile("rwb") as stream:
        if parts.password:
            user = [unquote(parts.username)] if parts.username else []
            stream.write(_command("AUTH", *user, unquote(parts.password)))
            stream.flush()
            if not stream.readline().startswith(b"+OK"):
                raise ValueError("it refuses the user or password")
        stream.write(_command("INFO", "server"))
        stream.flush()
        size = stream.readline()
        if not size.startswith(b"$"):
            raise ValueError(size.decode(errors="replace").strip())
        for line in stream.read(int(size[1:])).decode(errors="replace").splitlines():
            if line.startswith("redis_version:"):
                return line.partition(":")[2]
    raise ValueError("it does not say its version")


def _command(*words: str) -> bytes:
    encoded = [word.encode() for word in words]
    return b"*%d\r\n" % len(encoded) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in encoded)


def _disk(folder: Path) -> Finding:
    existing = next(parent for parent in (folder, *folder.parents) if parent.exists())
    free = shutil.disk_usage(existing).free
    ok = free >= LEAST_DISK_BYTES
    return Finding(
        name="disk",
        ok=ok,
        required=False,
        detail=f"{free / 1024**3:.1f} GiB free at {existing}",
        cure=None if ok else "Make room, or put the data elsewhere with --data-dir.",
    )
