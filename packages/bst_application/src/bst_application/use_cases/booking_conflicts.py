"""REVIEW_REQUIRED: two systems contradict each other about a booking, and a person decides.

Source of the rules: semantics 10, first row. Facts are still taken in; the shown value stays the one before the conflict.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final
from uuid import UUID

from attrs import frozen

from bst_application.ports.bookings import StoredBooking
from bst_application.ports.operations import ConflictRecord, OpsDesk, OpsTransaction, Settlement
from bst_application.use_cases.operate import (
    Act,
    BookingMissing,
    Expected,
    StaleVersion,
    Written,
    at_the_desk,
    write,
)
from bst_application.use_cases.repair import Author
from bst_domain.booking import (
    NOTHING,
    BookingFacts,
    Fact,
    FactValue,
    Field,
    edit,
    hold,
    lift,
    merge,
    operator_evidence,
    shown,
)
from bst_domain.cutover import Choice, ConflictFound, Module, due_at, find_conflict
from bst_domain.values import BookingIdentity, BookingKey

#: The playbook's fields that a booking shows. The channel is no register: it is who the booking is.
HELD: Final[Mapping[str, Field]] = {"tour_date": Field.TOUR_DATE, "total_price": Field.TOTAL_PRICE}
CHANNEL: Final = "channel_code"
RAISED: Final = "BOOKING_CONFLICT_RAISED"


@frozen
class NoConflict:
    """They agree where it matters."""


@frozen
class ConflictMissing:
    """The booking has no such conflict."""


@frozen
class ConflictSettled:
    """Somebody has decided it already."""

    choice: Choice


@frozen
class ChoiceNotPossible:
    """A booking cannot move to another channel: it would be another booking. Nor is finance core's to write."""


@frozen(kw_only=True)
class RaiseConflict:
    """For whoever compares the two systems. ``legacy`` is what the other one holds, by the playbook's fields."""

    desk: OpsDesk
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(
        self, identity: BookingIdentity, legacy: Mapping[str, FactValue], *, legacy_at: datetime, by: Author
    ) -> ConflictRecord | NoConflict | BookingMissing:
        """The conflict, which may have been open before. Raises Unavailable and Conflict."""

        async def act(tx: OpsTransaction, stored: StoredBooking) -> ConflictRecord | NoConflict:
            now = self.now()
            found = await contradiction(tx, stored, legacy, legacy_at=legacy_at, now=now)
            if isinstance(found, NoConflict | ConflictRecord):
                return found
            record = found.record(self.new_id(), by.actor, now)
            act = Act(event_type=RAISED, by=by, now=now, metadata=told_of(record))
            await write(tx, stored, act, said=held(stored, record, now))
            await tx.open_conflict(record)
            return record

        raised = await at_the_desk(self.desk, identity, None, act)
        assert not isinstance(raised, StaleVersion), "no version is expected"
        return raised


@frozen(kw_only=True)
class Contradiction:
    """A new conflict about a booking, and what both sides say of its fields."""

    found: ConflictFound
    booking: BookingKey
    shown: Mapping[str, FactValue]
    core: Mapping[str, FactValue]
    legacy: Mapping[str, FactValue]

    def record(self, key: UUID, actor: str, now: datetime) -> ConflictRecord:
        """As it goes into the review queue."""
        severity = self.found.play.severity
        assert severity is not None, "the playbook wants somebody to look"
        return ConflictRecord(
            key=key,
            booking=self.booking,
            module=self.found.module,
            fields=self.found.fields,
            shown=self.shown,
            core=self.core,
            legacy=self.legacy,
            severity=severity,
            opened_by=actor,
            opened_at=now,
            due_at=due_at(severity, now),
        )


async def contradiction(
    tx: OpsTransaction,
    stored: StoredBooking,
    legacy: Mapping[str, FactValue],
    *,
    legacy_at: datetime,
    now: datetime,
) -> Contradiction | ConflictRecord | NoConflict:
    """Whether the other system contradicts the booking; the open conflict where that is known.

    What core has never heard anything of, it does not contradict. What somebody has decided is not asked again, until one of
    the two sides says something else.
    """
    core = {name: value for name, value in _values(stored.facts.registers, stored).items() if _stated(name, stored)}
    found = find_conflict(Module.BOOKING_CORE, core=core, legacy=legacy, core_at=now, legacy_at=legacy_at)
    if found is None:
        return NoConflict()

    def of(values: Mapping[str, FactValue]) -> dict[str, FactValue]:
        return {name: values[name] for name in found.fields}

    claimed, present = of(legacy), of(core)
    for known in await tx.conflicts(stored.key):
        if known.module is not Module.BOOKING_CORE or known.legacy != claimed:
            continue
        if known.settled is None:
            return known
        if present in (known.core, known.shown):
            return NoConflict()
    shown_now = of(_values(shown(stored.facts), stored))
    return Contradiction(found=found, booking=stored.key, shown=shown_now, core=present, legacy=claimed)


def told_of(record: ConflictRecord) -> dict[str, Any]:
    """A conflict in the metadata of an audit entry: no guest data."""
    return {"conflictId": str(record.key), "module": record.module.value, "fields": list(record.fields)}


def held(stored: StoredBooking, record: ConflictRecord, now: datetime) -> BookingFacts:
    """The fact that keeps what is shown, until somebody decides."""
    return hold(stored.facts, record.key, [HELD[name] for name in record.fields if name in HELD], now)


def _stated(name: str, stored: StoredBooking) -> bool:
    return name not in HELD or HELD[name] in stored.facts.registers


@frozen(kw_only=True)
class ResolveConflict:
    """A person's decision. The legacy's value, and the shown one, become an operator's fact."""

    desk: OpsDesk
    now: Callable[[], datetime]
    new_id: Callable[[], UUID]

    async def __call__(
        self, identity: BookingIdentity, key: UUID, choice: Choice, *, reason: str, expected: Expected, by: Author
    ) -> Written | BookingMissing | StaleVersion | ConflictMissing | ConflictSettled | ChoiceNotPossible:
        """Raises Unavailable and Conflict."""

        async def act(
            tx: OpsTransaction, stored: StoredBooking
        ) -> Written | ConflictMissing | ConflictSettled | ChoiceNotPossible:
            known = next((one for one in await tx.conflicts(stored.key) if one.key == key), None)
            if known is None:
                return ConflictMissing()
            if known.settled is not None:
                return ConflictSettled(known.settled.choice)
            if not _possible(choice, known):
                return ChoiceNotPossible()
            now = self.now()
            values = _chosen(choice, known, stored)
            evidence = operator_evidence(stored.facts, self.new_id(), now)
            lifted = lift(stored.facts, key) if known.module is Module.BOOKING_CORE else NOTHING
            said = merge(lifted, edit(values, evidence) if values else NOTHING)
            metadata = {"conflictId": str(key), "choice": choice.value, "reason": reason}
            act = Act(event_type="BOOKING_CONFLICT_RESOLVED", by=by, now=now, metadata=metadata)
            written = await write(tx, stored, act, said=said)
            await tx.settle_conflict(key, Settlement(choice=choice, actor=by.actor, reason=reason, at=now))
            return written

        return await at_the_desk(self.desk, identity, expected, act)


def _possible(choice: Choice, known: ConflictRecord) -> bool:
    """A ticket about finance can only be closed: the old admin's value is in place already, because that system writes it."""
    if known.module is Module.OPS_FINANCE_BRIDGE:
        return choice is not Choice.CORE
    return choice is not Choice.LEGACY or HELD.keys() >= set(known.fields)


def _chosen(choice: Choice, known: ConflictRecord, stored: StoredBooking) -> dict[Field, FactValue]:
    """What an operator's fact has to say so that the choice shows."""
    if choice is Choice.CORE:
        return {}
    values = known.legacy if choice is Choice.LEGACY else _values(shown(stored.facts), stored)
    return {HELD[name]: values[name] for name in known.fields if name in HELD}


def _values(registers: Mapping[Field, Fact], stored: StoredBooking) -> dict[str, FactValue]:
    """By the playbook's names."""
    values: dict[str, FactValue] = {
        name: None if (fact := registers.get(about)) is None else fact.value for name, about in HELD.items()
    }
    return {**values, CHANNEL: stored.identity.channel}
