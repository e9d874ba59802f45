"""G-04: going back to the old way takes less than five minutes, shown on the running system with nothing but the flags.

The drill lets one actor of its own onto both paths, sees every process do so, turns both paths off, and measures until every
process answers the old way. Bookings are not touched; the flags are put back as they were, whatever happens: by the drill, or,
where it was killed, by any process that lives by them (flag_loan.py).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import click
from attrs import define, field, frozen

from bst_application.flag_loan import TERM, FlagLoans, Loan, OnLoan, lent
from bst_application.flags import GONE_AFTER, CanaryFlags, Flag, canary_of
from bst_application.ports.flags import Overrides, Sight
from bst_application.use_cases.repair import Author
from bst_application.use_cases.set_cutover import SetCutover
from bst_cli.cutting_over.state import PATHS, PathState, environment_flags, path_states
from bst_cli.gates.carrying import Gate, Given, as_command, at_least, setting
from bst_cli.gates.findings import Finding, Judged, found
from bst_cli.gates.report import Keys
from bst_cli.gates.surroundings import Api, Surroundings
from bst_cli.trouble import Trouble
from bst_domain.cutover import evaluate_canary
from bst_domain.values import format_instant
from bst_postgres.flags import PostgresFlagStore

#: Nobody's address: a reserved name that no guest and no colleague can have.
ACTOR: Final = "rollback-drill@bst.invalid"
#: What every reason of the drill begins with.
WORDS: Final = "rollback drill"
STATE: Final = "/v1/ops/cutover-state"
LOOK_EVERY_S: Final = 0.25


@frozen(kw_only=True)
class _Wait:
    """How long it took until everybody agreed; None: they did not in time. ``who``: those that did not."""

    seconds: float | None
    processes: int
    who: Sequence[str]


@define
class _Drill:
    """The drill on its way."""

    around: Surroundings
    api: Api
    store: PostgresFlagStore
    initial: Mapping[Flag, str]
    by: Author
    reason: str
    within_ms: int
    limit_s: int
    loan: Loan
    held_at: datetime
    findings: list[Finding] = field(factory=list)
    summary: dict[str, Any] = field(factory=dict)

    def note(self, name: str, good: bool, *, measured: str, wanted: str, cure: str) -> None:
        self.findings.append(found(f"G-04_{name}", good, measured=measured, wanted=wanted, cure=cure))

    async def hold(self) -> None:
        """The flags are the drill's for a while longer. Raises Trouble when they are not any more."""
        now = self.around.now()
        if not await FlagLoans(store=self.store).extend(self.loan, at=now):
            raise Trouble(
                "the drill stood still for too long: its flags were put back meanwhile, and nothing was measured",
                "See bst cutover status, and begin again.",
            )
        self.held_at = now

    async def turn(self, path: CanaryFlags, wanted: Mapping[Flag, str | None], why: str) -> None:
        await self.hold()
        turn = SetCutover(store=self.store, initial=self.initial, now=self.around.now)
        await turn.turn(path, wanted, reason=f"{why}: {self.reason}", by=self.by)

    async def until(self, on: bool, words: str) -> _Wait:
        """Until every process that lives, and the API itself, lets the drill's actor in, or out."""
        began = self.around.now()
        while True:
            now = self.around.now()
            if now - self.held_at > TERM / 4:
                await self.hold()
            sights = await self.store.sights(since=now - GONE_AFTER)
            waited = (now - began).total_seconds()
            others = [f"{one.component} {one.host}/{one.pid}" for one in sights if not _all_say(one, on)]
            if not others and await self._api_says(on):
                return _Wait(seconds=waited, processes=len(sights), who=())
            self.around.progress(min(1.0, waited / self.limit_s), words)
            if waited >= self.limit_s or await self.around.pause(LOOK_EVERY_S):
                return _Wait(seconds=None, processes=len(sights), who=others or ["the API's cutover-state"])

    async def _api_says(self, on: bool) -> bool:
        state = (await self.api.get(STATE, within_ms=self.within_ms, email=ACTOR))["cutover"]
        return all(state[name]["enabledForActor"] is on for name in PATHS)


def _all_say(sight: Sight, on: bool) -> bool:
    def value(flag: Flag) -> str:
        return sight.values.get(flag.value, "")

    return all(evaluate_canary(canary_of(path, value), email=ACTOR, user_id=None).on is on for path in PATHS.values())


async def measure(around: Surroundings, given: Given) -> Judged:
    """Carries it out. Raises Trouble, and UsageError without an actor and a reason."""
    actor, reason = (given["actor"] or "").strip(), (given["reason"] or "").strip()
    if not actor or not reason:
        raise click.UsageError(
            "--actor and --reason are needed: the drill turns flags, and the audit trail says who and why"
        )
    async with around.api() as api, around.database() as database:
        store, initial = PostgresFlagStore(database), environment_flags()
        loans = FlagLoans(store=store)
        await loans.settle(around.now())
        before = await store.overrides()
        _refuse_second(lent(before))
        await _refuse_live(around, store, path_states(before, initial), given["live"])
        drill = _Drill(
            around=around,
            api=api,
            store=store,
            initial=initial,
            by=Author(actor=actor),
            reason=reason,
            within_ms=given["request_timeout_ms"],
            limit_s=given["max_seconds"],
            loan=await _borrowed(loans, actor, around.now()),
            held_at=around.now(),
        )
        try:
            await _carry_out(drill, before)
        finally:
            restored = await loans.give_back(drill.loan, at=around.now())
        drill.note(
            "restored",
            restored,
            measured="the flags are as they were" if restored else "somebody else has turned a flag meanwhile",
            wanted="the flags as they were",
            cure="See bst cutover status, and set the paths by hand.",
        )
    return Judged(
        config={"actor": actor, "reason": reason, "maxSeconds": drill.limit_s, "live": given["live"]},
        summary=drill.summary,
        findings=drill.findings,
        lines={"ROLLBACK_SECONDS": drill.summary.get("rollbackSeconds", "none")},
    )


async def _borrowed(loans: FlagLoans, actor: str, now: datetime) -> Loan:
    loan = await loans.take(
        [flag.value for path in PATHS.values() for flag in path.all], actor=actor, words=WORDS, at=now
    )
    _refuse_second(loan.loan if isinstance(loan, OnLoan) else None)
    assert isinstance(loan, Loan)
    return loan


def _refuse_second(other: Loan | None) -> None:
    if other is not None:
        raise Trouble(
            f"{other.actor}'s {other.words} is on since {format_instant(other.began)}",
            f"Wait for its end. If it was killed, its flags are put back soon after {format_instant(other.until)}.",
        )


async def _refuse_live(around: Surroundings, store: PostgresFlagStore, states: Sequence[PathState], live: bool) -> None:
    """Where somebody goes through core already, the drill is a rollback for all of them, for some seconds."""
    sights = await store.sights(since=around.now() - GONE_AFTER)
    on = [state.path.name for state in states if state.canary.enabled]
    on += [name for one in sights for name, path in PATHS.items() if one.values.get(path.switch.value) == "true"]
    if on and not live:
        raise Trouble(
            f"cutover is on already ({', '.join(sorted(set(on)))}): the drill would send everybody back for some seconds",
            "Say --live true if that is what you want; afterwards it is on again as it was.",
        )


async def _carry_out(drill: _Drill, before: Overrides) -> None:
    for state in path_states(before, drill.initial):
        path, canary = state.path, state.canary
        # Whoever was in stays in. Where nobody was, nobody else comes in: the lists of a path that is off are for another day.
        wanted: dict[Flag, str | None] = {path.switch: "true", path.emails: ACTOR, path.percent: "0", path.user_ids: ""}
        if canary.enabled:
            wanted = {path.switch: "true", path.emails: ",".join(sorted({*canary.emails, ACTOR}))}
        await drill.turn(path, wanted, f"{WORDS}, on")
    on = await drill.until(True, "until every process lets the drill in")
    drill.summary.update(processes=on.processes, switchOnSeconds=on.seconds)
    drill.note(
        "on_everywhere",
        on.seconds is not None and on.processes > 0,
        measured=_said(on),
        wanted="every process lets the drill's actor in",
        cure=f"Not so: {', '.join(on.who) or 'no process gives a sign of life'}. See bst cutover status.",
    )
    page = await drill.api.ask("GET", "/v1/ops/bookings", within_ms=drill.within_ms, query={"limit": "1"})
    drill.note(
        "core_answers_reads",
        page.is_success,
        measured=f"{page.status_code}",
        wanted="200",
        cure="The API's log has the request.",
    )
    for path in PATHS.values():
        await drill.turn(path, {path.switch: "false"}, f"{WORDS}, off")
    back = await drill.until(False, "until every process answers the old way")
    drill.summary.update(rollbackSeconds=back.seconds, processes=back.processes)
    drill.note(
        "rollback",
        back.seconds is not None,
        measured=_said(back),
        wanted=f"every process answers the old way within {drill.limit_s} s",
        cure=f"Still on core: {', '.join(back.who)}. Stop these processes, or see why they cannot read the database.",
    )


def _said(wait: _Wait) -> str:
    if wait.seconds is None:
        return f"not in time: {', '.join(wait.who)}"
    return f"{wait.seconds:.1f} s, {wait.processes} processes"


FIVE_MINUTES: Final = int(timedelta(minutes=5).total_seconds())
GATE = Gate(
    name="rollback",
    id="G-04_ROLLBACK",
    title="G-04 Rollback by flag",
    folder="gates/rollback-drill",
    help="G-04: cutover on for one actor of the drill's own, off again, and how long until every process answers the old way.",
    settings=[
        setting("actor", "ROLLBACK_DRILL_ACTOR", str, None, "Who does it; needed, for the audit trail."),
        setting("reason", "ROLLBACK_DRILL_REASON", str, None, "Why; needed, for the audit trail."),
        setting("live", "ROLLBACK_DRILL_LIVE", bool, False, "Even where somebody goes through core already."),
        setting("max-seconds", "ROLLBACK_DRILL_MAX_SECONDS", at_least(1), FIVE_MINUTES, "Until everybody is back."),
        setting("request-timeout-ms", "CORE_API_TIMEOUT_MS", at_least(1000), 8000, "Longest time of one request."),
    ],
    measure=measure,
    keys=(Keys(result="ROLLBACK_DRILL_RESULT", json="ROLLBACK_DRILL_JSON", md="ROLLBACK_DRILL_MD"),),
)
command = as_command(GATE)
