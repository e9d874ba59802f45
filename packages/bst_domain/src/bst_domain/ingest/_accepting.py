"""Is this delivery new, a repeat, or a contradiction?

Source of the rules: semantics 6. A duplicate is an outcome, not an error.
"""

from datetime import datetime

from attrs import frozen

from bst_domain.values import BookingIdentity, EventId, EventType


@frozen(kw_only=True)
class ContentKey:
    """Two deliveries that agree in all of this say the same thing, whatever their idempotency keys."""

    identity: BookingIdentity
    event_type: EventType
    second: datetime  # the event time, cut to the second
    fingerprint: str


@frozen(kw_only=True)
class PriorEvent:
    """An event that is already in the log."""

    event_id: EventId
    idempotency_key: str
    fingerprint: str
    process_status: str


@frozen
class Accepted:
    """A new event."""

    event_id: EventId


@frozen
class Replayed:
    """The first event said the same; it answers for this delivery, too."""

    event_id: EventId
    process_status: str


@frozen
class KeyReused:
    """The producer used one idempotency key for two different bodies; the second is kept for a person to look at."""

    first: EventId


@frozen
class NonceReused:
    """The delivery was sent before, to the letter."""


@frozen
class ChannelNotRegistered:
    """The source is a known word, but this operator has not registered the channel."""


Acceptance = Accepted | Replayed | KeyReused | NonceReused | ChannelNotRegistered


def second_of(event_time: datetime) -> datetime:
    """Cut, not rounded."""
    return event_time.replace(microsecond=0)


def decide_acceptance(
    *, fingerprint: str, same_key: PriorEvent | None, same_content: PriorEvent | None
) -> Replayed | KeyReused | None:
    """What the log already knows of a delivery; None: nothing, it is new.

    ``same_content`` must agree in the whole ``ContentKey``; the key is looked at first.
    """
    if same_key is not None:
        if same_key.fingerprint == fingerprint:
            return Replayed(same_key.event_id, same_key.process_status)
        return KeyReused(same_key.event_id)
    if same_content is not None:
        return Replayed(same_content.event_id, same_content.process_status)
    return None
