"""Facts, their stamps, and the one operation on them: ``merge``.

A booking is the merge of its events' facts, field by field. ``BookingFacts`` is a join-semilattice: merge is commutative,
associative and idempotent, so neither arrival order nor duplicates matter, and the facts of one event are themselves a
(small) ``BookingFacts``. Source of the rules: semantics 2, 4 and 5; house, "the law that holds it together".
"""

from collections.abc import Callable, Container, Mapping
from datetime import datetime
from enum import StrEnum
from typing import TypeVar
from uuid import UUID

from attrs import evolve, field, frozen

from bst_domain.booking._payments import PaymentFact, PaymentKey, later_payment
from bst_domain.values import EventType, Money


class Field(StrEnum):
    """What a fact can be about. The values are the names that provenance is shown under."""

    TOUR_DATE = "tourDate"  # "YYYY-MM-DD", the day in Bali
    TOUR_TIME = "tourTime"  # "HH:MM" in Bali
    ADULT = "adult"
    CHILD = "child"
    INFANT = "infant"
    TOTAL_PRICE = "totalPrice"  # one register for currency and amount: money is one value
    PICKUP_LOCATION = "pickupLocation"
    MEETING_POINT = "meetingPoint"
    NOTE = "note"
    PACKAGE = "package"
    NAME = "mainName"
    EMAIL = "mainEmail"
    PHONE = "phone"
    LEGACY_PAYMENT = "legacyPaymentStatus"  # a legacy header's word; counts only where no payment fact does
    LEGACY_PAID_AT = "legacyPaidAt"  # ISO 8601, when the old admin noted the payment; counts only where no capture does
    LEGACY_CHANGE = "legacyChange"  # the old admin's UPDATED: a change that ops have not seen, it does not say what


#: Registers that only back-fill writes: they decide statuses, but are no fields of a booking that anybody is shown.
LEGACY_FIELDS = frozenset({Field.LEGACY_PAYMENT, Field.LEGACY_PAID_AT, Field.LEGACY_CHANGE})


#: Changing one of these concerns the people who run the tour (semantics 5, rule 5).
OPS_RELEVANT = frozenset(
    {
        Field.TOUR_DATE,
        Field.TOUR_TIME,
        Field.ADULT,
        Field.CHILD,
        Field.INFANT,
        Field.PICKUP_LOCATION,
        Field.MEETING_POINT,
        Field.PACKAGE,
        Field.NAME,
        Field.EMAIL,
        Field.PHONE,
        Field.LEGACY_CHANGE,
    }
)


class PackageRefType(StrEnum):
    LEGACY_PACKAGE = "LEGACY_PACKAGE"
    CATALOG_PRODUCT = "CATALOG_PRODUCT"
    CATALOG_VARIANT = "CATALOG_VARIANT"


@frozen
class PackageRef:
    """What was booked. ``key`` is null only for a legacy package that nobody has mapped yet.

    ``named``: what a mapping of it is looked up by where that is not the channel's number, as ``{kind}:{ref}``: the rows of the
    two old systems have numbers of their own, and an item of the shop names its variant.
    """

    type: PackageRefType
    key: UUID | None
    legacy_id: int | None
    named: str | None = None


FactValue = str | int | Money | PackageRef | None
Stamp = tuple[int, int, int, datetime, int, int]
"""(quality, origin, proof, time, tie, event id as a number): compares as a tuple; any two differ in the last place."""


@frozen(kw_only=True)
class Evidence:
    """Who said something and when it was true; all the facts of one event share it.

    ``origin`` is 1 for what channels and operators say and 0 for back-fill. ``proof`` and ``tie`` are back-fill's alone
    (semantics 9: payment proof, updated_at, shop before admin, lowest id) and 0 for everybody else.
    """

    event_id: UUID
    event_time: datetime
    source: str
    event_type: EventType
    origin: int = 1
    proof: int = 0
    tie: int = 0
    order: tuple[int, int, datetime, int, int] = field(init=False, repr=False, eq=False)

    def __attrs_post_init__(self) -> None:
        order = (self.origin, self.proof, self.event_time, self.tie, self.event_id.int)
        object.__setattr__(self, "order", order)


@frozen
class Fact:
    """One field's value as one event said it. ``quality`` is the contact rank, 0 for fields that have none."""

    value: FactValue
    quality: int
    evidence: Evidence

    @property
    def stamp(self) -> Stamp:
        return (self.quality, *self.evidence.order)


class TerminalStatus(StrEnum):
    CANCELLED = "CANCELLED"
    NO_SHOW = "NO_SHOW"


@frozen(kw_only=True)
class Override:
    """An operator's own word on the fulfilment status; ``status`` is a FulfilmentStatus."""

    status: str
    actor: str
    reason: str
    evidence: Evidence


@frozen(kw_only=True)
class Hold:
    """Two systems contradict each other: until somebody decides, these fields show what they showed before.

    ``shown`` is None for a field that showed nothing then. Facts are taken in all the same; they show when it is ``lifted``.
    """

    since: datetime
    shown: Mapping[Field, Fact | None]
    lifted: bool = False


@frozen(kw_only=True)
class BookingFacts:
    """Everything said about a booking, reduced to what can still matter. Treat the mappings as immutable.

    ``registers``: per field the fact with the best stamp. ``created``: per field what the earliest CREATED said.
    ``first``/``creation``: the earliest event of all, and the earliest CREATED. ``terminals``: every CANCELLED or NO_SHOW
    by event id. ``reinstated``: the latest lifting of terminal facts earlier than itself. ``acknowledged``: per field the
    best stamp that ops have seen. ``payments``: by (provider, kind, reference), the later one holds. ``holds``: by conflict.
    """

    registers: Mapping[Field, Fact] = {}
    created: Mapping[Field, Fact] = {}
    first: Evidence | None = None
    creation: Evidence | None = None
    terminals: Mapping[UUID, tuple[TerminalStatus, Evidence]] = {}
    reinstated: Evidence | None = None
    override: Override | None = None
    acknowledged: Mapping[Field, Stamp] = {}
    payments: Mapping[PaymentKey, PaymentFact] = {}
    holds: Mapping[UUID, Hold] = {}


NOTHING = BookingFacts()

K = TypeVar("K")
V = TypeVar("V")


def merge(ours: BookingFacts, theirs: BookingFacts) -> BookingFacts:
    """The least upper bound of two sets of facts."""
    return BookingFacts(
        registers=_by_key(ours.registers, theirs.registers, _better),
        created=_by_key(ours.created, theirs.created, _earlier_fact),
        first=_optional(ours.first, theirs.first, _earlier),
        creation=_optional(ours.creation, theirs.creation, _earlier),
        terminals=_by_key(ours.terminals, theirs.terminals, _either),
        reinstated=_optional(ours.reinstated, theirs.reinstated, _later),
        override=_optional(ours.override, theirs.override, _later_override),
        acknowledged=_by_key(ours.acknowledged, theirs.acknowledged, max),
        payments=_by_key(ours.payments, theirs.payments, later_payment),
        holds=_by_key(ours.holds, theirs.holds, _lifted_if_either),
    )


def shown(facts: BookingFacts) -> Mapping[Field, Fact]:
    """The registers as everybody sees them: of a field that is held, what it showed before the oldest conflict about it."""
    if not facts.holds:
        return facts.registers
    seen = dict(facts.registers)
    standing = [(hold.since, key.int, hold) for key, hold in facts.holds.items() if not hold.lifted]
    for _, _, hold in sorted(standing, key=lambda entry: entry[:2], reverse=True):
        for name, fact in hold.shown.items():
            if fact is None:
                seen.pop(name, None)
            else:
                seen[name] = fact
    return seen


def acknowledge(facts: BookingFacts, unseen: Container[UUID] = ()) -> BookingFacts:
    """The facts of an acknowledgement: ops saw what the booking shows, whatever the event times.

    ``unseen`` are the events that came after the acknowledged version. What arrives later has another stamp and is new.
    """
    seen = {
        name: fact.stamp
        for name, fact in shown(facts).items()
        if name in OPS_RELEVANT and fact.evidence.event_id not in unseen
    }
    return evolve(NOTHING, acknowledged=seen)


def without_backfill(facts: BookingFacts) -> BookingFacts:
    """The facts without what earlier back-fills said, payments aside: the legacy systems' present word takes its place.

    A legacy row is corrected in place, and what it says then may have a lower stamp than before (a tick for "paid" is taken
    back). Acknowledgements stay: they are what ops have seen.
    """
    live = {name: fact for name, fact in facts.registers.items() if fact.evidence.origin}
    return evolve(
        facts,
        registers=live,
        created={name: fact for name, fact in facts.created.items() if fact.evidence.origin},
        first=_live(facts.first),
        creation=_live(facts.creation),
        terminals={key: said for key, said in facts.terminals.items() if said[1].origin},
    )


def _live(evidence: Evidence | None) -> Evidence | None:
    return evidence if evidence is not None and evidence.origin else None


def _by_key(ours: Mapping[K, V], theirs: Mapping[K, V], choose: Callable[[V, V], V]) -> Mapping[K, V]:
    if not theirs:
        return ours
    if not ours:
        return theirs
    merged = dict(ours)
    for key, value in theirs.items():
        mine = merged.get(key)
        merged[key] = value if mine is None else choose(mine, value)
    return merged


def _optional(ours: V | None, theirs: V | None, choose: Callable[[V, V], V]) -> V | None:
    if ours is None or theirs is None:
        return theirs if ours is None else ours
    return choose(ours, theirs)


def _better(a: Fact, b: Fact) -> Fact:
    if a.quality != b.quality:
        return a if a.quality > b.quality else b
    return a if a.evidence.order >= b.evidence.order else b


def _earlier_fact(a: Fact, b: Fact) -> Fact:
    return a if _moment(a.evidence) <= _moment(b.evidence) else b


def _moment(evidence: Evidence) -> tuple[datetime, int]:
    return (evidence.event_time, evidence.event_id.int)


def _earlier(a: Evidence, b: Evidence) -> Evidence:
    return a if _moment(a) <= _moment(b) else b


def _later(a: Evidence, b: Evidence) -> Evidence:
    return a if _moment(a) >= _moment(b) else b


def _later_override(a: Override, b: Override) -> Override:
    return a if _moment(a.evidence) >= _moment(b.evidence) else b


def _lifted_if_either(a: Hold, b: Hold) -> Hold:
    return b if b.lifted else a  # of one conflict: they differ in nothing else


def _either(a: V, _b: V) -> V:
    return a  # the same event id: the same fact
