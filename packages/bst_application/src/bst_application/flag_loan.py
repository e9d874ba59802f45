"""Flags on loan: a drill turns them for a moment, and says until when. Whoever finds a loan overdue, because the drill was
killed, gives the flags back as they were.

The loan is an override of a name that is no flag, so it is read with the flags, and taken and given back in one commit with them.
"""

import json
import logging
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from attrs import frozen

from bst_application.ports.audit import AuditEntry
from bst_application.ports.flags import FlagOverride, FlagStore, Overrides, Revision

_log = logging.getLogger(__name__)

#: Beside the flags' own names.
NAME: Final = "FLAGS_ON_LOAN"
#: How long a loan lasts when nobody extends it: so long may a drill stand still.
TERM: Final = timedelta(minutes=1)
RESTORED: Final = "CUTOVER_RESTORED"


@frozen(kw_only=True)
class Loan:
    """``words`` is what every reason of the borrower begins with, so that its overrides are known from everybody else's."""

    actor: str
    words: str
    began: datetime
    until: datetime
    before: Mapping[str, FlagOverride | None]


@frozen
class OnLoan:
    """Somebody has the flags."""

    loan: Loan


@frozen(kw_only=True)
class FlagLoans:
    """Takes the flags on loan, keeps them, and gives them back."""

    store: FlagStore

    async def take(self, names: Sequence[str], *, actor: str, words: str, at: datetime) -> Loan | OnLoan:
        """As they are now. An overdue loan is given back first. Raises Unavailable and Conflict."""
        await self.settle(at)
        made: Loan | OnLoan | None = None

        def decide(overrides: Overrides) -> Revision:
            nonlocal made
            if (other := lent(overrides)) is not None:
                made = OnLoan(other)
                return Revision(changes={}, entries=[])
            before = {name: overrides.get(name) for name in names}
            made = Loan(actor=actor, words=words, began=at, until=at + TERM, before=before)
            return Revision(changes={NAME: _override(made)}, entries=[])

        await self.store.revise(decide)
        assert made is not None
        return made

    async def extend(self, loan: Loan, *, at: datetime) -> bool:
        """False when somebody has given it back meanwhile. Raises Unavailable and Conflict."""
        held = False

        def decide(overrides: Overrides) -> Revision:
            nonlocal held
            known = lent(overrides)
            held = known is not None and known.began == loan.began
            if known is None or not held:
                return Revision(changes={}, entries=[])
            longer = Loan(actor=loan.actor, words=loan.words, began=loan.began, until=at + TERM, before=loan.before)
            return Revision(changes={NAME: _override(longer)}, entries=[])

        await self.store.revise(decide)
        return held

    async def give_back(self, loan: Loan, *, at: datetime) -> bool:
        """Each flag as it was; not where somebody else has turned it since, and then False. Raises Unavailable and Conflict."""
        left: Sequence[str] = ()

        def decide(overrides: Overrides) -> Revision:
            nonlocal left
            made, left = _given_back(overrides, loan, at, why="given back")
            return made

        await self.store.revise(decide)
        return not left

    async def settle(self, now: datetime) -> None:
        """Gives back what is overdue. Raises Unavailable and Conflict."""

        def decide(overrides: Overrides) -> Revision:
            loan = lent(overrides)
            if loan is None or now <= loan.until:
                return Revision(changes={}, entries=[])
            _log.warning("%s by %s did not come to its end: its flags are put back", loan.words, loan.actor)
            return _given_back(overrides, loan, now, why="it did not come to its end")[0]

        await self.store.revise(decide)


def lent(overrides: Overrides) -> Loan | None:
    """Who has the flags, if anybody has."""
    said = overrides.get(NAME)
    if said is None:
        return None
    told: dict[str, Any] = json.loads(said.value)
    before = {name: None if one is None else _read(one) for name, one in told["before"].items()}
    return Loan(
        actor=said.actor, words=said.reason, began=said.at, until=datetime.fromisoformat(told["until"]), before=before
    )


def is_overdue(overrides: Overrides, now: datetime) -> bool:
    """Whether somebody has to give the flags back."""
    loan = lent(overrides)
    return loan is not None and now > loan.until


def _given_back(overrides: Overrides, loan: Loan, at: datetime, *, why: str) -> tuple[Revision, list[str]]:
    changes: dict[str, FlagOverride | None] = {}
    left: list[str] = []
    for name, then in loan.before.items():
        now = overrides.get(name)
        if now == then:
            continue
        if now is not None and now.actor == loan.actor and now.reason.startswith(loan.words):
            changes[name] = then
        else:
            left.append(name)
    restored = {name: None if override is None else override.value for name, override in changes.items()}
    entry = AuditEntry(
        event_type=RESTORED,
        actor=loan.actor,
        resource_type="CUTOVER",
        resource_id="drill",
        metadata={"restored": restored, "left": left, "reason": f"{loan.words}: {why}"},
        at=at,
    )
    known = lent(overrides)
    if known is not None and known.began == loan.began:
        changes[NAME] = None
    return Revision(changes=changes, entries=[entry]), left


def _override(loan: Loan) -> FlagOverride:
    before = {name: None if one is None else _written(one) for name, one in loan.before.items()}
    value = json.dumps({"until": loan.until.isoformat(), "before": before})
    return FlagOverride(value=value, actor=loan.actor, reason=loan.words, at=loan.began)


def _written(one: FlagOverride) -> dict[str, str]:
    return {"value": one.value, "actor": one.actor, "reason": one.reason, "at": one.at.isoformat()}


def _read(one: Mapping[str, str]) -> FlagOverride:
    return FlagOverride(
        value=one["value"], actor=one["actor"], reason=one["reason"], at=datetime.fromisoformat(one["at"])
    )
