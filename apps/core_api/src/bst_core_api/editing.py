"""The catalog's editor, on the operational database."""

from collections.abc import Callable
from datetime import datetime

from bst_application.ids import uuid7
from bst_application.use_cases.edit_catalog import EditCatalog
from bst_litestar.routes.catalog_editor import CatalogParts
from bst_postgres.catalog import PostgresCatalogEditor
from bst_postgres.database import Database


def catalog_parts(database: Database, now: Callable[[], datetime]) -> CatalogParts:
    """Connects to nothing."""
    editor = PostgresCatalogEditor(database)
    return CatalogParts(editor=editor, edit=EditCatalog(editor=editor, now=now, new_id=uuid7))
