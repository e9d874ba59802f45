"""What is left of a booking when a back-fill is taken back: what channels and operators said of it.

The fold keeps the best of all facts, and a better-stamped row of a legacy system may have pushed out what a live event said. But
what each event said is kept with the booking for ever, so its facts can be told again. Source of the rules: semantics 2, 7 and 9.
"""

from collections.abc import Callable, Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from attrs import evolve, frozen

from bst_domain.booking._codec import value_from_json
from bst_domain.booking._facts import (
    OPS_RELEVANT,
    BookingFacts,
    Evidence,
    Fact,
    Field,
    TerminalStatus,
    merge,
    without_backfill,
)
from bst_domain.booking._operator import OPERATOR
from bst_domain.values import EventType, email_quality, name_quality, phone_quality

_RANKS: Mapping[Field, Callable[[str | None], int]] = {
    Field.NAME: name_quality,
    Field.EMAIL: email_quality,
    Field.PHONE: phone_quality,
}
_FIELDS: Mapping[str, Field] = {about.value: about for about in Field}


@frozen(kw_only=True)
class RecordedEvent:
    """An event as it is kept with its booking. ``said``: field -> value, as ``said_by`` spelled them."""

    event_id: UUID
    event_time: datetime
    source: str
    event_type: EventType
    said: Mapping[str, Any]


def told_again(event: RecordedEvent) -> BookingFacts:
    """The facts of a live event, its payment aside; of an operator's act what it said of fields."""
    evidence = Evidence(
        event_id=event.event_id, event_time=event.event_time, source=event.source, event_type=event.event_type
    )
    registers = {
        about: _fact(about, value, evidence)
        for name, value in event.said.items()
        if (about := _FIELDS.get(name)) is not None
    }
    created = event.event_type is EventType.CREATED
    ends = event.event_type is EventType.CANCELLED
    return BookingFacts(
        registers=registers,
        created={about: fact for about, fact in registers.items() if about in OPS_RELEVANT} if created else {},
        first=evidence,
        creation=evidence if created else None,
        terminals={event.event_id: (TerminalStatus.CANCELLED, evidence)} if ends else {},
    )


def _fact(about: Field, said: Any, evidence: Evidence) -> Fact:
    value = value_from_json(said)
    rank = _RANKS.get(about)
    return Fact(value, 0 if rank is None else rank(None if value is None else str(value)), evidence)


def taken_back(facts: BookingFacts, live: Iterable[RecordedEvent]) -> BookingFacts | None:
    """The facts without any back-fill; ``live`` is everything that was said of the booking since it is here.

    None: no channel has ever said anything of it, so that nothing could be shown.
    """
    events = list(live)
    if all(event.source == OPERATOR for event in events):
        return None
    left = evolve(without_backfill(facts), payments={key: fact for key, fact in facts.payments.items() if fact.origin})
    for event in events:
        left = merge(left, told_again(event))
    return left


def acts_of_operators(facts: BookingFacts, live: Iterable[RecordedEvent]) -> bool:
    """Whether somebody here has edited, acknowledged, overridden, reinstated or settled anything of the booking."""
    deeds = (facts.acknowledged, facts.override, facts.reinstated, facts.holds)
    ended = any(said[1].source == OPERATOR for said in facts.terminals.values())
    return any(deeds) or ended or any(event.source == OPERATOR for event in live)


def shows_back_fill_in_a_conflict(facts: BookingFacts) -> bool:
    """Whether a field is held at a value that only back-fill has said: somebody must decide first."""
    return any(
        fact is not None and not fact.evidence.origin
        for hold in facts.holds.values()
        if not hold.lifted
        for fact in hold.shown.values()
    )
