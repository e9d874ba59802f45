"""The catalog as its editors keep it: a product with its variants, rates and content is one thing, written as one."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from typing import Protocol
from uuid import UUID

from attrs import frozen

from bst_application.ports.audit import AuditEntry
from bst_domain.catalog import EditorItem


class SlugTaken(Exception):
    """Another product has this slug. Nothing was written."""


@frozen(kw_only=True)
class ItemFilter:
    """All given conditions must hold. ``text`` is a part of name, slug or description, in any letter case; no sign is special."""

    featured: bool | None = None
    active: bool | None = None
    text: str | None = None


@frozen(kw_only=True)
class ItemPage:
    """Some of the items that a filter lets through, and how many there are of them."""

    items: Sequence[EditorItem]
    total: int


class CatalogTransaction(Protocol):
    """One commit for a change of the catalog. Leaving the context without an exception commits; else nothing happened."""

    async def hold(self, item: UUID) -> EditorItem | None:
        """The item, held until the commit; waits for whoever holds it. None: there is none."""
        ...

    async def item_of_variant(self, variant: UUID) -> UUID | None:
        """The item that a variant belongs to, for good; nothing is held."""
        ...

    async def item_of_rate(self, rate: UUID) -> UUID | None:
        """The item that a rate belongs to, for good; nothing is held."""
        ...

    async def add(self, item: EditorItem, *, by: str) -> None:
        """A new item. ``by`` is noted beside its content. Raises SlugTaken; the transaction cannot go on after that."""
        ...

    async def save(self, item: EditorItem, *, by: str) -> None:
        """Writes what differs from what ``hold`` gave; ``by`` is noted where the content does. An item never loses a variant or
        a rate. Raises SlugTaken as ``add`` does.
        """
        ...

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        """Appends to the audit trail, in this commit."""
        ...


class CatalogEditor(Protocol):
    """Raises Unavailable and Conflict; both leave nothing behind. Items come ``arranged``, whole, as one commit left them."""

    async def items(self, keys: Collection[UUID] | None) -> list[EditorItem]:
        """Those of these keys that there are, active or not; None: every active one. In the order of ``listed``."""
        ...

    async def item(self, key: UUID) -> EditorItem | None: ...

    async def by_slug(self, slug: str) -> EditorItem | None:
        """In any letter case."""
        ...

    async def listed(self, wanted: ItemFilter, *, offset: int = 0, limit: int | None = None) -> ItemPage:
        """Featured first, then by priority (none last), the newest change, the name. No limit: all of them."""
        ...

    def editing(self) -> AbstractAsyncContextManager[CatalogTransaction]: ...
