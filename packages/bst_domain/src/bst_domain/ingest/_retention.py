"""What may be forgotten, and when.

Source of the rules: semantics 6 (keys, nonces) and 7 (the rest). What is still unprocessed is never deleted, and an event's
row no earlier than its idempotency key. Facts, provenance and audit are not here because they are never swept. What cutting over
leaves behind counts within the windows of its gates and reports, a month at most.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from attrs import frozen

from bst_domain.lifecycles import SETTLED, DeadLetterStatus, ProcessStatus


class Kept(StrEnum):
    """What is kept for a while only."""

    NONCE = "nonce"
    EVENT = "event"  # with its idempotency key
    DEAD_LETTER = "dead letter"
    UNMAPPED = "unmapped entry"
    SUCCEEDED_JOB = "succeeded queue job"
    FAILED_JOB = "failed queue job"
    COMPARED_ROW = "compared row"  # of a legacy system, once core has its booking or needs none
    DUAL_WRITE = "dual write"  # as its caller reported it; the audit trail has it, too
    SHADOW_TALLY = "shadow tally"  # of an hour


@frozen
class Retention:
    """Kept for ``period`` after it got into one of ``statuses``; None: it has no status, the clock starts when it is made."""

    period: timedelta
    statuses: frozenset[str] | None = None


#: Total.
RETENTION: Mapping[Kept, Retention] = {
    Kept.NONCE: Retention(timedelta(minutes=10)),
    Kept.EVENT: Retention(timedelta(days=35), frozenset({ProcessStatus.DONE})),
    Kept.DEAD_LETTER: Retention(
        timedelta(days=30), frozenset({DeadLetterStatus.SUCCEEDED, DeadLetterStatus.RESOLVED, DeadLetterStatus.CLOSED})
    ),
    Kept.UNMAPPED: Retention(timedelta(days=90), frozenset(SETTLED)),
    Kept.SUCCEEDED_JOB: Retention(timedelta(days=14)),
    Kept.FAILED_JOB: Retention(timedelta(days=30)),
    Kept.COMPARED_ROW: Retention(timedelta(days=90)),
    Kept.DUAL_WRITE: Retention(timedelta(days=90)),
    Kept.SHADOW_TALLY: Retention(timedelta(days=90)),
}


def may_be_forgotten(kept: Kept, *, status: str | None, since: datetime, now: datetime) -> bool:
    """Whether its time is over. ``since``: when it got its present status, or was made where it has none."""
    rule = RETENTION[kept]
    return (rule.statuses is None or status in rule.statuses) and now - since > rule.period
