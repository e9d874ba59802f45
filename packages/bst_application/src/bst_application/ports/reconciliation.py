"""Counting what does not agree with itself."""

from typing import Protocol

from bst_domain.gates import DuplicateFigures, ReconciliationCounts


class ReconciliationReader(Protocol):
    """Reads only, each call in one snapshot. Raises SchemaBehind where a table is missing, else Unavailable and Conflict.

    References count as the same when they differ in case or white space only: such twins are what no unique index forbids.
    """

    async def reconciliation_counts(self) -> ReconciliationCounts:
        """A row without identity is no twin; a payment is an orphan without its booking, or without a fact behind it."""
        ...

    async def duplicates(self) -> DuplicateFigures:
        """Rows that are there twice, and whether the unique indexes that forbid them are there, valid, and on their columns."""
        ...
