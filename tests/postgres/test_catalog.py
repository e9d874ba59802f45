"""The editor's catalog in PostgreSQL passes the suite of its port, and reads what older systems wrote."""

from collections.abc import AsyncIterator, Iterator
from typing import Any
from uuid import UUID, uuid4

import pytest

from bst_application.ports.audit import AuditEntry
from bst_application.ports.catalog import CatalogEditor
from bst_application.ports.reading import AuditFilter
from bst_application.use_cases import catalog_changes as changes
from bst_domain.catalog import Content, Faq, ItineraryStep, editor_json
from bst_postgres.audit import PostgresAuditTrail
from bst_postgres.catalog import PostgresCatalogEditor
from bst_postgres.catalog_rows import ITEMS
from bst_postgres.database import Database
from bst_testing.catalog_acts import edited, made
from bst_testing.conformance.catalog import CatalogEditorConformance


class Editor(PostgresCatalogEditor):
    """The editor, and its database for what it does not show."""

    def __init__(self, database: Database) -> None:
        super().__init__(database)
        self.database = database


@pytest.fixture
async def editor(postgres_dsn: str) -> AsyncIterator[Editor]:
    database = Database(postgres_dsn)
    yield Editor(database)
    await database.close()


async def do(editor: CatalogEditor, statement: str, *values: object) -> list[tuple[object, ...]]:
    assert isinstance(editor, Editor)
    async with editor.database.transaction() as connection:
        cursor = await connection.execute(statement.encode(), values)
        return [tuple(row) for row in await cursor.fetchall()] if cursor.description is not None else []


class TestPostgresCatalogEditor(CatalogEditorConformance):
    @pytest.fixture
    def editor(self, editor: Editor) -> Editor:
        return editor

    async def audited(self, editor: CatalogEditor) -> list[AuditEntry]:
        assert isinstance(editor, Editor)
        records = await PostgresAuditTrail(editor.database).entries(AuditFilter(), after=None, limit=500)
        return [record.entry for record in reversed(records)]

    async def content_by(self, editor: CatalogEditor, item: UUID) -> str | None:
        rows = await do(editor, "select updated_by from catalog_product_content where product_key = %s", item)
        return str(rows[0][0]) if rows else None

    async def refer(self, editor: CatalogEditor, package: int, item: UUID) -> None:
        await do(
            editor,
            "insert into channel_external_refs (external_ref_key, entity_type, entity_key, channel_code,"
            " external_ref_kind, external_ref, source_system, source_table, source_pk)"
            " values (%s, 'CATALOG_PRODUCT', %s, 'DIRECT', 'LEGACY_PACKAGE_ID', %s, 'bstadmin', 'tour_packages', %s)",
            uuid4(),
            item,
            str(package),
            str(package),
        )


@pytest.mark.parametrize("status", ["UNMAPPED", "REVIEW_REQUIRED"])
async def test_a_number_whose_mapping_is_in_doubt_is_not_the_products(editor: Editor, status: str) -> None:
    item = await made(editor)
    await TestPostgresCatalogEditor().refer(editor, 7, item.key)
    await do(editor, "update channel_external_refs set mapping_status = %s", status)
    read = await editor.item(item.key)
    assert read is not None
    assert read.legacy_package_id is None


async def test_the_old_numbers_are_read_once_and_not_for_each_product(editor: Editor) -> None:
    [(plan,)] = await do(editor, f"explain (format json) {ITEMS}")
    assert isinstance(plan, list)

    def readings(node: dict[str, Any], of_each: bool) -> Iterator[bool]:
        of_each |= node.get("Parent Relationship") == "SubPlan"
        if node.get("Relation Name") == "channel_external_refs":
            yield of_each
        for below in node.get("Plans", []):
            yield from readings(below, of_each)

    assert list(readings(plan[0]["Plan"], of_each=False)) == [False]


async def test_a_new_variant_has_what_the_editor_does_not_say(editor: Editor) -> None:
    await made(editor)
    [row] = await do(
        editor,
        "select distinct service_type, min_pax, booking_cutoff_hours, country_code"
        " from catalog_variant join catalog_product using (product_key)",
    )
    assert row == ("PRIVATE", 1, 24, "ID")


async def test_columns_that_the_editor_does_not_know_stay(editor: Editor) -> None:
    item = await made(editor)
    await do(
        editor,
        "update catalog_product set short_description = 'Short', priority = 3, region = 'Gianyar',"
        " product_category = 'TOUR'",
    )
    await do(editor, "update catalog_variant set max_pax = 7, cancellation_policy = 'none'")
    await do(editor, "update catalog_variant_rate set valid_to = '2030-01-01T00:00:00Z'")
    shown = await editor.item(item.key)
    assert shown is not None
    assert (shown.priority, shown.shown_description) == (3, "Short")
    await edited(editor, changes.item_changed(item.key, {"description": "Long"}))
    await edited(editor, changes.item_deactivated(item.key))
    await edited(editor, changes.item_changed(item.key, {"is_active": True}))
    [product] = await do(editor, "select short_description, description, priority, region from catalog_product")
    assert product == ("Short", "Long", 3, "Gianyar")
    assert await do(editor, "select distinct max_pax, cancellation_policy from catalog_variant") == [(7, "none")]
    [(until,)] = await do(editor, "select valid_to::text from catalog_variant_rate")
    assert until == "2030-01-01 00:00:00+00"


async def test_what_older_systems_wrote_can_be_read_and_edited(editor: Editor) -> None:
    """No default variant, two rates for the same, a traveller that nobody knows, a document of another shape."""
    product, variant = uuid4(), uuid4()
    await do(editor, "insert into catalog_product (product_key, slug, name) values (%s, 'old', 'Old')", product)
    await do(
        editor,
        "insert into catalog_variant (variant_key, product_key, code, name, service_type, duration_days)"
        " values (%s, %s, 'PKG-5', 'Package', 'SHARED', 1)",
        variant,
        product,
    )
    for traveller, price in (("ADULT", 10), ("ADULT", 12), ("SENIOR", 8)):
        await do(
            editor,
            "insert into catalog_variant_rate (variant_rate_key, variant_key, traveler_type, price)"
            " values (%s, %s, %s, %s)",
            uuid4(),
            variant,
            traveller,
            price,
        )
    document = """{"slides": [{"url": " "}, 7], "faqs": [{"question": "Q", "answer": "A"}, {"question": "Q"}], "highlights": 3,
        "itinerary": [{"title": "Up", "variantId": "12", "day": "two", "sortOrder": -1}], "more": {}}"""
    await do(
        editor, "insert into catalog_product_content (product_key, payload) values (%s, %s::jsonb)", product, document
    )
    item = await editor.item(product)
    assert item is not None
    assert item.content == Content(
        faqs=(Faq(question="Q", answer="A"),), itinerary=(ItineraryStep(title="Up", variant="12", day=1, sort_order=0),)
    )
    assert [one["travelerType"] for one in editor_json(item)["variants"][0]["rates"]] == ["ADULT", "ADULT", "SENIOR"]
    assert item.legacy_package_id == 5
    after = await edited(editor, changes.variant_changed(variant, {"name": "The package"}))
    assert [(one.name, one.is_default) for one in after.variants] == [("The package", True)]
    assert await editor.item(product) == after
    [(stored,)] = await do(editor, "select payload ? 'more' from catalog_product_content")
    assert stored is True
