"""H-02: nothing is lost. Every event that was acknowledged is done, dead-lettered, or waits within bounds; every row that the old
systems changed has its booking in core, and was compared with it."""

import os
from collections.abc import Sequence
from datetime import datetime, timedelta

from attrs import define, field

from bst_application.errors import LegacyUnreadable
from bst_application.ports.legacy import ChangedRow
from bst_cli.gates.carrying import Gate, Given, as_command, at_least, setting
from bst_cli.gates.findings import Judged, judged_checks
from bst_cli.gates.report import GATE_KEYS
from bst_cli.gates.surroundings import Surroundings
from bst_cli.migrating.running import legacy_urls
from bst_cli.trouble import Trouble
from bst_domain.migration import LegacySystem, LossFigures, Rejection, identify, loss_checks, row_of
from bst_legacy.live import LegacyLiveConnections
from bst_postgres.cutover import PostgresWatchLedger
from bst_postgres.cutover.loss import event_loss, has_booking, seen_rows
from bst_postgres.database import Database

PAGE = 1000
MOST_NAMED = 50
CURES = {
    "H-02_done_without_facts": "Replay these events: what they said is with no booking. bst events replay --help.",
    "H-02_failed_without_dead_letter": "Mark them failed again (POST …/fail), so that they have a dead letter, and replay them.",
    "H-02_overdue_events": "See that a worker runs and takes jobs: bst status, bst doctor.",
    "H-02_legacy_rows_missing_in_core": "The report names the rows. Did their events arrive? Else bst migrate run --batch D"
    " takes them over.",
    "H-02_legacy_rows_not_compared": "Run bst cutover watch --once, or see why bst cutover watch --interval does not run.",
}


@define
class _Rows:
    """Rows that the old systems changed in the window."""

    changed: int = 0
    missing: list[str] = field(factory=list)
    not_compared: list[str] = field(factory=list)


async def measure(around: Surroundings, given: Given) -> Judged:
    """Raises Trouble."""
    window, grace = timedelta(minutes=given["window_minutes"]), timedelta(seconds=given["grace_seconds"])
    now = around.now()
    since = now - window
    legacy = LegacyLiveConnections(legacy_urls(os.environ))
    rows = _Rows()
    try:
        async with around.database() as database:
            bound = timedelta(minutes=given["max_wait_minutes"])
            events = await event_loss(database, since=since, now=now, bound=bound)
            moved_in = await PostgresWatchLedger(database).moved_in_at()
            for system in LegacySystem:
                await _look(database, legacy, system, rows, since=since, before=now - grace, moved_in=moved_in)
    except LegacyUnreadable as error:
        raise Trouble(str(error)) from error
    figures = LossFigures(
        accepted=events.accepted,
        done_without_facts=events.done_without_facts,
        failed_without_letter=events.failed_without_letter,
        overdue=events.overdue,
        legacy_changed=rows.changed,
        legacy_missing=len(rows.missing),
        legacy_not_compared=len(rows.not_compared),
    )
    lost = figures.done_without_facts + figures.failed_without_letter + figures.overdue + figures.legacy_missing
    return Judged(
        config={
            "windowMinutes": given["window_minutes"],
            "graceSeconds": given["grace_seconds"],
            "maxWaitMinutes": given["max_wait_minutes"],
        },
        summary={
            "eventsAccepted": figures.accepted,
            "doneWithoutFacts": figures.done_without_facts,
            "failedWithoutDeadLetter": figures.failed_without_letter,
            "overdueEvents": figures.overdue,
            "legacyRowsChanged": figures.legacy_changed,
            "legacyRowsMissingInCore": figures.legacy_missing,
            "legacyRowsNotCompared": figures.legacy_not_compared,
        },
        findings=judged_checks(loss_checks(figures), CURES),
        lines={"EVENT_LOSS": lost, "EVENTS_ACCEPTED": figures.accepted, "LEGACY_ROWS_CHANGED": figures.legacy_changed},
        more={"missing": rows.missing[:MOST_NAMED], "notCompared": rows.not_compared[:MOST_NAMED]},
    )


async def _look(
    database: Database,
    legacy: LegacyLiveConnections,
    system: LegacySystem,
    rows: _Rows,
    *,
    since: datetime,
    before: datetime,
    moved_in: datetime | None,
) -> None:
    after: tuple[datetime, int] | None = None
    while page := await legacy.changed(system, since=since, before=before, after=after, limit=PAGE):
        await _judge(database, page, rows, moved_in)
        after = (page[-1].changed_at, page[-1].booking.row_id)
        if len(page) < PAGE:
            return


async def _judge(database: Database, page: Sequence[ChangedRow], rows: _Rows, moved_in: datetime | None) -> None:
    """What back-fill has read needs no watcher; what was compared since has said whether it has a booking."""
    seen = await seen_rows(database, [row_of(one.booking) for one in page])
    for one in page:
        rows.changed += 1
        place = row_of(one.booking)
        at, well = seen.get(place, (None, False))
        compared = at is not None and at >= one.changed_at
        if compared and well:
            continue
        refs = identify(one.booking)
        if isinstance(refs, Rejection):  # listed by name, and not moved in
            continue
        names = [(one.booking.channel, ref) for ref in (refs.ref, *refs.aliases)]
        if not await has_booking(database, names):
            rows.missing.append(str(place))
        elif not compared and (moved_in is None or one.changed_at > moved_in):
            rows.not_compared.append(str(place))


GATE = Gate(
    name="event-loss",
    id="H-02_EVENT_LOSS",
    title="H-02 Event loss",
    folder="gates/event-loss",
    help="H-02: nothing that was acknowledged, and nothing that the old systems wrote, is lost.",
    settings=[
        setting("window-minutes", "GATE_EVENT_LOSS_WINDOW_MINUTES", at_least(1), 1440, "Until now."),
        setting("grace-seconds", "GATE_EVENT_LOSS_GRACE_SECONDS", at_least(0), 120, "For rows of the last moments."),
        setting("max-wait-minutes", "GATE_EVENT_LOSS_MAX_WAIT_MINUTES", at_least(1), 15, "Of an event that waits."),
    ],
    measure=measure,
    keys=(GATE_KEYS,),
)
command = as_command(GATE)
