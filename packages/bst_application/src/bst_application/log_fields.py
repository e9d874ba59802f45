"""What log lines say besides their sentence: the request, the trace, the event, the booking. No guest data, no secret.

Lines are written with the standard library. Whoever formats them adds ``FIELDS`` and nothing else of what a line carries.
"""

from collections.abc import Mapping
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
    "command",
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

_bound: ContextVar[Mapping[str, str | None]] = ContextVar("bst_log_fields")
_NOTHING: Mapping[str, str | None] = {}


def fields(**said: object) -> dict[str, dict[str, object]]:
    """For the ``extra`` of a log call; None says nothing."""
    return {"bst": {name: value for name, value in said.items() if value is not None}}


class bound:  # noqa: N801 - reads as a verb, and is a class because a generator would cost a request microseconds
    """Adds fields to every line of the block, tasks that it starts included. None adds nothing."""

    __slots__ = ("_said", "_token")

    def __init__(self, **said: str | None) -> None:
        self._said: Mapping[str, str | None] | None = said

    def __enter__(self) -> None:
        said = self._said
        known = _NOTHING if said is None else {**_bound.get(_NOTHING), **said}
        self._token = _bound.set(known)

    def __exit__(self, *_: object) -> None:
        _bound.reset(self._token)


def unbound() -> bound:
    """Forgets what is bound, for the time of the block: it does work for several requests and is of none of them."""
    nothing = bound()
    nothing._said = None
    return nothing


def bound_fields() -> Mapping[str, str | None]:
    """What is bound where this is called; None says nothing."""
    return _bound.get(_NOTHING)
