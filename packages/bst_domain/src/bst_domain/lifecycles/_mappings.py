"""The life of a channel mapping: does a channel's reference stand for one of our entities?

Source of the rules: deviations, "mappingStatus" (stored, three words) and the predecessor's endpoints 21 to 23, whose callers
may set any of the three at any time; only staying where one is is no transition.
"""

from collections.abc import Mapping
from enum import StrEnum

from bst_domain.lifecycles._lifecycle import Lifecycle
from bst_domain.lifecycles._unmapped import UnmappedStatus


class MappingStatus(StrEnum):
    MAPPED = "MAPPED"
    UNMAPPED = "UNMAPPED"
    REVIEW_REQUIRED = "REVIEW_REQUIRED"


_M = MappingStatus
MAPPING = Lifecycle(
    title="channel mapping",
    starts=frozenset(MappingStatus),
    transitions={
        _M.MAPPED: frozenset({_M.UNMAPPED, _M.REVIEW_REQUIRED}),
        _M.UNMAPPED: frozenset({_M.MAPPED, _M.REVIEW_REQUIRED}),
        _M.REVIEW_REQUIRED: frozenset({_M.MAPPED, _M.UNMAPPED}),
    },
)

#: What a mapping's status makes of the entry in the unmapped queue that waits for it.
ENTRY_AFTER: Mapping[MappingStatus, UnmappedStatus] = {
    _M.MAPPED: UnmappedStatus.RESOLVED,
    _M.UNMAPPED: UnmappedStatus.OPEN,
    _M.REVIEW_REQUIRED: UnmappedStatus.IN_REVIEW,
}
#: And what a person's move of that entry makes of the mapping; None: it stays. The predecessor read its statuses off the queue.
MAPPING_AFTER: Mapping[UnmappedStatus, MappingStatus | None] = {
    UnmappedStatus.OPEN: _M.UNMAPPED,
    UnmappedStatus.IN_REVIEW: _M.REVIEW_REQUIRED,
    UnmappedStatus.RESOLVED: _M.MAPPED,
    UnmappedStatus.CLOSED: None,  # nobody will look at it any more, which says nothing about the mapping
}
