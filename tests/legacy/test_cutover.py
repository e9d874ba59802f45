"""Cutting over between real legacy databases and a real core: parity, the watcher, what is lost, and the way back."""

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import uuid4

import click
import psycopg
import pytest
from attrs import evolve

from bst_application.flag_loan import FlagLoans
from bst_application.flags import READ_PATH, WRITE_PATH, Flag, FlagBoard, Process, initial_flags
from bst_application.ids import uuid7
from bst_application.ports.backfill import AnotherRuns
from bst_application.use_cases.hold_batch import run_to_judge
from bst_application.use_cases.recompute import RecomputeTurning
from bst_application.use_cases.repair import Author
from bst_application.use_cases.report_write import ReportWrite
from bst_application.use_cases.set_cutover import CutoverChange, SetCutover
from bst_cli.cutting_over.sampling import sampled
from bst_cli.cutting_over.stepping import Stepping, Wish, postcheck, precheck, raised, taken_back
from bst_cli.cutting_over.watching import watcher
from bst_cli.gates import assignment_drill, conflicts_open, event_loss, ops_read_parity, rollback_drill, write_cutover
from bst_cli.trouble import Trouble
from bst_domain.cutover import Canary, Module, evaluate_canary
from bst_domain.gates import GATES_OF, GateRecord, Verdict
from bst_domain.migration import LegacySystem
from bst_legacy.live import LegacyLiveConnections
from bst_postgres.bookings import PostgresBookingStore
from bst_postgres.cutover import PostgresShadowLedger, PostgresWatchLedger, PostgresWriteLedger
from bst_postgres.database import Database
from bst_postgres.flags import PostgresFlagStore
from bst_postgres.gates import PostgresGateRecords
from bst_testing.conformance.cutover import AGREED
from bst_testing.deliveries import body, paid
from tests.api.harness import ADMIN, Api, running
from tests.cli.surroundings import Bench, not_passed
from tests.legacy.moving import move_all
from tests.legacy.world import World, a_world
from tests.servers import PostgresAddress

AYU = Author(actor="ayu")
BROKER = ""


@pytest.fixture(scope="module")
def moved(
    postgres_server: PostgresAddress, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, str]]:
    """A clean world moved into a core, and brought up to the day that it is, as a worker does: databases to copy."""

    async def move(made: World, dsn: str) -> None:
        await move_all(made, dsn)
        database = Database(dsn, pool_size=2)
        await RecomputeTurning(store=PostgresBookingStore(database), now=lambda: datetime.now(UTC))()
        await database.close()

    name = f"bst_core_{uuid4().hex}"
    with a_world(postgres_server, tmp_path_factory.mktemp("world"), seed=7, bookings=90, mess=0) as made:
        try:
            asyncio.run(move(made, postgres_server.create(name, template=migrated_template)))
            yield made, name
        finally:
            postgres_server.drop(name)


@pytest.fixture
def world(
    postgres_server: PostgresAddress, moved: tuple[World, str], monkeypatch: pytest.MonkeyPatch
) -> Iterator[World]:
    """A copy of this test's own."""
    made, _ = moved
    names = {system: f"bst_{system}_{uuid4().hex}" for system in LegacySystem}
    try:
        urls = {
            system: postgres_server.create(name, template=urlsplit(made.urls[system]).path.lstrip("/"))
            for system, name in names.items()
        }
        monkeypatch.setenv("BALISNAP_DB_URL", urls[LegacySystem.SHOP])
        monkeypatch.setenv("BSTADMIN_DB_URL", urls[LegacySystem.ADMIN])
        yield World(urls=urls, folder=made.folder)
    finally:
        for name in names.values():
            postgres_server.drop(name)


@pytest.fixture
def core_dsn(postgres_server: PostgresAddress, moved: tuple[World, str]) -> Iterator[str]:
    name = f"bst_core_{uuid4().hex}"
    try:
        yield postgres_server.create(name, template=moved[1])
    finally:
        postgres_server.drop(name)


@pytest.fixture
async def api(world: World, core_dsn: str) -> AsyncIterator[Api]:
    async with running(core_dsn, BROKER) as made:
        yield made


def change(world: World, statement: str, system: LegacySystem = LegacySystem.ADMIN) -> int:
    """Rows that the old system changes."""
    with psycopg.connect(world.urls[system]) as connection:
        connection.execute("set session_replication_role = replica")  # rows stand alone here
        return connection.execute(statement.encode()).rowcount


def stamp(world: World, changes: str, where: str) -> None:
    """A change as the old admin makes one: it notes when."""
    now = datetime.now(UTC).replace(tzinfo=None)
    assert change(world, f"update bookings set {changes}, updated_at = '{now}' where {where}") == 1


def row_of(world: World, where: str = "true") -> dict[str, Any]:
    query = f"select booking_id, booking_ref, source::text from bookings where {where} order by booking_id limit 1"
    with psycopg.connect(world.urls[LegacySystem.ADMIN]) as connection:
        row = connection.execute(query.encode()).fetchone()
    assert row is not None
    return dict(zip(("id", "ref", "source"), row, strict=True))


async def test_a_clean_move_shows_what_the_old_admin_shows(world: World, api: Api) -> None:
    judged = await Bench(api).measure(ops_read_parity.GATE)
    assert (judged.verdict, not_passed(judged)) == (Verdict.PASS, {})
    assert judged.summary["missingRows"] == judged.summary["listMismatchRows"] == judged.summary["fetchErrors"] == 0
    assert judged.lines["OPS_READ_PARITY_MATCHED_ROWS"] == judged.summary["sampledRows"] >= 50
    found = await sampled(api.database, LegacyLiveConnections(world.urls), 200)
    assert (found.unmatched, {about for about, count in found.by_field.items() if count}) == (0, set())


async def test_what_differs_and_what_core_lacks_is_counted_by_name(world: World, api: Api) -> None:
    row = row_of(world)
    stamp(world, "meeting_point = 'Elsewhere', note = 'other', assigned_driver_id = 4711", f"booking_id = {row['id']}")
    clone = "insert into bookings select (jsonb_populate_record(null::bookings, to_jsonb(b) || jsonb_build_object("
    clone += "'booking_id', 900000 + n, 'booking_ref', 'LOST-' || n))).* from bookings b, generate_series(1, 5) n"
    assert change(world, f"{clone} where booking_id = {row['id']}") == 5
    judged = await Bench(api).measure(ops_read_parity.GATE, sample_limit=1000)
    assert not_passed(judged)["BG-01_list_parity_ratio"] is Verdict.FAIL  # rows that are missing count (defect 99)
    assert (judged.summary["missingRows"], judged.summary["listMismatchRows"]) == (5, 1)
    by_field = judged.summary["byField"]
    assert {name: by_field[name] for name in ("meetingPoint", "driver", "note")} == dict.fromkeys(
        ("meetingPoint", "driver", "note"), 1
    )
    assert len(judged.more["missing"]) == 5


async def watched(world: World, api: Api) -> Any:
    watch = watcher(api.database, LegacyLiveConnections(world.urls))
    return await evolve(watch, settle=timedelta())()


async def test_the_watcher_plays_each_change_once_and_goes_on_where_it_was(world: World, api: Api) -> None:
    change_nothing = await watched(world, api)
    assert (change_nothing.rows, change_nothing.reviews) == (0, 0)
    row = row_of(world, "status not in ('CANCELLED', 'NO_SHOW')")
    stamp(world, "total_price = total_price + 1", f"booking_id = {row['id']}")
    first = await watched(world, api)
    assert (first.rows, first.reviews, first.played[Module.BOOKING_CORE]) == (1, 1, 1)
    again = await watched(world, api)  # it looks back, and knows the row
    assert (again.rows, again.seen, again.reviews) == (1, 1, 0)
    [waiting] = await api.data("/v1/ops/cutover/conflicts")
    assert (waiting["fields"], waiting["externalBookingRef"]) == (["totalPrice"], row["ref"].upper())
    async with PostgresWatchLedger(api.database).watching():
        with pytest.raises(AnotherRuns):
            await watched(world, api)


async def test_finance_over_there_changes_what_is_here_and_opens_a_ticket(world: World, api: Api) -> None:
    await watched(world, api)
    now = datetime.now(UTC).replace(tzinfo=None)
    with psycopg.connect(world.urls[LegacySystem.ADMIN]) as connection:
        found = connection.execute(
            "select booking_finance_id from booking_finances f join bookings b using (booking_id)"
            " where b.status not in ('CANCELLED', 'NO_SHOW') and not f.is_locked order by 1 limit 1"
        ).fetchone()
    assert found is not None
    where = f"booking_finance_id = {found[0]}"
    assert change(world, f"update booking_finances set is_locked = true, updated_at = '{now}' where {where}") == 1
    tally = await watched(world, api)
    assert (tally.rows, tally.tickets) == (1, 1)
    [ticket] = await api.data("/v1/ops/cutover/conflicts")
    assert (ticket["module"], ticket["severity"], ticket["fields"]) == ("ops_finance_bridge", "MEDIUM", ["isLocked"])
    [(locked,)] = await api.rows(f"select is_locked from ops_finance_bridge where booking_finance_id = {found[0]}")
    assert locked is True


async def test_what_the_old_systems_wrote_is_not_lost(world: World, api: Api) -> None:
    bench = Bench(api)
    assert (await bench.measure(event_loss.GATE, grace_seconds=0)).verdict is Verdict.PASS
    row = row_of(world)
    stamp(world, "note = 'late'", f"booking_id = {row['id']}")
    judged = await bench.measure(event_loss.GATE, grace_seconds=0)
    assert not_passed(judged) == {"H-02_legacy_rows_not_compared": Verdict.FAIL}
    await watched(world, api)
    assert (await bench.measure(event_loss.GATE, grace_seconds=0)).verdict is Verdict.PASS
    stamp(world, "booking_ref = 'NEW-1'", f"booking_id = {row['id']}")
    assert (await watched(world, api)).missing == 0  # the id that it was moved in under leads to its booking
    clone = "insert into bookings select (jsonb_populate_record(null::bookings, to_jsonb(b) || jsonb_build_object("
    clone += (
        "'booking_id', 900001, 'booking_ref', 'LOST-1', 'updated_at', now() at time zone 'UTC'))).* from bookings b"
    )
    assert change(world, f"{clone} where booking_id = {row['id']}") == 1
    assert (await watched(world, api)).missing == 1
    judged = await bench.measure(event_loss.GATE, grace_seconds=0)
    assert not_passed(judged) == {"H-02_legacy_rows_missing_in_core": Verdict.FAIL}
    assert judged.more["missing"] == ["bstadmin:bookings:900001"]
    await api.accept(body(ref="LOST-1", source=row["source"]))
    await watched(world, api)
    assert (await bench.measure(event_loss.GATE, grace_seconds=0)).verdict is Verdict.PASS
    assert change(world, "delete from bookings where booking_id = 900001") == 1


async def test_events_that_vanished_on_the_way_are_found(world: World, api: Api) -> None:
    bench = Bench(api)
    done, failed = await api.accept(body(ref="WEB-1"), body(ref="WEB-2", raw=paid("P-9", "SOMEHOW")))
    assert (await api.post(body(ref="WEB-3"))).status_code == 202
    assert (await bench.measure(event_loss.GATE)).verdict is Verdict.PASS
    await api.do("update ingest_event_log set request_received_at = request_received_at - interval '1 hour'")
    await api.do(f"delete from booking_fact where event_key = '{done}'")
    await api.do(f"delete from ingest_dead_letter where event_key = '{failed}'")
    assert not_passed(await bench.measure(event_loss.GATE)) == {
        "H-02_done_without_facts": Verdict.FAIL,
        "H-02_failed_without_dead_letter": Verdict.FAIL,
        "H-02_overdue_events": Verdict.FAIL,
    }
    for minutes, late in ((-1, False), (60, False), (-20, True)):  # what was tried a while ago waits for its next try
        retry = f"next_retry_at = now() + interval '{minutes} minutes'"
        await api.do(f"update ingest_event_log set {retry} where process_status = 'RECEIVED'")
        assert ("H-02_overdue_events" in not_passed(await bench.measure(event_loss.GATE))) is late


async def test_writes_that_disagree_and_writes_that_nobody_compared(world: World, api: Api) -> None:
    bench, report = Bench(api), ReportWrite(ledger=PostgresWriteLedger(api.database), now=api.now)
    assert not_passed(await bench.measure(write_cutover.GATE)) == {"H-01_write_mismatch_ratio": Verdict.HOLD}
    strict = evolve(AGREED, strict_mode=True, legacy_attempted=False, core_success=False, legacy_success=False)
    await report("s", strict, by=AYU)
    assert (await bench.measure(write_cutover.GATE)).verdict is Verdict.HOLD  # a strict rejection is no agreement
    await report("a", AGREED, by=AYU)
    judged = await bench.measure(write_cutover.GATE)
    assert (judged.verdict, judged.lines["WRITE_CUTOVER_CORE_ATTEMPTED"]) == (Verdict.PASS, 2)
    for number in range(3):
        await report(f"b{number}", evolve(AGREED, operation="BOOKING_ASSIGN"), by=AYU)
    differing = evolve(AGREED, operation="BOOKING_ASSIGN", core_outcome={"driver": 1}, legacy_outcome={"driver": 2})
    await report("c", differing, by=AYU)
    judged = await bench.measure(write_cutover.GATE, max_mismatch_ratio=0.2)
    assert not_passed(judged) == {"H-01_write_mismatch_ratio_BOOKING_ASSIGN": Verdict.FAIL}
    assert judged.lines["WRITE_CUTOVER_MISMATCH_RATIO"] == 0.2


async def test_a_conflict_of_yesterday_shuts_the_gate(world: World, api: Api) -> None:
    await watched(world, api)
    assert (await Bench(api).measure(conflicts_open.GATE)).verdict is Verdict.PASS
    row = row_of(world, "status not in ('CANCELLED', 'NO_SHOW')")
    stamp(world, "total_price = total_price + 1", f"booking_id = {row['id']}")
    await watched(world, api)
    judged = await Bench(api).measure(conflicts_open.GATE)
    assert (judged.verdict, judged.lines["CONFLICTS_OPEN"]) == (Verdict.PASS, 1)
    await api.do("update booking_conflict set opened_at = opened_at - interval '25 hours'")
    assert not_passed(await Bench(api).measure(conflicts_open.GATE)) == {"H-03_conflicts_open_over_24h": Verdict.FAIL}


async def test_the_assignment_drill_leaves_the_booking_as_it_was(world: World, api: Api) -> None:
    before = await api.rows("select booking_key, assigned_driver_id from ops_booking_state order by 1")
    judged = await Bench(api).measure(assignment_drill.GATE)
    assert (judged.verdict, not_passed(judged)) == (Verdict.PASS, {})
    assert judged.summary["statusAssigned"] == judged.summary["expectedAssigned"] == "ATTENTION"
    assert await api.rows("select booking_key, assigned_driver_id from ops_booking_state order by 1") == before
    [(count,)] = await api.rows("select count(*) from ops_assignment where driver_id = 99991 and is_active")
    assert count == 0


async def test_the_rollback_drill_measures_every_process_and_puts_the_flags_back(world: World, api: Api) -> None:
    bench = _Refreshing(api)
    before = await PostgresFlagStore(api.database).overrides()
    with pytest.raises(click.UsageError):
        await bench.measure(rollback_drill.GATE, actor=None, reason="x")
    judged = await bench.measure(rollback_drill.GATE, actor="ayu", reason="drill of the month")
    assert (judged.verdict, not_passed(judged)) == (Verdict.PASS, {})
    assert judged.summary["processes"] == 2  # the API, and the worker of the test
    assert judged.summary["rollbackSeconds"] < 300
    assert await PostgresFlagStore(api.database).overrides() == before
    trail = await api.data("/v1/audit/events", resourceType="CUTOVER")
    assert [entry["eventType"] for entry in trail] == ["CUTOVER_RESTORED", *["CUTOVER_SET"] * 4]
    assert {entry["actor"] for entry in trail} == {"ayu"}


async def test_the_rollback_drill_lets_nobody_in_but_its_own_actor(world: World, api: Api) -> None:
    """Lists of a path that is off are for the day on which it is turned on again."""
    store = PostgresFlagStore(api.database)
    values, _ = initial_flags({})
    lists = CutoverChange(off=True, emails=["vip@ops.example.org"], user_ids=["42"], percent=30)
    for path in (READ_PATH, WRITE_PATH):
        await SetCutover(store=store, initial=values, now=lambda: datetime.now(UTC))(path, lists, reason="x", by=AYU)
    before = await store.overrides()
    bench = _Refreshing(api)
    judged = await bench.measure(rollback_drill.GATE, actor="ayu", reason="drill")
    assert (judged.verdict, not_passed(judged)) == (Verdict.PASS, {})
    assert any(canary.enabled for canary in bench.seen)
    for canary in bench.seen:
        assert not evaluate_canary(canary, email="vip@ops.example.org", user_id="42").on
    assert await store.overrides() == before


async def test_a_second_rollback_drill_waits_for_the_end_of_the_first(world: World, api: Api) -> None:
    store, bench = PostgresFlagStore(api.database), _Refreshing(api)
    names = [flag.value for path in (READ_PATH, WRITE_PATH) for flag in path.all]
    await FlagLoans(store=store).take(names, actor="ben", words=rollback_drill.WORDS, at=bench.now())
    values, _ = initial_flags({})
    turn = SetCutover(store=store, initial=values, now=bench.now)
    await turn.turn(READ_PATH, {READ_PATH.switch: "true"}, reason=f"{rollback_drill.WORDS}, on", by=Author(actor="ben"))
    with pytest.raises(Trouble, match="ben's rollback drill is on since"):
        await bench.measure(rollback_drill.GATE, actor="ayu", reason="drill")


async def test_the_rollback_drill_finds_the_process_that_does_not_listen(world: World, api: Api) -> None:
    deaf = _Refreshing(api, deaf_worker=True)
    judged = await deaf.measure(rollback_drill.GATE, actor="ayu", reason="drill", max_seconds=15)
    assert not_passed(judged) == {"G-04_rollback": Verdict.FAIL}
    assert "worker test/1" in next(one.detail for one in judged.findings if one.name == "G-04_rollback")
    assert await PostgresFlagStore(api.database).overrides() == {}
    await api.http.put(
        "/v1/flags/OPS_WRITE_CORE_ENABLED",
        json={"value": True, "reason": "live"},
        headers={"authorization": f"Bearer {ADMIN}", "x-admin-role": "ADMIN"},
    )
    with pytest.raises(Trouble, match="cutover is on already"):
        await deaf.measure(rollback_drill.GATE, actor="ayu", reason="drill")


class _Refreshing(Bench):
    """While something waits, the processes read their flags: those of the API by themselves, those of a worker here."""

    def __init__(self, api: Api, *, deaf_worker: bool = False, of_worker: Mapping[str, str] = {}) -> None:
        super().__init__(api, meanwhile=self._read)
        values, _ = initial_flags({"INGEST_WEBHOOK_ENABLED": "true", "INGEST_QUEUE_ENABLED": "true", **of_worker})
        worker = Process(key=uuid7(), component="worker", host="test", pid=1, now=self.now)
        self._worker = FlagBoard(values, PostgresFlagStore(api.database), worker)
        self._deaf = deaf_worker
        self._began = False
        self.seen: list[Canary] = []

    async def _read(self) -> None:
        await self.api.get("/v1/flags")
        if not self._deaf or not self._began:
            self._began = True
            await self._worker.refresh()
            self.seen += [self._worker.read_canary(), self._worker.write_canary()]


@pytest.fixture
def stepping(api: Api, tmp_path: Path) -> Stepping:
    around = _Refreshing(api).surroundings()
    return Stepping(around=around, database=api.database, reports=tmp_path, say=lambda _: None)


async def ready(world: World, api: Api, stepping: Stepping) -> None:
    """Everything that batch G stands on."""
    await api.do(
        "insert into migration_run_log (run_key, batch_code, script_name, script_checksum, run_status, started_at)"
        " values (gen_random_uuid(), 'F', 'bst migrate F', '0', 'SUCCEEDED', now())"
    )
    await watched(world, api)
    await stepping.around.pause(0)
    held = {one.name for one in await precheck(stepping, "G") if not one.passed}
    assert {*GATES_OF["F"], "shadow reads"} <= held  # none of them has judged batch F yet, and nobody has looked
    await sampled(api.database, LegacyLiveConnections(world.urls), 200)
    records = PostgresGateRecords(api.database)
    run = await run_to_judge(records, "F")
    for gate in GATES_OF["F"]:
        said = GateRecord(gate=gate, verdict=Verdict.PASS, judged_run=run)
        await records.record(said, checks=[], at=stepping.around.now())


def wish(**more: Any) -> Wish:
    return Wish(**{"percent": 100, "soak": 0, "override": False, "actor": "ayu", "reason": "go live", **more})


@pytest.mark.slow
async def test_reads_and_writes_go_through_core_step_by_step_and_back(
    world: World, api: Api, stepping: Stepping
) -> None:
    with pytest.raises(Trouble, match="batch F: not run"):
        await raised(stepping, "G", wish())
    await ready(world, api, stepping)
    findings = await precheck(stepping, "G")
    assert [(one.name, one.detail) for one in findings if not one.passed] == []
    assert await raised(stepping, "G", wish(percent=25)) == [1, 10, 25]
    assert await raised(stepping, "G", wish()) == [50, 100]
    assert await raised(stepping, "G", wish(percent=60)) == []
    await stepping.around.pause(0)
    assert [(one.name, one.detail) for one in await postcheck(stepping, "G") if not one.passed] == []
    trail = await api.data("/v1/audit/events", eventType="CUTOVER_SET")
    steps = [entry["metadata"]["after"]["OPS_READ_NEW_MODEL_PERCENT"] for entry in reversed(trail)]
    assert steps == ["1", "10", "25", "50", "100"]
    await stepping.around.pause(0)
    with pytest.raises(Trouble, match="holds at 1%: gate write-cutover"):  # nobody has written anything yet
        await raised(stepping, "H", wish())
    report = ReportWrite(ledger=PostgresWriteLedger(api.database), now=api.now)
    await report("a", AGREED, by=AYU)
    assert await raised(stepping, "H", wish()) == [10, 50, 100]
    with pytest.raises(Trouble, match="the later batch goes back first"):
        await taken_back(stepping, "G", actor="ayu", reason="over")
    for batch in ("H", "G"):
        assert await taken_back(stepping, batch, actor="ayu", reason="over") < 300
    state = (await api.data("/v1/ops/cutover-state", email="a@b.c"))["cutover"]
    assert (state["read"]["enabledForActor"], state["write"]["enabledForActor"]) == (False, False)
    runs = await api.rows(
        "select script_name, run_status from migration_run_log where batch_code in ('G', 'H') order by started_at"
    )
    assert runs[-2:] == [("bst migrate rollback H", "SUCCEEDED"), ("bst migrate rollback G", "SUCCEEDED")]
    assert ("bst migrate H", "FAILED") in runs
    with pytest.raises(Trouble, match="batch G: taken back; reads: not everybody reads from core"):
        await raised(stepping, "H", wish())


async def test_a_gate_that_fails_holds_the_step_and_somebody_may_take_it_upon_themselves(
    world: World, api: Api, stepping: Stepping
) -> None:
    await ready(world, api, stepping)
    assert change(world, "update bookings set meeting_point = 'Elsewhere'") > 50
    with pytest.raises(Trouble, match=r"may not begin.*BG-01_list_parity_ratio"):
        await raised(stepping, "G", wish())
    assert await PostgresFlagStore(api.database).overrides() == {}
    assert await raised(stepping, "G", wish(percent=1, override=True)) == [1]
    [first, *_] = await api.data("/v1/audit/events", eventType="CUTOVER_GATES_OVERRIDDEN")
    assert (first["actor"], first["metadata"]["reason"]) == ("ayu", "go live")
    assert first["metadata"]["held"] == ["gate ops-read-parity"]


@pytest.mark.parametrize(
    ("of_worker", "on", "same"),
    [
        ({"OPS_READ_NEW_MODEL_PERCENT": "5"}, False, True),  # off is off
        ({"OPS_READ_NEW_MODEL_PERCENT": "5"}, True, False),
        ({"OPS_READ_NEW_MODEL_CANARY_EMAILS": "ayu@bst.id"}, True, False),
    ],
)
async def test_processes_that_let_others_in_have_not_one_word(
    api: Api, tmp_path: Path, of_worker: dict[str, str], on: bool, same: bool
) -> None:
    around = _Refreshing(api, of_worker=of_worker).surroundings()
    stepping = Stepping(around=around, database=api.database, reports=tmp_path, say=lambda _: None)
    turn = SetCutover(store=PostgresFlagStore(api.database), initial=initial_flags({})[0], now=api.now)
    await turn.turn(READ_PATH, {Flag.READ_MODEL: str(on).lower()}, reason="x", by=AYU)
    await stepping.around.pause(0)
    findings = {one.name: one for one in await precheck(stepping, "G")}
    assert findings["processes"].passed
    assert findings["one word"].passed is same


async def test_shadows_compare_what_was_answered(world: World, core_dsn: str) -> None:
    environ = {"OPS_READ_SHADOW_PERCENT": "100", "BSTADMIN_DB_URL": world.urls[LegacySystem.ADMIN]}
    async with running(core_dsn, BROKER, **environ) as api:
        change(world, "update bookings set note = 'other'")
        await api.data("/v1/ops/bookings", limit="200")
        ledger = PostgresShadowLedger(api.database)
        async with asyncio.timeout(20):
            while not (tallies := await ledger.tallies(since=api.now() - timedelta(hours=1))):  # noqa: ASYNC110 - it tells nobody
                await asyncio.sleep(0.05)
        page = (await api.http.get("/metrics")).text
    counted = {one.about.value: (one.compared, one.mismatched) for one in tallies}
    compared = counted["note"][0]
    assert compared > 50
    assert counted["note"] == (compared, compared)
    assert counted["status"] == counted["driver"] == counted["payment"] == counted["tourDate"] == (compared, 0)
    assert f'bst_shadow_mismatches_total{{field="note"}} {compared}.0' in page
