"""The lives of dead letters, unmapped entries, channel mappings and publish jobs, as total tables."""

from bst_domain.lifecycles._booking_statuses import FULFILMENT, PAYMENT
from bst_domain.lifecycles._dead_letters import DEAD_LETTER, DeadLetterStatus
from bst_domain.lifecycles._events import EVENT, ProcessStatus
from bst_domain.lifecycles._lifecycle import Lifecycle, NotAllowed
from bst_domain.lifecycles._mappings import ENTRY_AFTER, MAPPING, MAPPING_AFTER, MappingStatus
from bst_domain.lifecycles._publish_jobs import (
    ACTION_STARTS,
    PUBLISH_JOB,
    FourEyes,
    PublishAction,
    PublishRefusal,
    PublishStatus,
    refuse_publish_action,
    same_actor,
)
from bst_domain.lifecycles._unmapped import MAPPABLE, SETTLED, UNMAPPED, UnmappedStatus, UnmappedType

__all__ = [
    "ACTION_STARTS",
    "DEAD_LETTER",
    "ENTRY_AFTER",
    "EVENT",
    "FULFILMENT",
    "MAPPABLE",
    "MAPPING",
    "MAPPING_AFTER",
    "PAYMENT",
    "PUBLISH_JOB",
    "SETTLED",
    "UNMAPPED",
    "DeadLetterStatus",
    "FourEyes",
    "Lifecycle",
    "MappingStatus",
    "NotAllowed",
    "ProcessStatus",
    "PublishAction",
    "PublishRefusal",
    "PublishStatus",
    "UnmappedStatus",
    "UnmappedType",
    "refuse_publish_action",
    "same_actor",
]
