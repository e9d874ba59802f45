"""The life of an entry in the unmapped queue, and what the queue holds.

Source of the rules: semantics 7 (transitions), 8 and 9 (types and reasons).
"""

from enum import StrEnum

from bst_domain.lifecycles._lifecycle import Lifecycle


class UnmappedStatus(StrEnum):
    OPEN = "OPEN"
    IN_REVIEW = "IN_REVIEW"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"


class UnmappedType(StrEnum):
    """What waits for a person."""

    PRODUCT_MAPPING = "PRODUCT_MAPPING"
    VARIANT_MAPPING = "VARIANT_MAPPING"
    CATALOG_EXTENDED_METADATA = "CATALOG_EXTENDED_METADATA"
    CHANNEL_MAPPING = "CHANNEL_MAPPING"
    INGEST_CONFLICT = "INGEST_CONFLICT"


_U = UnmappedStatus
UNMAPPED = Lifecycle(
    title="unmapped entry",
    starts=frozenset({_U.OPEN}),
    transitions={
        _U.OPEN: frozenset({_U.IN_REVIEW, _U.RESOLVED, _U.CLOSED}),
        _U.IN_REVIEW: frozenset({_U.OPEN, _U.RESOLVED, _U.CLOSED}),
        _U.RESOLVED: frozenset({_U.CLOSED}),
        _U.CLOSED: frozenset(),
    },
)

#: What a person has settled; a re-run of a migration never re-opens it.
SETTLED = frozenset({_U.RESOLVED, _U.CLOSED})

#: Entries that a mapping settles. The others want another answer: a mended producer, a completed catalog.
MAPPABLE = frozenset({UnmappedType.PRODUCT_MAPPING, UnmappedType.VARIANT_MAPPING, UnmappedType.CHANNEL_MAPPING})
