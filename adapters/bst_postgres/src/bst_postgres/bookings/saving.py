"""Writes folded bookings: one statement a table, for a whole group, and only the tables that a change touches."""

from collections.abc import Sequence
from datetime import datetime

from bst_application.ports.bookings import BookingChange, WrittenBy
from bst_domain.booking import Field
from bst_postgres.bookings import rows, upserts
from bst_postgres.database import DriverConnection, as_json, as_uuid_array


async def save_bookings(connection: DriverConnection, changes: Sequence[BookingChange], now: datetime) -> None:
    """Writes the changes; rows that a change does not touch are not written. The state is, for whoever asks for it by hand."""
    moved = [change for change in changes if not change.is_unchanged]
    paying = [change for change in moved if rows.new_payment_facts(change)]
    turned = [change for change in moved if change.before is None or change.before.statuses != change.statuses]
    stating = {change.key for change in (*turned, *paying)}
    stated = [change for change in changes if change.key in stating or change.written_by is not WrittenBy.INGEST]
    plan: tuple[tuple[upserts.Upsert, list[rows.Row]], ...] = (
        (upserts.CORE, [rows.core_row(change) for change in moved]),
        (upserts.CONTACT, [rows.contact_row(change) for change in moved if _touches_contact(change)]),
        (upserts.PARTY, [rows.party_row(change) for change in moved if _touches(change, rows.PARTY_FIELDS)]),
        (upserts.ITEM, [r for change in moved if _touches(change, rows.PRICED_FIELDS) for r in rows.item_rows(change)]),
        (upserts.STATE, [rows.state_row(change) for change in stated]),
        (upserts.HISTORY, [rows.history_row(change, now) for change in turned]),
        (upserts.FACT, [row for change in changes for row in rows.facts_rows(change, now)]),
        (upserts.PAYMENT_FACT, [row for change in paying for row in rows.payment_facts_rows(change)]),
        (upserts.REFERENCE, [row for change in changes for row in rows.references_rows(change)]),
    )
    await _replace_moved_in_items(connection, moved)
    outlived = [key for change in paying for key in rows.outlived_payment_keys(change)]
    payments = [row for change in moved for row in rows.payments_rows(change)]
    unmapped = rows.unmapped_rows(moved, now)
    for upsert, values in plan:
        if values:
            await connection.execute(upsert.statement, (as_json(values),))
    if outlived:
        await connection.execute(
            "delete from payment_event where payment_key = any(%s::uuid[])", (as_uuid_array(outlived),)
        )
    if payments:
        await connection.execute(upserts.PAYMENT, (as_json(payments),))
    if unmapped:
        await connection.execute(upserts.UNMAPPED, (as_json(unmapped),))


async def _replace_moved_in_items(connection: DriverConnection, moved: Sequence[BookingChange]) -> None:
    """Items that back-fill brought stand for a party or price that is not the booking's any more."""
    keys = []
    for change in moved:
        counted = None if change.before is None else change.before.facts.registers.get(Field.ADULT)
        if counted is not None and counted.evidence.origin == 0 and _touches(change, rows.PRICED_FIELDS):
            keys.append(change.key)
    if keys:
        await connection.execute(
            "delete from booking_item_snapshot where booking_key = any (%s::uuid[])"
            " and snapshot_json ->> 'source' is distinct from 'ingest'",
            (as_uuid_array(keys),),
        )


def _touches_contact(change: BookingChange) -> bool:
    return _touches(change, rows.CONTACT_FIELDS) or rows.moves_in_time(change)


def _touches(change: BookingChange, fields: frozenset[Field]) -> bool:
    return change.is_new or not change.changed.isdisjoint(fields)
