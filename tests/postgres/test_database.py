"""Connections and transactions on a real server: errors keep their names, and statements are counted."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from bst_application.errors import Conflict, InDoubt, Unavailable
from bst_application.ids import uuid7
from bst_application.use_cases.accept import AcceptDeliveries
from bst_postgres import database as module
from bst_postgres.database import Database
from bst_postgres.event_log import PostgresEventLog
from bst_testing.deliveries import NOW, body, delivery


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    opened = Database(postgres_dsn, pool_size=2)
    yield opened
    await opened.close()


@contextmanager
def counted(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[str]]:
    """The statements that are sent meanwhile."""
    sent: list[str] = []
    execute = psycopg.AsyncConnection.execute

    async def counting(self: Any, query: Any, *args: Any, **options: Any) -> Any:
        if query not in {"begin", "commit"}:  # these two travel with their neighbours
            sent.append(str(query))
        return await execute(self, query, *args, **options)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.AsyncConnection, "execute", counting)
        yield sent


async def test_accepting_costs_one_statement_and_one_for_repeats_whatever_the_number(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    accept = AcceptDeliveries(
        log=PostgresEventLog(database),
        now=lambda: NOW,
        new_id=uuid7,
        nonce_ttl=timedelta(minutes=10),
        stages_jobs=lambda: True,
    )
    first = [delivery(body(ref="WEB-0"), "key-0")]
    await accept(first)  # reads the registered channels, too
    for count in (1, 50):
        new = [delivery(body(ref=f"WEB-{uuid4()}"), str(uuid4())) for _ in range(count)]
        with counted(monkeypatch) as sent:
            await accept(new)
        assert len(sent) == 1, sent  # nonces, events and the job for the queue
        again = [delivery(body(ref="WEB-0"), "key-0") for _ in range(count)]
        with counted(monkeypatch) as sent:
            await accept(again)
        assert len(sent) == 2, sent  # and one look for all that were there already


async def test_a_failed_rollback_does_not_hide_the_first_error(database: Database) -> None:
    async def fail() -> None:
        async with database.transaction() as connection:
            await connection.execute("select 1")
            await connection.close()  # from here on no rollback can work
            with pytest.raises(psycopg.Error):
                await connection.rollback()
            raise ZeroDivisionError("the first error")

    with pytest.raises(ZeroDivisionError, match="the first error"):
        await fail()
    async with database.transaction() as connection:  # the broken one is not handed out again
        assert await (await connection.execute("select 1")).fetchone() == (1,)


@contextmanager
def lost_at_switching(monkeypatch: pytest.MonkeyPatch, *, to: bool) -> Iterator[None]:
    """Connections that are lost just as they are to commit each statement, or no longer to do so."""
    switch = psycopg.AsyncConnection.set_autocommit

    async def losing(self: Any, value: bool) -> None:
        if value is to:
            await self.close()
        await switch(self, value)

    with monkeypatch.context() as patch:
        patch.setattr(psycopg.AsyncConnection, "set_autocommit", losing)
        yield


async def test_a_connection_that_cannot_be_set_aside_is_given_back(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lost_at_switching(monkeypatch, to=True), pytest.raises(Unavailable):
        async with database.committing_each():
            pass
    assert database.pool_use[0] == 0
    async with database.committing_each() as connection:  # and the next one is a live one
        assert await (await connection.execute("select 1")).fetchone() == (1,)


async def test_a_connection_lost_after_its_commits_is_given_back_and_nobody_hears_of_it(
    database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    with lost_at_switching(monkeypatch, to=False):
        async with database.committing_each() as connection:
            await connection.execute("insert into ingest_nonce values ('once', now())")
    assert database.pool_use[0] == 0
    async with database.transaction() as connection:
        assert await (await connection.execute("select count(*) from ingest_nonce")).fetchone() == (1,)


async def test_a_statement_that_hangs_is_given_up(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "STATEMENT_TIMEOUT_MS", 100)
    impatient = Database(postgres_dsn, pool_size=1)
    try:
        with pytest.raises(Unavailable, match="QueryCanceled"):
            async with impatient.transaction() as connection:
                await connection.execute("select pg_sleep(30)")
    finally:
        await impatient.close()


async def test_a_pool_that_is_used_up_says_so(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "POOL_TIMEOUT_S", 0.1)
    small = Database(postgres_dsn, pool_size=1)
    try:
        async with small.transaction():
            with pytest.raises(Unavailable, match="no free database connection"):
                async with small.transaction():
                    pass
    finally:
        await small.close()


@pytest.mark.parametrize("pipelined", [False, True])
async def test_an_error_undoes_everything_and_leaves_a_usable_connection(postgres_dsn: str, pipelined: bool) -> None:
    database = Database(postgres_dsn, pool_size=1)
    try:
        for failing in ("a bug", "a broken rule"):
            with pytest.raises((Conflict, ZeroDivisionError)):
                await _fails(database, failing, pipelined=pipelined)
        with pytest.raises(
            ZeroDivisionError
        ):  # the connection has not stayed in a mode where each statement is for good
            await _fails(database, "a bug", pipelined=False)
        async with database.transaction() as connection:
            found = await (await connection.execute("select count(*) from ingest_nonce")).fetchone()
        assert found == (0,)
    finally:
        await database.close()


async def _fails(database: Database, how: str, *, pipelined: bool) -> None:
    async with database.transaction(pipelined=pipelined) as connection:
        await connection.execute("insert into ingest_nonce values ('once', now())")
        if how == "a bug":
            raise ZeroDivisionError
        await connection.execute("insert into ingest_nonce values ('once', now())")


@pytest.mark.parametrize("pipelined", [False, True])
async def test_a_connection_lost_before_the_commit_is_unavailable_and_with_it_in_doubt(
    postgres_dsn: str, pipelined: bool
) -> None:
    database = Database(postgres_dsn, pool_size=1)
    try:
        with pytest.raises(Unavailable) as early:
            await _loses_its_connection(postgres_dsn, database, pipelined=pipelined, goes_on=True)
        assert not isinstance(early.value, InDoubt)
        with pytest.raises(InDoubt):
            await _loses_its_connection(postgres_dsn, database, pipelined=pipelined, goes_on=False)
    finally:
        await database.close()


async def _loses_its_connection(dsn: str, database: Database, *, pipelined: bool, goes_on: bool) -> None:
    async with database.transaction(pipelined=pipelined) as connection:
        await (await connection.execute("select 1")).fetchone()
        with psycopg.connect(dsn, autocommit=True) as other:
            other.execute("select pg_terminate_backend(%s, 5000)", (connection.info.backend_pid,))
        if goes_on:
            await (await connection.execute("select 2")).fetchone()
