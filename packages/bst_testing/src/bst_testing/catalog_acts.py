"""An editor's catalog and what is done with it, for the suites that tell of it."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count
from typing import Any

import pytest
from attrs import evolve

from bst_application.ids import uuid7
from bst_application.ports.audit import AuditEntry
from bst_application.ports.catalog import CatalogEditor
from bst_application.use_cases.catalog_changes import Change
from bst_application.use_cases.edit_catalog import EditCatalog
from bst_application.use_cases.repair import Author
from bst_domain.catalog import (
    EditorItem,
    NewItem,
    NewRate,
    read_new_item,
    read_new_rate,
)
from bst_testing.deliveries import NOW

AYU = Author(actor="ayu@content.example.org", request_id="request-1", proof={"principal": {"role": "MANAGER"}})
AT_ONCE = 20
ADULT: Mapping[str, Any] = {"travelerType": "ADULT", "price": 50}


class Clock:
    """A second later at every look, so that the order of changes shows."""

    def __init__(self) -> None:
        self._seconds = count(1)

    def __call__(self) -> datetime:
        return NOW + timedelta(seconds=next(self._seconds))


def editing(editor: CatalogEditor) -> EditCatalog:
    return EditCatalog(editor=editor, now=Clock(), new_id=uuid7)


def product(slug: str = "ubud", **members: Any) -> NewItem:
    variants = [{"code": "A", "name": "Shared", "rates": [ADULT]}, {"code": "B", "name": "Private"}]
    new = read_new_item({"slug": slug, "name": slug.title(), "variants": variants, **members})
    assert isinstance(new, NewItem)
    return new


def rate(**members: Any) -> NewRate:
    new = read_new_rate({**ADULT, **members})
    assert isinstance(new, NewRate)
    return new


async def made(editor: CatalogEditor, slug: str = "ubud", **members: Any) -> EditorItem:
    item = await editing(editor).create(product(slug, **members), by=AYU)
    assert isinstance(item, EditorItem)
    return item


async def edited(editor: CatalogEditor, change: Change, by: Author = AYU) -> EditorItem:
    item = await editing(editor)(change, by=by)
    assert isinstance(item, EditorItem)
    return item


def without_times(item: EditorItem) -> EditorItem:
    variants = sorted((evolve(one, updated_at=NOW) for one in item.variants), key=lambda one: one.key)
    return evolve(item, version=1, updated_at=NOW, variants=tuple(variants))


class CatalogSuite:
    """What the suites of an editor's catalog are given: an ``editor`` fixture with nothing in it, and ``audited``."""

    @pytest.fixture
    def editor(self) -> CatalogEditor:
        raise NotImplementedError("a subclass gives the editor")

    async def audited(self, editor: CatalogEditor) -> list[AuditEntry]:
        """The audit trail, oldest first."""
        raise NotImplementedError("a subclass reads it")
