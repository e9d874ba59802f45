"""Rollbacks of batches: what was moved in goes, what live events and people said stays, and moving in again comes to the same."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bst_application.ports.backfill import AnotherRuns
from bst_cli.migrating.rolling_back import Rollback, RolledBack, as_json_of, told
from bst_cli.trouble import Trouble
from bst_postgres.backfill import PostgresBackfillStore
from bst_postgres.backfill.states import State, batch_states
from bst_postgres.comparing import PostgresComparisonStore
from bst_postgres.cutover.loss import how_it_stands
from bst_postgres.database import Database
from bst_testing.deliveries import body
from tests.legacy.moving import NOW, move_all
from tests.legacy.test_interrupted import Live
from tests.legacy.test_moving import assert_the_truth, rows
from tests.legacy.world import World, a_world
from tests.servers import PostgresAddress

ROOT = Path(__file__).parents[2]
#: What a booking has come to, without the record of how it came to it, and the versions that its turns were counted by.
SHOWN = (
    *("booking_core", "booking_contact", "booking_party", "booking_item_snapshot", "payment_event", "payment_fact"),
    *("ops_booking_state", "ops_assignment", "ops_finance_bridge", "channel_external_refs", "migration_exception"),
    *("unmapped_queue", "booking_fact"),
)


@pytest.fixture(scope="module")
def world(postgres_server: PostgresAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(postgres_server, tmp_path_factory.mktemp("world"), seed=71, bookings=200, mess=0.7) as made:
        yield made


@pytest.fixture
async def live(postgres_dsn: str) -> AsyncIterator[Live]:
    database = Database(postgres_dsn)
    yield Live(database)
    await database.close()


def shown(dsn: str, tables: tuple[str, ...] = SHOWN) -> dict[str, list[str]]:
    times = (
        *("created_at", "updated_at", "version", "state_version", "fold", "recorded_at", "last_reconciled_at"),
        "updated_from_source",
    )
    line = f"(to_jsonb(t) {''.join(f' - {name!r}' for name in times)})::text as line"
    return {table: [row["line"] for row in rows(dsn, f"select {line} from {table} t order by 1")] for table in tables}


def rolling(dsn: str, *, keep_changed: bool = False, dry_run: bool = False) -> Callable[[str], Any]:
    return Rollback(
        dsn=dsn, reason="the test", dry_run=dry_run, keep_changed=keep_changed, progress=lambda _done, _total: None
    )


async def back(dsn: str, *batches: str, **options: bool) -> list[RolledBack]:
    return [await rolling(dsn, **options)(batch) for batch in batches]


async def test_everything_that_was_moved_in_goes_and_moving_in_again_comes_to_the_same(
    world: World, postgres_dsn: str
) -> None:
    empty = shown(postgres_dsn, (*SHOWN, "catalog_product", "catalog_variant", "catalog_variant_rate"))
    await move_all(world, postgres_dsn)
    moved = shown(postgres_dsn)
    looked = await back(postgres_dsn, "E", dry_run=True)
    assert looked[0].kept > 0
    assert shown(postgres_dsn) == moved
    made = await back(postgres_dsn, "E", "D", "C")
    assert made[1].removed == len(world.truth("bookings"))
    assert not any(each.in_the_way for each in made)
    left = shown(postgres_dsn, (*SHOWN, "catalog_product", "catalog_variant", "catalog_variant_rate"))
    assert left == empty
    for noted in ("migration_source_mark", "migration_booking_mark"):
        assert rows(postgres_dsn, f"select 1 from {noted}") == []
    again = await back(postgres_dsn, "D", "C")
    assert [(each.removed, each.in_the_way) for each in again] == [(0, []), (0, [])]
    await move_all(world, postgres_dsn)
    assert_the_truth(world, postgres_dsn)
    assert shown(postgres_dsn) == moved
    log = rows(
        postgres_dsn, "select script_name, run_status from migration_run_log where script_name like '%rollback%'"
    )
    assert {row["run_status"] for row in log} == {"SUCCEEDED"}
    audited = rows(postgres_dsn, "select resource_id from audit_log where event_type = 'MIGRATION_ROLLED_BACK'")
    assert {row["resource_id"] for row in audited} == {"C", "D", "E"}


async def test_a_later_batch_goes_first(world: World, postgres_dsn: str) -> None:
    await move_all(world, postgres_dsn)
    for batch, later in (("D", "E"), ("C", "E"), ("B", "E")):
        with pytest.raises(Trouble, match=f"batch {later} has run on top of batch {batch}"):
            await back(postgres_dsn, batch)


async def test_a_batch_does_not_go_while_a_later_one_runs(postgres_dsn: str) -> None:
    database = Database(postgres_dsn, pool_size=6)
    store = PostgresBackfillStore(database)
    given: dict[str, Any] = {"now": NOW, "script": "bst migrate", "checksum": "0"}
    undone = {**given, "script": "bst migrate rollback", "afresh": True}
    async with store.running("E", **given):
        with pytest.raises(AnotherRuns, match="batch E is being run"):
            async with store.running("D", **undone):
                pass
    with pytest.raises(AnotherRuns, match="batch E has run on top of batch D meanwhile"):
        async with store.running("D", **undone):
            pass
    async with store.running("E", **undone):
        pass
    async with store.running("D", **undone):
        with pytest.raises(AnotherRuns, match="batch E is being run"):
            async with store.running("E", **given):
                pass
    await database.close()


async def test_what_was_taken_back_is_so_whenever_that_began(postgres_dsn: str) -> None:
    """A rollback looks around first: a run that began meanwhile, and ended, is older than it all the same."""
    database = Database(postgres_dsn, pool_size=4)
    store = PostgresBackfillStore(database)
    async with store.running("D", now=NOW, script="bst migrate D", checksum="0"):
        pass
    script = "bst migrate rollback D"
    async with store.running("D", now=NOW - timedelta(minutes=5), script=script, checksum="0", afresh=True):
        pass
    assert (await batch_states(database))["D"].state is State.ROLLED_BACK
    assert await how_it_stands(database, "D") == "taken back"
    async with PostgresComparisonStore(database).comparing() as ours:
        last = await ours.last_run("D")
    assert last is not None
    assert last.status == "TAKEN_BACK"
    await database.close()


def live_story(world: World) -> list[Any]:
    """Events of bookings that are moved in, too: one with a better contact there, one paid here, one cancelled, one new here."""
    refs = [said["external_booking_ref"] for said in world.truth("bookings") if said["channel_code"] == "DIRECT"]
    created = {"name": "", "email": "n/a", "phone": ""}
    paid = {
        "provider": "PAYPAL",
        "status": "COMPLETED",
        "reference": "LIVE-1",
        "orderId": None,
        "amount": 12.5,
        "currency": "USD",
        "time": "2026-03-02T00:00:00.000Z",
    }
    at = "2026-03-02T00:00:0{}.000Z"
    return [
        body(
            "CREATED",
            refs[0],
            "2019-01-01T00:00:00.000Z",
            booking={"tourDate": "2019-02-01", "adult": 9},
            customer=created,
        ),
        body("UPDATED", refs[1], at.format(1), booking={"adult": 4, "note": "here"}),
        body("UPDATED", refs[2], at.format(2), payment=paid),
        body("CANCELLED", refs[3], at.format(3)),
        body("CREATED", "ONLY-HERE", at.format(4), booking={"tourDate": "2026-06-02", "adult": 1}),
    ]


async def test_what_live_events_said_stays_as_if_nothing_had_been_moved_in(
    world: World, postgres_dsn: str, postgres_server: PostgresAddress, migrated_template: str, live: Live
) -> None:
    story = live_story(world)
    for event in story[:2]:
        await live.send(event)
    await move_all(world, postgres_dsn)
    for event in story[2:]:
        await live.send(event)
    moved = shown(postgres_dsn)
    made = await back(postgres_dsn, "E", "D", "C")
    assert not any(each.in_the_way for each in made)
    assert made[1].kept == 4
    name = "bst_live_alone"
    alone = postgres_server.create(name, template=migrated_template)
    other = Database(alone)
    try:
        for event in story:
            await Live(other).send(event)
        columns = """external_booking_ref, customer_payment_status, ops_fulfillment_status, status_reasons, tour_date,
            number_of_adult, number_of_child, total_price, note, main_name, main_email, phone, booking_created_at,
            is_paid_flag, assigned_driver_id, adult_qty, infant_qty, traveler_rows, core.fold ->> 'first' as first,
            (select count(*) from payment_fact fact where fact.booking_key = core.booking_key) as facts,
            (select count(*) from payment_event paid where paid.booking_key = core.booking_key) as payments,
            (select count(*) from booking_item_snapshot item where item.booking_key = core.booking_key) as items"""
        query = f"""select {columns} from booking_core core join booking_contact using (booking_key)
            join ops_booking_state using (booking_key) join booking_party using (booking_key) order by 1"""
        query = query.replace("ops_fulfillment_status", "core.ops_fulfillment_status")
        assert rows(postgres_dsn, query) == rows(alone, query)
    finally:
        await other.close()
        postgres_server.drop(name)
    await move_all(world, postgres_dsn)
    assert shown(postgres_dsn) == moved


async def test_what_people_have_worked_on_stands_in_the_way_by_name(world: World, postgres_dsn: str) -> None:
    await move_all(world, postgres_dsn)
    [said] = [s for s in world.truth("bookings") if s["channel_code"] == "GYG"][:1]
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("update ops_assignment set is_active = false where booking_key = %s", (said["booking_key"],))
        connection.execute(
            "insert into ops_assignment (assignment_key, booking_key, driver_id, assignment_source, assigned_at)"
            " values (gen_random_uuid(), %s, 5, 'CORE_API', now())",
            (said["booking_key"],),
        )
        connection.execute(
            "update catalog_product set name = 'Edited', version = 2 where slug = (select min(slug) from catalog_product)"
        )
    await back(postgres_dsn, "E")
    before = shown(postgres_dsn)
    [refused] = await back(postgres_dsn, "D")
    assert refused.in_the_way == [
        (f"GYG:{said['external_booking_ref']}", "operators have worked on it, and no channel has told of it")
    ]
    assert shown(postgres_dsn) == before
    everybody_else = len(world.truth("bookings")) - 1
    assert told(refused, dry_run=False)[0].split(maxsplit=1) == [f"{everybody_else:,}", "bookings would be taken back"]
    assert not any("written" in line for line in told(refused, dry_run=False))  # the refusal says that nothing was
    assert as_json_of(refused, dry_run=False)["removed"] == 0
    [kept] = await back(postgres_dsn, "D", keep_changed=True)
    assert kept.removed == everybody_else
    assert told(kept, dry_run=False)[0].split(maxsplit=1) == [f"{everybody_else:,}", "bookings taken back"]
    assert as_json_of(kept, dry_run=False)["removed"] == everybody_else
    assert rows(postgres_dsn, "select booking_key::text as key from booking_core") == [{"key": said["booking_key"]}]
    [catalog] = await back(postgres_dsn, "C")
    assert ("it was edited here") in {why for _, why in catalog.in_the_way}
    assert catalog.rows == 0
    await back(postgres_dsn, "C", keep_changed=True)
    assert len(rows(postgres_dsn, "select 1 from catalog_product")) == len(catalog.in_the_way)
    await move_all(world, postgres_dsn)
    drivers = rows(
        postgres_dsn,
        f"select assigned_driver_id as driver from ops_booking_state where booking_key = '{said['booking_key']}'",
    )
    assert len(rows(postgres_dsn, "select 1 from booking_core")) == len(world.truth("bookings"))
    assert drivers != []


async def test_a_rollback_that_is_killed_goes_on_with_the_rest(world: World, postgres_dsn: str) -> None:
    await move_all(world, postgres_dsn)
    moved = shown(postgres_dsn)
    await back(postgres_dsn, "E")
    for at in (55, 45, 40):
        command = [sys.executable, "-c", _KILLED, postgres_dsn, str(at)]
        ended = await asyncio.to_thread(subprocess.run, command, cwd=ROOT, check=False)
        assert ended.returncode == -9
    assert 0 < len(rows(postgres_dsn, "select 1 from booking_core")) < len(world.truth("bookings"))
    [rest] = await back(postgres_dsn, "D")
    assert rest.removed > 0
    assert rows(postgres_dsn, "select 1 from booking_core") == []
    await move_all(world, postgres_dsn)
    assert shown(postgres_dsn) == moved


_KILLED = """
import asyncio, os, signal, sys
from typing import Any
import psycopg
import bst_postgres.backfill.taking_back as taking_back
from bst_cli.migrating.rolling_back import Rollback

taking_back.AT_ONCE = 40
execute, left = psycopg.AsyncConnection.execute, [int(sys.argv[2])]

async def dying(self: Any, *given: Any, **options: Any) -> Any:
    left[0] -= 1
    if left[0] == 0:
        os.kill(os.getpid(), signal.SIGKILL)
    return await execute(self, *given, **options)

psycopg.AsyncConnection.execute = dying
rolling = Rollback(dsn=sys.argv[1], reason="killed", dry_run=False, keep_changed=False, progress=lambda a, b: None)
asyncio.run(rolling("D"))
"""


async def test_the_schema_goes_only_while_it_is_empty(world: World, postgres_dsn: str, empty_postgres_dsn: str) -> None:
    from bst_postgres.migrate import status, upgrade

    await move_all(world, postgres_dsn)
    [refused] = await back(postgres_dsn, "A")
    assert ("table booking_core", f"{len(world.truth('bookings')):,} rows") in refused.in_the_way
    assert status(postgres_dsn).pending == ()
    upgrade(empty_postgres_dsn)
    [dropped] = await back(empty_postgres_dsn, "A")
    assert dropped.removed > 40
    assert rows(empty_postgres_dsn, "select 1 from pg_tables where schemaname = 'public'") == []
    assert rows(empty_postgres_dsn, "select 1 from pg_proc where pronamespace = 'public'::regnamespace") == []
    upgrade(empty_postgres_dsn)
    assert status(empty_postgres_dsn).pending == ()


async def test_batch_b_takes_back_the_words_it_wrote_and_no_others(postgres_dsn: str) -> None:
    from bst_postgres.backfill import PostgresBackfillStore
    from bst_postgres.backfill.reference import write_reference

    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("delete from channel_registry where channel_code in ('BOKUN', 'VIATOR')")
        connection.execute("update channel_registry set channel_name = 'ours' where channel_code = 'GYG'")
    before = shown(postgres_dsn, ("channel_registry",))
    database = Database(postgres_dsn)
    try:
        for _ in range(2):
            store = PostgresBackfillStore(database)
            async with store.running("B", now=datetime.now(UTC), script="bst migrate B", checksum="0") as run:
                await write_reference(database, run)
                await store.finish(run, rows=0)
    finally:
        await database.close()
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute(
            "insert into booking_core (booking_key, channel_code, external_booking_ref, booking_created_at,"
            " customer_payment_status, ops_fulfillment_status, package_ref_type)"
            " values (gen_random_uuid(), 'VIATOR', 'V1', now(), 'PAID', 'NEW', 'LEGACY_PACKAGE')"
        )
    [refused] = await back(postgres_dsn, "B")
    assert refused.in_the_way == [("channel_registry VIATOR", "rows refer to it")]
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute("delete from booking_core")
    [made] = await back(postgres_dsn, "B")
    assert made.removed == 3
    assert shown(postgres_dsn, ("channel_registry",)) == before
