"""What every editor's catalog must do when twenty editors want something of it at once."""

import asyncio

from bst_application.ports.catalog import CatalogEditor, ItemFilter
from bst_application.use_cases import catalog_changes as changes
from bst_application.use_cases.edit_catalog import SlugInUse, VersionPassed
from bst_domain.catalog import (
    EditorItem,
    RatesOverlap,
    slug_of,
)
from bst_testing.catalog_acts import (
    AT_ONCE,
    AYU,
    CatalogSuite,
    editing,
    made,
    product,
    rate,
)


class CatalogRaces(CatalogSuite):
    """Part of CatalogEditorConformance."""

    async def test_twenty_editors_at_once_lose_nothing(self, editor: CatalogEditor) -> None:
        item = await made(editor)
        variant = item.variants[0].key
        edit = editing(editor)
        outcomes = await asyncio.gather(
            *(
                edit(changes.rate_added(variant, rate(travelerType="CHILD", minQuantity=n, maxQuantity=n)), by=AYU)
                for n in range(1, AT_ONCE + 1)
            )
        )
        assert all(isinstance(outcome, EditorItem) for outcome in outcomes)
        after = await editor.item(item.key)
        assert after is not None
        found = after.variant(variant)
        assert found is not None
        children = [one.min_quantity for one in found.rates if one.traveller == "CHILD"]
        assert children == list(range(1, AT_ONCE + 1))
        assert after.version == AT_ONCE + 1
        assert len(await self.audited(editor)) == AT_ONCE + 1

    async def test_of_twenty_who_saw_the_same_version_one_writes(self, editor: CatalogEditor) -> None:
        item = await made(editor)
        edit = editing(editor)
        outcomes = await asyncio.gather(
            *(edit(changes.item_changed(item.key, {"name": f"Name {n}"}), by=AYU, versions={1}) for n in range(AT_ONCE))
        )
        [won] = [outcome for outcome in outcomes if isinstance(outcome, EditorItem)]
        assert outcomes.count(VersionPassed(2)) == AT_ONCE - 1
        assert await editor.item(item.key) == won

    async def test_of_twenty_overlapping_rates_at_once_one_is_made(self, editor: CatalogEditor) -> None:
        item = await made(editor)
        variant = item.variants[0].key
        edit = editing(editor)
        child = rate(travelerType="CHILD")
        outcomes = await asyncio.gather(*(edit(changes.rate_added(variant, child), by=AYU) for _ in range(AT_ONCE)))
        assert sum(isinstance(outcome, EditorItem) for outcome in outcomes) == 1
        assert sum(isinstance(outcome, RatesOverlap) for outcome in outcomes) == AT_ONCE - 1

    async def test_twenty_defaults_at_once_end_in_one(self, editor: CatalogEditor) -> None:
        variants = [{"code": f"V{n}", "name": f"Variant {n}"} for n in range(AT_ONCE)]
        item = await made(editor, variants=variants)
        edit = editing(editor)
        await asyncio.gather(
            *(edit(changes.variant_changed(one.key, {"is_default": True}), by=AYU) for one in item.variants)
        )
        after = await editor.item(item.key)
        assert after is not None
        assert sum(one.is_default for one in after.variants) == 1

    async def test_of_twenty_items_with_one_slug_one_is_made(self, editor: CatalogEditor) -> None:
        edit = editing(editor)
        outcomes = await asyncio.gather(*(edit.create(product(), by=AYU) for _ in range(AT_ONCE)))
        assert sum(isinstance(outcome, EditorItem) for outcome in outcomes) == 1
        assert outcomes.count(SlugInUse()) == AT_ONCE - 1
        assert (await editor.listed(ItemFilter())).total == 1

    async def test_slugs_that_are_exchanged_at_once_are_taken(self, editor: CatalogEditor) -> None:
        pairs = [(await made(editor, slug_of(f"a{n}")), await made(editor, slug_of(f"b{n}"))) for n in range(5)]
        edit = editing(editor)
        outcomes = await asyncio.gather(
            *(
                edit(changes.item_changed(one.key, {"slug": other.slug}), by=AYU)
                for a, b in pairs
                for one, other in ((a, b), (b, a))
            )
        )
        assert outcomes == [SlugInUse()] * 10
