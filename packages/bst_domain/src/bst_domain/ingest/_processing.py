"""What becomes of an event that could not be processed: tried again at a later time, or a dead letter.

Source of the rules: semantics 7. Every delay in the list is used: a first execution and five retries.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from attrs import frozen


class FailureCode(StrEnum):
    """Why processing failed; the reason code of a dead letter."""

    VALIDATION_ERROR = "VALIDATION_ERROR"
    UNAUTHORIZED_SIGNATURE = "UNAUTHORIZED_SIGNATURE"
    SCHEMA_MISMATCH = "SCHEMA_MISMATCH"
    EVENT_NOT_FOUND = "EVENT_NOT_FOUND"
    INFRA_UNAVAILABLE = "INFRA_UNAVAILABLE"
    LOCK_CONFLICT = "LOCK_CONFLICT"
    TRANSIENT_ERROR = "TRANSIENT_ERROR"


#: Total: whether trying again can help. Unknown exceptions are TRANSIENT_ERROR.
RETRYABLE: Mapping[FailureCode, bool] = {
    FailureCode.VALIDATION_ERROR: False,
    FailureCode.UNAUTHORIZED_SIGNATURE: False,
    FailureCode.SCHEMA_MISMATCH: False,
    FailureCode.EVENT_NOT_FOUND: False,
    FailureCode.INFRA_UNAVAILABLE: True,
    FailureCode.LOCK_CONFLICT: True,
    FailureCode.TRANSIENT_ERROR: True,
}

RETRY_DELAYS = (
    timedelta(seconds=30),
    timedelta(minutes=2),
    timedelta(minutes=10),
    timedelta(minutes=30),
    timedelta(hours=2),
)


@frozen
class Failure:
    """A failed execution: its class, and a sentence for operators without guest data."""

    code: FailureCode
    detail: str


@frozen
class RetryAt:
    """Try again at this instant."""

    at: datetime


@frozen
class DeadLetter:
    """Give up until somebody looks: either nothing will change, or every retry has been used."""

    failure: Failure


def decide_after_failure(failure: Failure, *, executions: int, now: datetime) -> RetryAt | DeadLetter:
    """``executions`` counts this one, so it is at least 1."""
    if not RETRYABLE[failure.code] or executions > len(RETRY_DELAYS):
        return DeadLetter(failure)
    return RetryAt(now + RETRY_DELAYS[executions - 1])
