"""Traces: which work came from which request. A use case opens spans; it does not know what they are for.

A trace context is the text of a W3C ``traceparent``. It is stored with each event, so that a trace goes on after any outage: the
log carries it where the queue has lost it. Spans never fail, and where nobody asked for traces they cost next to nothing.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from enum import Enum
from typing import Final, Protocol

from attrs import frozen

#: Version 00 of the standard; ids of zeros mean none.
_TRACEPARENT = re.compile(r"00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}")

Attributes = Mapping[str, str | int | float | bool]


class SpanKind(Enum):
    SERVER = "server"
    INTERNAL = "internal"
    PRODUCER = "producer"
    CONSUMER = "consumer"


class Span(Protocol):
    """A piece of work under way."""

    @property
    def context(self) -> str | None:
        """What is stored or sent along, so that later work is known to come from this."""
        ...

    def set(self, attributes: Attributes) -> None:
        """Says more about the work. Never guest data."""
        ...

    def link(self, contexts: Sequence[str | None]) -> None:
        """Work of other traces that this is done for."""
        ...

    def fail(self, why: str) -> None:
        """The work failed; ``why`` is a machine string."""
        ...

    def rename(self, name: str) -> None:
        """The name is only known now."""
        ...


class Tracing(Protocol):
    """Where spans go."""

    def span(
        self,
        name: str,
        *,
        kind: SpanKind = SpanKind.INTERNAL,
        parent: str | None = None,
        detached: bool = False,
        attributes: Attributes | None = None,
    ) -> AbstractContextManager[Span]:
        """Work that lasts as long as the block. An exception that leaves it is noted by its type.

        ``parent`` is a stored context; without one the span belongs to whatever is under way, unless it is ``detached``.
        """
        ...

    def past(
        self,
        name: str,
        *,
        kind: SpanKind,
        parent: str | None,
        began_ns: int,
        links: Sequence[str | None],
        attributes: Attributes,
    ) -> None:
        """Work that began at ``began_ns`` (Unix time) and ends now; for what is only known when it is over."""
        ...

    @property
    def is_on(self) -> bool:
        """Whether anybody wants spans; saves the trouble of preparing many."""
        ...


@frozen
class _NoSpan:
    """Work that nobody watches; its own context manager, because that is cheapest."""

    context: str | None

    def __enter__(self) -> Span:
        return self

    def __exit__(self, *_: object) -> None: ...

    def set(self, attributes: Attributes) -> None: ...

    def link(self, contexts: Sequence[str | None]) -> None: ...

    def fail(self, why: str) -> None: ...

    def rename(self, name: str) -> None: ...


_NOBODYS: Final = _NoSpan(None)


class _NoTracing:
    """Nobody asked for traces. A context that came from outside is passed on all the same."""

    is_on: Final = False

    def span(
        self,
        name: str,  # noqa: ARG002 - the port's
        *,
        kind: SpanKind = SpanKind.INTERNAL,  # noqa: ARG002 - the same
        parent: str | None = None,
        detached: bool = False,  # noqa: ARG002 - the same
        attributes: Attributes | None = None,  # noqa: ARG002 - the same
    ) -> AbstractContextManager[Span]:
        return _NOBODYS if parent is None else _NoSpan(parent)

    def past(
        self,
        name: str,
        *,
        kind: SpanKind,
        parent: str | None,
        began_ns: int,
        links: Sequence[str | None],
        attributes: Attributes,
    ) -> None: ...


NO_TRACING: Final[Tracing] = _NoTracing()


def trace_context(header: str | None) -> str | None:
    """A ``traceparent`` that can be used, else None."""
    return header if header is not None and _TRACEPARENT.fullmatch(header) else None


def trace_id(context: str | None) -> str | None:
    """The id under which a trace is found; 32 hex digits."""
    return None if context is None else context[3:35]
