"""The lives of dead letters, unmapped entries, channel mappings and publish jobs, as total tables."""

from bst_domain.lifecycles._dead_letters import (
    DEAD_LETTER_TRANSITIONS,
    UNMAPPED_TRANSITIONS,
    DeadLetterStatus,
    UnmappedStatus,
)

__all__ = ["DEAD_LETTER_TRANSITIONS", "UNMAPPED_TRANSITIONS", "DeadLetterStatus", "UnmappedStatus"]
