"""In which order legacy rows are worked on, so that rows of one booking meet without all rows being in memory.

Names are read first. Of rows that share a booking the first one leads, shop before admin and by id; the others come with it. A
row is remembered as one number, so that a million bookings need some tens of megabytes.
"""

from array import array
from collections.abc import AsyncIterator, Container, Iterator, Mapping, Sequence
from hashlib import blake2b

from attrs import frozen

from bst_application.ports.backfill import Position
from bst_application.ports.legacy import LegacyName
from bst_domain.migration import BackfilledRefs, LegacySystem, backfilled_refs

_SYSTEMS = tuple(LegacySystem)
#: Places of names in a field of bits that tells which ones may be there twice: a hundred times as many as rows that are expected.
_PLACES = 1 << 27


@frozen(kw_only=True)
class Chunk:
    """Rows to read together: each leading one with those that share its booking."""

    ids: Mapping[LegacySystem, Sequence[int]]
    end: Position


class LegacyOrder:
    """Leading rows in order, and who comes with them."""

    def __init__(self) -> None:
        self._leaders = {system: array("q") for system in _SYSTEMS}
        self._followers: dict[int, list[int]] = {}
        self.rows = 0

    @classmethod
    async def of(cls, names: AsyncIterator[Sequence[LegacyName]]) -> "LegacyOrder":
        """Two bookings whose names have the same 64-bit digest come together, too; they are told apart when they are read."""
        digests, rows, seen = array("Q"), array("q"), bytearray(_PLACES // 8)
        repeated: set[int] = set()
        others: dict[int, int] = {}
        async for group in names:
            for name in group:
                row = _numbered(name.system, name.row_id)
                digest, other = _digests(name)
                digests.append(digest)
                rows.append(row)
                if other is not None:
                    others[row] = other
                for each in (digest,) if other is None else (digest, other):
                    place = each % _PLACES
                    if seen[place >> 3] >> (place & 7) & 1:
                        repeated.add(place)
                    else:
                        seen[place >> 3] |= 1 << (place & 7)
        order = cls()
        order._group(digests, rows, repeated, others)
        return order

    def _group(
        self, digests: Sequence[int], rows: Sequence[int], repeated: Container[int], others: Mapping[int, int]
    ) -> None:
        """Most rows are alone: only those whose place another one has, too, are looked up by their name. ``others``: a second
        name that a row may be called by."""
        leaders: dict[int, int] = {}
        joined: dict[int, int] = {}
        self.rows = len(rows)
        for digest, row in zip(digests, rows, strict=True):
            leader = leaders.setdefault(digest, row) if digest % _PLACES in repeated else row
            other = others.get(row)
            if other is not None and other % _PLACES in repeated:
                known = leaders.setdefault(other, leader)
                leader = known if leader == row else self._join(known, leader, joined)
                leaders[digest] = leader
            leader = joined.get(leader, leader)
            if leader == row:
                self._leaders[_SYSTEMS[row % 2]].append(row // 2)
            else:
                self._followers.setdefault(leader, []).append(row)

    def _join(self, one: int, another: int, joined: dict[int, int]) -> int:
        """Makes two groups, which both have a leader, one; returns who leads it: whoever comes first."""
        first, second = sorted((joined.get(each, each) for each in (one, another)), key=lambda row: (row % 2, row // 2))
        if first != second:
            self._leaders[_SYSTEMS[second % 2]].remove(second // 2)
            self._followers.setdefault(first, []).extend([second, *self._followers.pop(second, [])])
            joined.update({row: first for row, leader in joined.items() if leader == second})
            joined[second] = first
        return first

    def chunks(self, size: int, after: Position | None) -> Iterator[Chunk]:
        """Groups of about ``size`` rows, those before a position left out."""
        done = 0 if after is None else after.done
        ids: dict[LegacySystem, list[int]] = {system: [] for system in _SYSTEMS}
        last: tuple[LegacySystem, int] | None = None
        for system, leader in self._behind(after):
            ids[system].append(leader)
            for follower in self._followers.get(_numbered(system, leader), ()):
                ids[_SYSTEMS[follower % 2]].append(follower // 2)
            last = (system, leader)
            count = sum(map(len, ids.values()))
            if count >= size:
                done += count
                yield Chunk(ids=ids, end=Position(system=system, row_id=leader, done=done))
                ids, last = {each: [] for each in _SYSTEMS}, None
        if last is not None:
            done += sum(map(len, ids.values()))
            yield Chunk(ids=ids, end=Position(system=last[0], row_id=last[1], done=done))

    def _behind(self, after: Position | None) -> Iterator[tuple[LegacySystem, int]]:
        passed = None if after is None else (_SYSTEMS.index(after.system), after.row_id)
        for at, system in enumerate(_SYSTEMS):
            for leader in self._leaders[system]:
                if passed is None or (at, leader) > passed:
                    yield system, leader


def _numbered(system: LegacySystem, row_id: int) -> int:
    return row_id * 2 + _SYSTEMS.index(system)


def _digests(name: LegacyName) -> tuple[int, int | None]:
    """Of what the booking is called here, and of what live events may call it."""
    refs = backfilled_refs(name.system, name.row_id, name.ref)
    if not isinstance(refs, BackfilledRefs):
        return _digest(name.channel, f"\x00{name.system}{name.row_id}"), None
    return _digest(name.channel, refs.ref), _digest(name.channel, refs.aliases[0]) if refs.aliases else None


def _digest(channel: str, ref: str) -> int:
    return int.from_bytes(blake2b(f"{channel}\x00{ref}".encode(), digest_size=8).digest(), "big")
