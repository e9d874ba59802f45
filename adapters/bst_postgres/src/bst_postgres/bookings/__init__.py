"""Bookings in PostgreSQL: ``store`` ties together what ``loading`` reads and ``saving`` writes."""

from bst_postgres.bookings.store import PostgresBookingStore

__all__ = ["PostgresBookingStore"]
