"""What the worker's statements read of a log with a backlog: what they are asked for, never all that waits. The server counts."""

from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
import pytest

from bst_application.ids import uuid7
from bst_domain.values import EventId
from bst_postgres.bookings.store import PostgresBookingStore
from bst_postgres.database import Database

NOW = datetime(2026, 6, 1, tzinfo=UTC)
MANY = 5_000
GROUP = 50
#: An entry of an index and perhaps a neighbour for each event; a statement that read the backlog would read at least MANY.
MOST_READ = 3 * GROUP

_FILL = """
insert into ingest_event_log (event_key, idempotency_key, nonce, source_enum, channel_code, external_booking_ref, event_type,
  event_time, event_time_normalized, payload_hash, fingerprint, process_status, raw_payload, request_received_at, next_retry_at)
select gen_random_uuid(), %(status)s || n, n, 'GYG', 'GYG', n, 'CREATED', %(at)s, %(at)s, '', %(status)s || n, %(status)s, '{}',
  %(at)s, %(retry_at)s::timestamptz
from generate_series(1, %(count)s) n
returning event_key
"""
_READ = """
select (select sum(seq_tup_read) from pg_stat_user_tables where relname = 'ingest_event_log')
  + (select sum(idx_tup_read) from pg_stat_user_indexes where relname = 'ingest_event_log')
"""


@pytest.fixture
def server(postgres_dsn: str) -> Iterator[psycopg.Connection[Any]]:
    """The statistics of the log are as old as each test has them."""
    with closing(psycopg.connect(postgres_dsn, autocommit=True)) as connection:
        connection.execute("alter table ingest_event_log set (autovacuum_enabled = off)")
        yield connection


@pytest.fixture
async def database(postgres_dsn: str, server: psycopg.Connection[Any]) -> AsyncIterator[Database]:
    """As a worker has it, on one connection: its plans are kept."""
    database = Database(postgres_dsn, pool_size=1, by_index=True)
    yield database
    await database.close()


def fill(
    server: psycopg.Connection[Any], status: str, *, ago_h: int, retry_at: datetime | None = None
) -> list[EventId]:
    values = {"count": MANY, "status": status, "at": NOW - timedelta(hours=ago_h), "retry_at": retry_at}
    return [EventId(key) for (key,) in server.execute(_FILL, values).fetchall()]


def fill_with_done(server: psycopg.Connection[Any]) -> None:
    """And statistics, by which the planner believes from now on that hardly an event waits."""
    fill(server, "DONE", ago_h=9)
    server.execute("analyze ingest_event_log")


async def claim(database: Database, events: list[EventId]) -> int:
    async with PostgresBookingStore(database).processing() as transaction:
        return len(await transaction.claim(events, now=NOW))


async def read_so_far(database: Database, server: psycopg.Connection[Any]) -> int:
    """How many rows of the log that connection and others have read, by an index or without."""
    async with database.transaction() as connection:
        await connection.execute("select pg_stat_force_next_flush()")
    [(read,)] = server.execute(_READ).fetchall()
    return int(read)


async def test_a_claim_reads_its_events_alone_though_nothing_waited_when_statistics_came(
    database: Database, server: psycopg.Connection[Any]
) -> None:
    """To look at all that wait, by their status, is then thought to be cheapest."""
    fill_with_done(server)
    waiting = fill(server, "RECEIVED", ago_h=2)
    before = await read_so_far(database, server)
    assert await claim(database, waiting[:GROUP]) == GROUP
    assert GROUP <= await read_so_far(database, server) - before <= MOST_READ


async def test_a_claim_reads_its_events_alone_though_its_plan_is_from_an_empty_log(
    database: Database, server: psycopg.Connection[Any]
) -> None:
    """A statement that is often used keeps its plan, until statistics come."""
    for _ in range(20):
        assert await claim(database, [EventId(uuid7()) for _ in range(GROUP)]) == 0
    async with database.transaction() as connection:
        kept = await connection.execute(
            "select sum(generic_plans) from pg_prepared_statements where statement like '%for update skip locked%'"
        )
        [(generic,)] = await kept.fetchall()
        assert generic > 0
    waiting = fill(server, "RECEIVED", ago_h=2)
    before = await read_so_far(database, server)
    assert await claim(database, waiting[:GROUP]) == GROUP
    assert GROUP <= await read_so_far(database, server) - before <= MOST_READ


@pytest.mark.parametrize("known", [False, True], ids=["old statistics", "new statistics"])
@pytest.mark.parametrize("retry_at", [None, NOW - timedelta(minutes=1)], ids=["never tried", "to be tried again"])
async def test_a_sweep_reads_as_many_as_it_takes(
    database: Database, server: psycopg.Connection[Any], retry_at: datetime | None, known: bool
) -> None:
    """To sort what waits would read all of it, at every sweep; to look for it by age, all that is done."""
    fill_with_done(server)
    fill(server, "RECEIVED", ago_h=2, retry_at=retry_at)
    if known:
        server.execute("analyze ingest_event_log")
    before = await read_so_far(database, server)
    due = await PostgresBookingStore(database).due(now=NOW, accepted_before=NOW - timedelta(hours=1), limit=GROUP)
    assert len(due) == GROUP
    assert GROUP <= await read_so_far(database, server) - before <= MOST_READ
