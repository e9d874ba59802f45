"""Back-fill in PostgreSQL: new bookings are copied in, known ones are written where they differ."""

from bst_postgres.backfill.store import PostgresBackfillStore

__all__ = ["PostgresBackfillStore"]
