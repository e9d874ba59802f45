"""How each batch stands, as the run log tells: the newest rollback takes away what was done before it."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import LiteralString

from attrs import frozen

from bst_postgres.database import Database, DriverConnection

BATCHES = "ABCDEFGH"
#: What the script of a rollback begins with in the run log.
ROLLBACK = "bst migrate rollback"

#: Of runs, by the database's own clock: started_at is the runner's, and a rollback looks around before it begins.
NEWEST_FIRST: LiteralString = "order by created_at desc, run_key desc"
_RUNS: LiteralString = f"""
select batch_code, script_name, run_status, started_at, ended_at, rows_affected, error_message
from migration_run_log where batch_code = any (%s) {NEWEST_FIRST}
"""


class State(StrEnum):
    """What a batch has come to."""

    NOT_RUN = "NOT_RUN"
    STARTED = "STARTED"  # under way, or its runner is gone
    FAILED = "FAILED"  # and never done
    DONE = "DONE"
    ROLLING_BACK = "ROLLING_BACK"  # under way, failed, or its runner is gone
    ROLLED_BACK = "ROLLED_BACK"


@frozen(kw_only=True)
class LoggedRun:
    """A row of the run log."""

    script: str
    status: str
    started_at: datetime
    ended_at: datetime | None
    rows: int | None
    error: str | None

    @property
    def is_rollback(self) -> bool:
        return self.script.startswith(ROLLBACK)


@frozen(kw_only=True)
class BatchState:
    """A batch and its newest run."""

    batch: str
    state: State
    last: LoggedRun | None

    @property
    def is_done(self) -> bool:
        return self.state is State.DONE

    @property
    def has_written(self) -> bool:
        """Whether anything of it may be there."""
        return self.state not in {State.NOT_RUN, State.ROLLED_BACK}


async def batch_states(database: Database) -> Mapping[str, BatchState]:
    """All batches, in order. Raises Unavailable."""
    async with database.transaction() as connection:
        return await read_states(connection)


async def read_states(connection: DriverConnection) -> Mapping[str, BatchState]:
    """The same, in a transaction."""
    runs: dict[str, list[LoggedRun]] = {batch: [] for batch in BATCHES}
    for batch, script, status, started, ended, rows, error in await (
        await connection.execute(_RUNS, (list(BATCHES),))
    ).fetchall():
        run = LoggedRun(script=script, status=status, started_at=started, ended_at=ended, rows=rows, error=error)
        runs[batch].append(run)
    return {
        batch: BatchState(batch=batch, state=_state(said), last=next(iter(said), None)) for batch, said in runs.items()
    }


def nothing_run() -> Mapping[str, BatchState]:
    """Where there is no run log yet."""
    return {batch: BatchState(batch=batch, state=State.NOT_RUN, last=None) for batch in BATCHES}


def _state(newest_first: Sequence[LoggedRun]) -> State:
    if not newest_first:
        return State.NOT_RUN
    newest = newest_first[0]
    if newest.is_rollback:
        return State.ROLLED_BACK if newest.status == "SUCCEEDED" else State.ROLLING_BACK
    for run in newest_first:
        if run.is_rollback:
            break
        if run.status == "SUCCEEDED":
            return State.DONE
    return State.STARTED if newest.status == "STARTED" else State.FAILED
