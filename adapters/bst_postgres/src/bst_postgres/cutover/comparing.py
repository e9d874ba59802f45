"""DualWriteDesk: the operators' transaction, and what comparing needs beside it."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import datetime

from bst_application.ports.cutover import ComparingTransaction, CoreFinance, CrewAt, SeenRow
from bst_domain.booking import settlement_status
from bst_domain.migration import LegacyFinance, LegacySystem, SourceRow
from bst_domain.values import BookingIdentity, BookingKey, ExternalRef, finance_key
from bst_postgres.database import Database, as_json
from bst_postgres.operations import PostgresOperating

_MOVED_IN_AS = """
select core.channel_code, core.external_booking_ref from channel_external_refs ref
join booking_core core on core.booking_key = ref.entity_key
where ref.entity_type = 'BOOKING' and ref.external_ref_kind = %s and ref.external_ref = %s and ref.source_system = %s
limit 1
"""
_KIND = {LegacySystem.SHOP: "BALISNAP_BOOKING_ID", LegacySystem.ADMIN: "BSTADMIN_BOOKING_ID"}
NAMED = """
select given.channel, given.ref from json_to_recordset(%s::json) as given (at int, channel text, ref text)
where exists (select from booking_core core where core.channel_code = given.channel and core.external_booking_ref = given.ref)
  or exists (select from channel_external_refs alias where alias.entity_type = 'BOOKING'
    and alias.channel_code = given.channel and alias.external_ref_kind = 'BOOKING_REF' and alias.external_ref = given.ref
    and alias.mapping_status = 'MAPPED')
order by given.at limit 1
"""
_SEEN = """
select changed_at, digest, booking_key, note from cutover_seen
where source_system = %s and source_table = %s and source_pk = %s
"""
_NOTE = """
insert into cutover_seen (source_system, source_table, source_pk, changed_at, digest, booking_key, note, seen_at)
values (%s, %s, %s, %s, %s, %s, %s, %s)
on conflict (source_system, source_table, source_pk) do update
set changed_at = excluded.changed_at, digest = excluded.digest, booking_key = excluded.booking_key, note = excluded.note,
  seen_at = excluded.seen_at
"""
# What back-fill wrote is the old admin's own word. An assignment that ended is core's word that nobody drives.
_CREW = """
select case when is_active then driver_id end, case when is_active then partner_id end,
  case when is_active then assigned_at else unassigned_at end as at
from ops_assignment where booking_key = %s and assignment_source <> 'BACKFILL'
order by at desc nulls last, is_active desc limit 1
"""
_FINANCE = """
select booking_finance_id, pattern_id, validated_at, is_locked, settlement_status from ops_finance_bridge
where booking_key = %s
"""
_TAKE = """
insert into ops_finance_bridge (finance_bridge_key, booking_key, booking_finance_id, pattern_id, validated_at, is_locked,
  settlement_status, last_reconciled_at)
values (%s, %s, %s, %s, %s, %s, %s, %s)
on conflict (booking_key) do update set booking_finance_id = excluded.booking_finance_id,
  pattern_id = excluded.pattern_id, validated_at = excluded.validated_at, is_locked = excluded.is_locked,
  settlement_status = excluded.settlement_status, last_reconciled_at = excluded.last_reconciled_at, updated_at = now()
"""


class PostgresDualWriteDesk:
    """DualWriteDesk on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def comparing(self) -> AsyncIterator[ComparingTransaction]:
        async with self._database.transaction() as connection:
            yield _Comparing(connection)


class _Comparing(PostgresOperating):
    """One transaction."""

    async def name_of(self, row: SourceRow, names: Sequence[BookingIdentity]) -> BookingIdentity | None:
        asked = (_KIND[row.system], str(row.row_id), row.system.value)
        found = await (await self._connection.execute(_MOVED_IN_AS, asked)).fetchone()
        if found is None:
            given = [{"at": at, "channel": name.channel, "ref": name.ref} for at, name in enumerate(names)]
            found = await (await self._connection.execute(NAMED, (as_json(given),))).fetchone()
        return None if found is None else BookingIdentity(found[0], ExternalRef(found[1]))

    async def seen(self, row: SourceRow) -> SeenRow | None:
        asked = (row.system.value, row.table, row.row_id)
        found = await (await self._connection.execute(_SEEN, asked)).fetchone()
        if found is None:
            return None
        changed_at, digest, booking, note = found
        key = None if booking is None else BookingKey(booking)
        return SeenRow(row=row, changed_at=changed_at, digest=digest, booking=key, note=note)

    async def note_seen(self, seen: SeenRow, *, now: datetime) -> None:
        row = seen.row
        place = (row.system.value, row.table, row.row_id)
        await self._connection.execute(_NOTE, (*place, seen.changed_at, seen.digest, seen.booking, seen.note, now))

    async def crew_at(self, booking: BookingKey) -> CrewAt | None:
        found = await (await self._connection.execute(_CREW, (booking,))).fetchone()
        return None if found is None else CrewAt(driver=found[0], partner=found[1], at=found[2])

    async def finance(self, booking: BookingKey) -> CoreFinance | None:
        found = await (await self._connection.execute(_FINANCE, (booking,))).fetchone()
        if found is None:
            return None
        number, pattern, validated, locked, settlement = found
        return CoreFinance(
            finance_id=number, pattern_id=pattern, validated_at=validated, locked=locked, settlement=settlement
        )

    async def take_finance(self, booking: BookingKey, finance: LegacyFinance, *, now: datetime) -> None:
        settled = settlement_status(finance.items, finance.items_paid).value
        money = (finance.finance_id, finance.pattern_id, finance.validated_at, finance.locked, settled, now)
        await self._connection.execute(_TAKE, (finance_key(finance.finance_id), booking, *money))
