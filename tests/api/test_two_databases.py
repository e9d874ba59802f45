"""The operational database and the shop's: two connections, told apart, whatever server they are on."""

import psycopg

from bst_postgres.channel import ChannelProbe
from bst_testing.deliveries import body
from tests.api.harness import Api, running


async def checks(api: Api) -> tuple[str, dict[str, tuple[bool, bool, str | None]]]:
    said = await api.data("/health/db")
    found = {one["database"]: (one["configured"], one["reachable"], one["error"]) for one in said["checks"]}
    return said["status"], found


WELL = (True, True, None)


async def test_both_are_reported_on_one_server(postgres_dsn: str, empty_postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url, CHANNEL_DB_URL=empty_postgres_dsn) as api:
        assert await checks(api) == ("ok", {"ops_db": WELL, "channel_db": WELL})
        await api.accept(body())
        with psycopg.connect(empty_postgres_dsn) as shop:
            others = "from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()"
            [(application, statement)] = shop.execute(f"select application_name, query {others}".encode()).fetchall()
            assert application == "bst-channel"
            assert statement.lower().startswith(("select 1", "rollback", "commit"))
            tables = shop.execute("select count(*) from pg_class where relnamespace = 'public'::regnamespace")
            assert tables.fetchone() == (0,)  # the shop's database is the shop's


async def test_one_database_may_be_both(postgres_dsn: str, broker_url: str) -> None:
    """As in a small shop; they are two connections all the same."""
    async with running(postgres_dsn, broker_url, CHANNEL_DB_URL=postgres_dsn) as api:
        assert await checks(api) == ("ok", {"ops_db": WELL, "channel_db": WELL})
        [(count,)] = await api.rows("select count(*) from pg_stat_activity where application_name = 'bst-channel'")
        assert count == 1


async def test_without_a_shops_database_it_says_so_and_is_well(postgres_dsn: str, broker_url: str) -> None:
    async with running(postgres_dsn, broker_url) as api:
        missing = (False, False, "MISSING_CONNECTION_STRING")
        assert await checks(api) == ("ok", {"ops_db": WELL, "channel_db": missing})


async def test_a_shops_database_that_is_away_degrades_and_keeps_nobody_from_work(
    postgres_dsn: str, broker_url: str
) -> None:
    async with running(postgres_dsn, broker_url, CHANNEL_DB_URL="postgresql://nobody@127.0.0.1:1/none") as api:
        assert await checks(api) == ("degraded", {"ops_db": WELL, "channel_db": (True, False, "DB_CHECK_FAILED")})
        assert (await api.get("/health/ready")).status_code == 200
        assert (await api.post(body())).status_code == 202


async def test_the_probe_gives_its_connection_back(postgres_dsn: str, empty_postgres_dsn: str) -> None:
    probe = ChannelProbe(empty_postgres_dsn)
    assert (await probe.check()).reachable
    await probe.close()
    with psycopg.connect(empty_postgres_dsn) as shop:
        query = "select count(*) from pg_stat_activity where application_name = 'bst-channel' and datname = current_database()"
        assert shop.execute(query).fetchone() == (0,)
