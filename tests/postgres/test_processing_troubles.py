"""One event that is slow, or whose booking somebody else holds, hurts nobody but itself."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from bst_application.errors import Unavailable
from bst_application.ids import uuid7
from bst_application.use_cases.accept import AcceptDeliveries
from bst_application.use_cases.process import ProcessEvents
from bst_domain.ingest import Accepted
from bst_domain.values import BookingIdentity, EventId, normalise_ref
from bst_postgres import database as module
from bst_postgres.bookings import PostgresBookingStore
from bst_postgres.database import Database
from bst_postgres.event_log import PostgresEventLog
from bst_testing.conformance.event_log import accepting
from bst_testing.deliveries import NOW, body, delivery
from tests.faults.proxy import a_proxy
from tests.servers import PostgresAddress

#: Fails everything that touches WEB-3, after longer than a statement may take.
SLOW = """
create function slow() returns trigger language plpgsql as $$ begin perform pg_sleep(5); return new; end $$;
create trigger slow before insert on booking_core for each row when (new.external_booking_ref = 'WEB-3')
  execute function slow();
"""


@asynccontextmanager
async def with_events(
    dsn: str, count: int, lock_timeout_ms: int = 10_000
) -> AsyncIterator[tuple[ProcessEvents, list[EventId]]]:
    database = Database(dsn, lock_timeout_ms=lock_timeout_ms)
    try:
        outcomes, _ = await accepting(PostgresEventLog(database))(
            [delivery(body(ref=f"WEB-{n}"), f"key-{n}", now=NOW) for n in range(count)]
        )
        process = ProcessEvents(store=PostgresBookingStore(database), now=lambda: NOW, new_id=uuid7)
        yield process, [outcome.event_id for outcome in outcomes if isinstance(outcome, Accepted)]
    finally:
        await database.close()


def statuses(dsn: str) -> dict[str, tuple[str, str | None]]:
    """Reference -> status and the reason of the last failure."""
    with psycopg.connect(dsn) as connection:
        found = connection.execute("select external_booking_ref, process_status, error_message from ingest_event_log")
        return {ref: (status, None if why is None else why.partition(":")[0]) for ref, status, why in found}


async def test_a_slow_event_is_retried_alone(postgres_dsn: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute(SLOW)
    monkeypatch.setattr(module, "STATEMENT_TIMEOUT_MS", 200)
    async with with_events(postgres_dsn, 8) as (process, ids):
        await process(ids)
    found = statuses(postgres_dsn)
    assert found.pop("WEB-3") == ("RECEIVED", "INFRA_UNAVAILABLE")
    assert set(found.values()) == {("DONE", None)}


async def test_a_booking_that_is_held_elsewhere_is_retried_alone(postgres_dsn: str) -> None:
    number = BookingIdentity("DIRECT", normalise_ref("WEB-5")).lock_number()
    with psycopg.connect(postgres_dsn, autocommit=True) as holder:
        holder.execute("select pg_advisory_lock(%s)", (number,))
        async with with_events(postgres_dsn, 16, lock_timeout_ms=100) as (process, ids):
            began = datetime.now(UTC)
            await process(ids)
            took = datetime.now(UTC) - began
    found = statuses(postgres_dsn)
    assert found.pop("WEB-5") == ("RECEIVED", "LOCK_CONFLICT")
    assert set(found.values()) == {("DONE", None)}
    assert took < timedelta(seconds=5)  # 5 halvings of 0.1 s, not 3 tries at each


async def test_a_database_that_falls_silent_is_said_before_the_sender_gives_up(postgres_dsn: str) -> None:
    """One try that takes long is enough: the sender's own next try is the second."""
    server = PostgresAddress(admin_dsn=postgres_dsn)
    async with a_proxy(server.endpoint) as proxy:
        database = Database(server.through(proxy.port), hang_up_after_s=1.2)
        accept = AcceptDeliveries(
            log=PostgresEventLog(database),
            now=lambda: datetime.now(UTC),
            new_id=uuid7,
            nonce_ttl=timedelta(minutes=10),
            stages_jobs=lambda: False,
        )
        try:
            await accept([delivery(body(), "key-1")])
            proxy.abandon()
            began = datetime.now(UTC)
            with pytest.raises(Unavailable):
                await accept([delivery(body(ref="WEB-2"), "key-2")])
            assert datetime.now(UTC) - began < timedelta(seconds=2.4)  # less than two times the limit
        finally:
            await database.close()
