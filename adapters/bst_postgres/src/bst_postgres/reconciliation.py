"""Counting what does not agree with itself, in PostgreSQL: one statement, and so one snapshot.

References are compared without case and white space: exact twins are forbidden by unique indexes, those are not.
"""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import Table, text

from bst_domain.gates import DuplicateFigures, ReconciliationCounts
from bst_postgres.database import Database
from bst_postgres.tables import booking_core, ingest_event_log

# As normalise_ref does it, of the white space that texts have (PostgreSQL's strings know no \v: to them that is a letter).
# translate is many times cheaper than a regular expression, and there may be a million rows.
PLAIN_REF = r"upper(translate(external_booking_ref, E' \t\n\r\f\x0b\u00a0', ''))"
_NO_IDENTITY = f"channel_code is null or btrim(channel_code) = '' or external_booking_ref is null or {PLAIN_REF} = ''"


def _twins(table: str, key: str, where: str = "true") -> str:
    """Groups of more than one row, and the rows beyond the first of each."""
    return f"""select count(*) as groups, coalesce(sum(many - 1), 0)::bigint as excess
        from (select count(*) as many from {table} where {where} group by {key} having count(*) > 1) twins"""


_BOOKING_TWINS = _twins("booking_core", f"channel_code, {PLAIN_REF}", f"not ({_NO_IDENTITY})")
_EVENT_TWINS = _twins("ingest_event_log", f"source_enum, {PLAIN_REF}, event_type, event_time_normalized, fingerprint")
_KEY_TWINS = _twins("ingest_event_log", "idempotency_key")

# An order's row stands for it until its capture is known, and one reference may be shown by one booking only; so any of the
# three names may be the one that a fact has; a legacy row without any of them has its fact's event for a key. Two conditions of
# one clause each, because that is what becomes a join.
_ORPHANS = """
(select count(*) from payment_event paid
  where not exists (select 1 from booking_core core where core.booking_key = paid.booking_key))
+ (select count(*) from payment_event paid
  where exists (select 1 from booking_core core where core.booking_key = paid.booking_key)
    and not exists (select 1 from payment_fact fact where fact.booking_key = paid.booking_key and (
      fact.reference = any(array[paid.payment_ref, paid.gateway_capture_id, paid.gateway_order_id])
      or fact.order_id = paid.gateway_order_id or fact.event_key = paid.payment_key)))"""

# Each part is one pass over an index where there is one that has all it needs: rows of bookings and events are wide.
_COUNTS = text(rf"""
with booking as materialized (
    select count(*) as rows, count(*) filter (where {_NO_IDENTITY}) as nameless from booking_core),
  done as materialized (
    select count(*) as rows, count(*) filter (where customer_payment_status not in ('PAID', 'DONE')) as not_paid
    from booking_core where ops_fulfillment_status = 'DONE'),
  booking_twins as materialized ({_BOOKING_TWINS}),
  event_twins as materialized ({_EVENT_TWINS})
select booking.rows as bookings, booking.nameless as null_identities,
  booking_twins.groups as twin_booking_groups, booking_twins.excess as twin_booking_excess,
  (select count(*) from payment_event) as payments, {_ORPHANS} as orphan_payments,
  done.rows as done, done.not_paid as done_not_paid,
  (select count(*) from ingest_event_log) as events,
  event_twins.groups as twin_event_groups, event_twins.excess as twin_event_excess,
  (select count(*) from unmapped_queue where status = 'OPEN'
    and queue_type in ('PRODUCT_MAPPING', 'VARIANT_MAPPING', 'CATALOG_EXTENDED_METADATA')) as unmapped,
  (select count(*) from catalog_product) + (select count(*) from catalog_variant) as catalog_entities
from booking, done, booking_twins, event_twins
""")

# Sorting and hashing a million references in memory; the usual 4 MB would put them on disk.
_ROOM = text("set local work_mem = '64MB'")

_DUPLICATES = text(f"""
select (select count(*) from ingest_event_log) as events, (select count(*) from booking_core) as bookings,
  (select excess from ({_KEY_TWINS}) keys) as idempotency_excess,
  (select excess from ({_EVENT_TWINS}) contents) as secondary_excess,
  (select excess from ({_BOOKING_TWINS}) identities) as booking_excess
""")

_INDEXES = text("""
select class.relname as name, owner.relname as table, index.indisunique as is_unique,
  index.indisvalid and index.indisready and index.indislive as is_valid, index.indpred is null as is_whole,
  array(select coalesce(attribute.attname, '(an expression)')
    from unnest(index.indkey) with ordinality as part (number, place)
    left join pg_attribute attribute on attribute.attrelid = index.indrelid and attribute.attnum = part.number
      and part.number > 0 where part.place <= index.indnkeyatts order by part.place) as columns
from pg_index index join pg_class class on class.oid = index.indexrelid join pg_class owner on owner.oid = index.indrelid
join pg_namespace place on place.oid = class.relnamespace
where place.nspname = current_schema() and class.relname = any(:names)
""")

#: Each index that makes a duplicate impossible -> the table it stands on.
_GUARDS: Mapping[str, Table] = {
    "ux_ingest_event_idempotency_key": ingest_event_log,
    "ux_ingest_event_secondary_dedup": ingest_event_log,
    "ux_booking_core_channel_external_ref": booking_core,
}


def _columns(table: Table, name: str) -> list[str]:
    [index] = [index for index in table.indexes if index.name == name]
    return [column.name for column in index.columns]


def _problem(name: str, table: Table, found: Any) -> str | None:
    """What is wrong with an index, in words."""
    wanted = _columns(table, name)
    if found is None:
        return "missing"
    if found.table != table.name or list(found.columns) != wanted:
        return f"on {found.table} ({', '.join(found.columns)}) instead of {table.name} ({', '.join(wanted)})"
    if not found.is_unique:
        return "not unique"
    if not found.is_whole:
        return "does not cover every row"
    return None if found.is_valid else "not valid: its build failed or has not ended"


class PostgresReconciliationReader:
    """ReconciliationReader on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def reconciliation_counts(self) -> ReconciliationCounts:
        async with self._database.reading(brief=False) as connection:
            await connection.execute(_ROOM)
            row = (await connection.execute(_COUNTS)).one()
        return ReconciliationCounts(**row._mapping)

    async def duplicates(self) -> DuplicateFigures:
        async with self._database.reading(brief=False) as connection:
            await connection.execute(_ROOM)
            row = (await connection.execute(_DUPLICATES)).one()
            indexes = (await connection.execute(_INDEXES, {"names": list(_GUARDS)})).all()
        found = {index.name: index for index in indexes}
        guards = {name: _problem(name, table, found.get(name)) for name, table in _GUARDS.items()}
        return DuplicateFigures(**row._mapping, guards=guards)
