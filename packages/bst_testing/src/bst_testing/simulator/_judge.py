"""What must hold, during a run and at its end. Sources: house ("the law"), semantics 4 to 7."""

from datetime import datetime, timedelta
from typing import Any, assert_never
from uuid import UUID

from attrs import define, evolve, field

from bst_application.use_cases.accept import BodyRefused, Outcome
from bst_domain.booking import NOTHING, BookingFacts, merge, project
from bst_domain.ingest import (
    RETRY_DELAYS,
    Accepted,
    BookingEvent,
    ChannelNotRegistered,
    FailureCode,
    KeyReused,
    NonceReused,
    Replayed,
    decode,
    facts_of,
    parse_event,
)
from bst_domain.lifecycles import DEAD_LETTER, EVENT, FULFILMENT, PAYMENT, DeadLetterStatus, Lifecycle, ProcessStatus
from bst_domain.values import BookingIdentity, BookingKey, bali_day
from bst_testing.fakes.operating import assignments_of
from bst_testing.fakes.storage import MemoryStorage
from bst_testing.fakes.tables import LogRow
from bst_testing.fakes.transactions import Changes
from bst_testing.simulator._story import Sending

NONCE_TTL = timedelta(minutes=10)
#: Reason code of what an operator marks failed.
BY_HAND = "BY_HAND"


@define(eq=False)
class Judge:
    """Watches every commit and every answer. ``violations`` are sentences; the first one is what to look at."""

    violations: list[str] = field(factory=list)
    acknowledged: set[UUID] = field(factory=set)
    nonces: set[str] = field(factory=set)

    def require(self, holds: bool, otherwise: str) -> None:
        """Notes a broken promise."""
        if not holds:
            self.violations.append(otherwise)

    def watch_commit(self, changes: dict[str, Changes]) -> None:
        """Every status moves along its table, and a nonce is used once within its time."""
        for nonce, (before, after) in changes["nonces"].items():
            self.nonces.add(str(nonce))
            if before is not None and after is not None:
                self.require(after - before > NONCE_TTL, f"nonce {nonce} was let in twice within {NONCE_TTL}")
        for event_id, (before, after) in changes["log"].items():
            self.require(after is not None, f"event {event_id} was deleted")
            self._watch_event(before, after)
        for key, (before, after) in changes["dead_letters"].items():
            self.require(after is not None, f"dead letter {key} was deleted")
            if before is None:
                self.require(after.status in DEAD_LETTER.starts, f"a dead letter began as {after.status}")
            else:
                self._move(DEAD_LETTER, before.status, after.status)
        for identity, (before, after) in changes["bookings"].items():
            self.require(after is not None, f"booking {identity} was deleted")
            if before is not None and after is not None:
                self.require(before.key == after.key, f"booking {identity} got another key")
                self.require(before.version < after.version, f"booking {identity} was written with an old version")
                self._move(PAYMENT, before.statuses.payment, after.statuses.payment)
                self._move(FULFILMENT, before.statuses.fulfilment, after.statuses.fulfilment)

    def _watch_event(self, before: LogRow | None, after: LogRow) -> None:
        if before is None:
            self.require(after.status in EVENT.starts, f"an event began as {after.status}")
        elif before.status is ProcessStatus.RECEIVED is after.status:
            self.require(after.executions > before.executions, "an event waits for a retry without having failed")
        else:
            self._move(EVENT, before.status, after.status)

    def _move(self, lifecycle: Lifecycle[Any], before: Any, after: Any) -> None:
        if before is not after:
            refused = lifecycle.refuse(before, after)
            self.require(refused is None, f"{refused}")

    def watch_answer(self, sending: Sending, outcome: Outcome, storage: MemoryStorage) -> None:
        """An answer promises something that must be committed already."""
        log = storage.tables.log
        match outcome:
            case Accepted(event_id) | Replayed(event_id):
                row = log.get(event_id)
                self.require(row is not None, f"{sending.name} was acknowledged before the commit")
                self.acknowledged.add(event_id)
                if row is not None:
                    same = row.event.content.fingerprint == sending.fingerprint
                    self.require(same, f"{sending.name} was acknowledged with an event that says something else")
            case KeyReused(first):
                kept = (sending.key, sending.fingerprint) in storage.tables.conflicts
                self.require(kept, f"{sending.name} was refused and its body not kept")
                self.require(first in log, f"{sending.name} was refused for an event that is not there")
                differs = first in log and log[first].event.content.fingerprint != sending.fingerprint
                self.require(differs, f"{sending.name} was refused although it says the same")
            case NonceReused():
                self.require(sending.nonce in self.nonces, f"{sending.name}: a fresh nonce was refused")
            case ChannelNotRegistered() | BodyRefused():
                self.require(False, f"{sending.name} was refused: {outcome}")
            case _:
                assert_never(outcome)

    def watch_end(self, storage: MemoryStorage, now: datetime) -> None:
        """Everything has been processed, nothing is lost, nothing is double, and the law holds."""
        log = storage.tables.log
        self.require(self.acknowledged <= log.keys(), "an accepted event is lost")
        keys = [row.event.idempotency_key for row in log.values()]
        contents = [row.event.content for row in log.values()]
        self.require(len(set(keys)) == len(keys), "an idempotency key stands in the log twice")
        self.require(len(set(contents)) == len(contents), "one event stands in the log twice")
        self.require(not storage.tables.staged, "a staged job was never handed over")
        done: dict[BookingIdentity, list[tuple[datetime, BookingFacts]]] = {}
        for row in log.values():
            self._watch_settled(row, storage)
            if row.processed_at is not None:  # once applied, facts stay, whatever somebody says of the event later
                done.setdefault(row.event.content.identity, []).append((row.event.event_time, _facts(row)))
        bookings = storage.tables.bookings
        self.require(bookings.keys() == done.keys(), f"bookings {sorted(bookings)} are not those of the events")
        self.require(len({b.key for b in bookings.values()}) == len(bookings), "two bookings share a key")
        for identity, said in done.items():
            facts = NOTHING
            for _, one in sorted(said, key=lambda entry: entry[0]):
                facts = merge(facts, one)
            stored = bookings.get(identity)
            if stored is None:
                continue
            for one in _by_hand(storage, stored.key):
                facts = merge(facts, one)
            facts = evolve(facts, acknowledged=stored.facts.acknowledged)  # what ops saw is no fact of its own
            self.require(stored.facts == facts, f"{identity.ref}: the stored facts are not those of its events")
            active = [row for row in assignments_of(storage.tables, stored.key) if row.ended_at is None]
            self.require(
                len(active) == int(stored.ops.driver_assigned), f"{identity.ref} has {len(active)} active drivers"
            )
            booking = project(facts, stored.ops, bali_day(now))
            shown = (stored.statuses.payment, stored.statuses.fulfilment)
            right = (booking.payment_status, booking.fulfilment_status)
            self.require(
                shown == right,
                f"{identity.ref} shows {' and '.join(shown)}, but its events come to {' and '.join(right)}",
            )

    def _watch_settled(self, row: LogRow, storage: MemoryStorage) -> None:
        event_id = row.event.event_id
        replaying = [
            letter
            for letter in storage.tables.dead_letters.values()
            if letter.event_id == event_id and letter.status is DeadLetterStatus.REPLAYING
        ]
        self.require(not replaying, f"a replay of event {event_id} never ended")
        if row.status is ProcessStatus.DONE:
            self.require(event_id in storage.tables.recorded, f"event {event_id} is DONE without its facts")
            return
        self.require(row.status is ProcessStatus.FAILED, f"event {event_id} stayed {row.status}")
        letters = [letter for letter in storage.tables.dead_letters.values() if letter.event_id == event_id]
        self.require(bool(letters), f"event {event_id} FAILED without a dead letter")
        for letter in letters:
            code = letter.reason.code
            final = code in {FailureCode.SCHEMA_MISMATCH, BY_HAND} or row.executions > len(RETRY_DELAYS)
            self.require(final, f"event {event_id} was given up after {row.executions} executions: {code}")


def _by_hand(storage: MemoryStorage, booking: BookingKey) -> list[BookingFacts]:
    """What operators said of it."""
    said = [event for event, row in storage.tables.said.items() if row.booking == booking]
    return [storage.tables.recorded[event].facts for event in said if event not in storage.tables.log]


def _facts(row: LogRow) -> BookingFacts:
    event = parse_event(decode(row.event.payload.encode()), now=row.event.received_at)
    assert isinstance(event, BookingEvent)
    facts = facts_of(event, row.event.event_id)
    assert isinstance(facts, BookingFacts)
    return facts
