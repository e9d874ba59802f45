"""The life of a channel mapping: does a channel's reference stand for one of our entities?

Source of the rules: deviations, "mappingStatus" (stored, three words) and the predecessor's endpoints 21 to 23, whose callers
may set any of the three at any time; only staying where one is is no transition.
"""

from enum import StrEnum

from bst_domain.lifecycles._lifecycle import Lifecycle


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
