"""What log lines say besides their sentence: the request, the trace, the event, the booking. No guest data, no secret.

Lines are written with the standard library. Whoever formats them adds ``FIELDS`` and nothing else of what a line carries.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Final

#: Everything that a line may say, in the order in which it does. Spelled as the API spells it.
FIELDS: Final = (
    "requestId",
    "traceId",
    "jobId",
    "eventId",
    "booking",  # channel:reference
    "producer",
    "actor",
    "method",
    "route",
    "status",
    "outcome",
    "reason",
    "attempt",
    "count",
    "retryAt",
    "durationMs",
)

_bound: ContextVar[Mapping[str, str]] = ContextVar("bst_log_fields")
_NOTHING: Mapping[str, str] = {}


def fields(**said: object) -> dict[str, dict[str, object]]:
    """For the ``extra`` of a log call; None says nothing."""
    return {"bst": {name: value for name, value in said.items() if value is not None}}


@contextmanager
def bound(**said: str | None) -> Iterator[None]:
    """Adds fields to every line of the block, tasks that it starts included. None adds nothing."""
    known = {name: value for name, value in said.items() if value is not None}
    token = _bound.set({**_bound.get(_NOTHING), **known})
    try:
        yield
    finally:
        _bound.reset(token)


@contextmanager
def unbound() -> Iterator[None]:
    """Forgets what is bound, for the time of the block: it does work for several requests and is of none of them."""
    token = _bound.set(_NOTHING)
    try:
        yield
    finally:
        _bound.reset(token)


def bound_fields() -> Mapping[str, str]:
    """What is bound where this is called."""
    return _bound.get(_NOTHING)
