"""A release that came before its migration says so, with the word that callers know of the part that they asked."""

from collections.abc import Iterator
from contextlib import contextmanager
from enum import StrEnum

from bst_application.errors import SchemaBehind
from bst_litestar.problems import store_unavailable


class Part(StrEnum):
    """A part of the schema, and the word for its being behind."""

    BOOKINGS = "BOOKING_SCHEMA_NOT_READY"
    MAPPINGS = "MAPPING_SCHEMA_NOT_READY"
    CATALOG = "CATALOG_SCHEMA_NOT_READY"
    RECONCILIATION = "RECONCILIATION_SCHEMA_NOT_READY"


@contextmanager
def schema_ready(part: Part) -> Iterator[None]:
    """Raises Refused where tables are not what this release needs."""
    try:
        yield
    except SchemaBehind as error:
        raise store_unavailable(part) from error
