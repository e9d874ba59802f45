"""Writes moved bookings. New ones are copied straight into the tables: under the lock of their names nobody else makes them."""

from collections.abc import Mapping, Sequence
from datetime import datetime
from uuid import UUID

from bst_application.ports.backfill import BookingMove
from bst_postgres.backfill import rows
from bst_postgres.backfill.copying import copy_rows
from bst_postgres.bookings import rows as live
from bst_postgres.bookings import upserts
from bst_postgres.bookings.upserts import Upsert
from bst_postgres.database import DriverConnection, as_json, as_uuid_array

PARTY_COLUMNS = {**upserts.PARTY.columns, "traveler_rows": "jsonb"}
STATE_COLUMNS = {**upserts.STATE.columns, "assigned_driver_id": "int", "assigned_at": "timestamptz"}
#: The columns that must not be null have a value even where the source has none.
ITEM_COLUMNS = {
    **upserts.ITEM.columns,
    "variant_key": "uuid",
    "variant_external_id": "text",
    "departure_external_id": "text",
    "child_unit_price": "numeric",
    "discount_amount": "numeric",
    "tax_amount": "numeric",
}
_NO_PRICE = {"child_unit_price": 0, "discount_amount": 0, "tax_amount": 0}
ASSIGNMENT = Upsert(
    table="ops_assignment",
    key="assignment_key",
    columns={
        "assignment_key": "uuid",
        "booking_key": "uuid",
        "driver_id": "int",
        "assignment_source": "text",
        "assigned_at": "timestamptz",
        "is_active": "boolean",
    },
)


def _where_different(upsert: Upsert) -> str:
    """The statement, less the rows that are so already."""
    names = [name for name in upsert.columns if name != upsert.key]
    ours, theirs = (", ".join(f"{of}.{name}" for name in names) for of in (upsert.table, "excluded"))
    return f"{upsert.statement} where ({ours}) is distinct from ({theirs})"


_PARTY = _where_different(Upsert(table="booking_party", key="booking_key", columns=PARTY_COLUMNS))
_STATE = Upsert(table="ops_booking_state", key="booking_key", columns=STATE_COLUMNS)
_ITEM = _where_different(Upsert(table="booking_item_snapshot", key="booking_item_key", columns=ITEM_COLUMNS))
# A legacy row says something else than in an earlier run: its record follows.
_FACT = """
insert into booking_fact (event_key, booking_key, source, event_type, event_time, origin, facts, recorded_at)
select event_key, booking_key, source, event_type, event_time, origin, facts, recorded_at
from json_to_recordset(%s::json) as given (event_key uuid, booking_key uuid, source text, event_type text,
  event_time timestamptz, origin int, facts jsonb, recorded_at timestamptz)
on conflict (event_key) do update set booking_key = excluded.booking_key, source = excluded.source,
  event_time = excluded.event_time, facts = excluded.facts, recorded_at = excluded.recorded_at
where (booking_fact.booking_key, booking_fact.facts, booking_fact.event_time)
  is distinct from (excluded.booking_key, excluded.facts, excluded.event_time)
"""
# The row's number is the key: a row whose reference was corrected in the source belongs to another booking now.
_REFERENCE = """
insert into channel_external_refs (external_ref_key, entity_type, entity_key, channel_code, external_ref_kind, external_ref,
  source_system, source_table, source_pk)
select external_ref_key, entity_type, entity_key, channel_code, external_ref_kind, external_ref, source_system,
  source_table, source_pk
from json_to_recordset(%s::json) as given (external_ref_key uuid, entity_type text, entity_key uuid, channel_code text,
  external_ref_kind text, external_ref text, source_system text, source_table text, source_pk text)
on conflict (entity_type, channel_code, external_ref_kind, external_ref) do update
set entity_key = excluded.entity_key, updated_at = now()
where channel_external_refs.external_ref_kind <> 'BOOKING_REF'
  and channel_external_refs.entity_key <> excluded.entity_key
"""


_ID_KINDS = frozenset(rows.ID_KIND.values())
# Looked up one by one: the planner expects to meet one at once, and would read a table of millions in vain.
_KNOWN_REFERENCES = """
select exists (select from unnest(%s::uuid[]) as given (key) cross join lateral (
  select from channel_external_refs known where known.external_ref_key = given.key offset 0) known)
"""


async def save_bookings(
    connection: DriverConnection, moves: Sequence[BookingMove], variants: Mapping[int, UUID], now: datetime
) -> int:
    """Returns how many rows were written."""
    new = [move for move in moves if move.change.is_new]
    known = [move for move in moves if not move.change.is_new]
    written = await _copy_new(connection, new, variants, now) if new else 0
    if known:
        written += await _update_known(connection, known, variants, now)
    references = _references(moves)
    return written + await _save_references(connection, references)


def _references(moves: Sequence[BookingMove]) -> list[live.Row]:
    return list({row["external_ref_key"]: row for move in moves for row in rows.reference_rows(move)}.values())


async def _save_references(connection: DriverConnection, references: Sequence[live.Row]) -> int:
    """Ids of legacy rows are written by nobody else; where none of them is there they are copied."""
    ids = [row for row in references if row["external_ref_kind"] in _ID_KINDS]
    keys = as_uuid_array([row["external_ref_key"] for row in ids])
    if (await (await connection.execute(_KNOWN_REFERENCES, (keys,))).fetchone()) == (True,):
        return await _execute(connection, _REFERENCE, references)
    written = await copy_rows(connection, "channel_external_refs", upserts.REFERENCE.columns, ids)
    names = [row for row in references if row["external_ref_kind"] not in _ID_KINDS]
    return written + await _execute(connection, _REFERENCE, names)


async def _copy_new(
    connection: DriverConnection, new: Sequence[BookingMove], variants: Mapping[int, UUID], now: datetime
) -> int:
    plan = _new_rows(new, variants, now)
    return sum([await copy_rows(connection, table, columns, values) for table, columns, values in plan])


def _new_rows(
    new: Sequence[BookingMove], variants: Mapping[int, UUID], now: datetime
) -> Sequence[tuple[str, Mapping[str, str], Sequence[live.Row]]]:
    changes = [move.change for move in new]
    items = [{**_NO_PRICE, **row} for move in new for row in rows.item_rows(move, variants)]
    return (
        ("booking_core", upserts.CORE.columns, [live.core_row(change) for change in changes]),
        ("booking_contact", upserts.CONTACT.columns, [live.contact_row(change) for change in changes]),
        ("booking_party", PARTY_COLUMNS, [rows.party_row(move) for move in new]),
        ("booking_item_snapshot", ITEM_COLUMNS, items),
        ("ops_booking_state", STATE_COLUMNS, [rows.state_row(move) for move in new]),
        ("booking_status_history", upserts.HISTORY.columns, [live.history_row(change, now) for change in changes]),
        (
            "booking_fact",
            upserts.FACT.columns,
            [row for change in changes for row in live.facts_rows(change, now)],
        ),
        ("ops_assignment", ASSIGNMENT.columns, [rows.assignment_row(move) for move in new if move.assigns]),
    )


async def _update_known(
    connection: DriverConnection, known: Sequence[BookingMove], variants: Mapping[int, UUID], now: datetime
) -> int:
    """Items and travellers may differ where no field of the booking does."""
    items = [{**_NO_PRICE, **row} for move in known for row in rows.item_rows(move, variants)]
    gone = await connection.execute(
        "delete from booking_item_snapshot where booking_key = any (%s::uuid[]) and booking_item_key <> all (%s::uuid[])",
        (
            as_uuid_array([move.change.key for move in known]),
            as_uuid_array([row["booking_item_key"] for row in items]),
        ),
    )
    plan = (
        (_FACT, [row for move in known for row in live.facts_rows(move.change, now)]),
        (_ITEM, items),
        (_PARTY, [rows.party_row(move) for move in known]),
    )
    written = gone.rowcount + sum([await _execute(connection, statement, values) for statement, values in plan])
    moved = [move for move in known if not move.change.is_unchanged]
    return written + (await _update_moved(connection, moved, now) if moved else 0)


async def _update_moved(connection: DriverConnection, moved: Sequence[BookingMove], now: datetime) -> int:
    changes = [move.change for move in moved]
    turned = [change for change in changes if change.before is not None and change.before.statuses != change.statuses]
    assigned = [move for move in moved if move.assigns]
    if assigned:
        await connection.execute(
            "update ops_assignment set is_active = false, unassigned_at = %s, updated_at = now()"
            " where booking_key = any (%s::uuid[]) and is_active",
            (now, as_uuid_array([move.change.key for move in assigned])),
        )
    plan = (
        (upserts.CORE.statement, [live.core_row(change) for change in changes]),
        (upserts.CONTACT.statement, [live.contact_row(change) for change in changes]),
        (_STATE.statement, [rows.state_row(move) for move in moved]),
        (upserts.HISTORY.statement, [live.history_row(change, now) for change in turned]),
        (ASSIGNMENT.statement, [rows.assignment_row(move) for move in assigned if move.driver_id is not None]),
    )
    return sum([await _execute(connection, statement, values) for statement, values in plan])


async def _execute(connection: DriverConnection, statement: str, values: Sequence[live.Row]) -> int:
    if not values:
        return 0
    return (await connection.execute(statement.encode(), (as_json(values),))).rowcount
