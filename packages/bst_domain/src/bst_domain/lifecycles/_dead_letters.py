"""The life of a dead letter and of an entry in the unmapped queue, as total tables.

Source of the rules: semantics 7. Everything, manual or automatic, goes through these tables.
"""

from collections.abc import Mapping
from enum import StrEnum


class DeadLetterStatus(StrEnum):
    OPEN = "OPEN"
    READY = "READY"
    REPLAYING = "REPLAYING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"


DEAD_LETTER_TRANSITIONS: Mapping[DeadLetterStatus, frozenset[DeadLetterStatus]] = {
    DeadLetterStatus.OPEN: frozenset({DeadLetterStatus.READY, DeadLetterStatus.RESOLVED, DeadLetterStatus.CLOSED}),
    DeadLetterStatus.READY: frozenset({DeadLetterStatus.REPLAYING}),
    DeadLetterStatus.REPLAYING: frozenset(
        {DeadLetterStatus.SUCCEEDED, DeadLetterStatus.FAILED, DeadLetterStatus.READY}
    ),
    DeadLetterStatus.FAILED: frozenset({DeadLetterStatus.READY, DeadLetterStatus.RESOLVED, DeadLetterStatus.CLOSED}),
    DeadLetterStatus.SUCCEEDED: frozenset({DeadLetterStatus.CLOSED}),
    DeadLetterStatus.RESOLVED: frozenset({DeadLetterStatus.CLOSED}),
    DeadLetterStatus.CLOSED: frozenset(),
}


class UnmappedStatus(StrEnum):
    OPEN = "OPEN"
    IN_REVIEW = "IN_REVIEW"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"


UNMAPPED_TRANSITIONS: Mapping[UnmappedStatus, frozenset[UnmappedStatus]] = {
    UnmappedStatus.OPEN: frozenset({UnmappedStatus.IN_REVIEW, UnmappedStatus.RESOLVED, UnmappedStatus.CLOSED}),
    UnmappedStatus.IN_REVIEW: frozenset({UnmappedStatus.OPEN, UnmappedStatus.RESOLVED, UnmappedStatus.CLOSED}),
    UnmappedStatus.RESOLVED: frozenset({UnmappedStatus.CLOSED}),
    UnmappedStatus.CLOSED: frozenset(),
}
