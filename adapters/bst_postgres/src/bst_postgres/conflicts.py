"""Conflicts between two systems in PostgreSQL, within the transaction of whoever raises or settles them."""

from collections.abc import Mapping, Sequence
from typing import Any, Final
from uuid import UUID

from bst_application.ports.operations import ConflictRecord, Settlement
from bst_domain.booking import FactValue, value_from_json, value_to_json
from bst_domain.migration import Choice, Module, Severity
from bst_domain.values import BookingKey
from bst_postgres.database import DriverConnection, as_json

# The order is that of the table, and of ``conflict_of``.
CONFLICT_COLUMNS: Final = """conflict_key, booking_key, module, fields, shown_values, core_values, legacy_values, severity,
  opened_by, opened_at, due_at, choice, settled_by, settle_reason, settled_at"""
_OF_BOOKING = f"""
select {CONFLICT_COLUMNS} from booking_conflict where booking_key = %s order by opened_at, conflict_key
"""
_OPEN = """
insert into booking_conflict (conflict_key, booking_key, module, fields, shown_values, core_values, legacy_values, severity,
  opened_by, opened_at, due_at)
values (%s, %s, %s, %s, %s::jsonb, %s::jsonb, %s::jsonb, %s, %s, %s, %s)
"""
_SETTLE = """
update booking_conflict set choice = %s, settled_by = %s, settle_reason = %s, settled_at = %s
where conflict_key = %s and settled_at is null
"""


def conflict_of(row: Sequence[Any]) -> ConflictRecord:
    """A row of the table."""
    (key, booking, module, fields, shown, core, legacy, severity, opened_by, opened_at, due_at, choice, by, why, at) = (
        row
    )
    return ConflictRecord(
        key=key,
        booking=BookingKey(booking),
        module=Module(module),
        fields=tuple(fields),
        shown=_values(shown),
        core=_values(core),
        legacy=_values(legacy),
        severity=Severity(severity),
        opened_by=opened_by,
        opened_at=opened_at,
        due_at=due_at,
        settled=None if at is None else Settlement(choice=Choice(choice), actor=by, reason=why, at=at),
    )


async def conflicts_of(connection: DriverConnection, booking: BookingKey) -> list[ConflictRecord]:
    """Settled or not, oldest first."""
    rows = await (await connection.execute(_OF_BOOKING.encode(), (booking,))).fetchall()
    return [conflict_of(row) for row in rows]


async def open_conflict(connection: DriverConnection, conflict: ConflictRecord) -> None:
    await connection.execute(
        _OPEN,
        (
            conflict.key,
            conflict.booking,
            conflict.module.value,
            list(conflict.fields),
            _document(conflict.shown),
            _document(conflict.core),
            _document(conflict.legacy),
            conflict.severity.value,
            conflict.opened_by[:191],
            conflict.opened_at,
            conflict.due_at,
        ),
    )


async def settle_conflict(connection: DriverConnection, key: UUID, settlement: Settlement) -> None:
    await connection.execute(
        _SETTLE, (settlement.choice.value, settlement.actor[:191], settlement.reason, settlement.at, key)
    )


def _document(values: Mapping[str, FactValue]) -> str:
    return as_json({name: value_to_json(value) for name, value in values.items()})


def _values(document: Mapping[str, Any]) -> dict[str, FactValue]:
    return {name: value_from_json(value) for name, value in document.items()}
