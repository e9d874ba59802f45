"""The mappings that the catalog bridge writes, and what follows: bookings that waited are folded again, entries are settled.

A mapping that a person has written stays, whatever the sources say; one that the bridge wrote follows its source.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any

from bst_application.ports.audit import AuditEntry
from bst_domain.booking import PACKAGE_KINDS, shown_through
from bst_domain.values import ChannelReference
from bst_postgres.audit import append_entries
from bst_postgres.bookings.rows import package_name
from bst_postgres.database import DriverConnection, as_json

#: Who the audit trail says has settled what waited.
BRIDGE = "bst migrate"

_GIVEN = """
json_to_recordset(%(given)s::json) as given (external_ref_key uuid, entity_type text, entity_key uuid, channel_code text,
  external_ref_kind text, external_ref text, source_system text, source_table text)
"""
# New ones, and those that the bridge wrote, nobody has touched, and the source has moved since. A package may have become a
# product's where it was a variant's: its old row goes. Where a person has mapped a reference, as whatever, the bridge is silent.
_CHANGED = f"""
select given.channel_code, given.external_ref_kind, given.external_ref from {_GIVEN}
where not exists (select 1 from channel_external_refs known where known.channel_code = given.channel_code
  and known.external_ref_kind = given.external_ref_kind and known.external_ref = given.external_ref
  and known.entity_type in ('CATALOG_PRODUCT', 'CATALOG_VARIANT')
  and (known.external_ref_key <> given.external_ref_key or known.updated_at <> known.created_at
    or (known.entity_type, known.entity_key) = (given.entity_type, given.entity_key)))
"""
_WRITE = f"""
insert into channel_external_refs (external_ref_key, entity_type, entity_key, channel_code, external_ref_kind, external_ref,
  source_system, source_table, source_pk)
select external_ref_key, entity_type, entity_key, channel_code, external_ref_kind, external_ref, source_system, source_table,
  external_ref
from {_GIVEN}
on conflict (external_ref_key) do update set entity_type = excluded.entity_type, entity_key = excluded.entity_key
"""
# Packages that match nothing any more.
_LOST = """
delete from channel_external_refs known
using json_to_recordset(%s::json) as given (channel_code text, external_ref_kind text, external_ref text, external_ref_key uuid)
where known.external_ref_key = given.external_ref_key and known.updated_at = known.created_at
returning known.channel_code, known.external_ref_kind, known.external_ref
"""
_ALONE = """
select pg_advisory_xact_lock(number) from (
  select number from json_array_elements_text(%s::json) as given (number_text),
    lateral (select number_text::bigint as number) cast_to order by number) ordered
"""
_REFOLD = """
insert into package_refold (channel_code, external_ref_kind, external_ref, asked_at)
select given.channel, given.kind, given.ref, %(now)s
from json_to_recordset(%(given)s::json) as given (channel text, kind text, ref text, name text)
where exists (select 1 from booking_core core where core.channel_code = given.channel and core.package_external_ref = given.name)
on conflict (channel_code, external_ref_kind, external_ref) do update
set asked_at = greatest(excluded.asked_at, package_refold.asked_at + interval '1 microsecond'), behind = null
"""
_SETTLE = """
update unmapped_queue entry set status = 'RESOLVED', resolved_by = %(by)s, resolved_at = %(now)s,
  resolution = 'the catalog bridge has mapped it', updated_at = %(now)s
from json_to_recordset(%(given)s::json) as given (channel text, kind text, ref text)
where entry.queue_type = 'CHANNEL_MAPPING' and entry.status in ('OPEN', 'IN_REVIEW') and entry.entity_type is null
  and entry.channel_code = given.channel and entry.external_ref_kind = given.kind and entry.external_ref = given.ref
returning entry.queue_key
"""
Row = Mapping[str, Any]


async def write_references(
    connection: DriverConnection, references: Sequence[Row], unmatched: Sequence[Row], now: datetime
) -> int:
    """``unmatched``: references of packages that are there and stand for nothing. Returns how many rows were written."""
    moved = await (await connection.execute(_CHANGED, {"given": as_json(references)})).fetchall()
    changed = {ChannelReference(*row) for row in moved}
    await _alone_with(connection, {*changed, *map(_reference, unmatched)})
    fresh = [row for row in references if _reference(row) in changed]
    written = (await connection.execute(_WRITE, {"given": as_json(fresh)})).rowcount if fresh else 0
    lost = [ChannelReference(*row) for row in await (await connection.execute(_LOST, (as_json(unmatched),))).fetchall()]
    await _refold(connection, [*changed, *lost], now)
    await _settle(connection, changed, now)
    return written + len(lost)


def _reference(row: Row) -> ChannelReference:
    return ChannelReference(row["channel_code"], row["external_ref_kind"], row["external_ref"])


async def _alone_with(connection: DriverConnection, references: set[ChannelReference]) -> None:
    numbers = sorted({each.lock_number() for each in references if each.kind in PACKAGE_KINDS})
    await connection.execute(_ALONE, (as_json([str(number) for number in numbers]),))


async def _refold(connection: DriverConnection, changed: Sequence[ChannelReference], now: datetime) -> None:
    packages = sorted({package for reference in changed for package in shown_through(reference)})
    given = [{"channel": p.channel, "kind": p.kind, "ref": p.ref, "name": package_name(p)} for p in packages]
    if given:
        await connection.execute(_REFOLD, {"given": as_json(given), "now": now})


async def _settle(connection: DriverConnection, changed: set[ChannelReference], now: datetime) -> None:
    packages = sorted({package for reference in changed for package in shown_through(reference)})
    given = as_json([{"channel": p.channel, "kind": p.kind, "ref": p.ref} for p in packages])
    settled = await (await connection.execute(_SETTLE, {"given": given, "now": now, "by": BRIDGE})).fetchall()
    entries = [
        AuditEntry(
            event_type="UNMAPPED_STATUS_UPDATED",
            actor=BRIDGE,
            resource_type="UNMAPPED_ENTRY",
            resource_id=str(key),
            metadata={
                "queueType": "CHANNEL_MAPPING",
                "status": "RESOLVED",
                "reason": "the catalog bridge has mapped it",
            },
            at=now,
        )
        for (key,) in settled
    ]
    await append_entries(connection, entries)
