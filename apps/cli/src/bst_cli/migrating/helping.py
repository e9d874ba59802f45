"""A helper of ``bst migrate run``, the other end of helpers.py: takes chunks until its input ends."""

import asyncio
import json
import os
import sys
import traceback
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import asdict, define, field

from bst_application.garbage import CHUNK_OBJECTS, collect_seldom
from bst_application.legacy_order import Chunk
from bst_application.ports.backfill import Position, Run
from bst_application.use_cases.backfill import LANES, ChunkLane
from bst_cli.migrating.helpers import FAILURES, MOST_BYTES_A_LINE, Job
from bst_cli.migrating.works import APPLICATION_NAME, work_of
from bst_domain.migration import LegacySystem
from bst_legacy.databases import LegacyConnections
from bst_postgres.backfill import PostgresBackfillStore
from bst_postgres.database import Database


def job_from_json(said: Mapping[str, Any]) -> Job:
    """What ``job_as_json`` wrote."""
    run = said["run"]
    return Job(
        dsn=said["dsn"],
        urls={LegacySystem(system): url for system, url in said["urls"].items()},
        moments={LegacySystem(system): moment for system, moment in said["moments"].items()},
        batch=said["batch"],
        run=None if run is None else Run(key=UUID(run["key"]), batch=run["batch"], resumed_at=None),
        as_of=datetime.fromisoformat(said["asOf"]),
        now=datetime.fromisoformat(said["now"]),
    )


@define(kw_only=True)
class _Turn:
    """A chunk's turn, as the process that hands chunks out says."""

    number: int
    may: asyncio.Event = field(factory=asyncio.Event, init=False)
    next: asyncio.Event = field(factory=asyncio.Event, init=False)

    async def may_lock(self) -> None:
        await self.may.wait()

    def locked(self) -> None:
        _say({"locked": self.number})

    async def is_next(self) -> None:
        await self.next.wait()

    def done(self) -> None:
        """That it is committed is said with what it came to."""


def _say(message: Mapping[str, Any]) -> None:
    sys.stdout.write(json.dumps(message) + "\n")
    sys.stdout.flush()


async def _help(lines: asyncio.StreamReader, job: Job) -> None:
    database = Database(job.dsn, pool_size=LANES + 1, application_name=APPLICATION_NAME)
    store = PostgresBackfillStore(database)
    async with LegacyConnections(job.urls, moments=job.moments).snapshot() as snapshot:
        work = await work_of(job.batch, store, as_of=job.as_of, now=job.now)
        lane = ChunkLane(store=store, work=work, snapshot=snapshot, run=job.run)
        turns: dict[int, _Turn] = {}
        async with asyncio.TaskGroup() as chunks:

            async def take(chunk: Chunk, turn: _Turn) -> None:
                made = await lane(chunk, turn)
                del turns[turn.number]
                _say({"done": turn.number, "tally": asdict(made)})

            _say({"ready": True})
            async for line in lines:
                said = json.loads(line)
                if "chunk" in said:
                    chunk = _chunk(said)
                    turn = turns[chunk.end.done] = _Turn(number=chunk.end.done)
                    chunks.create_task(take(chunk, turn))
                elif "mayLock" in said:
                    turns[said["mayLock"]].may.set()
                else:
                    turns[said["isNext"]].next.set()
            os._exit(0)  # nobody is there any more: what is under way must not be committed


def _chunk(said: Mapping[str, Any]) -> Chunk:
    system, row_id, done = said["end"]
    ids = {LegacySystem(of): numbers for of, numbers in said["chunk"].items()}
    return Chunk(ids=ids, end=Position(system=LegacySystem(system), row_id=row_id, done=done))


async def _main() -> int:
    lines = asyncio.StreamReader(limit=MOST_BYTES_A_LINE)
    await asyncio.get_running_loop().connect_read_pipe(lambda: asyncio.StreamReaderProtocol(lines), sys.stdin)
    job = job_from_json(json.loads(await lines.readline()))
    collect_seldom(CHUNK_OBJECTS)
    try:
        await _help(lines, job)
    except Exception as group:  # the process at the other end ends the run, and says why
        error = _first(group)
        if type(error).__name__ not in FAILURES:
            traceback.print_exception(error)
        _say({"failed": type(error).__name__, "detail": str(error)})
        return 1
    return 0


def _first(error: BaseException) -> BaseException:
    return _first(error.exceptions[0]) if isinstance(error, BaseExceptionGroup) else error


if __name__ == "__main__":
    sys.exit(asyncio.run(_main()))
