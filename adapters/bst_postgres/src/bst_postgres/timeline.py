"""A booking's timeline in PostgreSQL: one statement over facts, assignments, statuses and the audit trail."""

from datetime import datetime
from typing import Any

from sqlalchemy import text

from bst_application.ports.timeline import Happening, Moment, TimelineEntry
from bst_domain.values import BookingKey, format_instant
from bst_postgres.database import Database

# Every part is behind the position before anything is sorted. Ties are compared by bytes.
_ENTRIES = """
with facts as (
  select event_key, source, event_type, event_time, origin, facts, recorded_at, version
  from booking_fact where booking_key = :booking
), happened as (
  select recorded_at as at, 1 as kind,
    to_char(event_time at time zone 'UTC', 'YYYYMMDDHH24MISSUS') || ':' || event_key as tie, event_key::text as id,
    jsonb_build_object('source', source, 'eventType', event_type, 'eventTime', event_time, 'origin', origin,
      'version', version, 'facts', facts) as details
  from facts
  union all
  select case when begins then assigned_at else unassigned_at end, 2,
    case when begins then '1:' else '0:' end || assignment_key, assignment_key::text,
    jsonb_build_object('change', case when begins then 'ASSIGNED' else 'UNASSIGNED' end, 'driverId', driver_id,
      'partnerId', partner_id, 'source', assignment_source)
  from ops_assignment cross join (values (true), (false)) as ends (begins)
  where booking_key = :booking and (begins or unassigned_at is not null)
  union all
  select changed_at, 3, lpad(version::text, 10, '0'), version::text,
    jsonb_build_object('version', version, 'customerPaymentStatus', customer_payment_status,
      'opsFulfillmentStatus', ops_fulfillment_status, 'statusReasons', status_reasons)
  from booking_status_history where booking_key = :booking
  union all
  select created_at, 4, audit_id::text, audit_id::text,
    jsonb_build_object('eventType', event_type, 'actor', actor, 'resourceType', resource_type,
      'resourceId', resource_id, 'metadata', metadata, 'requestId', request_id)
  from (
    select * from audit_log where resource_type = 'BOOKING' and resource_id = cast(:booking as text)
    union all
    select audit_log.* from facts
    join audit_log on resource_type = 'INGEST_EVENT' and resource_id = cast(facts.event_key as text)
  ) told
)
select at, kind, tie, id, details from happened
where cast(:at as timestamptz) is null or (at, kind, tie collate "C") > (:at, :kind, cast(:tie as text) collate "C")
order by at, kind, tie collate "C" limit :limit
"""


class PostgresBookingTimeline:
    """BookingTimeline on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def entries(self, booking: BookingKey, *, after: Moment | None, limit: int) -> list[TimelineEntry]:
        given = {
            "booking": booking,
            "at": None if after is None else after.at,
            "kind": None if after is None else int(after.kind),
            "tie": None if after is None else after.tie,
            "limit": limit,
        }
        async with self._database.reading() as connection:
            rows = (await connection.execute(text(_ENTRIES), given)).all()
        return [
            TimelineEntry(
                moment=Moment(at=row.at, kind=Happening(row.kind), tie=row.tie),
                id=row.id,
                details=_as_shown(row.details),
            )
            for row in rows
        ]


def _as_shown(details: dict[str, Any]) -> dict[str, Any]:
    """PostgreSQL writes instants in its own way."""
    said = details.get("eventTime")
    return details if said is None else {**details, "eventTime": format_instant(datetime.fromisoformat(said))}
