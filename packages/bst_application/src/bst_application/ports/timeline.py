"""What happened to a booking, in the order in which it became known here."""

from collections.abc import Mapping
from datetime import datetime
from enum import IntEnum
from typing import Any, Protocol

from attrs import frozen

from bst_domain.values import BookingKey


class Happening(IntEnum):
    """The kinds of entries; what is known in one commit is told in this order."""

    FACT = 1
    ASSIGNMENT = 2
    STATUS = 3
    AUDIT = 4


@frozen(kw_only=True, order=True)
class Moment:
    """The place of an entry: when it became known, its kind, and what tells it from others of the moment."""

    at: datetime
    kind: Happening
    tie: str


@frozen(kw_only=True)
class TimelineEntry:
    """One thing that happened. ``id`` is that of the event, assignment or audit entry, or the version; ``details`` are JSON."""

    moment: Moment
    id: str
    details: Mapping[str, Any]


class BookingTimeline(Protocol):
    """A snapshot; nothing is locked. Raises Unavailable only."""

    async def entries(self, booking: BookingKey, *, after: Moment | None, limit: int) -> list[TimelineEntry]:
        """At most ``limit`` entries behind ``after``, oldest first. The audit of the booking's events belongs to it."""
        ...
