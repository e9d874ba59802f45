"""The published catalog as one process knows it: read once a version, kept in memory, and looked after cheaply.

A process that published sees its own at once, every other within ``LOOK_EVERY_S``. While the database is away, what was read
last goes on being served: the public catalog does not go down with it.
"""

import asyncio
from bisect import bisect_right
from collections.abc import Callable, Sequence
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Final

from attrs import define, field, frozen

from bst_application.errors import Conflict, Unavailable
from bst_application.ports.publishing import PublishingDesk
from bst_domain.catalog import (
    CatalogEntry,
    JsonObject,
    entry_from,
    entry_json,
    finds,
    payload_items,
    turning_points,
)

LOOK_EVERY_S: Final = 1.0
#: How long an answer may be kept by others; a publish is seen no later than this by whoever asks a cache.
KEPT_AT_MOST: Final = timedelta(seconds=60)


@frozen(kw_only=True)
class PublishedEntry:
    """An active product of a version, as it is served now: for lists, and on its own page."""

    entry: CatalogEntry
    listed: JsonObject
    page: JsonObject


@frozen(kw_only=True)
class Edition:
    """What is served between two instants at which a rate begins or ends. Whatever differs has another ``tag``.

    ``until``: when that changes by itself; None: never.
    """

    tag: str
    entries: Sequence[PublishedEntry]
    until: datetime | None

    def listed(
        self, *, featured: bool | None = None, active: bool | None = None, text: str | None = None
    ) -> list[JsonObject]:
        """Those that are wanted, in the catalog's order. All of them are active."""
        if active is False:
            return []
        return [
            one.listed
            for one in self.entries
            if featured in {None, one.entry.product.is_featured} and (text is None or finds(one.entry, text))
        ]

    def by_slug(self, slug: str) -> JsonObject | None:
        """In any letter case."""
        wanted = slug.casefold()
        return next((one.page for one in self.entries if one.entry.product.slug.casefold() == wanted), None)

    def kept_for(self, now: datetime) -> timedelta:
        """How long an answer may be kept: not beyond the next change of a price."""
        return KEPT_AT_MOST if self.until is None else max(timedelta(0), min(KEPT_AT_MOST, self.until - now))


#: What is served as long as nothing was ever published.
NOTHING_PUBLISHED: Final = Edition(tag="nothing", entries=(), until=None)


@define
class _Version:
    """A version that is in memory."""

    version: int
    checksum: str
    entries: Sequence[CatalogEntry]
    turns: Sequence[datetime]
    edition: tuple[int, Edition] | None = None

    def edition_at(self, now: datetime) -> Edition:
        passed = bisect_right(self.turns, now)
        if self.edition is None or self.edition[0] != passed:
            entries = [
                PublishedEntry(
                    entry=entry,
                    listed=entry_json(entry, now, with_content=False),
                    page=entry_json(entry, now, with_content=True),
                )
                for entry in self.entries
            ]
            until = self.turns[passed] if passed < len(self.turns) else None
            self.edition = passed, Edition(tag=f"{self.checksum}-{passed}", entries=entries, until=until)
        return self.edition[1]


@define
class PublishedCatalog:
    """Reads through ``desk``; ``clock`` is monotonic seconds."""

    _desk: PublishingDesk
    _now: Callable[[], datetime]
    _clock: Callable[[], float]
    _current: _Version | None = None
    _looked_at: float | None = None
    _reading: asyncio.Lock = field(factory=asyncio.Lock)

    async def edition(self) -> Edition:
        """What is served now. Raises Unavailable and Conflict only where nothing was ever read.

        One reader looks at a time, and nobody who can be served waits for that: a database may take long to say nothing.
        """
        if not self._is_fresh() and (self._looked_at is None or not self._reading.locked()):
            async with self._reading:  # many who ask at once are one look
                if not self._is_fresh():
                    await self._look_again()
        return NOTHING_PUBLISHED if self._current is None else self._current.edition_at(self._now())

    async def look_now(self) -> None:
        """This process has just published: who asks next is served that; what was known, where the database has gone away."""
        with suppress(Unavailable, Conflict):
            async with self._reading:
                await self._look_again()

    def _is_fresh(self) -> bool:
        return self._looked_at is not None and self._clock() - self._looked_at < LOOK_EVERY_S

    async def _look_again(self) -> None:
        try:
            await self._read()
        except (Unavailable, Conflict):
            if self._looked_at is None:
                raise
        self._looked_at = self._clock()

    async def _read(self) -> None:
        version = (await self._desk.publication()).version
        if version is None:  # never published, or taken back
            self._current = None
            return
        if self._current is not None and self._current.version == version:
            return
        snapshot = await self._desk.read_snapshot(version)
        assert snapshot is not None, "a frozen payload stays"
        entries = await asyncio.to_thread(_entries, snapshot.payload)
        self._current = _Version(
            version=version, checksum=snapshot.head.checksum, entries=entries, turns=turning_points(entries)
        )


def _entries(payload: str) -> list[CatalogEntry]:
    return [entry_from(item) for item in payload_items(payload) if item["isActive"]]
