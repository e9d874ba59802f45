"""Batches G and H: the share of reads, or writes, that goes through core is raised step by step, and held where need be."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from attrs import frozen

from bst_application.flags import GONE_AFTER, CanaryFlags, Flag, canary_of
from bst_application.ports.audit import AuditEntry
from bst_application.ports.flags import Sight
from bst_application.use_cases.hold_batch import HoldBatch
from bst_application.use_cases.repair import Author
from bst_application.use_cases.set_cutover import CutoverChange, SetCutover
from bst_cli.cutting_over.state import PATHS, environment_flags, path_states
from bst_cli.gates import conflicts_open, event_loss, ops_read_parity, write_cutover
from bst_cli.gates.carrying import Gate, conclude
from bst_cli.gates.release import given_by_environment
from bst_cli.gates.surroundings import Surroundings
from bst_cli.migrating.holding import as_findings
from bst_cli.migrating.running import rules_checksum
from bst_cli.trouble import Trouble
from bst_domain.cutover import LIST_FIELDS, Canary
from bst_domain.gates import HoldReason, Verdict
from bst_domain.migration import LegacySystem
from bst_postgres.audit import PostgresAuditTrail
from bst_postgres.backfill import PostgresBackfillStore
from bst_postgres.backfill.checks import Finding
from bst_postgres.cutover import PostgresShadowLedger, PostgresWatchLedger
from bst_postgres.cutover.loss import how_it_stands
from bst_postgres.database import Database
from bst_postgres.flags import PostgresFlagStore
from bst_postgres.gates import PostgresGateRecords

STEPS: Final = (1.0, 10.0, 50.0, 100.0)
PATH: Final[Mapping[str, CanaryFlags]] = {"G": PATHS["read"], "H": PATHS["write"]}
BEFORE: Final = {"G": "F", "H": "G"}
#: What must pass before the first step, and what after each.
GATES_BEFORE: Final[Mapping[str, Sequence[Gate]]] = {
    "G": (ops_read_parity.GATE, conflicts_open.GATE),
    "H": (event_loss.GATE, conflicts_open.GATE),
}
GATES_AFTER: Final[Mapping[str, Sequence[Gate]]] = {
    "G": GATES_BEFORE["G"],
    "H": (write_cutover.GATE, event_loss.GATE, conflicts_open.GATE),
}
OVERRIDDEN: Final = "CUTOVER_GATES_OVERRIDDEN"
SHADOWS: Final = timedelta(hours=24)
WATCHED_WITHIN: Final = timedelta(minutes=15)
MOST_SHADOW_RATIO: Final = Decimal("0.01")
KNOWN_WITHIN_S: Final = 300.0
HEARD_WITHIN_S: Final = 60.0
LOOK_EVERY_S: Final = 0.5


@frozen(kw_only=True)
class Stepping:
    """What the steps need. ``say`` is for a person who waits."""

    around: Surroundings
    database: Database
    reports: Path
    say: Callable[[str], None]


@frozen(kw_only=True)
class Wish:
    """How far, how long at each step, and on whose word."""

    percent: float
    soak: int
    override: bool
    actor: str
    reason: str


async def precheck(stepping: Stepping, batch: str) -> list[Finding]:
    """Raises Unavailable, and Trouble when settings are missing."""
    findings = [*await _standing(stepping, batch), *await _held(stepping, batch)]
    return [*findings, *await _measured(stepping, GATES_BEFORE[batch], batch)]


async def postcheck(stepping: Stepping, batch: str) -> list[Finding]:
    """Raises Unavailable, and Trouble when settings are missing."""
    path, sights = PATH[batch], await _sights(stepping)
    behind = [_who(one) for one in sights if not _on(one, path, 100)]
    everybody = bool(sights) and not behind
    detail = (
        f"{len(sights)} processes let everybody in" if everybody else f"not in {', '.join(behind) or 'any process'}"
    )
    cure = f"Run bst migrate run --batch {batch} to the end."
    return [
        Finding(name="everybody", passed=everybody, detail=detail, cure=cure),
        *await _measured(stepping, GATES_AFTER[batch], batch),
    ]


async def raised(stepping: Stepping, batch: str, wish: Wish) -> list[float]:
    """The steps that were taken. Raises Trouble where it holds; the percentage stays where it is then."""
    failed = [one for one in await precheck(stepping, batch) if not one.passed]
    await _hold(stepping, batch, wish, failed, where="may not begin")
    path, taken = PATH[batch], list[float]()
    store = PostgresBackfillStore(stepping.database)
    now = stepping.around.now()
    async with store.running(batch, now=now, script=f"bst migrate {batch}", checksum=rules_checksum()) as run:
        for step in await _steps(stepping, path, wish.percent):
            await _turn(stepping, path, CutoverChange(percent=step), wish)
            taken.append(step)
            await _known(stepping, path, step)
            stepping.say(f"· {path.name}s: {step:g}%")
            if wish.soak and await stepping.around.pause(wish.soak):
                raise Trouble(f"stopped at {step:g}%; it stays there", f"Go on: bst migrate run --batch {batch}.")
            failed = [one for one in await _measured(stepping, GATES_AFTER[batch], batch) if not one.passed]
            await _hold(stepping, batch, wish, failed, where=f"holds at {step:g}%")
        await store.finish(run, rows=len(taken))
    return taken


async def taken_back(stepping: Stepping, batch: str, *, actor: str, reason: str) -> float:
    """Seconds until every process that lives knows. Raises Trouble where one does not; the flag is off in any case."""
    path, store = PATH[batch], PostgresFlagStore(stepping.database)
    if batch == "G":
        states = path_states(await store.overrides(), environment_flags())
        if any(state.canary.enabled for state in states if state.path is PATH["H"]):
            raise Trouble(
                "writes still go through core: the later batch goes back first",
                "bst migrate rollback --batch H; for an emergency: bst cutover set read --off.",
            )
    runs = PostgresBackfillStore(stepping.database)
    began = stepping.around.now()
    script = f"bst migrate rollback {batch}"
    async with runs.running(batch, now=began, script=script, checksum=rules_checksum()) as run:
        wish = Wish(percent=0, soak=0, override=False, actor=actor, reason=reason)
        await _turn(stepping, path, CutoverChange(off=True), wish)
        while behind := [_who(one) for one in await _sights(stepping) if one.values.get(path.switch) == "true"]:
            waited = (stepping.around.now() - began).total_seconds()
            if waited > KNOWN_WITHIN_S or await stepping.around.pause(LOOK_EVERY_S):
                raise Trouble(f"the flag is off, and not known by {', '.join(behind)}", "Stop these processes.")
        await runs.finish(run, rows=1)
    return (stepping.around.now() - began).total_seconds()


async def _steps(stepping: Stepping, path: CanaryFlags, percent: float) -> list[float]:
    store = PostgresFlagStore(stepping.database)
    [state] = [s for s in path_states(await store.overrides(), environment_flags()) if s.path is path]
    now = state.canary.percentage if state.canary.enabled else 0.0
    if percent <= now:
        return []
    return [*(step for step in STEPS if now < step < percent), percent]


async def _turn(stepping: Stepping, path: CanaryFlags, change: CutoverChange, wish: Wish) -> None:
    store = PostgresFlagStore(stepping.database)
    turn = SetCutover(store=store, initial=environment_flags(), now=stepping.around.now)
    await turn(path, change, reason=wish.reason, by=Author(actor=wish.actor))


async def _known(stepping: Stepping, path: CanaryFlags, percent: float) -> None:
    """Waits until every process that lives has heard of it. Raises Trouble; the flag is set in any case."""
    began = stepping.around.now()
    while behind := [_who(one) for one in await _sights(stepping) if not _on(one, path, percent)]:
        waited = (stepping.around.now() - began).total_seconds()
        if waited > HEARD_WITHIN_S or await stepping.around.pause(LOOK_EVERY_S):
            raise Trouble(f"{percent:g}% is set, and not known by {', '.join(behind)}", "See bst cutover status.")


async def _hold(stepping: Stepping, batch: str, wish: Wish, failed: Sequence[Finding], *, where: str) -> None:
    """Raises Trouble, unless somebody has taken it upon themselves: then the audit trail says so."""
    if not failed:
        return
    told = "; ".join(f"{one.name}: {one.detail}" for one in failed)
    if not wish.override:
        raise Trouble(
            f"batch {batch} {where}: {told}",
            f"{failed[0].cure}\n     Back to the old way: bst migrate rollback --batch {batch}.",
        )
    entry = AuditEntry(
        event_type=OVERRIDDEN,
        actor=wish.actor,
        resource_type="CUTOVER",
        resource_id=PATH[batch].name,
        metadata={"batch": batch, "where": where, "held": [one.name for one in failed], "reason": wish.reason},
        at=stepping.around.now(),
    )
    await PostgresAuditTrail(stepping.database).append(entry)
    stepping.say(f"· overridden by {wish.actor}: {told}")


async def _standing(stepping: Stepping, batch: str) -> list[Finding]:
    """Whether what the gates stand on is there at all."""
    sights = await _sights(stepping)
    apis = [one for one in sights if one.component == "api"]
    ended = await how_it_stands(stepping.database, BEFORE[batch])
    off = sorted({flag for one in sights for flag in (Flag.WEBHOOK, Flag.QUEUE) if one.values.get(flag) != "true"})
    words = {canary if canary.enabled else None for canary in (_canary(one, PATH[batch]) for one in sights)}
    findings = [
        Finding(
            name="batch before",
            passed=ended == "SUCCEEDED",
            detail=f"batch {BEFORE[batch]}: {ended}",
            cure=f"Run bst migrate run --batch {BEFORE[batch]} first.",
        ),
        Finding(
            name="processes",
            passed=bool(apis),
            detail=f"{len(apis)} APIs and {len(sights) - len(apis)} workers give a sign of life",
            cure="Start an API of this version: bst api.",
        ),
        Finding(
            name="one word",
            passed=len(words) <= 1,
            detail="every process knows the same"
            if len(words) <= 1
            else "processes know different percentages or lists",
            cure="Wait five seconds. Processes that start with other environments: give them the same OPS_… settings.",
        ),
        Finding(
            name="ingest flags",
            passed=bool(sights) and not off,
            detail="events are let in" if not off else f"off: {', '.join(off)}",
            cure="Live events keep core up to date: bst migrate run --batch F.",
        ),
    ]
    if batch == "H":
        readers = bool(sights) and all(_on(one, PATH["G"], 100) for one in sights)
        findings.append(
            Finding(
                name="reads",
                passed=readers,
                detail="everybody reads from core" if readers else "not everybody reads from core",
                cure="Whoever writes to core must see it there: bst migrate run --batch G to the end.",
            )
        )
    return [*findings, await _watched(stepping)]


async def _held(stepping: Stepping, batch: str) -> list[Finding]:
    """Gates of the batch before that have not passed since it ran. Conflicts are measured by a gate of their own."""
    records = PostgresGateRecords(stepping.database)
    held = await HoldBatch(records=records)(batch, now=stepping.around.now())
    said = {HoldReason.NEVER_RUN, HoldReason.STALE, HoldReason.NOT_PASSED}
    return as_findings([hold for hold in held if hold.reason in said])


async def _watched(stepping: Stepping) -> Finding:
    ledger, now = PostgresWatchLedger(stepping.database), stepping.around.now()
    looked = {system: await ledger.looked_at(system) for system in LegacySystem}
    late = [system.value for system, at in looked.items() if at is None or now - at > WATCHED_WITHIN]
    return Finding(
        name="watcher",
        passed=not late,
        detail="both systems are watched" if not late else f"not watched for 15 minutes: {', '.join(late)}",
        cure="Keep bst cutover watch --interval 30 running.",
    )


async def _measured(stepping: Stepping, gates: Sequence[Gate], batch: str) -> list[Finding]:
    """Each gate is measured anew, with its report; only PASS passes."""
    findings = [await _shadows(stepping)] if batch == "G" else []
    for gate in gates:
        concluded = await conclude(gate, stepping.around, given_by_environment(gate), stepping.reports)
        judged = concluded.judged
        worst = next((one for one in judged.findings if one.verdict is not Verdict.PASS), None)
        detail = f"{judged.verdict}, {concluded.written.md_path}" if worst is None else f"{worst.name} {worst.detail}"
        cure = "" if worst is None else worst.cure
        findings.append(Finding(name=f"gate {gate.name}", passed=judged.passed, detail=detail, cure=cure))
    return findings


async def _shadows(stepping: Stepping) -> Finding:
    """Fields that the list's parity is about. Where nobody has looked, nobody knows."""
    tallies = await PostgresShadowLedger(stepping.database).tallies(since=stepping.around.now() - SHADOWS)
    ratios = {
        one.about.value: Decimal(one.mismatched) / one.compared
        for one in tallies
        if one.about in LIST_FIELDS and one.compared
    }
    bad = {name: ratio for name, ratio in ratios.items() if ratio > MOST_SHADOW_RATIO}
    told = ", ".join(f"{name} {ratio:.2%}" for name, ratio in (bad or ratios).items()) or "nothing was looked at"
    return Finding(
        name="shadow reads",
        passed=bool(ratios) and not bad,
        detail=f"in 24 hours: {told}",
        cure="bst cutover status has examples by booking. What is mended now counts for 24 hours all the same:"
        " whoever cannot wait says --override."
        if bad
        else "Look: bst cutover shadow, or let the API look: OPS_READ_SHADOW_PERCENT.",
    )


async def _sights(stepping: Stepping) -> list[Sight]:
    return await PostgresFlagStore(stepping.database).sights(since=stepping.around.now() - GONE_AFTER)


def _canary(sight: Sight, path: CanaryFlags) -> Canary:
    return canary_of(path, lambda flag: sight.values.get(flag.value, ""))


def _on(sight: Sight, path: CanaryFlags, percent: float) -> bool:
    canary = _canary(sight, path)
    return canary.enabled and canary.percentage >= percent


def _who(sight: Sight) -> str:
    return f"{sight.component} {sight.host}/{sight.pid}"
