"""Is the database there, and is its schema the one this code was written for?"""

import asyncio
from time import monotonic

from sqlalchemy import text

from bst_application.errors import Conflict, Unavailable
from bst_application.ports.reading import DatabaseCheck
from bst_postgres.database import Database
from bst_postgres.migrate import head_revision

CHECK_WITHIN_S = 2.0


class PostgresProbe:
    """DatabaseProbe; ``database`` is None where no URL is configured."""

    def __init__(self, name: str, database: Database | None) -> None:
        self._name = name
        self._database = database

    async def check(self) -> DatabaseCheck:
        if self._database is None:
            return self._result(configured=False, latency_ms=None, error="MISSING_CONNECTION_STRING")
        started = monotonic()
        try:
            async with asyncio.timeout(CHECK_WITHIN_S), self._database.reading() as connection:
                await connection.execute(text("select 1"))
        except (Unavailable, Conflict, TimeoutError):
            return self._result(configured=True, latency_ms=None, error="DB_CHECK_FAILED")
        return self._result(configured=True, latency_ms=round((monotonic() - started) * 1000), error=None)

    async def schema_is_current(self) -> bool:
        if self._database is None:
            raise Unavailable("no database is configured")
        query = text("select version_num from alembic_version")
        async with self._database.reading() as connection:
            there = await connection.execute(text("select to_regclass('alembic_version') is not null"))
            if not there.scalar_one():
                return False
            return bool((await connection.execute(query)).scalar_one_or_none() == head_revision())

    def _result(self, *, configured: bool, latency_ms: int | None, error: str | None) -> DatabaseCheck:
        return DatabaseCheck(
            database=self._name,
            configured=configured,
            reachable=configured and error is None,
            latency_ms=latency_ms,
            error=error,
        )
