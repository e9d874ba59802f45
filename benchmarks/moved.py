"""Two legacy databases and what they came to here, large: a few thousand bookings are moved in by the real batches, and their
rows, on all three sides, are copied with new numbers and keys inside PostgreSQL.

A copy is as if it had been moved in itself: its keys are made of its own numbers and references, as back-fill makes them.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any
from uuid import UUID

import psycopg

from bst_domain.migration import BOOKING_TABLE, LegacySystem, SourceRow, row_event_id
from bst_domain.values import (
    BookingIdentity,
    backfilled_booking_key,
    normalise_ref,
    shop_item_key,
    shop_payment_key,
    synthetic_item_key,
)

#: Added to a row's number for each copy; the originals' numbers are smaller.
STEP = 1_000_000
_SHOP, _ADMIN = LegacySystem.SHOP, LegacySystem.ADMIN
#: Per legacy table the columns that are numbers of rows; references are told apart by ``~copy``.
_NUMBERS: Mapping[LegacySystem, Mapping[str, tuple[str, ...]]] = {
    _SHOP: {
        "Booking": ("booking_id",),
        "BookingItem": ("booking_item_id", "booking_id"),
        "BookingTraveler": ("traveler_id", "booking_item_id"),
        "Payment": ("payment_id", "booking_id"),
    },
    _ADMIN: {
        "bookings": ("booking_id",),
        "booking_finances": ("booking_finance_id", "booking_id"),
        "booking_finance_items": ("finance_item_id", "booking_finance_id"),
    },
}
_NAMES = frozenset({"booking_ref", "gateway_order_id", "gateway_capture_id", "payment_ref"})
_HERE = (
    *(
        "booking_core",
        "booking_contact",
        "booking_party",
        "booking_item_snapshot",
        "ops_booking_state",
        "ops_assignment",
    ),
    *("ops_finance_bridge", "booking_fact", "payment_fact", "payment_event", "booking_status_history"),
    "channel_external_refs",
)
_MAPPED = frozenset({"booking_key", "booking_item_key", "payment_key", "event_key", "entity_key"})
_OWN = frozenset({"assignment_key", "finance_bridge_key", "external_ref_key"})
_NAMED = frozenset(
    {"external_booking_ref", "gateway_order_id", "gateway_capture_id", "payment_ref", "order_id", "also_called"}
)
#: What a payment is called in its facts: a header's claim by the event of its row, a payment without a name by its number.
_PAYMENT = frozenset({"reference"})
_CALLED = f"""case when t.weak then m_event_key.new::text
  when t.reference like 'balisnap:Payment:%'
    then 'balisnap:Payment:' || (split_part(t.reference, ':', 3)::bigint + copies.k * {STEP})
  else t.reference || '~' || copies.k end"""
_LEGACY_ROW, _FINANCE = frozenset({"source_pk", "external_ref"}), frozenset({"booking_finance_id"})
_COLUMNS = """
select column_name from information_schema.columns where table_schema = 'public' and table_name = %s and is_generated = 'NEVER'
order by ordinal_position
"""


def without_blanks(urls: Mapping[LegacySystem, str]) -> None:
    """Blank references are made of the row's number; leaving such rows out keeps the copies' references simple."""
    for system, url in urls.items():
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("set session_replication_role = replica")
            blank = f"select booking_id from \"{BOOKING_TABLE[system]}\" where coalesce(btrim(booking_ref), '') = ''"
            for table in ("Payment", "BookingItem") if system is _SHOP else ("booking_finances",):
                db.execute(f'delete from "{table}" where booking_id in ({blank})'.encode())
            db.execute(f"delete from \"{BOOKING_TABLE[system]}\" where coalesce(btrim(booking_ref), '') = ''".encode())


def multiply(urls: Mapping[LegacySystem, str], dsn: str, copies: int, told: Callable[[str], None]) -> None:
    """Adds so many copies to each side."""
    mapped = list(_mapped(urls, dsn, copies))
    for system, url in urls.items():
        told(f"copying {system}")
        with psycopg.connect(url, autocommit=True) as db:
            db.execute("set session_replication_role = replica")
            for table, numbers in _NUMBERS[system].items():
                _copy(db, table, copies, {name: f"t.{name} + k * {STEP}" for name in numbers})
            db.execute("vacuum (analyze)")
    told("copying what is here")
    with psycopg.connect(dsn, autocommit=True) as db:
        db.execute("set session_replication_role = replica")
        db.execute("create table mapped (old uuid, k int, new uuid)")
        with db.cursor() as cursor, cursor.copy("copy mapped from stdin") as copy:
            for old, k, new in mapped:
                copy.write(f"{old}\t{k}\t{new}\n")
        db.execute("create unique index on mapped (old, k) include (new)")
        db.execute("analyze mapped")
        for table in _HERE:
            _copy(db, table, copies, {}, here=True)
        db.execute("drop table mapped")
        db.execute("vacuum (analyze)")


def _copy(
    db: psycopg.Connection[Any], table: str, copies: int, given: Mapping[str, str], *, here: bool = False
) -> None:
    columns = [name for (name,) in db.execute(_COLUMNS, (table,)).fetchall()]
    keys = [name for name in columns if here and name in _MAPPED]
    joins = "".join(f" join mapped m_{key} on m_{key}.old = t.{key} and m_{key}.k = copies.k" for key in keys)
    values = ", ".join(_value(name, given, here=here) for name in columns)
    names = ", ".join(f'"{name}"' for name in columns)
    where = " where t.entity_type = 'BOOKING'" if table == "channel_external_refs" else ""
    db.execute(
        f'insert into "{table}" ({names}) select {values} from "{table}" t'
        f" cross join generate_series(1, {copies}) copies (k){joins}{where}".encode()
    )


def _value(name: str, given: Mapping[str, str], *, here: bool) -> str:
    if name in given:
        return given[name].replace(" k ", " copies.k ")
    if not here:
        return f"t.\"{name}\" || '~' || copies.k" if name in _NAMES else f't."{name}"'
    rules = (
        (_MAPPED, "m_{0}.new"),
        (_OWN, "md5(t.{0}::text || copies.k)::uuid"),
        (_NAMED, "t.{0} || '~' || copies.k"),
        (_PAYMENT, _CALLED),
        (_LEGACY_ROW, f"(t.source_pk::bigint + copies.k * {STEP})::text"),
        (_FINANCE, f"t.booking_finance_id + copies.k * {STEP}"),
    )
    return next((rule for names, rule in rules if name in names), 't."{0}"').format(name)


def _mapped(urls: Mapping[LegacySystem, str], dsn: str, copies: int) -> Iterator[tuple[UUID, int, UUID]]:
    """Old key, number of the copy, new key."""
    with psycopg.connect(dsn) as db:
        bookings = db.execute("select booking_key, channel_code, external_booking_ref from booking_core").fetchall()
    with psycopg.connect(urls[_SHOP]) as db:
        items = db.execute('select booking_item_id from "BookingItem"').fetchall()
        payments = db.execute('select payment_id from "Payment"').fetchall()
    rows: list[SourceRow] = []
    for system, url in urls.items():
        with psycopg.connect(url) as db:
            ids = db.execute(f'select booking_id from "{BOOKING_TABLE[system]}"'.encode()).fetchall()
        rows += [SourceRow(system, BOOKING_TABLE[system], row_id) for (row_id,) in ids]
    for k in range(1, copies + 1):
        more = k * STEP
        for key, channel, ref in bookings:
            new = backfilled_booking_key(BookingIdentity(channel, normalise_ref(f"{ref}~{k}")))
            yield key, k, new
            yield synthetic_item_key("ingest", key), k, synthetic_item_key("ingest", new)
        for (item,) in items:
            yield shop_item_key(item), k, shop_item_key(item + more)
        for (payment,) in payments:
            yield shop_payment_key(payment), k, shop_payment_key(payment + more)
        for row in rows:
            yield row_event_id(row), k, row_event_id(SourceRow(row.system, row.table, row.row_id + more))
