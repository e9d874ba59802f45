"""The life of an event in the log.

Source of the rules: semantics 7. An event that waits for a retry is RECEIVED with a ``next_retry_at``, so waiting and failed
are never confused. Marking an event failed by hand works in any state, and replay brings it back.
"""

from enum import StrEnum

from bst_domain.lifecycles._lifecycle import Lifecycle


class ProcessStatus(StrEnum):
    """process_status of an event in the log."""

    RECEIVED = "RECEIVED"
    PROCESSING = "PROCESSING"  # held in the processing transaction; nobody else ever sees it committed
    DONE = "DONE"
    FAILED = "FAILED"


_E = ProcessStatus
EVENT = Lifecycle(
    title="event",
    starts=frozenset({_E.RECEIVED}),
    transitions={
        _E.RECEIVED: frozenset({_E.PROCESSING, _E.DONE, _E.FAILED}),
        _E.PROCESSING: frozenset({_E.RECEIVED, _E.DONE, _E.FAILED}),
        _E.DONE: frozenset({_E.FAILED}),
        _E.FAILED: frozenset({_E.RECEIVED}),
    },
)
