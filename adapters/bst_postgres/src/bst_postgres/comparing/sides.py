"""Sides of a comparison by digests in the operational database."""

from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

from bst_domain.migration import NO_ROWS, KeyRange, RangeDigest
from bst_postgres.comparing.parts import Table, digested
from bst_postgres.database import DriverConnection, as_uuid_array

_LAST_UUID, _LAST_NUMBER = (1 << 128) - 1, (1 << 63) - 1


class MarksSide:
    """DigestSide of a table of digests: one row a key."""

    def __init__(
        self, connection: DriverConnection, *, table: str, key: str, digest: str, where: str, kind: str
    ) -> None:
        """``kind``: uuid or bigint."""
        self._connection = connection
        self._from = f"(select {key} as key, {digest} as digest from {table} where {where}) marks"
        self._kind = kind

    async def extent(self) -> KeyRange | None:
        order = f"select key from {self._from} order by key"
        found = await self._fetch(f"select (({order} limit 1)), (({order} desc limit 1))")
        [(low, high)] = found
        return None if low is None else KeyRange(_number(low), _number(high) + 1)

    async def sweep(self, ranges: Sequence[KeyRange]) -> list[RangeDigest]:
        found = await self._fetch(
            f"select width_bucket(key, %(edges)s::{self._kind}[]) - 1, count(*), bit_xor(digest)::text from {self._from}"
            " where key >= %(low)s and key <= %(high)s group by 1",
            edges=self._array([span.low for span in ranges]),
            low=self._key(ranges[0].low),
            high=self._key(ranges[-1].high - 1),
        )
        return _in_order(found, len(ranges))

    async def digests(self, ranges: Sequence[KeyRange]) -> list[RangeDigest]:
        found = await self._fetch(
            f"select span.at - 1, count(*), bit_xor(digest)::text from {self._spans}"
            f" join {self._from} on key >= span.low and key <= span.high group by 1",
            **self._bounds(ranges),
        )
        return _in_order(found, len(ranges))

    async def rows(self, ranges: Sequence[KeyRange]) -> dict[int, int]:
        found = await self._fetch(
            f"select key, digest::text from {self._spans} join {self._from} on key >= span.low and key <= span.high",
            **self._bounds(ranges),
        )
        return {_number(key): int(digest, 2) for key, digest in found}

    @property
    def _spans(self) -> str:
        return f"unnest(%(lows)s::{self._kind}[], %(highs)s::{self._kind}[]) with ordinality as span (low, high, at)"

    def _bounds(self, ranges: Sequence[KeyRange]) -> dict[str, Any]:
        return {
            "lows": self._array([span.low for span in ranges]),
            "highs": self._array([span.high - 1 for span in ranges]),
        }

    def _key(self, number: int) -> Any:
        return UUID(int=min(number, _LAST_UUID)) if self._kind == "uuid" else min(number, _LAST_NUMBER)

    def _array(self, numbers: Sequence[int]) -> Any:
        keys = [self._key(number) for number in numbers]
        return as_uuid_array(keys) if self._kind == "uuid" else keys

    async def _fetch(self, query: str, **parameters: Any) -> list[Any]:
        return await (await self._connection.execute(query.encode(), parameters)).fetchall()


class StoredSide:
    """DigestSide of bookings as their tables say: the key is the booking's, digests of its rows come together."""

    def __init__(self, connection: DriverConnection, tables: Sequence[Table], only: str) -> None:
        """``only``: a condition on ``{key}``; see parts.prepare."""
        self._connection = connection
        self._tables = tables
        self._only = only

    async def extent(self) -> KeyRange | None:
        [main] = [table for table in self._tables if table.main]
        order = f"select {main.key} from {main.name} order by {main.key}"
        [(low, high)] = await self._fetch(f"select ({order} limit 1), ({order} desc limit 1)")
        return None if low is None else KeyRange(low.int, high.int + 1)

    async def sweep(self, ranges: Sequence[KeyRange]) -> list[RangeDigest]:
        edges = [span.low for span in ranges]
        return _in_order(await self._passed(self._tables, edges, ranges[-1].high - 1), len(ranges))

    async def digests(self, ranges: Sequence[KeyRange]) -> list[RangeDigest]:
        rows = digested(self._by_key, low="span.low", high="span.high", only=self._only)
        found = await self._fetch(
            f"select span.at - 1, sum(main), bit_xor(digest)::text from {_SPANS} cross join lateral ({rows}) rows group by 1",
            **_bounds(ranges),
        )
        known = {at: RangeDigest(int(many), int(digest, 2)) for at, many, digest in found}
        for at, also in (await self._looked_over(ranges)).items():
            many = known.get(at, NO_ROWS)
            known[at] = RangeDigest(many.rows, many.digest ^ also)
        return [known.get(at, NO_ROWS) for at in range(len(ranges))]

    async def rows(self, ranges: Sequence[KeyRange]) -> dict[int, int]:
        rows = digested(self._by_key, low="span.low", high="span.high", only=self._only)
        found = await self._fetch(
            f"select key, bit_xor(digest)::text from {_SPANS} cross join lateral ({rows}) rows group by 1 having sum(main) > 0",
            **_bounds(ranges),
        )
        known = {key.int: int(digest, 2) for key, digest in found}
        if known and self._over_all:
            keys = [UUID(int=key) for key in known]
            also = digested(self._over_all, only=f"{self._only} and {{key}} = any (%(keys)s::uuid[])")
            for key, digest in await self._fetch(
                f"select key, bit_xor(digest)::text from ({also}) rows group by 1", keys=as_uuid_array(keys)
            ):
                known[key.int] ^= int(digest, 2)
        return known

    @property
    def _by_key(self) -> list[Table]:
        return [table for table in self._tables if table.by_key]

    @property
    def _over_all(self) -> list[Table]:
        return [table for table in self._tables if not table.by_key]

    async def _looked_over(self, ranges: Sequence[KeyRange]) -> dict[int, int]:
        """By the ranges' places: tables that no index leads into, in one pass for all of the ranges."""
        if not self._over_all:
            return {}
        edges = sorted({edge for span in ranges for edge in (span.low, span.high)})
        places = {span.low: at for at, span in enumerate(ranges)}
        found = await self._passed(self._over_all, edges, _LAST_UUID)
        return {places[edges[at]]: int(digest, 2) for at, _, digest in found if edges[at] in places}

    async def _passed(self, tables: Sequence[Table], edges: Sequence[int], last: int) -> list[Any]:
        rows = digested(tables, low="%(low)s", high="%(high)s", only=self._only)
        return await self._fetch(
            "select width_bucket(key, %(edges)s::uuid[]) - 1, sum(main)::bigint, bit_xor(digest)::text"
            f" from ({rows}) rows group by 1",
            edges=as_uuid_array([_uuid(edge) for edge in edges]),
            low=_uuid(edges[0]),
            high=_uuid(last),
        )

    async def _fetch(self, query: str, **parameters: Any) -> list[Any]:
        return await (await self._connection.execute(query.encode(), parameters)).fetchall()


_SPANS = "unnest(%(lows)s::uuid[], %(highs)s::uuid[]) with ordinality as span (low, high, at)"


def _bounds(ranges: Sequence[KeyRange]) -> dict[str, str]:
    return {
        "lows": as_uuid_array([_uuid(span.low) for span in ranges]),
        "highs": as_uuid_array([_uuid(span.high - 1) for span in ranges]),
    }


def _uuid(number: int) -> UUID:
    return UUID(int=min(number, _LAST_UUID))


def _number(key: UUID | int) -> int:
    return key.int if isinstance(key, UUID) else key


def _in_order(found: Sequence[Any], many: int) -> list[RangeDigest]:
    known: Mapping[int, RangeDigest] = {at: RangeDigest(rows, int(digest, 2)) for at, rows, digest in found}
    return [known.get(at, NO_ROWS) for at in range(many)]
