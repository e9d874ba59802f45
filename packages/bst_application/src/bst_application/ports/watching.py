"""What processing says about itself while it works, for figures. Told after each commit; must be quick and must not raise."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol

from attrs import frozen

from bst_domain.ingest import FailureCode


class EventOutcome(StrEnum):
    """What an execution made of an event."""

    DONE = "DONE"
    RETRY = "RETRY"
    DEAD_LETTER = "DEAD_LETTER"


@frozen(kw_only=True)
class Execution:
    """One execution of one event, committed. ``reason`` is None when it is DONE."""

    outcome: EventOutcome
    reason: FailureCode | None
    received_at: datetime
    ended_at: datetime


class ProcessingWatch(Protocol):
    def committed(self, executions: Sequence[Execution], *, seconds: float) -> None:
        """A group was committed; ``seconds`` from the claim to the end of the commit."""
        ...

    def replays_ended(self, *, succeeded: int, failed: int) -> None:
        """Replays that ended with a commit."""
        ...

    def conflicted(self) -> None:
        """A group lost its transaction to another one and is tried again at once."""
        ...


class _Unwatched:
    def committed(self, executions: Sequence[Execution], *, seconds: float) -> None: ...

    def replays_ended(self, *, succeeded: int, failed: int) -> None: ...

    def conflicted(self) -> None: ...


UNWATCHED: Final[ProcessingWatch] = _Unwatched()
