"""Takes batches D and E back, group by group: a commit takes whole bookings, so a rollback that stopped goes on with the rest."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import define, field

from bst_application.ports.bookings import BookingChange, StoredBooking
from bst_application.use_cases.take_back import Gone, InTheWay, MovedIn, take_bookings_back, take_money_back
from bst_domain.booking import RecordedEvent
from bst_domain.values import BookingIdentity, EventType, ExternalRef
from bst_postgres.bookings import rows as live
from bst_postgres.bookings import upserts
from bst_postgres.bookings.loading import load_bookings, lock_bookings
from bst_postgres.database import Database, DriverConnection, as_json, as_uuid_array

AT_ONCE = 1000
_FIRST = UUID(int=0)

#: What a batch has written to, one condition on booking_core ``core`` a batch.
_WRITTEN = {
    "D": """(exists (select 1 from booking_fact fact where fact.booking_key = core.booking_key and fact.origin = 0)
      or exists (select 1 from channel_external_refs ref where ref.entity_type = 'BOOKING'
        and ref.entity_key = core.booking_key and ref.source_system in ('balisnap', 'bstadmin')
        and ref.external_ref_kind in ('BALISNAP_BOOKING_ID', 'BSTADMIN_BOOKING_ID')))""",
    "E": """(exists (select 1 from payment_fact fact where fact.booking_key = core.booking_key and fact.origin = 0)
      or exists (select 1 from ops_finance_bridge bridge where bridge.booking_key = core.booking_key))""",
}
# References are found by their entity: one pass over them instead of one a booking.
_NEXT_D = """
select booking_key, channel_code, external_booking_ref from booking_core core
where booking_key > %(behind)s and exists (select 1 from booking_fact fact where fact.booking_key = core.booking_key
  and fact.origin = 0) order by booking_key limit %(limit)s
"""
_NEXT_E = f"""
select booking_key, channel_code, external_booking_ref from booking_core core
where booking_key > %(behind)s and {_WRITTEN["E"]} order by booking_key limit %(limit)s
"""
_NEXT = {"D": _NEXT_D, "E": _NEXT_E}
_COUNT = {
    "D": "select count(distinct booking_key) from booking_fact where origin = 0",
    "E": f"select count(*) from booking_core core where {_WRITTEN['E']}",
}
# What nobody but back-fill has touched goes without being read.
_PLAIN = """
select core.booking_key from booking_core core
where core.booking_key = any (%(keys)s::uuid[])
  and not exists (select 1 from booking_fact fact where fact.booking_key = core.booking_key and fact.origin <> 0)
  and not exists (select 1 from payment_fact fact where fact.booking_key = core.booking_key and fact.origin <> 0)
  and not exists (select 1 from ops_assignment one where one.booking_key = core.booking_key
    and one.assignment_source <> 'BACKFILL')
  and not exists (select 1 from booking_conflict one where one.booking_key = core.booking_key)
  and core.fold -> 'acknowledged' is null and core.fold -> 'override' is null and core.fold -> 'reinstated' is null
  and core.fold -> 'holds' is null
"""
_LIVE = """
select booking_key, event_key, event_time, source, event_type, facts from booking_fact
where booking_key = any (%s::uuid[]) and origin <> 0 order by event_time, event_key
"""
_WORKED_ON = """
select core.booking_key,
  exists (select 1 from ops_assignment one where one.booking_key = core.booking_key and one.assignment_source <> 'BACKFILL'),
  exists (select 1 from booking_conflict one where one.booking_key = core.booking_key)
from booking_core core where core.booking_key = any (%s::uuid[])
"""
_OF_A_BOOKING = (
    *("booking_status_history", "booking_fact", "booking_item_snapshot", "booking_party", "booking_contact"),
    *("ops_assignment", "ops_finance_bridge", "ops_booking_state", "payment_event", "payment_fact"),
)
# Not the other names of a booking that stays: live events call it by them.
_IDS = """
delete from channel_external_refs where entity_type = 'BOOKING' and entity_key = any (%s::uuid[])
  and source_system in ('balisnap', 'bstadmin') and external_ref_kind in ('BALISNAP_BOOKING_ID', 'BSTADMIN_BOOKING_ID')
"""
_UNASSIGN = """
with gone as (delete from ops_assignment where booking_key = any (%(keys)s::uuid[]) and assignment_source = 'BACKFILL'
  returning booking_key, is_active)
update ops_booking_state state set assigned_driver_id = null, assigned_at = null, updated_at = now()
where state.booking_key = any (select booking_key from gone where is_active)
"""

# Packages that moved-in bookings waited for, and that no booking names any more.
_NAMED_BY_NOBODY = """
delete from unmapped_queue entry where queue_type = 'CHANNEL_MAPPING' and status = 'OPEN' and source_system = 'ingest'
  and source_table = 'booking_core' and entity_type is null
  and not exists (select 1 from booking_core core where core.channel_code = entry.channel_code and core.package_external_ref
    = case entry.external_ref_kind when 'LEGACY_PACKAGE_ID' then '' else entry.external_ref_kind || ':' end || entry.external_ref)
"""

Progress = Callable[[int, int], None]


@define
class Taken:
    """What a rollback has come to. ``in_the_way``: name of a booking or row, and why it stands there."""

    removed: int = 0  # bookings
    kept: int = 0  # bookings that stay, with what was said of them here
    rows: int = 0
    in_the_way: list[tuple[str, str]] = field(factory=list)


class TakingBack:
    """Batches D and E. Whoever calls holds the batch's lock."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def obstacles(self, batch: str, *, now: datetime, progress: Progress) -> Taken:
        """What would come of it; nothing is written. Raises Unavailable and Conflict."""
        return await self._all(batch, now=now, progress=progress, dry_run=True)

    async def __call__(self, batch: str, *, now: datetime, progress: Progress) -> Taken:
        """Does it; what stands in the way stays as it is. Raises Unavailable and Conflict; what was committed is done."""
        return await self._all(batch, now=now, progress=progress, dry_run=False)

    async def _all(self, batch: str, *, now: datetime, progress: Progress, dry_run: bool) -> Taken:
        taken = Taken()
        total, done = await self._count(batch), 0
        progress(0, total)
        async for group in self._groups(batch):
            async with self._database.transaction(brief=False) as connection:
                await lock_bookings(connection, [identity for _, identity in group])
                taking = self._bookings if batch == "D" else self._money
                await taking(connection, group, taken, now, dry_run)
            done += len(group)
            progress(done, max(total, done))
        if not dry_run:
            taken.rows += await self._off_the_lists(batch)
        return taken

    async def _count(self, batch: str) -> int:
        async with self._database.transaction(brief=False) as connection:
            row = await (await connection.execute(_COUNT[batch].encode())).fetchone()
        assert row is not None
        return int(row[0])

    async def _groups(self, batch: str) -> AsyncIterator[list[tuple[UUID, BookingIdentity]]]:
        behind = _FIRST
        while True:
            async with self._database.transaction(brief=False) as connection:
                given = {"behind": behind, "limit": AT_ONCE}
                rows = await (await connection.execute(_NEXT[batch].encode(), given)).fetchall()
            if not rows:
                return
            yield [(key, BookingIdentity(channel, ExternalRef(ref))) for key, channel, ref in rows]
            behind = rows[-1][0]

    async def _bookings(
        self,
        connection: DriverConnection,
        group: Sequence[tuple[UUID, BookingIdentity]],
        taken: Taken,
        now: datetime,
        dry_run: bool,
    ) -> None:
        keys = as_uuid_array([key for key, _ in group])
        plain = {key for (key,) in await (await connection.execute(_PLAIN, {"keys": keys})).fetchall()}
        touched = [identity for key, identity in group if key not in plain]
        gone, kept = list(plain), list[BookingChange]()
        for moved in await _moved_in(connection, touched):
            decided = take_bookings_back(moved, now=now)
            if isinstance(decided, InTheWay):
                taken.in_the_way.append((f"{moved.stored.identity.channel}:{moved.stored.identity.ref}", decided.why))
            elif isinstance(decided, Gone):
                gone.append(decided.stored.key)
            else:
                kept.append(decided)
        taken.removed += len(gone)
        taken.kept += len(kept)
        if dry_run:
            return
        if gone:
            taken.rows += await _remove(connection, gone)
        if kept:
            taken.rows += await _leave(connection, kept, now)

    async def _money(
        self,
        connection: DriverConnection,
        group: Sequence[tuple[UUID, BookingIdentity]],
        taken: Taken,
        now: datetime,
        dry_run: bool,
    ) -> None:
        stored = await load_bookings(connection, [identity for _, identity in group])
        changes = [take_money_back(booking, now=now) for booking in stored.values()]
        taken.kept += len(changes)
        if dry_run or not changes:
            return
        keys = as_uuid_array([change.key for change in changes])
        for statement in (
            "delete from payment_fact where booking_key = any (%s::uuid[]) and origin = 0",
            "delete from ops_finance_bridge where booking_key = any (%s::uuid[])",
        ):
            taken.rows += (await connection.execute(statement.encode(), (keys,))).rowcount
        outlived = [fact.event_id for b in stored.values() for fact in b.facts.payments.values() if not fact.origin]
        taken.rows += (
            await connection.execute(
                "delete from payment_event where payment_key = any (%s::uuid[])", (as_uuid_array(outlived),)
            )
        ).rowcount
        # Live reports that back-fill's name of the payment had stood for are rows of their own again.
        payments = [row for change in changes for row in live.shown_payments_rows(change)]
        await _write(connection, changes, now, more=((upserts.PAYMENT, payments),))

    async def _off_the_lists(self, batch: str) -> int:
        """Exceptions, and the entries that nobody has taken up; what a person has worked on stays."""
        statements: Mapping[str, Sequence[str]] = {
            "D": ["delete from migration_exception where batch_code = 'D'", _NAMED_BY_NOBODY],
            "E": [
                "delete from migration_exception where batch_code = 'E'",
                """delete from unmapped_queue where queue_type = 'PAYMENT_LINKAGE' and status = 'OPEN'
                   and source_system = 'balisnap'""",
            ],
        }
        async with self._database.transaction(brief=False) as connection:
            if batch == "D":  # comparisons rely on these notes, and no run that still counts has written them
                await connection.execute("delete from migration_source_mark")
                await connection.execute("delete from migration_booking_mark")
            return sum([(await connection.execute(each.encode())).rowcount for each in statements[batch]])


async def _moved_in(connection: DriverConnection, identities: Sequence[BookingIdentity]) -> list[MovedIn]:
    if not identities:
        return []
    stored = list((await load_bookings(connection, identities)).values())
    keys = as_uuid_array([booking.key for booking in stored])
    said: dict[UUID, list[RecordedEvent]] = {}
    for key, event, at, source, kind, facts in await (await connection.execute(_LIVE, (keys,))).fetchall():
        recorded = RecordedEvent(event_id=event, event_time=at, source=source, event_type=EventType(kind), said=facts)
        said.setdefault(key, []).append(recorded)
    worked: dict[UUID, tuple[bool, bool]] = {
        key: (assigned, disputed)
        for key, assigned, disputed in await (await connection.execute(_WORKED_ON, (keys,))).fetchall()
    }
    return [_moved(booking, said.get(booking.key, ()), worked[booking.key]) for booking in stored]


def _moved(stored: StoredBooking, said: Sequence[RecordedEvent], worked: tuple[bool, bool]) -> MovedIn:
    assigned, disputed = worked
    return MovedIn(stored=stored, live=said, worked_on=assigned or disputed, assigned_here=assigned)


async def _remove(connection: DriverConnection, keys: Sequence[UUID]) -> int:
    given = (as_uuid_array(keys),)
    removed = 0
    for table in _OF_A_BOOKING:
        removed += (
            await connection.execute(f"delete from {table} where booking_key = any (%s::uuid[])".encode(), given)
        ).rowcount
    statement = "delete from channel_external_refs where entity_type = 'BOOKING' and entity_key = any (%s::uuid[])"
    removed += (await connection.execute(statement, given)).rowcount
    core = await connection.execute("delete from booking_core where booking_key = any (%s::uuid[])", given)
    return removed + core.rowcount


async def _leave(connection: DriverConnection, kept: Sequence[BookingChange], now: datetime) -> int:
    """Bookings that live events told of, as these alone make them."""
    keys = as_uuid_array([change.key for change in kept])
    written = 0
    for statement in (
        "delete from booking_fact where booking_key = any (%s::uuid[]) and origin = 0",
        "delete from booking_item_snapshot where booking_key = any (%s::uuid[])",
        _IDS,
    ):
        written += (await connection.execute(statement.encode(), (keys,))).rowcount
    await connection.execute(_UNASSIGN, {"keys": keys})
    parties = [{**live.party_row(change), "traveler_rows": None} for change in kept]
    more: tuple[tuple[upserts.Upsert, Sequence[live.Row]], ...] = (
        (upserts.CONTACT, [live.contact_row(change) for change in kept]),
        (_PARTY, parties),
        (upserts.ITEM, [row for change in kept for row in live.item_rows(change)]),
    )
    return written + await _write(connection, kept, now, more=more)


_PARTY = upserts.Upsert(
    table="booking_party", key="booking_key", columns={**upserts.PARTY.columns, "traveler_rows": "jsonb"}
)


async def _write(
    connection: DriverConnection,
    changes: Sequence[BookingChange],
    now: datetime,
    *,
    more: Sequence[tuple[Any, Sequence[live.Row]]] = (),
) -> int:
    turned = [change for change in changes if change.before is not None and change.before.statuses != change.statuses]
    plan: Sequence[tuple[Any, Sequence[live.Row]]] = (
        (upserts.CORE, [live.core_row(change) for change in changes]),
        (upserts.STATE, [live.state_row(change) for change in changes]),
        (upserts.HISTORY, [live.history_row(change, now) for change in turned]),
        *more,
    )
    written = 0
    for upsert, values in plan:
        if values:
            statement = upsert if isinstance(upsert, str) else upsert.statement
            written += (await connection.execute(statement.encode(), (as_json(values),))).rowcount
    return written
