"""What an error of PostgreSQL, of psycopg or of the pool means to a use case."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import psycopg
import sqlalchemy.exc
from psycopg import errors

from bst_application.errors import Conflict, InDoubt, SchemaBehind, StillLocked, TooSlow, Unavailable

# The database chose a loser, or a row appeared between looking and writing: the same work can be done again at once.
_CONFLICTS = (
    errors.DeadlockDetected,
    errors.SerializationFailure,
    errors.UniqueViolation,
)
# Time-outs, shutdowns, full disks, fail-overs, lost connections: later may be better.
_UNAVAILABLE = (
    psycopg.OperationalError,
    psycopg.InterfaceError,
    errors.ReadOnlySqlTransaction,
    errors.IdleInTransactionSessionTimeout,
)
# The code came before its migration: an upgrade heals it, and whoever sends again later is served.
_BEHIND = (errors.UndefinedTable, errors.UndefinedColumn, errors.InvalidSchemaName)


@contextmanager
def translated() -> Iterator[None]:
    """Raises Unavailable and Conflict, and kinds of them, in place of what the drivers raise; a bug passes through as it is."""
    try:
        yield
    except sqlalchemy.exc.TimeoutError as error:
        raise Unavailable("no free database connection in time") from error
    except sqlalchemy.exc.DBAPIError as error:
        raise _meaning(error.orig) or error from error
    except psycopg.Error as error:
        raise _meaning(error) or error from error


@contextmanager
def committing(is_under_way: Callable[[], bool] = lambda: True) -> Iterator[None]:
    """The same, and InDoubt: a connection that is lost while a commit is under way leaves open what became of it.
    An answer of the server does not."""
    try:
        with translated():
            yield
    except Unavailable as lost:
        if not is_under_way() or _was_refused(lost.__cause__):
            raise
        raise InDoubt(str(lost)) from lost


def _meaning(error: BaseException | None) -> Exception | None:
    """Names the class of the trouble only: driver texts may quote rows."""
    name = type(error).__name__
    if isinstance(error, errors.LockNotAvailable):
        return StillLocked(f"the database refused: {name}")
    if isinstance(error, errors.QueryCanceled):
        return TooSlow(f"the database is not available: {name}")
    if isinstance(error, _CONFLICTS):
        return Conflict(f"the database refused: {name}")
    if isinstance(error, _BEHIND):
        return SchemaBehind(f"the database's schema is behind ({name}): run `bst db upgrade`")
    if isinstance(error, _UNAVAILABLE):
        return Unavailable(f"the database is not available: {name}")
    return None


def _was_refused(error: BaseException | None) -> bool:
    """Whether the server answered the commit with an error and lives on: then it is certain that nothing was written."""
    return isinstance(error, psycopg.Error) and error.diag.severity_nonlocalized == "ERROR"
