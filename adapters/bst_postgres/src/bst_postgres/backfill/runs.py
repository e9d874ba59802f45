"""Runs of a batch: one at a time, in the log, and going on where the last one was interrupted."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from hashlib import blake2b
from typing import LiteralString
from uuid import UUID

from bst_application.ids import uuid7
from bst_application.ports.audit import AuditEntry
from bst_application.ports.backfill import AnotherRuns, Position, Run
from bst_domain.gates import BATCH_ORDER, Override
from bst_domain.migration import LegacySystem
from bst_postgres.audit import append_entries
from bst_postgres.backfill.states import read_states
from bst_postgres.bookings.store import TURNING_LOCK
from bst_postgres.database import Database, as_json

# Whatever ended the last run without a word (kill -9, a lost machine) left its row at STARTED; its lock is gone with its session.
_ABANDONED = """
update migration_run_log set run_status = 'FAILED', ended_at = %s, error_message = 'the runner ended without a word'
where batch_code = %s and run_status = 'STARTED'
"""
_BEGIN = """
insert into migration_run_log (run_key, batch_code, script_name, script_checksum, run_status, started_at, override)
values (%s, %s, %s, %s, 'STARTED', %s, %s::jsonb)
"""
_TAKE_OVER = """
insert into migration_checkpoint (batch_code, run_key, rows_done) values (%s, %s, 0)
on conflict (batch_code) do update set run_key = excluded.run_key
returning source_system, last_row_id, rows_done
"""
# What an interrupted run has come to is about to be undone: nobody may go on from there.
_AFRESH = """
insert into migration_checkpoint (batch_code, run_key, rows_done) values (%s, %s, 0)
on conflict (batch_code) do update set run_key = excluded.run_key, source_system = null, last_row_id = null, rows_done = 0
returning source_system, last_row_id, rows_done
"""
_END = (
    "update migration_run_log set run_status = %s, ended_at = clock_timestamp(), error_message = %s where run_key = %s"
)


def lock_number(batch: str) -> int:
    """Whoever runs a batch, or takes it back, is alone with it."""
    return int.from_bytes(blake2b(f"bst migrate {batch}".encode(), digest_size=8).digest(), "big", signed=True)


class Runs:
    """The part of BackfillStore that keeps runs apart."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @property
    def database(self) -> Database:
        """Where it writes."""
        return self._database

    @asynccontextmanager
    async def running(
        self,
        batch: str,
        *,
        now: datetime,
        script: str,
        checksum: str,
        holds_the_day: bool = False,
        afresh: bool = False,
        override: Override | None = None,
    ) -> AsyncIterator[Run]:
        async with self._alone(batch, holds_the_day=holds_the_day, undoes=afresh):
            take = _AFRESH if afresh else _TAKE_OVER
            run = await self._begin(batch, now, script=(script, checksum), take=take, override=override)
            try:
                yield run
            except BaseException as error:
                await self._end(run.key, "FAILED", f"{type(error).__name__}: {error}"[:2000])
                raise
            await self._end(run.key, "SUCCEEDED", None)

    async def finish(self, run: Run, *, rows: int) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(
                "delete from migration_checkpoint where batch_code = %s and run_key = %s", (run.batch, run.key)
            )
            await connection.execute(
                "update migration_run_log set rows_affected = %s where run_key = %s", (rows, run.key)
            )

    @asynccontextmanager
    async def _alone(self, batch: str, *, holds_the_day: bool, undoes: bool) -> AsyncIterator[None]:
        """The locks end with the process, however that ends. An idle transaction that has read nothing holds nothing back.

        Whoever undoes a batch is alone with the later ones, too: they stand on what goes.
        """
        async with self._database.transaction(brief=False) as connection:
            await connection.execute("set local idle_in_transaction_session_timeout = 0")
            later = BATCH_ORDER.partition(batch)[2] if undoes else ""
            for held in (batch, *later):
                lock = await connection.execute("select pg_try_advisory_xact_lock(%s)", (lock_number(held),))
                if await lock.fetchone() != (True,):
                    raise AnotherRuns(f"batch {held} is being run by somebody else")
            if later:
                states = await read_states(connection)
                for each in later:
                    if states[each].has_written:
                        raise AnotherRuns(f"batch {each} has run on top of batch {batch} meanwhile")
            if holds_the_day:
                await connection.execute("select pg_advisory_xact_lock_shared(%s)", (TURNING_LOCK,))
            yield

    async def _begin(
        self, batch: str, now: datetime, *, script: tuple[str, str], take: LiteralString, override: Override | None
    ) -> Run:
        key: UUID = uuid7()
        said = None if override is None else as_json(_overridden(override))
        async with self._database.transaction() as connection:
            await connection.execute(_ABANDONED, (now, batch))
            await connection.execute(_BEGIN, (key, batch, *script, now, said))
            if override is not None:
                await append_entries(connection, [_audited(override, batch, key, now)])
            found = await (await connection.execute(take, (batch, key))).fetchone()
        assert found is not None
        system, row_id, done = found
        at = None if system is None else Position(system=LegacySystem(system), row_id=row_id, done=done)
        return Run(key=key, batch=batch, resumed_at=at)

    async def _end(self, key: UUID, status: str, error: str | None) -> None:
        async with self._database.transaction() as connection:
            await connection.execute(_END, (status, error, key))


def _overridden(override: Override) -> dict[str, object]:
    return {"actor": override.actor, "reason": override.reason, "holds": list(override.holds)}


def _audited(override: Override, batch: str, run: UUID, now: datetime) -> AuditEntry:
    return AuditEntry(
        event_type="MIGRATION_HOLD_OVERRIDDEN",
        actor=override.actor,
        resource_type="MIGRATION_BATCH",
        resource_id=batch,
        metadata={"runKey": str(run), "reason": override.reason, "holds": list(override.holds)},
        at=now,
    )
