"""Digests of legacy rows: everything that back-fill reads of a booking row and of what hangs below it, as one number.

The server computes them over the text form of exactly the columns that are read. The sessions fix what that form depends on (time
zone, style of dates, digits of floating numbers), so that equal rows have equal digests on any server.
"""

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, LiteralString

from bst_domain.migration import BOOKING_TABLE, NO_ROWS, KeyRange, LegacySystem, RangeDigest
from bst_legacy.connections import Connection, fetch, reading
from bst_legacy.needed import NEEDED

_SHOP, _ADMIN = LegacySystem.SHOP, LegacySystem.ADMIN
_LAST_KEY = (1 << 63) - 1

_OF_BOOKING = "join {booking} booking on booking.booking_id = {of}.booking_id"
_OF_SHOP, _OF_ADMIN = _OF_BOOKING.replace("{booking}", '"Booking"'), _OF_BOOKING.replace("{booking}", "bookings")
_OF_ITEM = '"BookingTraveler" part join "BookingItem" item on item.booking_item_id = part.booking_item_id'
_OF_FINANCE = (
    "booking_finance_items part join booking_finances finance on finance.booking_finance_id = part.booking_finance_id"
)
#: Per system: (table, what it is joined with to know its booking). The booking's own table is first: its rows are counted.
_PARTS: Mapping[LegacySystem, Sequence[tuple[str, str]]] = {
    _SHOP: (
        ("Booking", '"Booking" part'),
        ("BookingItem", f'"BookingItem" part {_OF_SHOP.format(of="part")}'),
        ("BookingTraveler", f"{_OF_ITEM} {_OF_SHOP.format(of='item')}"),
        ("Payment", f'"Payment" part {_OF_SHOP.format(of="part")}'),
    ),
    _ADMIN: (
        ("bookings", "bookings part"),
        ("booking_finances", f"booking_finances part {_OF_ADMIN.format(of='part')}"),
        ("booking_finance_items", f"{_OF_FINANCE} {_OF_ADMIN.format(of='finance')}"),
    ),
}


def _rows(system: LegacySystem, low: str, high: str) -> str:
    """Every row that is read, as (key, main, digest): ``main`` is 1 for the booking's own row."""
    branches = []
    for table, source in _PARTS[system]:
        key = "part.booking_id" if table == BOOKING_TABLE[system] else "booking.booking_id"
        columns = ", ".join(f'part."{name}"' for name in sorted(NEEDED[system][table]))
        text = f"row('{table}', {columns})::text"
        digest = f"('x' || left(encode(sha256(convert_to({text}, 'UTF8')), 'hex'), 32))::bit(128)"
        main = int(table == BOOKING_TABLE[system])
        branches.append(
            f"select {key}::bigint as key, {main} as main, {digest} as digest from {source}"
            f" where {key} >= {low} and {key} < {high}"
        )
    return " union all ".join(branches)


class LegacyDigests:
    """DigestSide of one legacy database: the key is the row's number."""

    def __init__(self, system: LegacySystem, connection: Connection) -> None:
        self._system = system
        self._connection = connection

    async def extent(self) -> KeyRange | None:
        table = BOOKING_TABLE[self._system]
        [(low, high)] = await self._fetch(f'select min(booking_id), max(booking_id) from "{table}"')
        return None if low is None else KeyRange(low, high + 1)

    async def sweep(self, ranges: Sequence[KeyRange]) -> list[RangeDigest]:
        rows = _rows(self._system, "%(low)s::bigint", "%(high)s::bigint")
        found = await self._fetch(
            f"select width_bucket(key, %(edges)s::bigint[]) - 1, sum(main)::bigint, bit_xor(digest)::text"
            f" from ({rows}) rows group by 1",
            low=_within(ranges[0].low),
            high=_within(ranges[-1].high),
            edges=[_within(span.low) for span in ranges],
        )
        return _in_order(found, len(ranges))

    async def digests(self, ranges: Sequence[KeyRange]) -> list[RangeDigest]:
        rows = _rows(self._system, "span.low", "span.high")
        found = await self._fetch(
            f"select span.at - 1, sum(main)::bigint, bit_xor(digest)::text from {_SPANS} cross join lateral ({rows}) rows"
            " group by 1",
            **_spans(ranges),
        )
        return _in_order(found, len(ranges))

    async def rows(self, ranges: Sequence[KeyRange]) -> dict[int, int]:
        rows = _rows(self._system, "span.low", "span.high")
        found = await self._fetch(
            f"select key, bit_xor(digest)::text from {_SPANS} cross join lateral ({rows}) rows group by 1",
            **_spans(ranges),
        )
        return {key: int(digest, 2) for key, digest in found}

    async def lines(self) -> AsyncIterator[bytes]:
        """All rows, in blocks of lines: key, tab, digest as 128 binary digits."""
        rows = _rows(self._system, "0", str(_LAST_KEY))
        query = f"copy (select key, bit_xor(digest) from ({rows}) rows group by key) to stdout"
        async for block in copied(self._system, self._connection, query):
            yield block

    async def _fetch(self, query: str, **parameters: Any) -> list[Any]:
        return await fetch(self._system, self._connection, _literal(query), parameters)


_SPANS = "unnest(%(lows)s::bigint[], %(highs)s::bigint[]) with ordinality as span (low, high, at)"


async def copied(system: LegacySystem, connection: Connection, query: str) -> AsyncIterator[bytes]:
    """What a COPY TO STDOUT says, in blocks of whole lines."""
    with reading(system):
        async with connection.cursor() as cursor, cursor.copy(_literal(query)) as copy:
            async for block in copy:
                yield bytes(block)


def _spans(ranges: Sequence[KeyRange]) -> dict[str, list[int]]:
    return {"lows": [_within(span.low) for span in ranges], "highs": [_within(span.high) for span in ranges]}


def _within(key: int) -> int:
    return min(key, _LAST_KEY)


def _in_order(found: Sequence[Any], many: int) -> list[RangeDigest]:
    known = {at: RangeDigest(rows, int(digest, 2)) for at, rows, digest in found}
    return [known.get(at, NO_ROWS) for at in range(many)]


def _literal(query: str) -> LiteralString:
    """Every part of it stands in this package."""
    return query
