"""Reads from a copy of the database that is a moment behind, and when they must not come from there.

What decides (access, flags, accepting, processing, repairs, replays) is never wired through here; it asks the primary. Of what is
only shown, three things go to the primary, too: what somebody reads who has just written, what the copy does not have (yet), and
everything while the copy is away or too far behind.
"""

import logging
from collections.abc import Awaitable, Callable, Mapping, Sized
from contextvars import ContextVar
from datetime import datetime
from enum import StrEnum
from typing import Generic, Protocol, TypeVar
from uuid import UUID

from bst_application.errors import Conflict, TooSlow, Unavailable
from bst_application.ports.reading import (
    Backlog,
    BookingDetail,
    BookingFilter,
    BookingReader,
    BookingRow,
    EventFilter,
    EventRecord,
    IngestReader,
    LetterFilter,
    LetterGroup,
    Position,
    ProcessingCounts,
    RetryCounts,
)
from bst_application.ports.reconciliation import ReconciliationReader
from bst_application.ports.repair import DeadLetterRecord
from bst_domain.gates import DuplicateFigures, ReconciliationCounts
from bst_domain.values import BookingIdentity, BookingKey

_log = logging.getLogger(__name__)
_up_to_date: ContextVar[bool] = ContextVar("bst_up_to_date", default=False)

Reader = TypeVar("Reader")
T = TypeVar("T")


class ServedBy(StrEnum):
    """Who answered a read."""

    PRIMARY = "primary"
    REPLICA = "replica"


class Replica(Protocol):
    """What is known of the copy."""

    def may_serve(self) -> bool:
        """Whether it is there, and not too far behind."""
        ...

    def is_there(self) -> bool:
        """Whether it answered lately, however old what it says."""
        ...

    def failed(self) -> None:
        """A read found it away: it may not serve until it has been looked at again."""
        ...


def read_up_to_date(wanted: bool) -> None:
    """From now on, in this task: whether its reads come from the primary."""
    _up_to_date.set(wanted)


class ReplicaFirst(Generic[Reader]):
    """Two readers of the same data, and which of them is asked. Raises what the primary raises."""

    def __init__(
        self, replica: Reader, primary: Reader, state: Replica, note: Callable[[ServedBy], None] = lambda _: None
    ) -> None:
        self._replica = replica
        self._primary = primary
        self._state = state
        self._note = note

    async def _ask(self, question: Callable[[Reader], Awaitable[T]]) -> T:
        if _up_to_date.get() or not self._state.may_serve():
            return await self._from_primary(question)
        try:
            answer = await question(self._replica)
        except TooSlow:
            raise  # the primary would be kept busy for as long
        except (Unavailable, Conflict) as error:
            _log.warning("a read goes from the replica to the primary: %s", error)
            if isinstance(error, Unavailable):  # a conflict with the replay of the log says nothing of the next read
                self._state.failed()
            return await self._from_primary(question)
        self._note(ServedBy.REPLICA)
        return answer

    async def _find(self, question: Callable[[Reader], Awaitable[T]]) -> T:
        """As ``_ask``; but what the replica does not have may be too new for it."""
        answer = await self._ask(question)
        if answer is None or (isinstance(answer, Sized) and not len(answer)):
            return await self._from_primary(question)
        return answer

    async def _from_primary(self, question: Callable[[Reader], Awaitable[T]]) -> T:
        try:
            answer = await question(self._primary)
        except TooSlow:
            raise
        except Unavailable as error:
            # Nobody can write now, so there is nothing newer to be had; but whoever has just written would miss it here.
            if _up_to_date.get() or not self._state.is_there():
                raise
            _log.warning("a read goes from the primary to the replica: %s", error)
            answer = await question(self._replica)
            self._note(ServedBy.REPLICA)
            return answer
        self._note(ServedBy.PRIMARY)
        return answer


class ReplicaFirstBookings(ReplicaFirst[BookingReader]):
    """BookingReader."""

    async def page(self, wanted: BookingFilter, *, after: Position | None, limit: int) -> list[BookingRow]:
        return await self._ask(lambda reader: reader.page(wanted, after=after, limit=limit))

    async def find(self, name: str) -> list[tuple[BookingKey, BookingIdentity]]:
        return await self._find(lambda reader: reader.find(name))

    async def detail(self, key: BookingKey) -> BookingDetail | None:
        return await self._find(lambda reader: reader.detail(key))


class ReplicaFirstEvents(ReplicaFirst[IngestReader]):
    """IngestReader."""

    async def event(self, event_id: UUID) -> EventRecord | None:
        return await self._find(lambda reader: reader.event(event_id))

    async def events(self, wanted: EventFilter, *, after: Position | None, limit: int) -> list[EventRecord]:
        return await self._ask(lambda reader: reader.events(wanted, after=after, limit=limit))

    async def dead_letter(self, key: UUID) -> DeadLetterRecord | None:
        return await self._find(lambda reader: reader.dead_letter(key))

    async def dead_letters(self, wanted: LetterFilter, *, after: Position | None, limit: int) -> list[DeadLetterRecord]:
        return await self._ask(lambda reader: reader.dead_letters(wanted, after=after, limit=limit))

    async def dead_letter_groups(self) -> list[LetterGroup]:
        return await self._ask(lambda reader: reader.dead_letter_groups())

    async def processing_counts(self, *, since: datetime) -> ProcessingCounts:
        return await self._ask(lambda reader: reader.processing_counts(since=since))

    async def retry_counts(self, *, now: datetime) -> RetryCounts:
        return await self._ask(lambda reader: reader.retry_counts(now=now))

    async def backlog(self, *, now: datetime) -> Backlog:
        return await self._ask(lambda reader: reader.backlog(now=now))

    async def dead_letter_counts(self) -> Mapping[str, int]:
        return await self._ask(lambda reader: reader.dead_letter_counts())


class ReplicaFirstReconciliation(ReplicaFirst[ReconciliationReader]):
    """ReconciliationReader: whole tables are read, so this is what a primary is most relieved of."""

    async def reconciliation_counts(self) -> ReconciliationCounts:
        return await self._ask(lambda reader: reader.reconciliation_counts())

    async def duplicates(self) -> DuplicateFigures:
        return await self._ask(lambda reader: reader.duplicates())
