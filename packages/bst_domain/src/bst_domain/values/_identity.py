"""Who a booking is: a channel and that channel's reference.

Source of the rules: semantics 1. References are normalised here once, so that ``" gyg-1 "`` and ``"GYG-1"`` are one booking.
"""

from enum import StrEnum
from hashlib import blake2b
from typing import NewType
from uuid import UUID

from attrs import frozen

EventId = NewType("EventId", UUID)
BookingKey = NewType("BookingKey", UUID)
ExternalRef = NewType("ExternalRef", str)

MAX_REF_LENGTH = 128
"""Characters of a normalised reference."""


class Source(StrEnum):
    """Where an event comes from; on the wire the same word names the channel."""

    DIRECT = "DIRECT"
    GYG = "GYG"
    VIATOR = "VIATOR"
    BOKUN = "BOKUN"
    TRIPDOTCOM = "TRIPDOTCOM"
    MANUAL = "MANUAL"


class EventType(StrEnum):
    CREATED = "CREATED"
    UPDATED = "UPDATED"
    CANCELLED = "CANCELLED"


def normalise_ref(raw: str) -> ExternalRef:
    """Trim, upper-case, drop inner white space. The result may be empty or too long: the caller decides what that means."""
    return ExternalRef("".join(raw.split()).upper())


@frozen(order=True)
class BookingIdentity:
    """The key of a booking in the outside world."""

    channel: str
    ref: ExternalRef

    def lock_number(self) -> int:
        """A signed 64-bit number for a database lock. Two bookings may share one: they then wait for each other, no more."""
        return _number(self.channel, self.ref)


@frozen(order=True)
class ChannelReference:
    """What a channel calls something; a channel mapping says which entity of ours that is. ``ref`` is spelled as there."""

    channel: str
    kind: str
    ref: str

    def lock_number(self) -> int:
        """As a booking's: whoever writes mappings of a reference is alone with it."""
        return _number("mapping", self.channel, self.kind, self.ref)


def _number(*parts: str) -> int:
    digest = blake2b("\x00".join(parts).encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big", signed=True)
