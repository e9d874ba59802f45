"""Which legacy rows lead to which booking, and what became of every row that was taken from the other side."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from bst_application.ports.comparing import PaymentRows, RowsAccounted
from bst_domain.migration import BOOKING_TABLE, Difference, DifferenceKind, LegacySystem, SourceRow
from bst_postgres.database import DriverConnection, as_uuid_array

#: References that name a legacy row, as the temporary table ``led`` has them: once made, it serves every question.
TAKEN = """
create temp table taken (source_system text, row_id bigint, word text) on commit drop;
create temp table taken_payment (payment_id bigint, booking_id bigint, payment_key uuid) on commit drop;
create temp table led on commit drop as
select source_system, source_pk::bigint as row_id, entity_key as booking_key from channel_external_refs
where entity_type = 'BOOKING' and external_ref_kind in ('BALISNAP_BOOKING_ID', 'BSTADMIN_BOOKING_ID')
  and source_system in ('balisnap', 'bstadmin') and source_pk ~ '^[0-9]{1,18}$';
create index on led (source_system, row_id);
create index on led (booking_key);
analyze led
"""
_REJECTED = """
select from migration_exception listed where listed.batch_code = 'D' and listed.exception = 'REJECTED_ROW'
  and listed.source_system = taken.source_system and listed.source_pk = taken.row_id::text
"""
_ACCOUNTED = f"""
select count(*), count(distinct led.booking_key), count(led.booking_key),
  count(*) filter (where led.booking_key is null and exists ({_REJECTED}))
from taken left join (led join booking_core using (booking_key))
  on led.source_system = taken.source_system and led.row_id = taken.row_id
where taken.source_system = %s
"""
_UNEXPLAINED = f"""
select taken.source_system, taken.row_id from taken
left join (led join booking_core using (booking_key)) on led.source_system = taken.source_system and led.row_id = taken.row_id
where led.booking_key is null and not exists ({_REJECTED}) order by 1, 2
"""
_UNEXPECTED = """
select core.booking_key from booking_core core
where not exists (select from led join taken on taken.source_system = led.source_system and taken.row_id = led.row_id
    where led.booking_key = core.booking_key)
  and {not_live_only} order by 1
"""
_PAYMENTS = """
with known as materialized (
  select taken_payment.*, exists (select from payment_fact fact where fact.event_key = taken_payment.payment_key)
      or exists (select from payment_event shown where shown.payment_key = taken_payment.payment_key) as linked,
    (select max(listed.exception) from migration_exception listed where listed.batch_code = 'E'
      and listed.exception in ('ORPHAN_PAYMENT', 'REJECTED_ROW') and listed.source_system = 'balisnap'
      and listed.source_table = 'Payment' and listed.source_pk = taken_payment.payment_id::text) as listed
  from taken_payment)
select 'linked', count(*), null::bigint from known where linked
union all select listed, count(*), null from known where not linked and listed is not null group by listed
union all select 'other', payment_id, booking_id from known where not linked and listed is null
"""
_TO_NOTHING = """
select ref.external_ref_key, ref.channel_code, ref.external_ref_kind, ref.external_ref, ref.entity_key
from channel_external_refs ref where ref.entity_type = 'BOOKING'
  and not exists (select from booking_core core where core.booking_key = ref.entity_key) order by 1
"""
# As normalise_ref does it; see bst_postgres.reconciliation.
_TWINS = r"""
select booking_key, channel_code, external_booking_ref, first from (select booking_key, channel_code, external_booking_ref,
    first_value(external_booking_ref) over same as first, row_number() over same as at from booking_core
  window same as (partition by channel_code, upper(translate(external_booking_ref, E' \t\n\r\v\f', ''))
    order by created_at, booking_key)) named where at > 1 order by 1
"""
_SOURCES = "select booking_key, source_system, row_id from led where booking_key = any (%s::uuid[]) order by 2, 3"


async def accounted(connection: DriverConnection, system: LegacySystem) -> RowsAccounted:
    """Of the rows that were taken."""
    row = await (await connection.execute(_ACCOUNTED, (system.value,))).fetchone()
    assert row is not None
    rows, bookings, moved, rejected = row
    return RowsAccounted(
        rows=rows, bookings=bookings, moved=moved, rejected=rejected, unexplained=rows - moved - rejected
    )


async def unexplained_rows(connection: DriverConnection) -> list[SourceRow]:
    """Taken rows that lead nowhere and are not rejected by name."""
    return [_row(system, row_id) for system, row_id in await _all(connection, _UNEXPLAINED)]


async def unexpected_bookings(connection: DriverConnection, not_live_only: str) -> list[UUID]:
    """Bookings that no taken row leads to."""
    query = _UNEXPECTED.format(not_live_only=not_live_only.format(key="core.booking_key"))
    return [key for (key,) in await _all(connection, query)]


async def strays(connection: DriverConnection) -> list[Difference]:
    """References of bookings that are not there, and bookings whose name is another one's, spelling aside."""
    found = [
        Difference(
            kind=DifferenceKind.UNEXPECTED_HERE,
            entity="REFERENCE",
            key=str(key),
            name=f"{channel} {ref}",
            field=kind,
            expected=None,
            found=f"leads to {booking}, which is not there",
            rule="a reference leads to a booking (semantics 1)",
        )
        for key, channel, kind, ref, booking in await _all(connection, _TO_NOTHING)
    ]
    return found + [
        Difference(
            kind=DifferenceKind.FIELD_DIFFERS,
            entity="BOOKING",
            key=str(key),
            name=f"{channel} {ref}",
            field="externalBookingRef",
            expected=f"one booking, {first}",
            found=ref,
            rule="a reference is the same in any case and white space (semantics 1)",
        )
        for key, channel, ref, first in await _all(connection, _TWINS)
    ]


async def payments_accounted(connection: DriverConnection) -> PaymentRows:
    """Of the payments that were taken."""
    await connection.execute("analyze taken_payment")
    found = await _all(connection, _PAYMENTS)
    count = {kind: many for kind, many, _ in found if kind != "other"}
    return PaymentRows(
        linked=count["linked"],
        orphans=count.get("ORPHAN_PAYMENT", 0),
        rejected=count.get("REJECTED_ROW", 0),
        others=[(payment, booking) for kind, payment, booking in found if kind == "other"],
    )


async def sources_of(connection: DriverConnection, keys: Sequence[UUID]) -> Mapping[UUID, list[SourceRow]]:
    """The legacy rows that lead to these bookings."""
    found: dict[UUID, list[SourceRow]] = defaultdict(list)
    for key, system, row_id in await (await connection.execute(_SOURCES, (as_uuid_array(keys),))).fetchall():
        found[key].append(_row(system, row_id))
    return found


def _row(system: str, row_id: int) -> SourceRow:
    of = LegacySystem(system)
    return SourceRow(of, BOOKING_TABLE[of], row_id)


async def _all(connection: DriverConnection, query: str) -> list[Any]:
    return await (await connection.execute(query.encode())).fetchall()
