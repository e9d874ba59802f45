"""What the storage in memory may forget."""

from collections.abc import MutableMapping
from datetime import datetime
from typing import Any

from bst_domain.ingest import RETENTION, Kept
from bst_testing.fakes.tables import Transaction


def kept_in(tables: Transaction, kept: Kept) -> MutableMapping[Any, Any]:
    """The table that holds it."""
    tables_of: dict[Kept, MutableMapping[Any, Any]] = {
        Kept.NONCE: tables.nonces,
        Kept.EVENT: tables.log,
        Kept.DEAD_LETTER: tables.dead_letters,
        Kept.UNMAPPED: tables.unmapped,
    }
    return tables_of.get(kept, {})


def expired_rows(tables: Transaction, kept: Kept, before: datetime) -> list[Any]:
    """Keys, oldest first."""
    with_letters = {letter.event_id for letter in tables.dead_letters.values()}
    found: list[tuple[datetime, Any]] = []
    for key, row in kept_in(tables, kept).items():
        if kept is Kept.NONCE:
            since, status = row, None
        elif kept is Kept.EVENT:
            since, status = row.event.received_at, row.status
        else:
            since, status = row.updated_at, row.status
        allowed = RETENTION[kept].statuses
        if (
            since < before
            and (allowed is None or status in allowed)
            and not (kept is Kept.EVENT and key in with_letters)
        ):
            found.append((since, key))
    return [key for _, key in sorted(found, key=lambda entry: (entry[0], str(entry[1])))]
