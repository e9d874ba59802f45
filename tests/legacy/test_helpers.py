"""Several processes move one batch: the same rows as of one, whoever of them is lost on the way."""

import asyncio
import os
import signal
import sys
from collections.abc import Iterator

import psutil
import pytest

from bst_application.errors import LegacyUnreadable, Unavailable
from bst_application.use_cases.backfill import Tally
from bst_cli.migrating.helpers import Job, helping
from bst_domain.migration import LegacySystem
from bst_postgres.backfill import PostgresBackfillStore
from bst_postgres.database import Database
from tests.legacy.helped import move_helped
from tests.legacy.moving import AS_OF, NOW, move_all, move_catalog
from tests.legacy.test_interrupted import kill_at, timeless
from tests.legacy.test_moving import assert_the_truth, rows
from tests.legacy.world import World, a_world
from tests.servers import PostgresAddress


@pytest.fixture(scope="module")
def world(postgres_server: PostgresAddress, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with a_world(postgres_server, tmp_path_factory.mktemp("world"), seed=23, bookings=250, mess=0.6) as made:
        yield made


@pytest.fixture
async def with_catalog(world: World, postgres_dsn: str) -> str:
    """The URL of a database that batch C has been through."""
    database = Database(postgres_dsn, pool_size=2)
    await move_catalog(world, PostgresBackfillStore(database))
    await database.close()
    return postgres_dsn


def helpers_of_this_process() -> list[psutil.Process]:
    return [child for child in psutil.Process().children() if "bst_cli.migrating.helping" in child.cmdline()]


async def test_two_processes_come_to_what_one_comes_to(
    world: World, with_catalog: str, postgres_server: PostgresAddress, migrated_template: str
) -> None:
    seen: list[int] = []
    helped: list[int] = []

    def watch(tally: Tally) -> None:
        seen.append(tally.done)
        helped.append(len(helpers_of_this_process()))

    for batch in "DE":
        tally = await move_helped(world, with_catalog, batch, processes=1, progress=watch)
        assert tally.done == tally.rows
        assert helpers_of_this_process() == []
    assert max(helped) == 1
    assert_the_truth(world, with_catalog)
    alone = postgres_server.create("bst_alone", template=migrated_template)
    try:
        await move_all(world, alone)
        assert timeless(with_catalog) == timeless(alone)
    finally:
        postgres_server.drop("bst_alone")
    turn = seen.index(0, 1)  # batch E begins
    assert seen[:turn] == sorted(seen[:turn])
    assert seen[turn:] == sorted(seen[turn:])


async def test_a_helper_that_is_lost_ends_the_run_and_the_next_one_goes_on(world: World, with_catalog: str) -> None:
    def kill(tally: Tally) -> None:
        if tally.done > 60:
            for helper in helpers_of_this_process():
                os.kill(helper.pid, signal.SIGKILL)

    with pytest.raises(Unavailable, match="a helper process ended with -9"):
        await move_helped(world, with_catalog, "D", processes=1, progress=kill)
    [at] = rows(with_catalog, "select rows_done from migration_checkpoint where batch_code = 'D'")
    resumed: list[int] = []
    await move_helped(world, with_catalog, "D", processes=2, progress=lambda tally: resumed.append(tally.done))
    assert 0 < at["rows_done"] == resumed[0]
    await move_helped(world, with_catalog, "E", processes=1)
    assert_the_truth(world, with_catalog)


async def test_a_runner_that_is_lost_takes_its_helpers_with_it(world: World, with_catalog: str) -> None:
    killed = []
    for batch in "DE":
        killed += kill_at(world, with_catalog, batch, 40, helpers=1)
        await move_helped(world, with_catalog, batch, processes=1)
    assert killed == [-9, -9]
    assert_the_truth(world, with_catalog)


async def test_what_keeps_a_helper_from_its_work_is_told(world: World, with_catalog: str) -> None:
    moments = dict.fromkeys(LegacySystem, "00000000-00000000-1")
    job = Job(dsn=with_catalog, urls=world.urls, moments=moments, batch="D", run=None, as_of=AS_OF, now=NOW)
    async with helping(job, 1) as (lane, *_):
        with pytest.raises(LegacyUnreadable, match="snapshot"):
            await lane.ready()


async def test_a_helper_that_nobody_understands_ends_the_run(
    world: World, with_catalog: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever a library prints there: waiting for an answer that never comes would be worse."""
    monkeypatch.setattr(sys, "executable", "/bin/echo")
    moments = dict.fromkeys(LegacySystem, "00000000-00000000-1")
    job = Job(dsn=with_catalog, urls=world.urls, moments=moments, batch="D", run=None, as_of=AS_OF, now=NOW)
    async with helping(job, 1) as (lane, *_), asyncio.timeout(20):
        with pytest.raises(RuntimeError, match="said what nobody understands"):
            await lane.ready()
