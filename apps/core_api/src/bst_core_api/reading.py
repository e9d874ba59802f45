"""What the API shows, read from the primary or, where there is one, from a streaming replica."""

from asyncio import Event

from attrs import frozen

from bst_application.periodically import periodically
from bst_application.ports.reading import BookingReader, DatabaseProbe, IngestReader
from bst_application.ports.reconciliation import ReconciliationReader
from bst_application.read_replica import ReplicaFirstBookings, ReplicaFirstEvents, ReplicaFirstReconciliation
from bst_application.recent_writers import RecentWriters
from bst_application.settings import Settings
from bst_postgres.booking_reader import PostgresBookingReader
from bst_postgres.database import Database
from bst_postgres.ingest_reader import PostgresIngestReader
from bst_postgres.reconciliation import PostgresReconciliationReader
from bst_postgres.replica import LOOK_EVERY_S, ReplicaProbe, ReplicaWatch
from bst_telemetry.instruments import ReadInstruments


@frozen(kw_only=True)
class Reading:
    """The readers; without a replica, the last four are not there."""

    bookings: BookingReader
    events: IngestReader
    reconciliation: ReconciliationReader
    replica: DatabaseProbe | None = None
    writers: RecentWriters | None = None
    watch: ReplicaWatch | None = None
    database: Database | None = None

    async def keep_watch(self, stop: Event) -> None:
        """To be run while the API runs."""
        if self.watch is not None:
            await periodically("the look at the read replica", self.watch.look, every_s=LOOK_EVERY_S, stop=stop)

    async def close(self) -> None:
        if self.database is not None:
            await self.database.close()


def reading_from(
    settings: Settings, primary: Database, instruments: ReadInstruments, hang_up_after_s: float
) -> Reading:
    """Connects to nothing."""
    bookings, events = PostgresBookingReader(primary), PostgresIngestReader(primary)
    reconciliation = PostgresReconciliationReader(primary)
    if settings.read_db_url is None:
        return Reading(bookings=bookings, events=events, reconciliation=reconciliation)
    replica = Database(settings.read_db_url, application_name="bst-api-reads", hang_up_after_s=hang_up_after_s)
    watch = ReplicaWatch(primary=primary, replica=replica, max_lag_s=settings.read_max_lag_s)
    instruments.watch(watch.may_serve, lambda: watch.lag_s)
    note = instruments.read
    return Reading(
        bookings=ReplicaFirstBookings(PostgresBookingReader(replica), bookings, watch, note),
        events=ReplicaFirstEvents(PostgresIngestReader(replica), events, watch, note),
        reconciliation=ReplicaFirstReconciliation(PostgresReconciliationReader(replica), reconciliation, watch, note),
        replica=ReplicaProbe("ops_db_read", replica, watch),
        writers=RecentWriters(settings.read_max_lag_s),
        watch=watch,
        database=replica,
    )
