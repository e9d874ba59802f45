"""REVIEW_REQUIRED: two systems contradict each other about a booking, and a person decides.

Source of the rules: semantics 10, first row. Facts are still taken in; the shown value stays the one before the conflict.
"""

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Final
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
    opened,
    write,
)
from bst_application.use_cases.repair import Author
from bst_domain.booking import NOTHING, Fact, FactValue, Field, edit, hold, lift, merge, operator_evidence, shown
from bst_domain.migration import Choice, ConflictFound, Module, due_at, find_conflict
from bst_domain.values import BookingIdentity

#: The playbook's fields that a booking shows. The channel is no register: it is who the booking is.
HELD: Final[Mapping[str, Field]] = {"tour_date": Field.TOUR_DATE, "total_price": Field.TOTAL_PRICE}
CHANNEL: Final = "channel_code"


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
    """A booking cannot move to another channel: it would be another booking."""


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

        async def act(tx: OpsTransaction) -> ConflictRecord | NoConflict | BookingMissing:
            stored = await opened(tx, identity, None)
            if not isinstance(stored, StoredBooking):
                assert isinstance(stored, BookingMissing), "no version is expected"
                return stored
            now = self.now()
            core = _values(stored.facts.registers, stored)
            found = find_conflict(Module.BOOKING_CORE, core=core, legacy=legacy, core_at=now, legacy_at=legacy_at)
            if found is None:
                return NoConflict()
            claimed = {name: legacy[name] for name in found.fields}
            for known in await tx.conflicts(stored.key):
                if known.settled is None and known.legacy == claimed:
                    return known
            record = self._record(found, stored, legacy, by.actor, now)
            metadata = {"conflictId": str(record.key), "module": record.module.value, "fields": list(record.fields)}
            act = Act(event_type="BOOKING_CONFLICT_RAISED", by=by, now=now, metadata=metadata)
            held = [HELD[name] for name in record.fields if name in HELD]
            await write(tx, stored, act, said=hold(stored.facts, record.key, held, now))
            await tx.open_conflict(record)
            return record

        return await at_the_desk(self.desk, act)

    def _record(
        self, found: ConflictFound, stored: StoredBooking, legacy: Mapping[str, FactValue], actor: str, now: datetime
    ) -> ConflictRecord:
        def of(values: Mapping[str, FactValue]) -> dict[str, FactValue]:
            return {name: values[name] for name in found.fields}

        severity = found.play.severity
        assert severity is not None, "the playbook wants somebody to look"
        return ConflictRecord(
            key=self.new_id(),
            booking=stored.key,
            module=found.module,
            fields=found.fields,
            shown=of(_values(shown(stored.facts), stored)),
            core=of(_values(stored.facts.registers, stored)),
            legacy=of(legacy),
            severity=severity,
            opened_by=actor,
            opened_at=now,
            due_at=due_at(severity, now),
        )


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
            tx: OpsTransaction,
        ) -> Written | BookingMissing | StaleVersion | ConflictMissing | ConflictSettled | ChoiceNotPossible:
            stored = await opened(tx, identity, expected)
            if not isinstance(stored, StoredBooking):
                return stored
            known = next((one for one in await tx.conflicts(stored.key) if one.key == key), None)
            if known is None:
                return ConflictMissing()
            if known.settled is not None:
                return ConflictSettled(known.settled.choice)
            if choice is Choice.LEGACY and not HELD.keys() >= set(known.fields):
                return ChoiceNotPossible()
            now = self.now()
            values = _chosen(choice, known, stored)
            evidence = operator_evidence(stored.facts, self.new_id(), now)
            said = merge(lift(stored.facts, key), edit(values, evidence) if values else NOTHING)
            metadata = {"conflictId": str(key), "choice": choice.value, "reason": reason}
            act = Act(event_type="BOOKING_CONFLICT_RESOLVED", by=by, now=now, metadata=metadata)
            written = await write(tx, stored, act, said=said)
            await tx.settle_conflict(key, Settlement(choice=choice, actor=by.actor, reason=reason, at=now))
            return written

        return await at_the_desk(self.desk, act)


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
