"""Cutting over in PostgreSQL: comparing legacy rows, the watcher's place, shadow reads, dual writes."""

from bst_postgres.cutover.comparing import PostgresDualWriteDesk
from bst_postgres.cutover.shadows import PostgresShadowLedger
from bst_postgres.cutover.watching import PostgresWatchLedger
from bst_postgres.cutover.writes import PostgresWriteLedger

__all__ = ["PostgresDualWriteDesk", "PostgresShadowLedger", "PostgresWatchLedger", "PostgresWriteLedger"]
