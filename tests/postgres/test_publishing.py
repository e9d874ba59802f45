"""The real publishing desk passes the suite of its port, and keeps what it has frozen."""

from collections.abc import AsyncIterator

import pytest
from attrs import frozen

from bst_application.ports.audit import AuditEntry
from bst_application.ports.reading import AuditFilter
from bst_postgres.audit import PostgresAuditTrail
from bst_postgres.catalog import PostgresCatalogEditor
from bst_postgres.database import Database
from bst_postgres.publishing import PostgresPublishingDesk
from bst_testing.conformance.publishing import PublishingConformance
from bst_testing.publishing import PublishingStorage


@frozen
class Storage:
    """Both on one database."""

    desk: PostgresPublishingDesk
    catalog: PostgresCatalogEditor
    trail: PostgresAuditTrail


class TestPostgresPublishingDesk(PublishingConformance):
    @pytest.fixture
    async def storage(self, postgres_dsn: str) -> AsyncIterator[Storage]:
        database = Database(postgres_dsn)
        yield Storage(PostgresPublishingDesk(database), PostgresCatalogEditor(database), PostgresAuditTrail(database))
        await database.close()

    async def audited(self, storage: PublishingStorage) -> list[AuditEntry]:
        assert isinstance(storage, Storage)
        records = await storage.trail.entries(AuditFilter(), after=None, limit=1000)
        return [record.entry for record in reversed(records)]
