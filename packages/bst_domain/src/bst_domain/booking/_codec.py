"""Facts as JSON documents, and back.

A stored booking is its facts; the document is compact because one is read and written with every event. Events are listed
once and referred to by their place. ``converter`` puts the same documents behind cattrs, for services that store more than
facts. Payments are not part of a document: they live in a table of their own (semantics 4).
"""

from collections.abc import Callable, Mapping
from datetime import date, datetime, time
from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from bst_domain.booking._facts import (
    BookingFacts,
    Evidence,
    Fact,
    FactValue,
    Field,
    Hold,
    Override,
    PackageRef,
    PackageRefType,
    TerminalStatus,
)
from bst_domain.values import EventType, Money

if TYPE_CHECKING:
    import cattrs

Document = dict[str, Any]

#: A look into a dictionary costs a tenth of the call of an enumeration.
_FIELDS: Mapping[str, Field] = {about.value: about for about in Field}
_PLAIN = frozenset({str, int, type(None)})
_EVENT_TYPES: Mapping[str, EventType] = {kind.value: kind for kind in EventType}


class _EventTable:
    """Hands out places for events while a document is written."""

    __slots__ = ("_met", "_named", "_places", "rows")

    def __init__(self) -> None:
        self.rows: list[list[Any]] = []
        self._places: dict[object, int] = {}
        self._met: dict[int, int] = {}  # by the object itself: most facts of an event share one
        self._named: tuple[UUID | None, str] = (None, "")

    def place(self, evidence: Evidence) -> int:
        at = self._met.get(id(evidence))
        if at is None:
            at = self._met[id(evidence)] = self._place(evidence)
        return at

    def _place(self, evidence: Evidence) -> int:
        # The event id as a number: hashed many times faster than a UUID. A legacy row has several stamps under one id.
        which = evidence.order[-1] if evidence.origin else (evidence.order, evidence.event_type)
        at = self._places.get(which)
        if at is None:
            at = self._places[which] = len(self.rows)
            if self._named[0] is not evidence.event_id:
                self._named = (evidence.event_id, str(evidence.event_id))
            row: list[Any] = [
                self._named[1],
                evidence.event_time.isoformat(),
                evidence.source,
                evidence.event_type.value,
            ]
            if (evidence.origin, evidence.proof, evidence.tie) != (1, 0, 0):
                row += [evidence.origin, evidence.proof, evidence.tie]
            self.rows.append(row)
        return at


def facts_to_document(facts: BookingFacts) -> Document:
    """A JSON object without the payments; empty parts are left out, and what CREATED said and still holds stands once."""
    events = _EventTable()
    place = events.place
    document: Document = {"events": events.rows}
    registers = facts.registers
    if registers:
        document["registers"] = _registers_to_json(registers, place)
    if facts.created:
        holding = [
            name for name, fact in facts.created.items() if (kept := registers.get(name)) is fact or kept == fact
        ]
        if holding:
            document["original"] = holding
        if len(holding) < len(facts.created):
            document["created"] = {
                name: _fact_to_json(fact, place(fact.evidence))
                for name, fact in facts.created.items()
                if name not in holding
            }
    for part, evidence in (("first", facts.first), ("creation", facts.creation), ("reinstated", facts.reinstated)):
        if evidence is not None:
            document[part] = place(evidence)
    if facts.terminals:
        document["terminals"] = [[status.value, place(evidence)] for status, evidence in facts.terminals.values()]
    if facts.override is not None:
        said = facts.override
        document["override"] = [said.status, said.actor, said.reason, place(said.evidence)]
    if facts.acknowledged:
        document["acknowledged"] = {
            about: [*stamp[:3], stamp[3].isoformat(), stamp[4], str(UUID(int=stamp[5]))]
            for about, stamp in facts.acknowledged.items()
        }
    if facts.holds:
        document["holds"] = {
            str(conflict): [
                hold.since.isoformat(),
                hold.lifted,
                {
                    about: None if fact is None else _fact_to_json(fact, place(fact.evidence))
                    for about, fact in hold.shown.items()
                },
            ]
            for conflict, hold in facts.holds.items()
        }
    return document


def facts_from_document(document: Mapping[str, Any]) -> BookingFacts:
    """The facts that ``facts_to_document`` wrote, without payments. Raises KeyError, ValueError or TypeError on anything else."""
    events = [_evidence(row) for row in document.get("events", ())]

    def fact(said: list[Any]) -> Fact:
        value, quality, at = said
        return Fact(value_from_json(value), quality, events[at])

    def facts(name: str) -> dict[Field, Fact]:
        return {_FIELDS[about]: fact(said) for about, said in document.get(name, {}).items()}

    def evidence(name: str) -> Evidence | None:
        at = document.get(name)
        return None if at is None else events[at]

    registers, created = facts("registers"), facts("created")
    for about in document.get("original", ()):
        name = _FIELDS[about]
        created[name] = registers[name]
    terminals = {events[at].event_id: (TerminalStatus(word), events[at]) for word, at in document.get("terminals", ())}
    override = None
    if "override" in document:
        status, actor, reason, at = document["override"]
        override = Override(status=status, actor=actor, reason=reason, evidence=events[at])
    return BookingFacts(
        registers=registers,
        created=created,
        first=evidence("first"),
        creation=evidence("creation"),
        terminals=terminals,
        reinstated=evidence("reinstated"),
        override=override,
        acknowledged={
            _FIELDS[about]: (quality, origin, proof, datetime.fromisoformat(at), tie, UUID(event).int)
            for about, (quality, origin, proof, at, tie, event) in document.get("acknowledged", {}).items()
        },
        holds={
            UUID(conflict): Hold(
                since=datetime.fromisoformat(since),
                shown={_FIELDS[about]: None if said is None else fact(said) for about, said in held.items()},
                lifted=lifted,
            )
            for conflict, (since, lifted, held) in document.get("holds", {}).items()
        },
    )


def said_by(facts: BookingFacts) -> Document:
    """What one event said, for people: field -> value, without stamps. A status is there where an operator decided it."""
    said: Document = {
        about: value if type(value := fact.value) in _PLAIN else value_to_json(value)
        for about, fact in facts.registers.items()
    }
    if facts.override is not None:
        said["opsFulfillmentStatus"] = facts.override.status
    for status, evidence in facts.terminals.values():
        if evidence.event_type is not EventType.CANCELLED:  # a channel's cancellation is told by its type
            said["opsFulfillmentStatus"] = status.value
    if facts.reinstated is not None:
        said["reinstated"] = True
    return said


def _evidence(row: list[Any]) -> Evidence:
    event_id, at, source, event_type, *backfill = row
    origin, proof, tie = backfill or (1, 0, 0)
    return Evidence(
        event_id=UUID(event_id),
        event_time=datetime.fromisoformat(at),
        source=source,
        event_type=_EVENT_TYPES[event_type],
        origin=origin,
        proof=proof,
        tie=tie,
    )


def _registers_to_json(registers: Mapping[Field, Fact], place: Callable[[Evidence], int]) -> Document:
    """Like ``_fact_to_json`` for each; most follow one of the same event."""
    said: Document = {}
    known, at = None, 0
    for about, fact in registers.items():
        if fact.evidence is not known:
            known = fact.evidence
            at = place(known)
        value = fact.value
        said[about] = [value if type(value) in _PLAIN else value_to_json(value), fact.quality, at]
    return said


def _fact_to_json(fact: Fact, place: int) -> list[Any]:
    return [value_to_json(fact.value), fact.quality, place]


def value_to_json(value: FactValue) -> Any:
    """Money as currency and decimal string, a package as its members; everything else as it is."""
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, Money):
        return {"currency": value.currency, "amount": str(value.amount)}
    key = None if value.key is None else str(value.key)
    document = {"type": value.type.value, "key": key, "legacyId": value.legacy_id}
    return document if value.named is None else {**document, "named": value.named}


def value_from_json(value: Any) -> FactValue:
    """The value that ``value_to_json`` wrote."""
    if not isinstance(value, dict):
        assert value is None or isinstance(value, str | int)
        return value
    if "amount" in value:
        return Money(value["currency"], Decimal(value["amount"]))
    key = value["key"]
    return PackageRef(
        PackageRefType(value["type"]), None if key is None else UUID(key), value["legacyId"], value.get("named")
    )


def converter() -> "cattrs.Converter":
    """A cattrs converter for every public value of this package: instants as ISO 8601, amounts as decimal strings."""
    import cattrs  # here: it costs as much to import as the rest of the package together, and few services need it

    made = cattrs.Converter()
    made.register_unstructure_hook(datetime, datetime.isoformat)
    made.register_unstructure_hook(date, date.isoformat)
    made.register_unstructure_hook(time, time.isoformat)
    made.register_unstructure_hook(UUID, str)
    made.register_unstructure_hook(Decimal, str)
    made.register_structure_hook(datetime, lambda text, _: datetime.fromisoformat(text))
    made.register_structure_hook(date, lambda text, _: date.fromisoformat(text))
    made.register_structure_hook(time, lambda text, _: time.fromisoformat(text))
    made.register_structure_hook(UUID, lambda text, _: UUID(text))
    made.register_structure_hook(Decimal, lambda text, _: Decimal(text))
    made.register_unstructure_hook(BookingFacts, facts_to_document)
    made.register_structure_hook(BookingFacts, lambda document, _: facts_from_document(document))
    return made
