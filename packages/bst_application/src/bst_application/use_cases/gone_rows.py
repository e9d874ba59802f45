"""Exceptions of legacy rows that are no longer there: no chunk meets such a row, so nothing else would take it off the list."""

from collections.abc import Collection

from bst_application.ports.backfill import BackfillStore
from bst_application.ports.legacy import LegacySnapshot
from bst_application.use_cases.backfill import CHUNK_ROWS
from bst_domain.migration import BOOKING_TABLE, LegacySystem, SourceRow


async def listed_rows(store: BackfillStore, batch: str) -> frozenset[SourceRow]:
    """What earlier runs have listed; to be asked before the first chunk."""
    async with store.moving() as tx:
        return await tx.listed(batch)


async def take_off_gone(
    store: BackfillStore, snapshot: LegacySnapshot, batch: str, listed: Collection[SourceRow]
) -> int:
    """Of the rows that earlier runs have listed; returns how many were gone. Raises Unavailable and LegacyUnreadable."""
    if not listed:
        return 0
    gone = sorted(set(listed) - await _there(snapshot, listed), key=str)
    if gone:
        async with store.moving() as tx:
            await tx.list_exceptions(batch, gone, [])
    return len(gone)


async def _there(snapshot: LegacySnapshot, rows: Collection[SourceRow]) -> set[SourceRow]:
    found: set[SourceRow] = set()
    for system in LegacySystem:
        table = BOOKING_TABLE[system]
        ids = sorted(row.row_id for row in rows if (row.system, row.table) == (system, table))
        for at in range(0, len(ids), CHUNK_ROWS):
            read = await snapshot.money(system, ids[at : at + CHUNK_ROWS])
            found.update(SourceRow(system, table, row.row_id) for row in read)
    payments = {row.row_id: row for row in rows if row.table == "Payment"}
    if payments:
        async for group in snapshot.payments():
            found.update(payments[paid.payment_id] for paid in group if paid.payment_id in payments)
    return found
