"""BullMQ's own PostgreSQL backend: good enough for a machine without Redis, not for the hot path."""

from typing import Any

from bullmq import Worker
from bullmq.backends import postgres_connection

from bst_bullmq.bullmq_queue import LEASE_S, BullMQJobQueue

#: psycopg's errors through BullMQ's own import: the driver belongs to bst_postgres.
_DRIVER_ERROR: type[Exception] = postgres_connection.psycopg.Error


class _PostgresBroker:
    """Connections for BullMQ, in a schema of its own; its tables are made when they are first needed."""

    failure: type[Exception] = _DRIVER_ERROR

    def __init__(self, dsn: str) -> None:
        self._dsn = dsn

    def queue_options(self) -> dict[str, Any]:
        return {"backend": "postgres", "connection": self._dsn}

    def worker_options(self) -> dict[str, Any]:
        return {"backend": "postgres", "connection": self._dsn}

    async def prepare(self, worker: Worker) -> None:
        await worker.backend.waitUntilReady()


class PostgresJobQueue(BullMQJobQueue):
    """JobQueue on PostgreSQL. ``dsn``: a libpq URL."""

    def __init__(self, dsn: str, name: str, *, lease_s: float = LEASE_S) -> None:
        super().__init__(_PostgresBroker(dsn), name, lease_s=lease_s)
