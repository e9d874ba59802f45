"""The real readers, trail and probe pass the suites of their ports."""

from collections.abc import AsyncIterator

import pytest

from bst_domain.values import BookingIdentity
from bst_postgres import booking_search
from bst_postgres.audit import PostgresAuditTrail
from bst_postgres.booking_reader import PostgresBookingReader
from bst_postgres.database import Database
from bst_postgres.ingest_reader import PostgresIngestReader
from bst_postgres.probe import PostgresProbe
from bst_testing.conformance.audit import AuditTrailConformance
from bst_testing.conformance.booking_reader import BookingReaderConformance
from bst_testing.conformance.booking_store import BookingStorage
from bst_testing.conformance.ingest_reader import IngestReaderConformance
from bst_testing.conformance.probe import DatabaseProbeConformance
from tests.postgres.test_storage import Storage, record_alias


@pytest.fixture
async def database(postgres_dsn: str) -> AsyncIterator[Database]:
    database = Database(postgres_dsn)
    yield database
    await database.close()


class TestPostgresBookingReader(BookingReaderConformance):
    """Searches look at the newest two without the index, so that the suite's few bookings need it."""

    @pytest.fixture(autouse=True)
    def few_newest(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(booking_search, "NEWEST_LOOKED_AT", 2)
        monkeypatch.setattr(booking_search, "NEWEST_OF_A_CHANNEL", 2)
        monkeypatch.setattr(booking_search, "CHOSEN_LOOKED_AT", 3)

    @pytest.fixture
    def storage(self, database: Database) -> Storage:
        return Storage(database)

    @pytest.fixture
    def reader(self, database: Database) -> PostgresBookingReader:
        return PostgresBookingReader(database)

    async def add_alias(self, storage: BookingStorage, alias: BookingIdentity, of: BookingIdentity) -> None:
        await record_alias(storage, alias, of)


class TestPostgresIngestReader(IngestReaderConformance):
    @pytest.fixture
    def storage(self, database: Database) -> Storage:
        return Storage(database)

    @pytest.fixture
    def reader(self, database: Database) -> PostgresIngestReader:
        return PostgresIngestReader(database)


class TestPostgresAuditTrail(AuditTrailConformance):
    @pytest.fixture
    def trail(self, database: Database) -> PostgresAuditTrail:
        return PostgresAuditTrail(database)


class TestPostgresProbe(DatabaseProbeConformance):
    @pytest.fixture
    def answering(self, database: Database) -> PostgresProbe:
        return PostgresProbe("ops_db", database)

    @pytest.fixture
    async def behind(self, empty_postgres_dsn: str) -> AsyncIterator[PostgresProbe]:
        database = Database(empty_postgres_dsn)
        yield PostgresProbe("ops_db", database)
        await database.close()

    @pytest.fixture
    async def away(self) -> AsyncIterator[PostgresProbe]:
        database = Database("postgresql://nobody@127.0.0.1:1/none")
        yield PostgresProbe("ops_db", database)
        await database.close()

    @pytest.fixture
    def unconfigured(self) -> PostgresProbe:
        return PostgresProbe("ops_db", None)
