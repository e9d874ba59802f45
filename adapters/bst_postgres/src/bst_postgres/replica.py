"""A streaming replica: how old what it shows may be at most.

PostgreSQL's own figure, the time of the last transaction that was replayed, is hours on an idle primary and says nothing when the
stream has stopped. So primary and replica are asked for their positions in the log, again and again: what the primary had at an
instant, the replica shows as soon as its position is there. That needs no clock but our own.
"""

import logging
from asyncio import timeout
from collections import deque
from collections.abc import Callable
from datetime import datetime
from time import monotonic

from attrs import evolve
from sqlalchemy import text

from bst_application.errors import Conflict, Unavailable
from bst_application.ports.reading import DatabaseCheck
from bst_postgres.database import Database
from bst_postgres.probe import PostgresProbe

_log = logging.getLogger(__name__)

LOOK_EVERY_S = 0.5
LOOK_WITHIN_S = 2.0
#: Positions of the primary that the replica has not reached; at two a second, the oldest are of half an hour ago.
MOST_SAMPLES = 3600

_PRIMARY_AT = text("select (pg_current_wal_lsn() - '0/0')::bigint")
_REPLICA_AT = text(
    "select pg_is_in_recovery() as follows, (pg_last_wal_replay_lsn() - '0/0')::bigint as position,"
    " pg_last_xact_replay_timestamp() as replayed_at"
)


async def follows_a_primary(database: Database) -> bool:
    """Whether it is a replica. Raises Unavailable and Conflict."""
    async with database.reading() as connection:
        return bool((await connection.execute(_REPLICA_AT)).one().follows)


class ReplicaWatch:
    """Replica (``bst_application.read_replica``), by looking at it. It serves nothing before it was looked at."""

    def __init__(
        self, *, primary: Database, replica: Database, max_lag_s: float, clock: Callable[[], float] = monotonic
    ) -> None:
        self._primary = primary
        self._replica = replica
        self._max_lag_s = max_lag_s
        self._clock = clock
        self._not_reached: deque[tuple[float, int]] = deque()
        self._shows_all_of: float | None = None  # an instant of our clock
        self._is_there = False
        self._served = False
        self.replayed_at: datetime | None = None
        self.error: str | None = "NOT_LOOKED_AT"

    @property
    def lag_s(self) -> float | None:
        """How old what it shows may be at most; None when it does not answer, or nobody knows."""
        if not self._is_there or self._shows_all_of is None:
            return None
        return max(0.0, self._clock() - self._shows_all_of)

    def may_serve(self) -> bool:
        lag_s = self.lag_s
        return lag_s is not None and lag_s <= self._max_lag_s

    def is_there(self) -> bool:
        return self._is_there

    def failed(self) -> None:
        self._is_there, self.error = False, "DB_CHECK_FAILED"
        self._say()

    async def look(self) -> int:
        """One look at both. What is wrong with the replica is no error of ours: it is said once, and kept."""
        await self._note_primary()
        try:
            async with timeout(LOOK_WITHIN_S), self._replica.reading() as connection:
                found = (await connection.execute(_REPLICA_AT)).one()
        except (Unavailable, Conflict, TimeoutError):
            self.failed()
            return 0
        self._is_there, self.error = bool(found.follows), None if found.follows else "NOT_A_REPLICA"
        self.replayed_at = found.replayed_at
        while found.follows and self._not_reached and self._not_reached[0][1] <= found.position:
            self._shows_all_of = self._not_reached.popleft()[0]
        if self._is_there and not self.may_serve():
            self.error = "REPLICA_BEHIND"
        self._say()
        return 0

    async def _note_primary(self) -> None:
        """Where the primary is now. While it is away, nobody knows what the replica lacks, and its age grows."""
        asked_at = self._clock()
        try:
            async with timeout(LOOK_WITHIN_S), self._primary.reading() as connection:
                position: int = (await connection.execute(_PRIMARY_AT)).scalar_one()
        except (Unavailable, Conflict, TimeoutError):
            return
        if len(self._not_reached) < MOST_SAMPLES:
            self._not_reached.append((asked_at, position))

    def _say(self) -> None:
        serves = self.may_serve()
        if self._served and not serves:
            _log.warning("the read replica serves no longer (%s): reads go to the primary", self.error)
        elif serves and not self._served:
            _log.info("the read replica serves reads")
        self._served = serves


class ReplicaProbe:
    """DatabaseProbe of a replica: whether it answers, and how far it is behind."""

    def __init__(self, name: str, database: Database, watch: ReplicaWatch) -> None:
        self._probe = PostgresProbe(name, database)
        self._watch = watch

    async def check(self) -> DatabaseCheck:
        check = await self._probe.check()
        return evolve(
            check,
            error=check.error or self._watch.error,
            lag_s=self._watch.lag_s,
            replayed_at=self._watch.replayed_at,
        )

    async def schema_is_current(self) -> bool:
        return await self._probe.schema_is_current()
