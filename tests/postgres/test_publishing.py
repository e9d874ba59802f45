"""The real publishing desk passes the suite of its port, and keeps what it has frozen."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from attrs import frozen

from bst_application.ports.audit import AuditEntry
from bst_application.ports.reading import AuditFilter
from bst_postgres.audit import PostgresAuditTrail
from bst_postgres.catalog import PostgresCatalogEditor
from bst_postgres.database import Database
from bst_postgres.publishing import PostgresPublishingDesk
from bst_testing.conformance.publishing import PublishingConformance
from bst_testing.deliveries import NOW
from bst_testing.publishing import PublishingStorage, draft


@frozen
class Storage:
    """Both on one database."""

    desk: PostgresPublishingDesk
    catalog: PostgresCatalogEditor
    trail: PostgresAuditTrail
    database: Database


class TestPostgresPublishingDesk(PublishingConformance):
    @pytest.fixture
    async def storage(self, postgres_dsn: str) -> AsyncIterator[Storage]:
        database = Database(postgres_dsn)
        yield Storage(
            PostgresPublishingDesk(database), PostgresCatalogEditor(database), PostgresAuditTrail(database), database
        )
        await database.close()

    async def audited(self, storage: PublishingStorage) -> list[AuditEntry]:
        assert isinstance(storage, Storage)
        records = await storage.trail.entries(AuditFilter(), after=None, limit=1000)
        return [record.entry for record in reversed(records)]

    async def test_what_is_old_is_forgotten_when_something_new_comes(self, storage: PublishingStorage) -> None:
        ttl, five_weeks = timedelta(minutes=10), timedelta(days=35, seconds=1)
        for name in ("one", "two"):
            assert await storage.desk.take_nonce(name, now=NOW, ttl=ttl)
            await draft(storage, key=name)
        assert await storage.desk.take_nonce("three", now=NOW + ttl, ttl=ttl)
        assert await kept(storage) == (["one", "three", "two"], ["one", "two"])
        assert await storage.desk.take_nonce("one", now=NOW + ttl + timedelta(seconds=1), ttl=ttl)
        await draft(storage, at=NOW + five_weeks, key="four")
        assert await kept(storage) == (["one", "three"], ["four"])


async def kept(storage: PublishingStorage) -> tuple[list[str], list[str]]:
    """The nonces and the keys that are remembered."""
    assert isinstance(storage, Storage)
    async with storage.database.transaction() as connection:
        nonces = await (await connection.execute("select nonce from catalog_publish_nonce order by 1")).fetchall()
        keys = await (
            await connection.execute("select idempotency_key from catalog_publish_request order by 1")
        ).fetchall()
    return [row[0] for row in nonces], [row[0] for row in keys]
