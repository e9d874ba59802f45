"""Every side of a comparison by digests passes the suite, and back-fill's notes say what it read and wrote, whatever happens."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import pytest

from bst_application.ports.comparing import Part
from bst_application.ports.digests import DigestSide
from bst_domain.migration import LegacySystem
from bst_legacy.databases import LegacyConnections
from bst_postgres.comparing import PostgresComparisonStore, PostgresMarkStore
from bst_postgres.database import Database
from bst_testing.conformance.comparing import ComparisonConformance
from bst_testing.conformance.digests import DigestSideConformance
from bst_testing.fakes.comparison import MemoryComparison
from tests.legacy.comparing import both_sides, compare
from tests.legacy.moving import move_all
from tests.legacy.test_moving import rows
from tests.legacy.world import World, a_world
from tests.servers import PostgresAddress

pytestmark = pytest.mark.anyio
SHOP, ADMIN = LegacySystem.SHOP, LegacySystem.ADMIN
SIDES = ("shop", "admin", "shop as read", "body", "body as written", "money", "money as written")


@pytest.fixture
def world(postgres_server: PostgresAddress, tmp_path: Path) -> Iterator[World]:
    with a_world(postgres_server, tmp_path, seed=71, bookings=60, mess=0.5) as made:
        yield made


@pytest.fixture(scope="module")
def moved(
    postgres_server: PostgresAddress, migrated_template: str, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[World, str]]:
    """A world that has been moved in; nobody changes it."""
    name = f"bst_test_{uuid4().hex}"
    try:
        with a_world(postgres_server, tmp_path_factory.mktemp("world"), seed=71, bookings=60, mess=0.5) as world:
            dsn = postgres_server.create(name, template=migrated_template)
            asyncio.run(move_all(world, dsn))
            yield world, dsn
    finally:
        postgres_server.drop(name)


class TestMemoryComparison(ComparisonConformance):
    @pytest.fixture
    def marks(self) -> MemoryComparison:
        return MemoryComparison()

    @pytest.fixture
    def ours(self, marks: MemoryComparison) -> MemoryComparison:
        return marks


class TestPostgresComparison(ComparisonConformance):
    @pytest.fixture
    async def database(self, postgres_dsn: str) -> AsyncIterator[Database]:
        database = Database(postgres_dsn)
        yield database
        await database.close()

    @pytest.fixture
    def marks(self, database: Database) -> PostgresMarkStore:
        return PostgresMarkStore(database)

    @pytest.fixture
    def ours(self, database: Database) -> PostgresComparisonStore:
        return PostgresComparisonStore(database)


class TestPostgresDigestSides(DigestSideConformance):
    @pytest.fixture(params=SIDES)
    async def side(self, request: pytest.FixtureRequest, moved: tuple[World, str]) -> AsyncIterator[DigestSide]:
        async with both_sides(*moved) as (legacy, ours):
            yield {
                "shop": legacy.digests(SHOP),
                "admin": legacy.digests(ADMIN),
                "shop as read": ours.source_marks(SHOP),
                "body": ours.stored(Part.BODY),
                "body as written": ours.booking_marks(Part.BODY),
                "money": ours.stored(Part.MONEY),
                "money as written": ours.booking_marks(Part.MONEY),
            }[request.param]


async def _note(world: World, dsn: str, *, resumed: bool) -> None:
    database = Database(dsn)
    try:
        async with LegacyConnections(world.urls).snapshot() as snapshot:
            await PostgresMarkStore(database).note_sources(ADMIN, snapshot.digest_lines(ADMIN), resumed=resumed)
    finally:
        await database.close()


async def test_a_row_that_changed_while_a_run_was_interrupted_is_looked_at(world: World, postgres_dsn: str) -> None:
    await move_all(world, postgres_dsn)
    with psycopg.connect(world.urls[ADMIN]) as connection:
        found = connection.execute(
            """update bookings set note = 'meanwhile' where booking_id = (select min(booking_id) from bookings)
               returning booking_id"""
        ).fetchone()
    assert found is not None
    [changed] = found
    query = """select digest = 0::bit(128) as unknown, count(*) as many, min(row_id) as row from migration_source_mark
        where source_system = 'bstadmin' group by 1 order by 1"""
    await _note(world, postgres_dsn, resumed=True)
    known, unknown = rows(postgres_dsn, query)
    assert (unknown["many"], unknown["row"]) == (1, changed)
    assert known["many"] > 1
    assert (await compare(world, postgres_dsn, "D")).bisected["bstadmin"].found.differing == {changed}
    await _note(world, postgres_dsn, resumed=False)
    assert [row["unknown"] for row in rows(postgres_dsn, query)] == [False]


async def test_digests_do_not_depend_on_where_a_server_stands(world: World, postgres_dsn: str) -> None:
    await move_all(world, postgres_dsn)
    settings = (
        "timezone = 'Asia/Makassar'",
        "datestyle = 'German, DMY'",
        "extra_float_digits = -5",
        "bytea_output = 'escape'",
    )
    for url in (world.urls[SHOP], world.urls[ADMIN], postgres_dsn):
        name = psycopg.conninfo.conninfo_to_dict(url)["dbname"]
        with psycopg.connect(url, autocommit=True) as connection:
            for setting in settings:
                connection.execute(f'alter database "{name}" set {setting}'.encode())
    for batch in "DE":
        report = await compare(world, postgres_dsn, batch)
        assert report.passed
        assert not any(side.found.all for side in report.bisected.values())
