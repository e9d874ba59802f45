"""LegacyLive over two URLs: each question opens a read-only connection, asks, and is gone."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import LiteralString

from bst_application.ports.legacy import ChangedRow
from bst_domain.migration import LegacyBooking, LegacySystem
from bst_legacy.connections import Connection, fetch, opened, reading
from bst_legacy.snapshot import Snapshot

#: A question beside the old systems' own work: one that takes longer is given up.
STATEMENT_TIMEOUT_MS = 10_000
_SHOP, _ADMIN = LegacySystem.SHOP, LegacySystem.ADMIN

# A change of the shop's items, of the old admin's finance or of its items may be noted there and not at the booking. Rows that
# nobody has touched since are passed over first: to group all of them takes as long as there are bookings, at each look. Times
# have no zone and are UTC.
_IN_ORDER: LiteralString = """
where changed_at >= %(since)s and changed_at < %(before)s
  and (changed_at, booking_id) > (%(after_at)s, %(after_id)s)
order by changed_at, booking_id limit %(limit)s"""
_CHANGED: Mapping[LegacySystem, LiteralString] = {
    _SHOP: f"""
select booking_id, changed_at from (
  select booking.booking_id, greatest(booking.updated_at, (select max(item.updated_at) from "BookingItem" item
    where item.booking_id = booking.booking_id)) as changed_at
  from "Booking" booking
  where booking.booking_id in (select booking_id from "Booking" where updated_at >= %(since)s
    union select booking_id from "BookingItem" where updated_at >= %(since)s)) changed {_IN_ORDER}""",
    _ADMIN: f"""
select booking_id, changed_at from (
  select booking.booking_id, greatest(booking.updated_at, (select greatest(max(finance.updated_at), max(item.updated_at))
    from booking_finances finance left join booking_finance_items item on item.booking_finance_id = finance.booking_finance_id
    where finance.booking_id = booking.booking_id)) as changed_at
  from bookings booking
  where booking.booking_id in (select booking_id from bookings where updated_at >= %(since)s
    union select booking_id from booking_finances where updated_at >= %(since)s
    union select finance.booking_id from booking_finance_items item
      join booking_finances finance on finance.booking_finance_id = item.booking_finance_id
      where item.updated_at >= %(since)s)) changed {_IN_ORDER}""",
}
_ROWS: Mapping[LegacySystem, LiteralString] = {
    _SHOP: """
select booking_id from "Booking" where booking_ref = any (%(refs)s) or booking_id = any (%(ids)s) order by booking_id""",
    _ADMIN: """
select booking_id from bookings where booking_ref = any (%(refs)s) or booking_id = any (%(ids)s) order by booking_id""",
}
_NEWEST: LiteralString = "select booking_id from bookings order by tour_date desc, booking_id desc limit %(limit)s"


class LegacyLiveConnections:
    """LegacyLive; a system that has no URL here cannot be asked. Constructing it connects to nothing."""

    def __init__(self, urls: Mapping[LegacySystem, str]) -> None:
        self._urls = urls

    async def changed(
        self, system: LegacySystem, *, since: datetime, before: datetime, after: tuple[datetime, int] | None, limit: int
    ) -> list[ChangedRow]:
        behind = (since, -1) if after is None else after
        given = {
            "since": _stored(since),
            "before": _stored(before),
            "after_at": _stored(behind[0]),
            "after_id": behind[1],
            "limit": limit,
        }
        async with self._looking(system) as (connection, snapshot):
            found = [(row_id, at) for row_id, at in await fetch(system, connection, _CHANGED[system], given)]
            rows = {row.row_id: row for row in await snapshot.bookings(system, [row_id for row_id, _ in found])}
        return [ChangedRow(booking=rows[row_id], changed_at=at.replace(tzinfo=UTC)) for row_id, at in found]

    async def rows(
        self, system: LegacySystem, *, refs: Sequence[str] = (), ids: Sequence[int] = ()
    ) -> list[LegacyBooking]:
        if not refs and not ids:
            return []
        async with self._looking(system) as (connection, snapshot):
            given = {"refs": list(refs), "ids": list(ids)}
            found = await fetch(system, connection, _ROWS[system], given)
            return await snapshot.bookings(system, [row_id for (row_id,) in found])

    async def newest(self, *, limit: int) -> list[LegacyBooking]:
        async with self._looking(_ADMIN) as (connection, snapshot):
            order = [row_id for (row_id,) in await fetch(_ADMIN, connection, _NEWEST, {"limit": limit})]
            rows = {row.row_id: row for row in await snapshot.bookings(_ADMIN, order)}
        return [rows[row_id] for row_id in order]

    @asynccontextmanager
    async def _looking(self, system: LegacySystem) -> AsyncIterator[tuple[Connection, Snapshot]]:
        async with opened(system, self._urls[system]) as connection:
            with reading(system):
                await connection.execute(f"set local statement_timeout = {STATEMENT_TIMEOUT_MS}".encode())
            yield connection, Snapshot({system: connection})


def _stored(at: datetime) -> datetime:
    """As the legacy systems write it: UTC, without saying so."""
    return at.astimezone(UTC).replace(tzinfo=None)
