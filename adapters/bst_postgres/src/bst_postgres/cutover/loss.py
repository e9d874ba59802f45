"""H-02: whether anything that was accepted, or that the old systems wrote, has been lost."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from attrs import frozen

from bst_domain.migration import SourceRow
from bst_postgres.backfill.states import batch_states
from bst_postgres.cutover.comparing import NAMED
from bst_postgres.database import Database, as_json

# An event that is done has said something: its facts stand with a booking. One that failed for good has a dead letter. What
# waits is later than its next try, or than its receipt, by less than the bound.
_EVENTS = """
select count(*),
  count(*) filter (where process_status = 'DONE'
    and not exists (select from booking_fact fact where fact.event_key = event.event_key)),
  count(*) filter (where process_status = 'FAILED'
    and not exists (select from ingest_dead_letter letter where letter.event_key = event.event_key)),
  count(*) filter (where process_status not in ('DONE', 'FAILED')
    and greatest(next_retry_at, request_received_at) < %(late)s)
from ingest_event_log event where request_received_at >= %(since)s
"""
_SEEN = """
select source_pk, changed_at, booking_key is not null or note is not null from cutover_seen
where source_system = %s and source_table = %s and source_pk = any (%s::bigint[])
"""


@frozen(kw_only=True)
class EventLoss:
    """Events received in a window."""

    accepted: int
    done_without_facts: int
    failed_without_letter: int
    overdue: int


async def event_loss(database: Database, *, since: datetime, now: datetime, bound: timedelta) -> EventLoss:
    """Raises Unavailable. ``bound``: how late an event may be that waits."""
    async with database.transaction() as connection:
        row = await (await connection.execute(_EVENTS, {"since": since, "late": now - bound})).fetchone()
    assert row is not None
    return EventLoss(accepted=row[0], done_without_facts=row[1], failed_without_letter=row[2], overdue=row[3])


async def seen_rows(database: Database, rows: Sequence[SourceRow]) -> Mapping[SourceRow, tuple[datetime, bool]]:
    """When each was changed as it was compared last, and whether it had a booking or needed none. Of one table."""
    if not rows:
        return {}
    system, table = rows[0].system, rows[0].table
    numbers = "{" + ",".join(str(row.row_id) for row in rows) + "}"
    async with database.transaction() as connection:
        found = await (await connection.execute(_SEEN, (system.value, table, numbers))).fetchall()
    return {SourceRow(system, table, number): (at, well) for number, at, well in found}


async def has_booking(database: Database, names: Sequence[tuple[str, str]]) -> bool:
    """Whether core has a booking under one of these channels and references."""
    given = [{"at": at, "channel": channel, "ref": ref} for at, (channel, ref) in enumerate(names)]
    async with database.transaction() as connection:
        return await (await connection.execute(NAMED, (as_json(given),))).fetchone() is not None


async def how_it_stands(database: Database, batch: str) -> str:
    """How the newest run of a batch ended; what was taken back is not done."""
    run = (await batch_states(database))[batch].last
    if run is None:
        return "not run"
    return "taken back" if run.is_rollback else run.status
