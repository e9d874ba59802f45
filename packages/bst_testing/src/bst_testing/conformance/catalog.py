"""What every editor's catalog must do, told through the use case. Source of the rules: predecessor, "catalog editor"."""

from datetime import timedelta
from uuid import UUID, uuid4

import pytest
from attrs import evolve

from bst_application.ids import uuid7
from bst_application.ports.catalog import CatalogEditor, ItemFilter
from bst_application.use_cases import catalog_changes as changes
from bst_application.use_cases.edit_catalog import EditCatalog, NotInCatalog, Outcome, SlugInUse, VersionPassed
from bst_application.use_cases.repair import Author
from bst_domain.catalog import (
    CodeTaken,
    Content,
    EndedWith,
    Faq,
    Flawed,
    ItineraryStep,
    RatesOverlap,
    Slide,
    read_new_variant,
)
from bst_testing.catalog_acts import ADULT, AYU, Clock, edited, editing, made, product, rate, without_times
from bst_testing.conformance.catalog_races import CatalogRaces


class CatalogEditorConformance(CatalogRaces):
    """Subclass it, and give an ``editor`` fixture with nothing in it, ``audited``, ``content_by`` and ``refer``."""

    async def content_by(self, editor: CatalogEditor, item: UUID) -> str | None:
        """Who wrote the content last."""
        raise NotImplementedError("a subclass reads it")

    async def refer(self, editor: CatalogEditor, package: int, item: UUID) -> None:
        """Another system's package refers to the item, as back-fill leaves it."""
        raise NotImplementedError("a subclass writes it")

    async def test_a_product_is_read_as_it_was_written(self, editor: CatalogEditor) -> None:
        item = await made(
            editor,
            description="One\nTwo",
            thumbnailUrl="/a.jpg",
            variants=[
                {"code": "a", "name": "Shared", "durationDays": 2, "currencyCode": "EUR", "rates": [
                    {"travelerType": "child", "price": "12.345", "currencyCode": "EUR", "maxQuantity": 3},
                    {"travelerType": "INFANT", "price": 0, "minQuantity": 1, "isActive": False},
                ]},
                {"code": "b", "name": "Private", "isDefault": True},
            ],
        )  # fmt: skip
        assert [(one.code, one.is_default) for one in item.variants] == [("B", True), ("A", False)]
        content = Content(
            slides=(Slide(url="/b.jpg"),),
            itinerary=(ItineraryStep(title="Temple", variant=str(item.variants[1].key), description="first\nthen"),),
            highlights=("Rice",),
            faqs=(Faq(question="When?", answer="At 8\nsharp"),),
        )
        after = await edited(editor, changes.content_replaced(item.key, content))
        assert after == evolve(
            item,
            content=evolve(content, slides=(Slide(url="/b.jpg", is_cover=True),)),
            version=2,
            updated_at=after.updated_at,
        )
        assert await editor.item(item.key) == after
        assert await editor.by_slug("UBUD") == after
        assert await editor.items(None) == [after]
        assert await editor.items([item.key, uuid4()]) == [after]
        assert await editor.item(uuid4()) is None
        assert await editor.by_slug("nowhere") is None
        assert await editor.items([]) == []

    async def test_every_change_is_audited_in_its_commit(self, editor: CatalogEditor) -> None:
        item = await made(editor)
        shared, private = sorted(item.variants, key=lambda one: one.code)
        [adult] = shared.rates
        new_variant = read_new_variant({"code": "C", "name": "Van", "rates": [ADULT]})
        assert not isinstance(new_variant, Flawed)
        acts = [
            changes.item_changed(item.key, {"name": "Ubud by day", "description": "All of it"}),
            changes.content_replaced(item.key, Content(highlights=("Rice", "Monkeys"))),
            changes.variant_added(item.key, new_variant),
            changes.variant_changed(private.key, {"name": "Car"}),
            changes.rate_added(private.key, rate(price="9.5", minQuantity=2)),
            changes.rate_changed(adult.key, {"max_quantity": 4}),
            changes.rate_deactivated(adult.key),
            changes.variant_deactivated(private.key),
            changes.item_deactivated(item.key),
        ]
        for act in acts:
            last = await edited(editor, act)
        assert last.version == len(acts) + 1
        assert await editor.item(item.key) == last
        trail = await self.audited(editor)
        none = dict.fromkeys(("slides", "itinerary", "inclusions", "exclusions"), 0)
        none |= dict.fromkeys(("additionalInfo", "optionalFeatures", "faqs"), 0)
        assert [(entry.event_type, entry.resource_type, entry.resource_id) for entry in trail] == [
            ("CATALOG_ITEM_CREATED", "CATALOG_ITEM", str(item.key)),
            ("CATALOG_ITEM_UPDATED", "CATALOG_ITEM", str(item.key)),
            ("CATALOG_ITEM_CONTENT_UPDATED", "CATALOG_ITEM", str(item.key)),
            ("CATALOG_VARIANT_CREATED", "CATALOG_ITEM", str(item.key)),
            ("CATALOG_VARIANT_UPDATED", "CATALOG_VARIANT", str(private.key)),
            ("CATALOG_RATE_CREATED", "CATALOG_VARIANT", str(private.key)),
            ("CATALOG_RATE_UPDATED", "CATALOG_RATE", str(adult.key)),
            ("CATALOG_RATE_DEACTIVATED", "CATALOG_RATE", str(adult.key)),
            ("CATALOG_VARIANT_DEACTIVATED", "CATALOG_VARIANT", str(private.key)),
            ("CATALOG_ITEM_DEACTIVATED", "CATALOG_ITEM", str(item.key)),
        ]
        assert [entry.metadata for entry in trail] == [
            {**told, **AYU.proof}
            for told in (
                {"slug": "ubud", "variantCount": 2},
                {"fields": 3},
                {"highlights": 2, **none},
                {"code": "C", "rates": 1},
                {"fields": 1},
                {"travelerType": "ADULT", "price": 9.5, "minQuantity": 2, "maxQuantity": None},
                {"variantId": str(shared.key), "fields": 1, "minQuantity": None, "maxQuantity": 4},
                {"isActive": False, "variantId": str(shared.key)},
                {"isActive": False},
                {"isActive": False},
            )
        ]
        assert {(entry.actor, entry.request_id) for entry in trail} == {(AYU.actor, "request-1")}

    async def test_who_wrote_the_content_is_noted_with_it(self, editor: CatalogEditor) -> None:
        item = await made(editor)
        assert await self.content_by(editor, item.key) == AYU.actor
        await edited(editor, changes.content_replaced(item.key, Content(highlights=("Rice",))), by=Author(actor="putu"))
        await edited(editor, changes.item_changed(item.key, {"name": "Ubud by day"}))
        assert await self.content_by(editor, item.key) == "putu"

    async def test_what_is_refused_leaves_nothing_behind(self, editor: CatalogEditor) -> None:
        await made(editor, "lovina")
        item = await made(editor)
        shared, private = sorted(item.variants, key=lambda one: one.code)
        before = len(await self.audited(editor))
        taken = read_new_variant({"code": "b", "name": "Again"})
        assert not isinstance(taken, Flawed)
        edit = editing(editor)
        outcomes: list[tuple[Outcome, type]] = [
            (await edit.create(product(), by=AYU), SlugInUse),
            (await edit(changes.item_changed(item.key, {"slug": "lovina"}), by=AYU), SlugInUse),
            (await edit(changes.variant_added(item.key, taken), by=AYU), CodeTaken),
            (await edit(changes.variant_changed(private.key, {"code": "A"}), by=AYU), CodeTaken),
            (await edit(changes.rate_added(shared.key, rate(minQuantity=9)), by=AYU), RatesOverlap),
            (await edit(changes.item_changed(item.key, {"name": "X"}), by=AYU, versions={2}), VersionPassed),
            (await edit(changes.item_changed(uuid4(), {"name": "X"}), by=AYU), NotInCatalog),
            (await edit(changes.variant_changed(uuid4(), {"name": "X"}), by=AYU), NotInCatalog),
            (await edit(changes.rate_deactivated(uuid4()), by=AYU), NotInCatalog),
        ]
        assert [type(outcome) for outcome, _ in outcomes] == [expected for _, expected in outcomes]
        assert await editor.item(item.key) == item
        assert (await editor.listed(ItemFilter())).total == 2
        assert len(await self.audited(editor)) == before

    async def test_a_change_that_breaks_off_leaves_nothing_behind(self, editor: CatalogEditor) -> None:
        item = await made(editor)
        with pytest.raises(RuntimeError, match="on the way"):
            async with editor.editing() as tx:
                held = await tx.hold(item.key)
                assert held == item
                await tx.save(evolve(item, name="Half", version=2), by="nobody")
                raise RuntimeError("on the way")
        assert await editor.item(item.key) == item

    async def test_what_goes_off_together_comes_back_together(self, editor: CatalogEditor) -> None:
        item = await made(editor)
        shared, private = sorted(item.variants, key=lambda one: one.code)
        await edited(editor, changes.variant_changed(private.key, {"is_default": True}))
        before = await edited(editor, changes.variant_changed(private.key, {"name": "Car"}))
        off = await edited(editor, changes.item_deactivated(item.key))
        assert not any(one.is_active or one.is_default for one in off.variants)
        assert {one.ended_with for one in off.variants} == {EndedWith.ITEM}
        assert not any(one.is_active for variant in off.variants for one in variant.rates)
        back = await edited(editor, changes.item_changed(item.key, {"is_active": True}))
        assert without_times(back) == without_times(before)
        assert await editor.item(item.key) == back
        await edited(editor, changes.variant_deactivated(shared.key))
        again = await edited(editor, changes.variant_changed(shared.key, {"is_active": True}))
        assert without_times(again) == without_times(before)

    async def test_the_list_is_in_its_order_page_by_page(self, editor: CatalogEditor) -> None:
        for slug in ("a", "b", "c", "d"):
            await made(editor, slug, isFeatured=slug == "c")
        clock = Clock()
        edit = EditCatalog(editor=editor, now=lambda: clock() + timedelta(hours=1), new_id=uuid7)
        first = await editor.by_slug("a")
        assert first is not None
        await edit(changes.item_changed(first.key, {"name": "A again"}), by=AYU)
        page = await editor.listed(ItemFilter())
        assert page.total == 4
        assert [item.slug for item in page.items][:2] == ["c", "a"]
        slugs = [item.slug for item in page.items]
        for size in (1, 3):
            pages = [await editor.listed(ItemFilter(), offset=at, limit=size) for at in range(0, 6, size)]
            assert [item.slug for page in pages for item in page.items] == slugs
            assert {page.total for page in pages} == {4}
        assert await editor.items(None) == list(page.items)

    async def test_the_list_is_filtered_by_what_is_asked(self, editor: CatalogEditor) -> None:
        await made(editor, "ubud", isFeatured=True, description="Rice 100% organic")
        await made(editor, "lovina", description="Dolphins")
        await made(editor, "amed", isActive=False, description="a_b")
        for wanted, expected in (
            (ItemFilter(), {"ubud", "lovina", "amed"}),
            (ItemFilter(featured=True), {"ubud"}),
            (ItemFilter(featured=False), {"lovina", "amed"}),
            (ItemFilter(active=True), {"ubud", "lovina"}),
            (ItemFilter(active=False), {"amed"}),
            (ItemFilter(text="RICE"), {"ubud"}),
            (ItemFilter(text="ovin"), {"lovina"}),
            (ItemFilter(text="100%"), {"ubud"}),
            (ItemFilter(text="%"), {"ubud"}),
            (ItemFilter(text="_"), {"amed"}),
            (ItemFilter(text="dolphins", featured=True), set()),
        ):
            page = await editor.listed(wanted)
            assert {item.slug for item in page.items} == expected
            assert page.total == len(expected)
        assert [item.slug for item in await editor.items(None)] == ["ubud", "lovina"]

    async def test_the_old_admins_number_is_a_reference_or_stands_in_a_code(self, editor: CatalogEditor) -> None:
        coded = await made(editor, variants=[{"code": "PKG-12", "name": "Package"}])
        assert coded.legacy_package_id == 12
        await self.refer(editor, 7, coded.key)
        referred = await editor.item(coded.key)
        assert referred is not None
        assert referred.legacy_package_id == 7
        assert (await made(editor, "new")).legacy_package_id is None
