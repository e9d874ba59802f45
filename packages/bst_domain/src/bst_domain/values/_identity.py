"""Who a booking is: a channel and that channel's reference.

Source of the rules: semantics 1. References are normalised here once, so that ``" gyg-1 "`` and ``"GYG-1"`` are one booking.
"""

from enum import StrEnum
from hashlib import blake2b
from typing import NewType
from uuid import UUID, uuid5

from attrs import frozen

EventId = NewType("EventId", UUID)
BookingKey = NewType("BookingKey", UUID)
ExternalRef = NewType("ExternalRef", str)

MAX_REF_LENGTH = 128

# Literal constants of the data model; never recomputed from a name.
NS_BOOKING = UUID("1396788e-dfe4-558e-977f-cbac85111c4c")
NS_PAYMENT = UUID("2dfcb1f0-47c5-5823-9bc3-c281e0fd702f")


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
        digest = blake2b(f"{self.channel}\x00{self.ref}".encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big", signed=True)


def backfilled_booking_key(identity: BookingIdentity) -> BookingKey:
    """The key of a booking row that back-fill makes: UUIDv5 over the identity, so that every run makes the same one."""
    return BookingKey(uuid5(NS_BOOKING, f"canonical:booking_identity:{identity.channel}:{identity.ref}"))


def synthetic_item_key(booking: BookingKey) -> UUID:
    """The key of the one item that stands for a booking whose channel states no items."""
    return uuid5(NS_BOOKING, f"ingest:{booking}:synthetic")


def payment_row_key(booking: BookingKey, provider: str, reference: str) -> UUID:
    """The key of the projected row of one payment reference within a booking."""
    return uuid5(NS_PAYMENT, f"{booking}:{provider}:{reference}")


def external_ref_key(kind: str, channel: str, ref: str) -> UUID:
    """The key of another system's reference to a booking."""
    return uuid5(NS_BOOKING, f"{kind}:{channel}:{ref}")
