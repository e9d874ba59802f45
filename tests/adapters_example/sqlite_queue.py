"""A job queue on one SQLite file, for processes of one machine: the worked example of docs/adapters.md."""

import asyncio
import logging
import sqlite3
from asyncio import Event
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from time import time
from typing import Literal, TypeVar
from uuid import UUID

from bst_application.errors import Unavailable
from bst_application.ports.queue import Job, JobHandler, QueueCounts
from bst_domain.ingest import RETENTION, Kept
from bst_domain.values import EventId

_log = logging.getLogger(__name__)

T = TypeVar("T")
Outcome = Literal["completed", "failed"]

#: How long a job stays with a consumer that says nothing more; one that lives says so every round.
LEASE_S = 30.0
ROUND_S = 0.1
#: The port gives a caller a second. The file's lock may use up most of it, the callers before us the rest.
LOCKED_S = 0.5
ANSWER_WITHIN_S = 0.9
_KEPT: Mapping[Outcome, Kept] = {"completed": Kept.SUCCEEDED_JOB, "failed": Kept.FAILED_JOB}
KEPT_S = {outcome: RETENTION[kept].period.total_seconds() for outcome, kept in _KEPT.items()}
#: Locked, full, gone, not a database: later may be better. Other classes are bugs; a misspelt statement is not told apart.
_AWAY = {sqlite3.OperationalError, sqlite3.DatabaseError}

_STATES = ("waiting", "active", "delayed", "completed", "failed", "paused")
#: ``at``: from when a job may be taken; for one in hand the end of the lease; for one that ended, when it is forgotten.
_TABLE = """create table if not exists job (
    seq integer primary key, id text not null unique, events text not null, outcome text, at real not null)"""
_INDEX = "create index if not exists job_by_time on job (outcome, at)"


class SqliteJobQueue:
    """JobQueue on a file. Constructing it opens nothing; ``clock`` gives seconds that all processes share."""

    def __init__(self, path: Path, *, clock: Callable[[], float] = time) -> None:
        self._path = path
        self._clock = clock
        self._turn = asyncio.Lock()  # SQLite's own waiting is by polling, and unfair

    @property
    def name(self) -> str:
        return self._path.stem

    async def enqueue(self, job: Job) -> None:
        insert = "insert into job (id, events, at) values (?, ?, ?) on conflict (id) do nothing"

        def add(file: sqlite3.Connection, now: float) -> None:
            file.execute(insert, (job.id, " ".join(map(str, job.event_ids)), now))

        await self._ask(add)

    async def counts(self) -> QueueCounts:
        def count(file: sqlite3.Connection, now: float) -> QueueCounts:
            state = "coalesce(outcome, iif(at <= ?, 'waiting', 'active'))"
            found = dict(file.execute(f"select {state}, count(*) from job group by 1", (now,)).fetchall())
            return QueueCounts(**{state: found.get(state, 0) for state in _STATES})

        return await self._ask(count)

    async def consume(self, handler: JobHandler, *, concurrency: int, stop: Event) -> None:
        in_hand: dict[asyncio.Task[Outcome], str] = {}
        ended: dict[str, Outcome] = {}  # until the file knows; what it never hears of is delivered again
        stopping = asyncio.ensure_future(stop.wait())
        down = False
        try:
            while in_hand or not stop.is_set():
                ended |= {in_hand.pop(task): task.result() for task in list(in_hand) if task.done()}
                room = 0 if stop.is_set() else concurrency - len(in_hand)
                try:
                    taken = await self._round(dict(ended), list(in_hand.values()), room)
                except Unavailable as error:
                    if not down:
                        _log.warning("%s; waiting for it", error)
                    down, taken = True, []
                else:
                    down, ended = False, {}
                in_hand |= {asyncio.create_task(_outcome(handler, job)): job.id for job in taken}
                if wakers := {*in_hand} if stop.is_set() else {*in_hand, stopping}:
                    await asyncio.wait(wakers, timeout=ROUND_S, return_when=asyncio.FIRST_COMPLETED)
        finally:  # only whoever is cancelled has anything in hand here; its leases run out
            for task in (*in_hand, stopping):
                task.cancel()
            await asyncio.gather(*in_hand, stopping, return_exceptions=True)

    async def close(self) -> None:
        """Nothing to release: each transaction opens the file anew, so a file that was replaced is found, too."""

    async def _round(self, ended: Mapping[str, Outcome], in_hand: Sequence[str], room: int) -> list[Job]:
        """One commit of a consumer: says what ended, renews its leases, takes at most ``room`` jobs, forgets old ones."""
        end = "update job set outcome = ?, at = ? where id = ?"
        lease = "update job set at = ? where id = ? and outcome is null"
        take = "select id, events from job where outcome is null and at <= ? order by at, seq limit ?"

        def turn(file: sqlite3.Connection, now: float) -> list[Job]:
            file.executemany(end, [(outcome, now + KEPT_S[outcome], job_id) for job_id, outcome in ended.items()])
            file.executemany(lease, [(now + LEASE_S, job_id) for job_id in in_hand])
            rows = file.execute(take, (now, room)).fetchall()
            file.executemany(lease, [(now + LEASE_S, job_id) for job_id, _ in rows])
            file.execute("delete from job where outcome in ('completed', 'failed') and at <= ?", (now,))
            return [Job(job_id, tuple(EventId(UUID(event)) for event in events.split())) for job_id, events in rows]

        return await self._ask(turn)

    async def _ask(self, question: Callable[[sqlite3.Connection, float], T]) -> T:
        """One transaction. Raises Unavailable within a second."""
        try:
            async with asyncio.timeout(ANSWER_WITHIN_S), self._turn:
                return await asyncio.to_thread(self._commit, question)
        except TimeoutError as error:
            raise Unavailable(f"the queue {self.name} does not answer in time") from error

    def _commit(self, question: Callable[[sqlite3.Connection, float], T]) -> T:
        try:
            with closing(sqlite3.connect(self._path, timeout=LOCKED_S, isolation_level=None)) as file:
                file.execute("pragma synchronous = off")  # what a power cut loses, the sweep finds
                file.execute("begin immediate")  # who reads first and writes later would be refused instead of waiting
                file.execute(_TABLE)
                file.execute(_INDEX)
                answer = question(file, self._clock())
                file.execute("commit")
                return answer
        except sqlite3.Error as error:
            if type(error) in _AWAY:
                raise Unavailable(f"the queue {self.name} is away: {type(error).__name__}") from error
            raise


async def _outcome(handler: JobHandler, job: Job) -> Outcome:
    try:
        await handler(job)
    except Exception:
        _log.exception("job %s failed; the log knows what is still to do", job.id)
        return "failed"
    return "completed"
