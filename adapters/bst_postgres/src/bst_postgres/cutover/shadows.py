"""ShadowLedger: counters an hour and a field, and the newest example of each booking and field."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from bst_application.ports.cutover import ShadowCounts, ShadowExample, ShadowTally
from bst_domain.migration import ParityField
from bst_domain.values import BookingIdentity, BookingKey, ExternalRef
from bst_postgres.database import Database, as_json, as_uuid_array

#: Examples that are kept; with more, nobody reads them all.
MOST_EXAMPLES = 2000
_ADMIN_ROWS = """
select entity_key, external_ref::bigint from channel_external_refs
where entity_type = 'BOOKING' and external_ref_kind = 'BSTADMIN_BOOKING_ID' and entity_key = any (%s::uuid[])
  and external_ref ~ '^[0-9]{1,18}$'
order by 2
"""
_ADD = """
insert into shadow_tally (hour, field, compared, mismatched)
select date_trunc('hour', %s::timestamptz, 'UTC'), field, compared, mismatched
from json_to_recordset(%s::json) as given (field text, compared bigint, mismatched bigint)
on conflict (hour, field) do update set compared = shadow_tally.compared + excluded.compared,
  mismatched = shadow_tally.mismatched + excluded.mismatched
"""
_EXAMPLES = """
insert into shadow_example (channel_code, external_booking_ref, field, core_value, legacy_value, seen_at)
select distinct on (channel, ref, field) channel, ref, field, core, legacy, at
from json_to_recordset(%s::json) as given (channel text, ref text, field text, core text, legacy text, at timestamptz)
order by channel, ref, field, at desc
on conflict (channel_code, external_booking_ref, field) do update set core_value = excluded.core_value,
  legacy_value = excluded.legacy_value, seen_at = excluded.seen_at
"""
_FORGET = """
delete from shadow_example where seen_at < (select seen_at from shadow_example order by seen_at desc offset %s limit 1)
"""
_TALLIES = """
select field, sum(compared)::bigint, sum(mismatched)::bigint from shadow_tally
where hour >= date_trunc('hour', %s::timestamptz, 'UTC') group by field
"""
_NEWEST = """
select channel_code, external_booking_ref, field, core_value, legacy_value, seen_at from shadow_example
order by seen_at desc, channel_code, external_booking_ref, field limit %s
"""


class PostgresShadowLedger:
    """ShadowLedger on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def admin_rows(self, bookings: Sequence[BookingKey]) -> Mapping[BookingKey, tuple[int, ...]]:
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_ADMIN_ROWS, (as_uuid_array(bookings),))).fetchall()
        found: dict[BookingKey, tuple[int, ...]] = {}
        for key, row_id in rows:
            found[BookingKey(key)] = (*found.get(BookingKey(key), ()), row_id)
        return found

    async def add(self, counts: ShadowCounts, *, at: datetime) -> None:
        tallies = [
            {"field": about, "compared": counts.compared, "mismatched": counts.by_field.get(about, 0)}
            for about in ParityField
        ]
        examples = [
            {
                "channel": one.identity.channel,
                "ref": one.identity.ref,
                "field": one.about,
                "core": one.core,
                "legacy": one.legacy,
                "at": one.at,
            }
            for one in counts.examples
        ]
        if not counts.compared:
            return
        async with self._database.transaction() as connection:
            await connection.execute(_ADD, (at, as_json(tallies)))
            if examples:
                await connection.execute(_EXAMPLES, (as_json(examples),))
                await connection.execute(_FORGET, (MOST_EXAMPLES,))

    async def tallies(self, *, since: datetime) -> list[ShadowTally]:
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_TALLIES, (since,))).fetchall()
        counted = {field: (compared, mismatched) for field, compared, mismatched in rows}
        return [
            ShadowTally(about=about, compared=counted[about][0], mismatched=counted[about][1])
            for about in ParityField
            if about in counted
        ]

    async def examples(self, *, limit: int) -> list[ShadowExample]:
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_NEWEST, (limit,))).fetchall()
        return [
            ShadowExample(
                identity=BookingIdentity(channel, ExternalRef(ref)),
                about=ParityField(field),
                core=core,
                legacy=legacy,
                at=at,
            )
            for channel, ref, field, core, legacy, at in rows
        ]
