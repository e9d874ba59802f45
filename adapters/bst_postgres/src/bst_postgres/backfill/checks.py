"""What must be well before a batch and what must be true after it, as the database tells."""

from datetime import timedelta

from attrs import frozen

from bst_postgres.database import Database

#: A transaction older than this holds back vacuum and may hold locks that a batch needs.
LONG = timedelta(minutes=15)
OLDEST_SERVER = 15
NEXT_BATCH_AFTER = {"B": "A", "C": "B", "D": "C", "E": "D"}

# Our own locks on batches are transactions that do nothing; they are no hindrance.
_LONG = """
select count(*) from pg_stat_activity
where datname = current_database() and xact_start < now() - %s and application_name <> 'bst-migrate'
"""
_BLOCKED = """
select count(*) from pg_stat_activity where datname = current_database() and cardinality(pg_blocking_pids(pid)) > 0
"""
_SUCCEEDED = "select count(*) filter (where run_status = 'SUCCEEDED') from migration_run_log where batch_code = %s"


@frozen(kw_only=True)
class Finding:
    """One check: ``cure`` says what to do when it failed."""

    name: str
    passed: bool
    detail: str
    cure: str = ""


async def precheck(database: Database, batch: str) -> list[Finding]:
    """Versions, transactions and locks, and the batch before. Raises Unavailable."""
    async with database.transaction() as connection:

        async def number(query: str, *parameters: object) -> int:
            row = await (await connection.execute(query.encode(), parameters)).fetchone()
            assert row is not None
            return int(row[0])

        version = await number("select current_setting('server_version_num')::int") // 10_000
        long = await number(_LONG, LONG)
        blocked = await number(_BLOCKED)
        before = NEXT_BATCH_AFTER.get(batch)
        done = before is None or await number(_SUCCEEDED, before) > 0
    return [
        Finding(
            name="server",
            passed=version >= OLDEST_SERVER,
            detail=f"PostgreSQL {version}",
            cure=f"Upgrade the server to PostgreSQL {OLDEST_SERVER} or later.",
        ),
        Finding(
            name="long transactions",
            passed=long == 0,
            detail=f"{long} older than {LONG.seconds // 60} minutes",
            cure="See pg_stat_activity (xact_start); wait for them or end them.",
        ),
        Finding(
            name="locks",
            passed=blocked == 0,
            detail=f"{blocked} waiting for another's lock",
            cure="See pg_blocking_pids; wait for them or end them.",
        ),
        Finding(
            name="batch before",
            passed=done,
            detail="none is needed" if before is None else f"batch {before} {'has' if done else 'has not'} succeeded",
            cure=f"Run bst migrate run --batch {before} first.",
        ),
    ]


async def last_run(database: Database, batch: str) -> str | None:
    """How the newest run of a batch ended, or None when there was none."""
    query = (
        "select run_status from migration_run_log where batch_code = %s order by started_at desc, run_key desc limit 1"
    )
    async with database.transaction() as connection:
        row = await (await connection.execute(query, (batch,))).fetchone()
    return None if row is None else str(row[0])
