"""What must be well before a batch and what must be true after it, as the database tells."""

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from attrs import frozen

from bst_application.flags import Flag, FlagBoard
from bst_postgres.backfill.runs import lock_number
from bst_postgres.backfill.states import BATCHES, BatchState, State, read_states
from bst_postgres.backfill.storage import Storage, StorageStatus
from bst_postgres.database import Database, DriverConnection
from bst_postgres.flags import PostgresFlagStore

#: A transaction older than this holds back vacuum and may hold locks that a batch needs.
LONG = timedelta(minutes=15)
OLDEST_SERVER = 15
#: Cutover flag -> the batch that turns it: on before that one is done, it answers from what is not there yet.
CUTOVER = {Flag.READ_MODEL: "G", Flag.WRITE_CORE: "H"}
INGEST = (Flag.WEBHOOK, Flag.QUEUE, Flag.REPLAY)

# Our own locks on batches are transactions that do nothing; they are no hindrance.
_LONG = """
select count(*) from pg_stat_activity
where datname = current_database() and xact_start < now() - %s and application_name <> 'bst-migrate'
"""
_BLOCKED = """
select coalesce(sum(cardinality(pg_blocking_pids(pid))), 0) from pg_stat_activity where datname = current_database()
"""
_SERVER = "select current_setting('server_version_num')::int / 10000, current_setting('server_encoding')"


@frozen(kw_only=True)
class Finding:
    """One check: ``cure`` says what to do when it failed, ``figures`` are those that the predecessor's report names."""

    name: str
    passed: bool
    detail: str
    cure: str = ""
    figures: Mapping[str, Any] = {}


async def precheck(database: Database, batch: str, *, flags: Mapping[Flag, str], storage: Storage) -> list[Finding]:
    """Server, transactions, locks, space, flags, other runners and the batch before. Raises Unavailable.

    ``flags``: how the environment sets them; what was turned since is read here.
    """
    board = FlagBoard(flags, PostgresFlagStore(database))
    await board.refresh()
    async with database.transaction() as connection:
        [free] = await _row(connection, "select pg_try_advisory_xact_lock(%s)", lock_number(batch))
        states = await read_states(connection)
    return [
        *await precheck_server(database, storage=storage),
        Finding(
            name="runner",
            passed=bool(free),
            detail="no other one is at work" if free else f"batch {batch} is being run by somebody else",
            cure="Wait for it to end; bst migrate plan shows it.",
        ),
        *_flag_findings(board, states),
        *(
            [Finding(name="recompute", passed=True, detail="waits for the end of the run")]
            if batch in {"D", "E"}
            else []
        ),
        *_order(batch, states),
    ]


async def precheck_server(database: Database, *, storage: Storage) -> list[Finding]:
    """What may be asked before there is any table. Raises Unavailable."""
    async with database.transaction() as connection:
        version, encoding = await _row(connection, _SERVER)
        [long] = await _row(connection, _LONG, LONG)
        [blocked] = await _row(connection, _BLOCKED)
    return [
        Finding(
            name="server",
            passed=version >= OLDEST_SERVER,
            detail=f"PostgreSQL {version}",
            cure=f"Upgrade the server to PostgreSQL {OLDEST_SERVER} or later.",
        ),
        Finding(
            name="encoding",
            passed=encoding == "UTF8",
            detail=f"{encoding}; every session is in UTC; no extension is needed",
            cure="Create the database with encoding UTF8: names of guests do not fit into another one.",
        ),
        Finding(
            name="long transactions",
            passed=long == 0,
            detail=f"{long} older than {LONG.seconds // 60} minutes",
            cure="See pg_stat_activity (xact_start); wait for them or end them.",
            figures={"longTxnCount": int(long)},
        ),
        Finding(
            name="locks",
            passed=blocked == 0,
            detail=f"{blocked} waiting for another's lock",
            cure="See pg_blocking_pids; wait for them or end them.",
            figures={"blockingPairCount": int(blocked)},
        ),
        _space(storage),
    ]


def _space(storage: Storage) -> Finding:
    cure = "Make room on the volume of the server's data directory, or give it more."
    if storage.status is StorageStatus.UNKNOWN:
        cure = (
            "Look on the server (df on its data directory) and state PRECHECK_DISK_TOTAL_BYTES and"
            " PRECHECK_DISK_USED_BYTES."
        )
    figures = {"storageStatus": storage.status.value, "freePercent": storage.free_percent}
    passed = storage.status is StorageStatus.OK
    return Finding(name="disk space", passed=passed, detail=storage.detail, cure=cure, figures=figures)


def _flag_findings(board: FlagBoard, states: Mapping[str, BatchState]) -> list[Finding]:
    early = [flag for flag, batch in CUTOVER.items() if board.is_on(flag) and not states[batch].is_done]
    on = [flag.value for flag in INGEST if board.is_on(flag)]
    told = f"live events: {', '.join(on)} on" if on else "live events are not let in yet"
    return [
        Finding(
            name="flags",
            passed=not early,
            detail=told if not early else f"{', '.join(early)} is on before batch {CUTOVER[early[0]]} is done",
            cure="" if not early else f'Turn it off: bst flags set {early[0]} false --reason "…".',
        )
    ]


def _order(batch: str, states: Mapping[str, BatchState]) -> list[Finding]:
    at = BATCHES.index(batch)
    before = BATCHES[at - 1] if at else None
    done = before is None or states[before].is_done
    cure = f"Run bst migrate run --batch {before} first."
    if before is not None and states[before].state is State.ROLLING_BACK:
        cure = f"Finish it: bst migrate rollback --batch {before}; then run the batch again."
    return [
        Finding(
            name="batch before",
            passed=done,
            detail="none is needed" if before is None else f"batch {before} {'has' if done else 'has not'} succeeded",
            cure=cure,
        )
    ]


async def _row(connection: DriverConnection, query: str, *parameters: object) -> tuple[Any, ...]:
    row = await (await connection.execute(query.encode(), parameters)).fetchone()
    assert row is not None
    return row


async def last_run(database: Database, batch: str) -> str | None:
    """How the newest run of a batch ended, or None when there was none."""
    async with database.transaction() as connection:
        last = (await read_states(connection))[batch].last
    return None if last is None else f"rollback {last.status}" if last.is_rollback else last.status
