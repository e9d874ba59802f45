"""What callers hear when the database refuses, falls silent or hangs up: at least whether something may have been written."""

from collections.abc import AsyncIterator
from time import monotonic

import pytest
from sqlalchemy import text

from bst_application.errors import InDoubt, Unavailable
from bst_postgres.database import Database
from tests.faults.proxy import Proxy, a_proxy
from tests.servers import PostgresAddress

#: How long these connections may be silent, and what the test machine may add to it.
SILENCE_S, SOON_S = 0.3, 2.0
REFUSE_AT_COMMIT = """
create table note (word text);
create function refuse() returns trigger language plpgsql as $$
begin raise exception 'could not extend file' using errcode = '53100'; end $$;
create constraint trigger refused after insert on note deferrable initially deferred for each row execute function refuse()
"""


@pytest.fixture
async def proxy(empty_postgres_dsn: str) -> AsyncIterator[Proxy]:
    async with a_proxy(PostgresAddress(admin_dsn=empty_postgres_dsn).endpoint) as proxy:
        yield proxy


@pytest.fixture
async def database(proxy: Proxy, empty_postgres_dsn: str) -> AsyncIterator[Database]:
    database = Database(PostgresAddress(admin_dsn=empty_postgres_dsn).through(proxy.port), hang_up_after_s=SILENCE_S)
    async with database.reading() as connection:  # there is one to lose
        await connection.execute(text("select 1"))
    yield database
    await database.close()


async def test_a_commit_that_is_refused_is_not_in_doubt(database: Database) -> None:
    async with database.transaction() as connection:
        await connection.execute(REFUSE_AT_COMMIT)
    with pytest.raises(Unavailable) as caught:
        async with database.transaction() as connection:
            await connection.execute("insert into note values ('full')")
    assert not isinstance(caught.value, InDoubt)
    assert "DiskFull" in str(caught.value)


async def test_a_connection_that_is_lost_in_the_commit_leaves_doubt(database: Database, proxy: Proxy) -> None:
    begun = monotonic()
    with pytest.raises(InDoubt):  # noqa: PT012 - where in the transaction it happens is the point
        async with database.transaction() as connection:
            await connection.execute("create table note (word text)")
            proxy.fall_silent()
    assert monotonic() - begun < SOON_S


async def test_a_connection_that_falls_silent_before_the_commit_leaves_none(database: Database, proxy: Proxy) -> None:
    begun = monotonic()
    with pytest.raises(Unavailable) as caught:  # noqa: PT012 - as above
        async with database.transaction() as connection:
            proxy.fall_silent()
            await connection.execute("select 1")
    assert not isinstance(caught.value, InDoubt)
    assert monotonic() - begun < SOON_S


async def test_the_first_error_stays_when_the_rollback_fails(database: Database, proxy: Proxy) -> None:
    with pytest.raises(ZeroDivisionError):  # noqa: PT012 - as above
        async with database.transaction() as connection:
            await connection.execute("select 1")
            proxy.cut()
            raise ZeroDivisionError
    async with database.transaction() as connection:  # and what could not be rolled back has left the pool
        await connection.execute("select 1")


async def test_a_reader_does_not_wait_for_a_silent_connection_and_the_next_one_works(
    database: Database, proxy: Proxy
) -> None:
    begun = monotonic()
    proxy.fall_silent()
    with pytest.raises(Unavailable):
        async with database.reading() as connection:
            await connection.execute(text("select 1"))
    assert monotonic() - begun < SOON_S
    proxy.flow()
    async with database.reading() as connection:
        assert (await connection.execute(text("select 7"))).scalar_one() == 7


async def test_what_is_not_brief_may_be_silent_for_longer(database: Database) -> None:
    async with database.transaction(brief=False) as connection:
        row = await (await connection.execute("select pg_sleep(%s), 7", (2 * SILENCE_S,))).fetchone()
    assert row is not None
    assert row[1] == 7
