"""What operators say of a booking: facts like any other, each with an evidence of its own.

Source of the rules: semantics 2 (an operator's edit holds until somebody says something later), 5 (overrides, reinstatement) and
10 (conflicts that wait for a person).
"""

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime, timedelta
from uuid import UUID

from attrs import evolve, frozen

from bst_domain.booking._facts import (
    NOTHING,
    OPS_RELEVANT,
    BookingFacts,
    Evidence,
    Fact,
    FactValue,
    Field,
    Hold,
    Override,
    TerminalStatus,
    shown,
)
from bst_domain.booking._fulfilment import terminal_fact
from bst_domain.values import EventType, FulfilmentStatus

#: The source of what operators say, in provenance.
OPERATOR = "OPERATOR"
_INSTANT = timedelta(microseconds=1)
_TERMINAL = frozenset(status.value for status in TerminalStatus)


@frozen
class TerminalStands:
    """A cancellation or a no-show stands against what was wanted; only a reinstatement lifts it."""

    status: TerminalStatus


def operator_evidence(facts: BookingFacts, event_id: UUID, now: datetime) -> Evidence:
    """Now; but after all that the booking has heard, for whoever acts has seen it, though a channel's clock may be ahead."""
    latest = max((evidence.event_time for evidence in _heard(facts)), default=None)
    at = now if latest is None or latest < now else latest + _INSTANT
    return Evidence(event_id=event_id, event_time=at, source=OPERATOR, event_type=EventType.UPDATED)


def edit(values: Mapping[Field, FactValue], evidence: Evidence) -> BookingFacts:
    """An operator's words on fields that have no contact rank. Ops need not acknowledge what they said themselves."""
    registers = {about: Fact(value, 0, evidence) for about, value in values.items()}
    return BookingFacts(
        registers=registers,
        first=evidence,
        acknowledged={about: fact.stamp for about, fact in registers.items() if about in OPS_RELEVANT},
    )


def decide_status(
    facts: BookingFacts,
    status: FulfilmentStatus,
    *,
    actor: str,
    reason: str,
    reinstate: bool,
    evidence: Evidence,
) -> BookingFacts | TerminalStands:
    """An operator's own word on the status, for a booking of these facts.

    CANCELLED and NO_SHOW are terminal facts, everything else is an override. ``reinstate`` lifts the terminal fact that stands
    against it; whether the actor may do that is the caller's to know.
    """
    standing = terminal_fact(facts)
    against = standing is not None and standing[0] != status.value
    if standing is not None and against and not reinstate:
        return TerminalStands(standing[0])
    said = BookingFacts(first=evidence, reinstated=evidence if against else None)
    if status.value in _TERMINAL:
        return evolve(said, terminals={evidence.event_id: (TerminalStatus(status.value), evidence)})
    return evolve(said, override=Override(status=status.value, actor=actor, reason=reason, evidence=evidence))


def hold(before: BookingFacts, conflict: UUID, fields: Iterable[Field], since: datetime) -> BookingFacts:
    """The facts of a conflict about these fields: they go on showing what they show in ``before``. It may name no field."""
    seen = shown(before)
    return evolve(NOTHING, holds={conflict: Hold(since=since, shown={about: seen.get(about) for about in fields})})


def lift(facts: BookingFacts, conflict: UUID) -> BookingFacts:
    """The facts of a decision: the fields of that conflict show what the facts say again. Raises KeyError for an unknown one."""
    return evolve(NOTHING, holds={conflict: evolve(facts.holds[conflict], lifted=True)})


def _heard(facts: BookingFacts) -> Iterator[Evidence]:
    yield from (fact.evidence for fact in facts.registers.values())
    yield from (evidence for _, evidence in facts.terminals.values())
    if facts.reinstated is not None:
        yield facts.reinstated
    if facts.override is not None:
        yield facts.override.evidence
