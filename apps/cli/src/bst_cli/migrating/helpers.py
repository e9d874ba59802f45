"""Processes that take chunks of a batch beside this one. Each sees the sources as this one does, and commits when told to.

They talk in lines of JSON on the helper's standard input and output: the job, then chunks and whose turn it is; back come what
has its locks, what was committed, and what failed. When either end is lost the other one stops, and nothing more is committed.
"""

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import datetime
from typing import Any

from attrs import define, field, frozen

from bst_application.errors import Conflict, LegacyUnreadable, SchemaBehind, Unavailable
from bst_application.legacy_order import Chunk
from bst_application.ports.backfill import AnotherRuns, Run
from bst_application.turns import Turn
from bst_application.use_cases.backfill import LANES, Lane, Tally
from bst_domain.migration import LegacySystem

#: A line has the numbers of a chunk's rows.
MOST_BYTES_A_LINE = 1 << 20
#: What a helper's failure is here, by its name. Anything else is a bug, and the helper has said so on stderr.
FAILURES: Mapping[str, type[Exception]] = {
    kind.__name__: kind for kind in (AnotherRuns, Conflict, LegacyUnreadable, SchemaBehind, Unavailable)
}


@frozen(kw_only=True)
class Job:
    """What helpers need to know; ``moments`` name the snapshots of the sources. No run: nothing is written."""

    dsn: str
    urls: Mapping[LegacySystem, str]
    moments: Mapping[LegacySystem, str]
    batch: str
    run: Run | None
    as_of: datetime
    now: datetime


@define(kw_only=True)
class _UnderWay:
    """A chunk that the helper has."""

    locked: "asyncio.Future[None]"
    done: "asyncio.Future[Tally]"


@define(eq=False)
class Helper:
    """One process. It begins when it is first asked for."""

    job: Job
    _process: asyncio.subprocess.Process | None = field(default=None, init=False)
    _answering: "asyncio.Task[None] | None" = field(default=None, init=False)
    _ready: "asyncio.Future[None] | None" = field(default=None, init=False)
    _chunks: dict[int, _UnderWay] = field(factory=dict, init=False)

    async def ready(self) -> None:
        """Raises what keeps the helper from its work."""
        if self._ready is None:
            self._ready = asyncio.get_running_loop().create_future()
            self._process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "bst_cli.migrating.helping"),
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                limit=MOST_BYTES_A_LINE,
                start_new_session=True,  # Ctrl-C is for this process; the helper sees that its input ends
            )
            self._answering = asyncio.create_task(self._listen(self._process))
            self._say(job_as_json(self.job))
        await asyncio.shield(self._ready)

    async def __call__(self, chunk: Chunk, turn: Turn) -> Tally:
        """Raises as a lane does."""
        loop, number = asyncio.get_running_loop(), chunk.end.done
        at = self._chunks[number] = _UnderWay(locked=loop.create_future(), done=loop.create_future())
        end = [chunk.end.system.value, chunk.end.row_id, chunk.end.done]
        self._say({"chunk": {system.value: list(ids) for system, ids in chunk.ids.items()}, "end": end})
        await turn.may_lock()
        self._say({"mayLock": number})
        await at.locked
        turn.locked()
        await turn.is_next()
        self._say({"isNext": number})
        made = await at.done
        del self._chunks[number]
        return made

    async def stop(self) -> None:
        """Whatever it has not committed did not happen."""
        if self._process is None or self._answering is None:
            return
        self._answering.cancel()
        with suppress(ProcessLookupError):
            self._process.kill()
        await self._process.wait()
        await asyncio.gather(self._answering, return_exceptions=True)

    def _say(self, message: Mapping[str, Any]) -> None:
        assert self._process is not None
        assert self._process.stdin is not None
        self._process.stdin.write(json.dumps(message).encode() + b"\n")

    async def _listen(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdout is not None
        try:
            async for line in process.stdout:
                self._hear(json.loads(line))
        except (ValueError, KeyError, TypeError) as error:  # whoever waits would wait for ever
            self._fail(RuntimeError(f"a helper process said what nobody understands: {error}"))
            return
        self._fail(Unavailable(f"a helper process ended with {await process.wait()}"))

    def _hear(self, said: Mapping[str, Any]) -> None:
        if "locked" in said:
            _settle(self._chunks[said["locked"]].locked, None)
        elif "done" in said:
            at = self._chunks[said["done"]]
            _settle(at.locked, None)
            _settle(at.done, Tally(**said["tally"]))
        elif "failed" in said:
            self._fail(FAILURES.get(said["failed"], RuntimeError)(said["detail"]))
        elif self._ready is not None:
            _settle(self._ready, None)

    def _fail(self, error: Exception) -> None:
        waiting = [future for at in self._chunks.values() for future in (at.locked, at.done)]
        for future in [*waiting, *([] if self._ready is None else [self._ready])]:
            if not future.done():
                future.set_exception(error)
                future.exception()  # whoever waits hears of it; nobody may be waiting


def _settle(future: "asyncio.Future[Any]", result: object) -> None:
    if not future.done():
        future.set_result(result)


def job_as_json(job: Job) -> dict[str, Any]:
    """What ``job_from_json`` reads."""
    run = None if job.run is None else {"key": str(job.run.key), "batch": job.run.batch}
    return {
        "dsn": job.dsn,
        "urls": {system.value: url for system, url in job.urls.items()},
        "moments": {system.value: moment for system, moment in job.moments.items()},
        "batch": job.batch,
        "run": run,
        "asOf": job.as_of.isoformat(),
        "now": job.now.isoformat(),
    }


@asynccontextmanager
async def helping(job: Job, processes: int) -> AsyncIterator[Sequence[Lane]]:
    """Their lanes, as long as the context lasts; no process begins before it is needed."""
    helpers = [Helper(job) for _ in range(processes)]
    try:
        yield [helper for helper in helpers for _ in range(LANES)]
    finally:
        await asyncio.gather(*(helper.stop() for helper in helpers))
