"""A real primary and a real streaming replica for tests."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg
from attrs import evolve, frozen

from bst_postgres.migrate import upgrade
from tests.servers import PostgresProgram, a_postgres

WITHIN_S = 20.0
#: Nothing survives the machine, but a commit is in the log when it returns: positions in the log are what is tested.
OPTIONS = ("fsync=off", "full_page_writes=off", "wal_receiver_status_interval=1s")
TEMPLATE = "bst_template"


@frozen(kw_only=True)
class Pair:
    """Two servers, and the name of the database that a test has on both."""

    primary: PostgresProgram
    replica: PostgresProgram
    database: str = TEMPLATE

    @property
    def dsn(self) -> str:
        return self.primary.address.dsn(self.database)

    @property
    def read_dsn(self) -> str:
        return self.replica.address.dsn(self.database)

    def pause(self) -> None:
        """The replica goes on to answer, and shows what it has."""
        _ask(self.read_dsn, "select pg_wal_replay_pause()")
        _until(lambda: _ask(self.read_dsn, "select pg_get_wal_replay_pause_state()") == "paused")

    def resume(self) -> None:
        _ask(self.read_dsn, "select pg_wal_replay_resume()")

    def until_equal(self) -> None:
        """Returns when the replica has all that the primary has now."""
        position = _ask(self.dsn, "select pg_current_wal_lsn()::text")
        _until(lambda: bool(_ask(self.read_dsn, f"select pg_last_wal_replay_lsn() >= '{position}'::pg_lsn")))

    @contextmanager
    def with_a_database(self) -> Iterator["Pair"]:
        """A migrated database until the context ends."""
        mine = evolve(self, database=f"bst_test_{uuid4().hex}")
        try:
            self.primary.address.create(mine.database, template=TEMPLATE)
            mine.until_equal()
            yield mine
        finally:
            self.primary.address.drop(mine.database)


def _ask(dsn: str, query: str) -> Any:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(query.encode()).fetchone()
        return None if row is None else row[0]


def _until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + WITHIN_S
    while True:
        try:
            if condition():
                return
        except psycopg.OperationalError:  # a database that has not come to the replica yet
            pass
        assert time.monotonic() < deadline, "the replica did not come so far in time"
        time.sleep(0.02)  # a server says nothing until it is asked


@contextmanager
def a_pair() -> Iterator[Pair]:
    """Both until the context ends."""
    with a_postgres(*OPTIONS) as primary:
        upgrade(primary.address.create(TEMPLATE))
        with a_postgres(*OPTIONS, replica_of=primary) as replica:
            yield Pair(primary=primary, replica=replica)
