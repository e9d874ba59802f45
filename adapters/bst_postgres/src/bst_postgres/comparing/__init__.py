"""What was moved in, compared with where it came from: notes that back-fill leaves, and one snapshot of everything here."""

from bst_postgres.comparing.marks import PostgresMarkStore
from bst_postgres.comparing.session import PostgresComparisonStore

__all__ = ["PostgresComparisonStore", "PostgresMarkStore"]
