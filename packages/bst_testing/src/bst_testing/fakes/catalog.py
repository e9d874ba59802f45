"""The editor's catalog in memory."""

from collections.abc import AsyncIterator, Collection, Sequence
from contextlib import asynccontextmanager
from uuid import UUID

from bst_application.errors import Unavailable
from bst_application.ports.audit import AuditEntry
from bst_application.ports.catalog import CatalogTransaction, ItemFilter, ItemPage, SlugTaken
from bst_domain.catalog import Content, EditorItem, arranged
from bst_testing.fakes.transactions import Holder, Locks, View


class MemoryCatalogEditor:
    """CatalogEditor. Transactions see what is committed and what they have written themselves, as a database's do."""

    def __init__(self) -> None:
        self.rows: dict[UUID, EditorItem] = {}
        self.content_by: dict[UUID, str] = {}
        self.trail: dict[int, AuditEntry] = {}
        self.outage = False
        self._locks = Locks()

    async def items(self, keys: Collection[UUID] | None) -> list[EditorItem]:
        self._require_up()
        wanted = [row for row in self.rows.values() if (row.is_active if keys is None else row.key in keys)]
        return sorted(wanted, key=_order)

    async def item(self, key: UUID) -> EditorItem | None:
        self._require_up()
        return self.rows.get(key)

    async def by_slug(self, slug: str) -> EditorItem | None:
        self._require_up()
        return next((row for row in self.rows.values() if row.slug.lower() == slug.lower()), None)

    async def listed(self, wanted: ItemFilter, *, offset: int = 0, limit: int | None = None) -> ItemPage:
        self._require_up()
        found = sorted((row for row in self.rows.values() if _matches(row, wanted)), key=_order)
        return ItemPage(items=found[offset:][:limit], total=len(found))

    @asynccontextmanager
    async def editing(self) -> AsyncIterator[CatalogTransaction]:
        self._require_up()
        transaction = _Editing(self, self._locks)
        try:
            yield transaction
            transaction.commit()
        finally:
            self._locks.release(transaction.holder)

    def _require_up(self) -> None:
        if self.outage:
            raise Unavailable("the storage is down")


class _Editing:
    """One change."""

    def __init__(self, catalog: MemoryCatalogEditor, locks: Locks) -> None:
        self.holder, self._locks = Holder(), locks
        self._rows, self._content_by, self._trail = View(catalog.rows), View(catalog.content_by), View(catalog.trail)

    def commit(self) -> None:
        for view in (self._rows, self._content_by, self._trail):
            view.commit()

    async def hold(self, item: UUID) -> EditorItem | None:
        await self._locks.take(("item", item), self.holder)
        return self._rows.get(item)

    async def item_of_variant(self, variant: UUID) -> UUID | None:
        return next((row.key for row in self._rows.values() if row.variant(variant) is not None), None)

    async def item_of_rate(self, rate: UUID) -> UUID | None:
        return next((row.key for row in self._rows.values() if row.variant_of_rate(rate) is not None), None)

    async def add(self, item: EditorItem, *, by: str) -> None:
        await self._write(item, None, by)

    async def save(self, item: EditorItem, *, by: str) -> None:
        await self._write(item, self._rows[item.key].content, by)

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        await self._locks.take("the trail", self.holder)
        for entry in entries:
            self._trail[len(self._trail)] = entry

    async def _write(self, item: EditorItem, known: Content | None, by: str) -> None:
        """The slug is held until the commit, as a unique index holds it."""
        await self._locks.take(("slug", item.slug), self.holder)
        if any(row.slug == item.slug and row.key != item.key for row in self._rows.values()):
            raise SlugTaken(item.slug)
        self._rows[item.key] = arranged(item)
        if item.content != known:
            self._content_by[item.key] = by


def _matches(item: EditorItem, wanted: ItemFilter) -> bool:
    texts = (item.name, item.slug, item.shown_description)
    return (
        (wanted.featured is None or item.is_featured is wanted.featured)
        and (wanted.active is None or item.is_active is wanted.active)
        and (wanted.text is None or any(wanted.text.lower() in text.lower() for text in texts))
    )


def _order(item: EditorItem) -> tuple[bool, bool, int, float, str, UUID]:
    return (
        not item.is_featured,
        item.priority is None,
        item.priority or 0,
        -item.updated_at.timestamp(),
        item.name,
        item.key,
    )
