"""Editing the catalog: hold the product, decide, write and audit, in one commit.

Whoever names a version writes onto that one only; without, the last writer wins, as older callers expect.
"""

from collections.abc import Awaitable, Callable, Set
from datetime import datetime
from uuid import UUID

from attrs import frozen

from bst_application.ports.catalog import CatalogEditor, SlugTaken
from bst_application.use_cases.again import again_after_conflict
from bst_application.use_cases.catalog_changes import Change
from bst_application.use_cases.repair import Author, entry_of
from bst_domain.catalog import CodeTaken, EditorItem, Flawed, NewItem, RatesOverlap, create_item


@frozen
class NotInCatalog:
    """There is no such item, variant or rate."""


@frozen
class VersionPassed:
    """The caller has not seen the present version of the product."""

    current: int


@frozen
class SlugInUse:
    """Another product has this slug."""


Outcome = EditorItem | NotInCatalog | VersionPassed | SlugInUse | CodeTaken | RatesOverlap | Flawed


@frozen(kw_only=True)
class EditCatalog:
    """Gives the whole product as it is then, or why nothing was changed. Raises Unavailable and Conflict."""

    editor: CatalogEditor
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def create(self, new: NewItem, *, by: Author) -> Outcome:
        """A new product with its first variants and rates."""
        return await _tried(lambda: self._create(new, by))

    async def __call__(self, change: Change, *, by: Author, versions: Set[int] | None = None) -> Outcome:
        """A change of a product that is there. ``versions``: those that the caller may have seen; None: any."""
        return await _tried(lambda: self._change(change, by, versions))

    async def _create(self, new: NewItem, by: Author) -> Outcome:
        now = self.now()
        made = create_item(new, new_id=self.new_id, now=now)
        if not isinstance(made, EditorItem):
            return made
        metadata = {"slug": made.slug, "variantCount": len(made.variants)}
        entry = entry_of("CATALOG_ITEM_CREATED", by, now, resource=("CATALOG_ITEM", made.key), metadata=metadata)
        async with self.editor.editing() as tx:
            await tx.add(made, by=by.actor)
            await tx.audit([entry])
        return made

    async def _change(self, change: Change, by: Author, versions: Set[int] | None) -> Outcome:
        now = self.now()
        async with self.editor.editing() as tx:
            key = await change.find(tx)
            item = None if key is None else await tx.hold(key)
            if item is None:
                return NotInCatalog()
            if versions is not None and item.version not in versions:
                return VersionPassed(item.version)
            changed = change.decide(item, now, self.new_id)
            if not isinstance(changed, EditorItem):
                return changed
            await tx.save(changed, by=by.actor)
            metadata = change.metadata(changed)
            await tx.audit([entry_of(change.event_type, by, now, resource=change.resource, metadata=metadata)])
        return changed


async def _tried(attempt: Callable[[], Awaitable[Outcome]]) -> Outcome:
    try:
        return await again_after_conflict(attempt)
    except SlugTaken:
        return SlugInUse()
