"""What all lifecycles have in common: a total table of transitions, and the one function that reads it."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Generic, TypeVar

from attrs import frozen

S = TypeVar("S", bound=StrEnum)


@frozen(kw_only=True)
class Lifecycle(Generic[S]):
    """A total table: every status is a key, and a terminal status has no successors.

    ``starts``: the statuses that something can come into being with.
    """

    title: str
    starts: frozenset[S]
    transitions: Mapping[S, frozenset[S]]

    @property
    def terminals(self) -> frozenset[S]:
        """The statuses that nothing leaves."""
        return frozenset(status for status, successors in self.transitions.items() if not successors)

    def refuse(self, current: S, wanted: S) -> "NotAllowed[S] | None":
        """Why this move cannot be made, or None when it can. Staying is a move like any other: only where the table has it."""
        if wanted in self.transitions[current]:
            return None
        return NotAllowed(self.title, current, wanted, tuple(sorted(self.transitions[current])))


@frozen
class NotAllowed(Generic[S]):
    """The table has no such transition. ``allowed`` is what the current status may become, in alphabetical order."""

    title: str
    current: S
    wanted: S
    allowed: tuple[S, ...]

    def __str__(self) -> str:
        if not self.allowed:
            return f"{self.title}: {self.current} is final"
        return f"{self.title}: {self.current} cannot become {self.wanted}, only {', '.join(self.allowed)}"
