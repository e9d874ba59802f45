"""Killed at any moment, beside live events, beside another runner, from sources that cannot be read: the same end, or nothing."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bst_application.errors import LegacyUnreadable
from bst_application.ids import uuid7
from bst_application.ports.backfill import AnotherRuns
from bst_application.use_cases.backfill import Backfill, Tally
from bst_application.use_cases.move_bookings import MoveBookings
from bst_application.use_cases.move_money import MoveMoney, queue_left_behind
from bst_application.use_cases.process import ProcessEvents
from bst_application.use_cases.recompute import RecomputeTurning
from bst_domain.ingest import Accepted
from bst_domain.migration import LegacySystem
from bst_domain.values import EventId
from bst_legacy.databases import LegacyConnections
from bst_postgres.backfill import PostgresBackfillStore
from bst_postgres.bookings import PostgresBookingStore
from bst_postgres.database import Database
from bst_postgres.event_log import PostgresEventLog
from bst_testing.conformance.event_log import accepting
from bst_testing.deliveries import body, delivery
from tests.legacy.moving import AS_OF, NOW, move_all, move_bookings, move_catalog, move_money
from tests.legacy.test_moving import TABLES, assert_the_truth, contents, rows
from tests.legacy.world import World, a_world
from tests.servers import PostgresAddress

ROOT = Path(__file__).parents[2]
#: Primes, so that every place in a chunk is met on the way through the chunks.
MOMENTS = (2, 3, 5, 7, 11, 13, 17, 19, 23, 29, 31, 37)


@pytest.fixture(scope="module")
def world(postgres_server: PostgresAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(postgres_server, tmp_path_factory.mktemp("world"), seed=21, bookings=300, mess=0.7) as made:
        yield made


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    made = Database(postgres_dsn, pool_size=8)
    yield made
    await made.close()


def timeless(dsn: str) -> dict[str, list[str]]:
    """Every row of every table, less the moments at which rows were written."""
    stripped = "(to_jsonb(t) - 'created_at' - 'updated_at' - 'version' - 'state_version')::text"
    return {
        table: [row["line"] for row in rows(dsn, f"select {stripped} as line from {table} t order by 1")]
        for table in TABLES
        if table != "unmapped_queue"
    }


def kill_at(world: World, dsn: str, batch: str, *moments: int, helpers: int = 0) -> list[int]:
    """Runs that kill themselves, one after the other; 0 for one that came to its end before."""
    urls = [world.urls[LegacySystem.SHOP], world.urls[LegacySystem.ADMIN]]
    given = [*urls, dsn, batch, ",".join(map(str, moments)), str(helpers)]
    command = [sys.executable, "-m", "tests.legacy.killed", *given]
    ended = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert ended.returncode == 0, ended.stderr
    codes = [int(code) for code in ended.stdout.split()]
    assert set(codes) <= {0, -9}, ended.stderr
    return codes


async def test_killed_again_and_again_it_comes_to_the_same_end(
    world: World, postgres_dsn: str, postgres_server: PostgresAddress, migrated_template: str, database: Database
) -> None:
    store = PostgresBackfillStore(database)
    await move_catalog(world, store)
    killed = 0
    for batch, move in (("D", move_bookings), ("E", move_money)):
        killed += kill_at(world, postgres_dsn, batch, *MOMENTS).count(-9)
        await store.packages()
        await move(world, store)
    assert killed >= len(MOMENTS)
    assert_the_truth(world, postgres_dsn)
    undisturbed = postgres_server.create(f"bst_undisturbed_{uuid7().hex}", template=migrated_template)
    try:
        await move_all(world, undisturbed)
        assert timeless(postgres_dsn) == timeless(undisturbed)
    finally:
        postgres_server.drop(undisturbed.partition("?")[0].rpartition("/")[2])
    statuses = rows(postgres_dsn, "select distinct run_status from migration_run_log where run_status = 'STARTED'")
    assert statuses == []


async def test_an_interrupted_run_goes_on_where_it_was(world: World, postgres_dsn: str, database: Database) -> None:
    store = PostgresBackfillStore(database)
    await move_catalog(world, store)
    seen: list[int] = []

    class Stopped(Exception):
        pass

    def stop(tally: Tally) -> None:
        seen.append(tally.done)
        if tally.done > tally.rows // 2:
            raise Stopped

    with pytest.raises(Stopped):
        await move_bookings(world, store, chunk_rows=40, progress=stop)
    [at] = rows(postgres_dsn, "select rows_done from migration_checkpoint where batch_code = 'D'")
    again: list[int] = []
    await move_bookings(world, store, chunk_rows=40, progress=lambda tally: again.append(tally.done))
    assert 0 < at["rows_done"] == again[0]
    assert rows(postgres_dsn, "select * from migration_checkpoint") == []
    [failed, done] = rows(
        postgres_dsn, "select run_status from migration_run_log where batch_code = 'D' order by started_at, run_key"
    )
    assert (failed["run_status"], done["run_status"]) == ("FAILED", "SUCCEEDED")


async def test_one_runner_of_a_batch_at_a_time(world: World, database: Database) -> None:
    store = PostgresBackfillStore(database)
    async with store.running("D", now=NOW, script="test", checksum="0"):
        with pytest.raises(AnotherRuns):
            await move_bookings(world, store)
        async with store.running("E", now=NOW, script="test", checksum="0"):
            pass


async def test_a_dry_run_says_what_would_change_and_writes_nothing(
    world: World, postgres_dsn: str, database: Database
) -> None:
    store = PostgresBackfillStore(database)
    before = contents(postgres_dsn)
    work = MoveBookings(packages=await store.packages(), as_of=AS_OF, now=NOW)
    async with LegacyConnections(world.urls).snapshot() as snapshot:
        tally = await Backfill(store=store, work=work)(snapshot, None)
    assert contents(postgres_dsn) == before
    truth = world.truth("bookings")
    assert (tally.created, tally.changed, tally.written) == (len(truth), 0, 0)


async def test_a_dry_run_of_money_writes_nothing_either(world: World, postgres_dsn: str, database: Database) -> None:
    store = PostgresBackfillStore(database)
    await move_catalog(world, store)
    await move_bookings(world, store)
    before = contents(postgres_dsn)
    async with LegacyConnections(world.urls).snapshot() as snapshot:
        tally = await Backfill(store=store, work=MoveMoney(as_of=AS_OF, now=NOW))(snapshot, None)
        left = await snapshot.payments_without_booking()
        behind = await queue_left_behind(store, left, now=NOW, dry_run=True)
    assert contents(postgres_dsn) == before
    assert 0 < len(left) == behind.queued == behind.exceptions
    assert tally.changed > 0 == tally.written


async def test_a_dry_run_does_not_queue_again_what_is_queued(
    world: World, postgres_dsn: str, database: Database
) -> None:
    store = PostgresBackfillStore(database)

    async def dry() -> int:
        before = contents(postgres_dsn)
        async with LegacyConnections(world.urls).snapshot() as snapshot:
            tally = await Backfill(store=store, work=MoveMoney(as_of=AS_OF, now=NOW))(snapshot, None)
            left = await snapshot.payments_without_booking()
            tally.add(await queue_left_behind(store, left, now=NOW, dry_run=True))
        assert contents(postgres_dsn) == before
        return tally.queued

    await move_catalog(world, store)
    await move_bookings(world, store)
    planned = await dry()
    assert planned == (await move_money(world, store)).queued > 0
    assert await dry() == 0


class Live:
    """Live events through the real log and the real processing."""

    def __init__(self, database: Database) -> None:
        self._log = PostgresEventLog(database)
        self._process = ProcessEvents(store=PostgresBookingStore(database), now=lambda: NOW, new_id=uuid7)

    async def send(self, said: dict[str, Any]) -> None:
        outcomes, _ = await accepting(self._log)([delivery(said, str(uuid7()))])
        ids: list[EventId] = [outcome.event_id for outcome in outcomes if isinstance(outcome, Accepted)]
        assert await self._process(ids) == 1


def update_of(said: dict[str, str], day: str) -> dict[str, Any]:
    """A live event that moves the tour: older than most legacy rows, and what is said live stands above them all the same."""
    return body(
        "UPDATED",
        said["external_booking_ref"],
        "2025-06-01T00:00:00.000Z",
        said["channel_code"],
        booking={"tourDate": day, "adult": 9},
        customer={"name": "Live Guest", "email": "live@mail.example.net"},
    )


_SHOWN = """
select external_booking_ref, channel_code, tour_date::text, number_of_adult, main_name, main_email, customer_payment_status
from booking_core join booking_contact using (booking_key)
"""


async def test_what_was_said_live_is_never_overwritten(world: World, postgres_dsn: str, database: Database) -> None:
    """Before the back-fill, while it runs, and after it; then it runs again."""
    live, store = Live(database), PostgresBackfillStore(database)
    truth = [said for said in world.truth("bookings") if not said["external_booking_ref"].startswith(("BS-", "OPS-"))]
    before, during, after = truth[0::5], truth[1::5], truth[2::5]
    for said in before:
        await live.send(update_of(said, "2031-01-01"))
    await move_catalog(world, store)

    async def meanwhile() -> None:
        for said in during:
            await live.send(update_of(said, "2031-02-02"))

    await asyncio.gather(move_bookings(world, store, chunk_rows=20), meanwhile())
    for said in after:
        await live.send(update_of(said, "2031-03-03"))
    await move_money(world, store)
    await move_all(world, postgres_dsn)
    shown = {(row["channel_code"], row["external_booking_ref"]): row for row in rows(postgres_dsn, _SHOWN)}
    assert len(shown) == len(world.truth("bookings"))
    days = {
        id(said): day
        for some, day in ((before, "2031-01-01"), (during, "2031-02-02"), (after, "2031-03-03"))
        for said in some
    }
    for said in truth:
        row = shown[said["channel_code"], said["external_booking_ref"]]
        assert row["customer_payment_status"] == said["customer_payment_status"]
        day = days.get(id(said))
        if day is None:
            assert (row["tour_date"], row["number_of_adult"]) == (said["tour_date"], int(said["adult"]))
            continue
        assert (row["tour_date"], row["number_of_adult"]) == (day, 9)
        assert (row["main_name"], row["main_email"]) == ("Live Guest", "live@mail.example.net")
    settled = contents(postgres_dsn)
    await move_all(world, postgres_dsn)
    assert contents(postgres_dsn) == settled


@pytest.fixture
def small_world(postgres_server: PostgresAddress, tmp_path: Path) -> Iterator[World]:
    """A world that a test may break."""
    with a_world(postgres_server, tmp_path, bookings=5, mess=0) as made:
        yield made


_CAPTURED = r"""
select booking_ref, min(gateway_capture_id), min(upper(gateway)), min(payment.amount), min(payment.currency_code)
from "Payment" payment join "Booking" using (booking_id)
where booking_ref ~ '^[A-Z0-9-]+$' group by 1 having count(*) = 1 and min(payment_status_v2::text) = 'COMPLETED'
  and min(gateway_capture_id) ~ '^\S+$' and min(gateway) ~ '^\S+$' order by 1 limit 1
"""


async def test_a_payment_that_was_reported_here_later_stays(
    world: World, postgres_dsn: str, database: Database
) -> None:
    """The same capture from both sides: of two that share a key the later event time holds."""
    store = PostgresBackfillStore(database)
    await move_catalog(world, store)
    await move_bookings(world, store)
    with psycopg.connect(world.urls[LegacySystem.SHOP]) as connection:
        [(ref, capture, provider, amount, currency)] = connection.execute(_CAPTURED.encode()).fetchall()
    payment = {
        "provider": provider,
        "status": "COMPLETED",
        "reference": capture,
        "orderId": None,
        "amount": float(amount + 1),
        "currency": currency.strip().upper(),
        "time": "2026-03-02T00:00:00.000Z",
    }
    await Live(database).send(body("UPDATED", ref, "2026-03-02T00:00:01.000Z", payment=payment))
    for _ in range(2):
        await move_money(world, store)
        [fact] = rows(postgres_dsn, f"select amount, origin from payment_fact where reference = '{capture}'")
        assert (fact["amount"], fact["origin"]) == (amount + 1, 1)


@pytest.mark.parametrize(
    ("harm", "said"),
    [
        ('alter table "Payment" rename to "Payments"', 'balisnap (BALISNAP_DB_URL): table "Payment" is missing'),
        ('alter table "Booking" drop column status_v2', 'balisnap: column "Booking"."status_v2" is missing'),
        ("alter table bookings drop column is_paid", 'bstadmin: column "bookings"."is_paid" is missing'),
        ("alter table bookings alter column tour_date type text", 'bstadmin: column "bookings"."tour_date" is text'),
    ],
)
async def test_a_source_that_lacks_something_stops_a_batch_before_it_writes(
    small_world: World, postgres_dsn: str, database: Database, harm: str, said: str
) -> None:
    store, system = PostgresBackfillStore(database), LegacySystem(said.partition(":")[0].split()[0])
    with psycopg.connect(small_world.urls[system]) as connection:
        connection.execute(harm.encode())
    before = contents(postgres_dsn)
    for move in (move_catalog, move_bookings, move_money):
        with pytest.raises(LegacyUnreadable) as refused:
            await move(small_world, store)
        for part in (system.value, said.partition(": ")[2], "Check that the URL"):
            assert part in str(refused.value)
    assert contents(postgres_dsn) == before
    assert rows(postgres_dsn, "select 1 from migration_run_log where batch_code in ('C', 'D', 'E')") == []


async def test_a_source_that_cannot_be_reached_is_named(world: World) -> None:
    urls = {**world.urls, LegacySystem.ADMIN: "postgresql://127.0.0.1:1/nothing"}
    with pytest.raises(LegacyUnreadable, match=r"cannot open bstadmin \(BSTADMIN_DB_URL\)"):
        async with LegacyConnections(urls).snapshot():
            pass


async def test_nothing_can_be_written_to_a_source(world: World) -> None:
    async with LegacyConnections(world.urls).snapshot() as snapshot:
        for system in LegacySystem:
            with pytest.raises(LegacyUnreadable, match="read-only transaction"):
                await snapshot._fetch(system, "create table nothing (id int)", None)


async def test_a_snapshot_does_not_see_what_is_written_later(world: World) -> None:
    later = datetime(2026, 3, 1, tzinfo=UTC).replace(tzinfo=None)
    async with LegacyConnections(world.urls).snapshot() as snapshot:
        [before] = await snapshot.bookings(LegacySystem.ADMIN, [1])
        with psycopg.connect(world.urls[LegacySystem.ADMIN]) as connection:
            connection.execute("update bookings set note = 'later', updated_at = %s where booking_id = 1", (later,))
            connection.commit()
            [same] = await snapshot.bookings(LegacySystem.ADMIN, [1])
            connection.execute("update bookings set note = %s, updated_at = %s where booking_id = 1",
                               (before.note, before.updated_at.replace(tzinfo=None)))  # fmt: skip
    assert same == before


async def test_a_runner_that_is_gone_holds_the_day_no_more(world: World, postgres_dsn: str, database: Database) -> None:
    """What a run says with an --as-of of its own stays while it runs; a kill -9 ends that, too."""
    store = PostgresBackfillStore(database)
    late = RecomputeTurning(store=PostgresBookingStore(database), now=lambda: datetime(2030, 1, 1, tzinfo=UTC))
    await move_catalog(world, store)
    command = (sys.executable, "-c", _HOLD, postgres_dsn)
    holder = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    assert holder.stdout is not None
    assert await holder.stdout.readline() == b"running\n"
    await move_bookings(world, store)
    assert await late() == 0
    holder.kill()
    await holder.wait()
    async with asyncio.timeout(30):
        while not await _nobody_holds_the_day(database):
            pass
    assert await late() > 0


_HOLD = """
import asyncio, sys
from datetime import UTC, datetime
from bst_postgres.backfill import PostgresBackfillStore
from bst_postgres.database import Database

async def hold():
    store = PostgresBackfillStore(Database(sys.argv[1]))
    async with store.running("X", now=datetime.now(UTC), script="test", checksum="0", holds_the_day=True):
        print("running", flush=True)
        await asyncio.Event().wait()

asyncio.run(hold())
"""


async def _nobody_holds_the_day(database: Database) -> bool:
    query = """select 1 from pg_locks where locktype = 'advisory' and mode = 'ShareLock'
        and database = (select oid from pg_database where datname = current_database())"""
    async with database.transaction() as connection:
        return await (await connection.execute(query)).fetchone() is None
