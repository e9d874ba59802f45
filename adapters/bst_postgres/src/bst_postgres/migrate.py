"""Brings a database to the schema that this code was written for: Alembic revisions that travel inside the package.

There is no downgrade: data that a newer schema holds has no place in an older one. Going back is restoring a backup.
A session advisory lock lets one runner work at a time, so the URL must lead to PostgreSQL itself and not to a pooler that
shares sessions between clients.
"""

import hashlib
import threading
from collections.abc import Collection, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any, Final

import psycopg
import sqlalchemy.exc
from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext, MigrationInfo
from alembic.script import ScriptDirectory
from alembic.script.revision import RevisionError
from attrs import frozen
from psycopg import errors
from sqlalchemy import Connection, NullPool, create_engine, inspect, text

from bst_application.errors import Unavailable
from bst_postgres.database import CONNECT_TIMEOUT_S, sqlalchemy_url
from bst_postgres.tables import metadata, migration_run_log

#: The batch of the migrations in migration_run_log; back-fills are later batches.
BATCH_CODE: Final = "A"
#: Any number, as long as every runner of every version takes the same one.
ADVISORY_LOCK: Final = 0x42_53_54_01
#: How long a runner waits for another one, and how long a statement waits for a table that somebody uses.
WAIT_FOR_RUNNER_S: Final = 300
WAIT_FOR_TABLE_S: Final = 30

# Alembic keeps the running migration in a module global, so one process runs one migration, whatever the database.
_ALEMBIC = threading.Lock()

# now() is the beginning of the revision's transaction, clock_timestamp() this moment.
_LOG_SUCCESS = text(
    "insert into migration_run_log (run_key, batch_code, script_name, script_checksum, run_status, started_at, ended_at,"
    " rows_affected) values (gen_random_uuid(), :batch, :script, :checksum, 'SUCCEEDED', now(), clock_timestamp(), :rows)"
)
_LOG_FAILURE = text(
    "insert into migration_run_log (run_key, batch_code, script_name, script_checksum, run_status, started_at, ended_at,"
    " error_message) values (gen_random_uuid(), :batch, :script, :checksum, 'FAILED', now(), clock_timestamp(), :error)"
)


class MigrationFailed(Exception):
    """A revision could not be applied, or the database is not one that these migrations know. Says where and the cure."""


@frozen(kw_only=True)
class MigrationStatus:
    """Where a database stands. ``current`` is None before the first revision; ``pending`` is in the order of application."""

    current: str | None
    head: str
    pending: tuple[str, ...]


@cache
def head_revision() -> str:
    """The revision that this code was written for."""
    head = _scripts().get_current_head()
    assert head is not None
    return head


def script_names() -> list[str]:
    """The files of the revisions, in the order of application; migration_run_log calls them so."""
    return [Path(script.path).name for script in reversed(list(_scripts().iterate_revisions("head", "base")))]


def status(dsn: str) -> MigrationStatus:
    """Reads where the database stands. Raises Unavailable, MigrationFailed (a revision unknown here), ValueError (no URL)."""
    with _connected(dsn) as connection:
        current = MigrationContext.configure(connection).get_current_revision()
    return MigrationStatus(current=current, head=head_revision(), pending=_pending(current))


def server_version(dsn: str) -> int:
    """The server's major version. Raises Unavailable, ValueError (no URL)."""
    with _connected(dsn) as connection:
        return int(connection.execute(text("show server_version_num")).scalar_one()) // 10_000


def upgrade(dsn: str) -> list[str]:
    """Applies what is missing, each revision in a transaction of its own with its row in migration_run_log.

    Returns the revisions applied, none when the database is current. Waits up to five minutes for another runner. Raises
    Unavailable when the server cannot be reached or a lock cannot be had in time, MigrationFailed otherwise; revisions
    applied before the failing one stay applied, of the failing one nothing stays, and the next run goes on from there.
    """
    with _connected(dsn) as connection, _alone(connection):
        pending = _pending(MigrationContext.configure(connection).get_current_revision())
        connection.rollback()
        if pending:
            _apply(connection)
    return list(pending)


@cache
def _scripts() -> ScriptDirectory:
    return ScriptDirectory.from_config(_config())


def _config() -> Config:
    config = Config()  # nothing is read from alembic.ini: an installed package has none
    config.set_main_option("script_location", "bst_postgres:migrations")
    config.set_main_option("path_separator", "os")
    return config


def _pending(current: str | None) -> tuple[str, ...]:
    try:
        revisions = list(_scripts().iterate_revisions("head", current or "base"))
    except RevisionError as unknown:
        raise MigrationFailed(
            f"the database is at revision {current}, which this version of BST does not know (its own is"
            f" {head_revision()}); run the version of BST that migrated it, or a newer one"
        ) from unknown
    return tuple(script.revision for script in reversed(revisions))


def _apply(connection: Connection) -> None:
    running: list[str] = []

    def steps(current: Any, _: MigrationContext) -> list[Any]:
        planned = _scripts()._upgrade_revs("head", current)  # what alembic.command.upgrade runs, less its printing
        running.extend(step.revision.path for step in planned)
        return list(planned)

    def applied(
        ctx: MigrationContext, step: MigrationInfo, heads: Collection[Any], run_args: Mapping[str, Any]
    ) -> None:
        del step, heads, run_args  # Alembic names all four
        connection.execute(_LOG_SUCCESS, {**_script(running[0]), "rows": ctx.opts.pop("rows_affected", None)})
        del running[0]

    with _ALEMBIC, EnvironmentContext(_config(), _scripts(), fn=steps) as environment:
        environment.configure(
            connection=connection,
            target_metadata=metadata,
            transaction_per_migration=True,
            on_version_apply=applied,
        )
        try:
            environment.run_migrations()
            connection.commit()
        except sqlalchemy.exc.DBAPIError as error:
            _refused(connection, running, error)


def _refused(connection: Connection, running: list[str], error: sqlalchemy.exc.DBAPIError) -> None:
    """Logs the failure where that is possible and raises what it means."""
    script = _script(running[0]) if running else {}
    if script and not connection.invalidated:
        connection.rollback()
        if inspect(connection).has_table(migration_run_log.name):
            connection.execute(_LOG_FAILURE, {**script, "error": str(error.orig)})
            connection.commit()
    where = script.get("script", "the version table")
    if isinstance(error.orig, errors.LockNotAvailable):
        raise Unavailable(
            f"{where}: a table was in use for {WAIT_FOR_TABLE_S} seconds; nothing of it was applied. End long"
            " transactions (pg_stat_activity shows them) and run the upgrade again"
        ) from error
    if isinstance(error.orig, psycopg.OperationalError):
        raise Unavailable(f"{where}: the connection was lost; run the upgrade again: {_first_line(error)}") from error
    raise MigrationFailed(
        f"{where}: PostgreSQL refused it and nothing of it was applied: {_first_line(error)}. An upgrade needs a user that"
        " owns the schema public, and an empty database or one that BST migrated before"
    ) from error


def _script(path: str) -> dict[str, str]:
    file = Path(path)
    return {
        "batch": BATCH_CODE,
        "script": file.name,
        "checksum": hashlib.sha256(file.read_bytes()).hexdigest(),
    }


@contextmanager
def _connected(dsn: str) -> Iterator[Connection]:
    url = sqlalchemy_url(dsn)
    engine = create_engine(
        url,
        poolclass=NullPool,
        connect_args={
            "connect_timeout": CONNECT_TIMEOUT_S,
            "application_name": "bst migrate",
            "options": "-c timezone=UTC",
        },
    )
    where = url.render_as_string(hide_password=True)
    try:
        connection = engine.connect()
    except sqlalchemy.exc.OperationalError as error:
        raise Unavailable(
            f"cannot open the database {where}: {_first_line(error)}; check that the server runs, and host, port, user and"
            " database name in the URL"
        ) from error
    try:
        with connection:
            yield connection
    except sqlalchemy.exc.OperationalError as error:
        raise Unavailable(f"lost the database {where}: {_first_line(error)}; do the same again") from error


@contextmanager
def _alone(connection: Connection) -> Iterator[None]:
    """Holds the runners' lock. It belongs to the session, so it also ends with a lost connection."""
    connection.execute(text(f"set lock_timeout = '{WAIT_FOR_RUNNER_S}s'"))
    try:
        connection.execute(text("select pg_advisory_lock(:number)"), {"number": ADVISORY_LOCK})
    except sqlalchemy.exc.OperationalError as error:
        if not isinstance(error.orig, errors.LockNotAvailable):
            raise
        raise Unavailable(
            f"another migration of this database has been running for {WAIT_FOR_RUNNER_S} seconds; wait for it to end"
            f" (pg_stat_activity shows it as 'bst migrate') and run the upgrade again"
        ) from error
    connection.execute(text(f"set lock_timeout = '{WAIT_FOR_TABLE_S}s'"))
    connection.commit()
    yield  # closing the connection, which is not pooled, releases the lock


def _first_line(error: sqlalchemy.exc.DBAPIError) -> str:
    return str(error.orig).partition("\n")[0]
