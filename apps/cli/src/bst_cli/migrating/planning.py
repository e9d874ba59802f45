"""``bst migrate plan``: how each batch stands, what holds it, and what comes next."""

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from types import MappingProxyType
from typing import Any

from attrs import frozen

from bst_application.use_cases.hold_batch import HoldBatch
from bst_cli.migrating.batches import BATCHES
from bst_cli.migrating.works import APPLICATION_NAME
from bst_domain.migration import GATES_OF, Hold
from bst_domain.values import format_instant
from bst_postgres import migrate
from bst_postgres.backfill.states import BatchState, State, batch_states, nothing_run
from bst_postgres.database import Database
from bst_postgres.gates import PostgresGateRecords

WORDS = {
    State.NOT_RUN: "not run",
    State.STARTED: "under way or interrupted",
    State.FAILED: "failed",
    State.DONE: "done",
    State.ROLLING_BACK: "rollback not finished",
    State.ROLLED_BACK: "rolled back",
}


@frozen(kw_only=True)
class Planned:
    """A batch and what to do about it. ``held``: why it cannot be run now; None: it can, or is done."""

    batch: str
    title: str
    writes: str
    state: State
    last: str | None
    held: str | None
    next: str | None

    def as_json(self) -> dict[str, Any]:
        return {
            "batch": self.batch,
            "title": self.title,
            "writes": self.writes,
            "state": self.state.value,
            "lastRun": self.last,
            "heldBy": self.held,
            "next": self.next,
            "gates": list(GATES_OF[self.batch]),
        }


async def planned(dsn: str) -> list[Planned]:
    """Raises Unavailable."""
    pending = migrate.status(dsn).pending
    states: Mapping[str, BatchState] = nothing_run()
    held: dict[str, Sequence[Hold]] = {}
    if not pending:
        database = Database(dsn, pool_size=1, application_name=APPLICATION_NAME)
        try:
            states = await batch_states(database)
            look = HoldBatch(records=PostgresGateRecords(database))
            held = {batch: await look(batch, now=datetime.now(UTC)) for batch in BATCHES}
        finally:
            await database.close()
    return plan_of(states, pending, held)


def plan_of(
    states: Mapping[str, BatchState], pending: Sequence[str], holds: Mapping[str, Sequence[Hold]] = MappingProxyType({})
) -> list[Planned]:
    """In order. ``pending``: revisions of the schema that are missing; while there are any, all else waits for batch A.

    ``holds``: what gates and conflicts hold, by batch.
    """
    plans: list[Planned] = []
    before: Planned | None = None
    for code, batch in BATCHES.items():
        state = states[code]
        done = not pending if code == "A" else state.is_done
        held, cure = _held(holds.get(code, ()))
        if before is not None and before.state is not State.DONE:
            held, cure = f"batch {before.batch} is {WORDS[before.state]}", None
        found = State.DONE if done else State.NOT_RUN if code == "A" else state.state
        plan = Planned(
            batch=code,
            title=batch.title,
            writes=batch.writes,
            state=found,
            last=_last(state),
            held=None if done else held,
            next=None if done else cure if held else _next(code, found),
        )
        plans.append(plan)
        before = plan
    return plans


def _held(holds: Sequence[Hold]) -> tuple[str | None, str | None]:
    """What holds a batch, and what to do about the first of it."""
    if not holds:
        return None, None
    return "; ".join(f"{hold.what}: {hold.detail}" for hold in holds), holds[0].cure


def _last(state: BatchState) -> str | None:
    run = state.last
    if run is None:
        return None
    rows = "" if run.rows is None else f", {run.rows:,} rows"
    ended = "" if run.ended_at is None else f" in {(run.ended_at - run.started_at).total_seconds():.1f} s"
    kind = "rollback " if run.is_rollback else ""
    return f"{kind}{run.status} {format_instant(run.started_at)}{ended}{rows}"


def _next(code: str, state: State) -> str:
    if state is State.ROLLING_BACK:
        return f"bst migrate rollback --batch {code}"
    if state in {State.STARTED, State.FAILED}:
        return f"bst migrate run --batch {code}"  # goes on where it was
    return f"bst migrate precheck --batch {code}"


def lines(plans: Sequence[Planned]) -> list[str]:
    """For people."""
    told: list[str] = []
    for plan in plans:
        told.append(f"{plan.batch}  {plan.title:<28} {WORDS[plan.state]}")
        told.append(f"   writes {plan.writes}")
        if plan.last is not None:
            told.append(f"   last   {plan.last}")
        if gates := GATES_OF[plan.batch]:
            told.append(f"   gates  {', '.join(gates)}")
        if plan.held is not None:
            told.append(f"   held   {plan.held}")
        if plan.next is not None:
            told.append(f"   next   {plan.next}")
    told.append("each one: bst migrate precheck, run --dry-run, run, postcheck --batch X; back: rollback --batch X")
    return told
