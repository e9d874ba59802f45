"""The life of a dead letter.

Source of the rules: semantics 7. Everything, manual or automatic, goes through this table. A replay that outlives its lease
goes back to READY.
"""

from enum import StrEnum

from bst_domain.lifecycles._lifecycle import Lifecycle


class DeadLetterStatus(StrEnum):
    OPEN = "OPEN"
    READY = "READY"
    REPLAYING = "REPLAYING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    RESOLVED = "RESOLVED"
    CLOSED = "CLOSED"


_D = DeadLetterStatus
DEAD_LETTER = Lifecycle(
    title="dead letter",
    starts=frozenset({_D.OPEN}),
    transitions={
        _D.OPEN: frozenset({_D.READY, _D.RESOLVED, _D.CLOSED}),
        _D.READY: frozenset({_D.REPLAYING}),
        _D.REPLAYING: frozenset({_D.SUCCEEDED, _D.FAILED, _D.READY}),
        _D.FAILED: frozenset({_D.READY, _D.RESOLVED, _D.CLOSED}),
        _D.SUCCEEDED: frozenset({_D.CLOSED}),
        _D.RESOLVED: frozenset({_D.CLOSED}),
        _D.CLOSED: frozenset(),
    },
)
