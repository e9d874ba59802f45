"""The real storage passes the suites of its ports."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any, cast
from uuid import UUID, uuid4

import pytest

from bst_application.ports.audit import AuditEntry
from bst_application.ports.mappings import Entity
from bst_domain.values import BookingIdentity
from bst_postgres.backfill import PostgresBackfillStore
from bst_postgres.bookings import PostgresBookingStore
from bst_postgres.crew import PostgresCrewRegister
from bst_postgres.database import Database
from bst_postgres.event_log import PostgresEventLog
from bst_postgres.flags import PostgresFlagStore
from bst_postgres.mappings import PostgresMappingDesk
from bst_postgres.operations import PostgresOpsDesk
from bst_postgres.reconciliation import PostgresReconciliationReader
from bst_postgres.repair import PostgresRepairDesk
from bst_postgres.replay_jobs import PostgresReplayJobs
from bst_postgres.retention import PostgresRetentionStore
from bst_testing.conformance.booking_store import BookingStorage, BookingStoreConformance
from bst_testing.conformance.event_log import EventLogConformance, EventLogStorage
from bst_testing.conformance.flags import FlagStorage, FlagStoreConformance
from bst_testing.conformance.mappings import MappingDeskConformance
from bst_testing.conformance.repair import RepairDeskConformance, RepairStorage
from bst_testing.conformance.replay_jobs import ReplayJobsConformance, ReplayJobStorage
from bst_testing.conformance.retention import RetentionConformance, RetentionStorage, counts, run
from bst_testing.deliveries import NOW
from bst_testing.mapping_acts import MappingStorage


class Storage(
    PostgresEventLog,
    PostgresBookingStore,
    PostgresRepairDesk,
    PostgresRetentionStore,
    PostgresFlagStore,
    PostgresReplayJobs,
    PostgresReconciliationReader,
    PostgresOpsDesk,
    PostgresCrewRegister,
    PostgresMappingDesk,
):
    """Everything on one database."""

    def __init__(self, database: Database) -> None:
        PostgresEventLog.__init__(self, database)
        self.database = database


async def rows(storage: Storage, query: str) -> list[tuple[object, ...]]:
    async with storage.database.transaction() as connection:
        return [tuple(row) for row in await (await connection.execute(query.encode())).fetchall()]


async def record_alias(storage: object, alias: BookingIdentity, of: BookingIdentity) -> None:
    """Another name of a booking, as back-fill leaves it."""
    assert isinstance(storage, Storage)
    async with storage.database.transaction() as connection:
        await connection.execute(
            "insert into channel_external_refs (external_ref_key, entity_type, entity_key, channel_code,"
            " external_ref_kind, external_ref, source_system, source_table, source_pk)"
            " select %s, 'BOOKING', booking_key, %s, 'BOOKING_REF', %s, 'test', 'test', '1' from booking_core"
            " where channel_code = %s and external_booking_ref = %s",
            (uuid4(), alias.channel, alias.ref, of.channel, of.ref),
        )


@pytest.fixture
async def postgres_storage(postgres_dsn: str) -> AsyncIterator[Storage]:
    database = Database(postgres_dsn)
    yield Storage(database)
    await database.close()


class TestPostgresEventLog(EventLogConformance):
    @pytest.fixture
    def log(self, postgres_storage: Storage) -> Storage:
        return postgres_storage

    async def conflicts(self, log: EventLogStorage) -> int:
        assert isinstance(log, Storage)
        return len(
            await rows(log, "select 1 from unmapped_queue where queue_type = 'INGEST_CONFLICT' and status = 'OPEN'")
        )

    async def unregister(self, log: EventLogStorage, channel: str) -> None:
        assert isinstance(log, Storage)
        async with log.database.transaction() as connection:
            await connection.execute("delete from channel_registry where channel_code = %s", (channel,))


class TestPostgresBookingStore(BookingStoreConformance):
    @pytest.fixture
    def storage(self, postgres_storage: Storage) -> Storage:
        return postgres_storage

    async def dead_letters(self, storage: BookingStorage) -> list[tuple[str, str]]:
        assert isinstance(storage, Storage)
        found = await rows(storage, "select reason_code, reason_detail from ingest_dead_letter where poison_message")
        return [(str(code), [*str(detail).split("'"), ""][1]) for code, detail in found]

    async def add_alias(self, storage: BookingStorage, alias: BookingIdentity, of: BookingIdentity) -> None:
        await record_alias(storage, alias, of)

    @asynccontextmanager
    async def held_day(self, storage: BookingStorage) -> AsyncIterator[None]:
        assert isinstance(storage, Storage)
        batch = f"T{uuid4().hex[:8]}"  # several batches may run at once
        running = PostgresBackfillStore(storage.database).running(
            batch, now=NOW, script="suite", checksum="0", holds_the_day=True
        )
        async with running:
            yield

    async def test_the_tables_say_what_the_booking_says(self, storage: BookingStorage) -> None:
        from bst_testing.conformance.booking_store import STORY, accept, processing

        assert isinstance(storage, Storage)
        ids = await accept(storage, *STORY)
        for event_id in ids:
            await processing(storage)([event_id])
        [core] = await rows(
            storage,
            "select tour_date::text, tour_time::text, number_of_adult, number_of_child, infant_qty, currency_code,"
            " total_price::text, main_name, main_email, phone, phone_e164, pickup_location, is_placeholder_name,"
            " is_placeholder_email, legacy_package_id, c.customer_payment_status, s.ops_fulfillment_status, is_paid_flag,"
            " booking_created_at::text from booking_core c join booking_contact using (booking_key)"
            " join booking_party using (booking_key) join ops_booking_state s using (booking_key)",
        )
        assert core == (
            "2031-05-01",
            "08:00:00",
            3,
            None,
            1,
            "EUR",
            "99.50",
            "José Núñez",
            "a@mail.example.org",
            "+6281234567890",
            "+6281234567890",
            "Kuta",
            False,
            False,
            7,
            "PAID",
            "CANCELLED",
            True,
            "2026-03-01 10:00:00+00",
        )
        payments = await rows(
            storage, "select payment_ref, amount::text, currency_code, payment_status_v2 from payment_event order by 1"
        )
        assert payments == [("P-1", "150.00", "USD", "PAID"), ("R-1", "50.25", "USD", "REFUNDED")]
        assert len(await rows(storage, "select 1 from booking_fact")) == len(STORY)
        assert await rows(storage, "select process_status, count(*) from ingest_event_log group by 1") == [("DONE", 8)]
        items = await rows(
            storage, "select adult_qty, adult_unit_price::text, total_amount::text from booking_item_snapshot"
        )
        assert items == [(3, "33.17", "99.50")]


async def audit_trail(storage: object) -> list[AuditEntry]:
    """Oldest first."""
    assert isinstance(storage, Storage)
    query = "select event_type, actor, resource_type, resource_id, metadata, created_at, request_id from audit_log"
    return [
        AuditEntry(
            event_type=str(event_type),
            actor=str(actor),
            resource_type=None if kind is None else str(kind),
            resource_id=None if key is None else str(key),
            metadata=cast(dict[str, Any], metadata),
            at=cast(datetime, at),
            request_id=None if request is None else str(request),
        )
        for event_type, actor, kind, key, metadata, at, request in await rows(storage, f"{query} order by audit_id")
    ]


class TestPostgresMappingDesk(MappingDeskConformance):
    @pytest.fixture
    def storage(self, postgres_storage: Storage) -> Storage:
        return postgres_storage

    async def audited(self, storage: MappingStorage) -> list[AuditEntry]:
        return await audit_trail(storage)

    async def add_entity(self, storage: MappingStorage, kind: Entity) -> UUID:
        assert isinstance(storage, Storage)
        return await add_entity(storage.database, kind)


async def add_entity(database: Database, kind: Entity) -> UUID:
    """A product, or a variant of a new one."""
    product, variant = uuid4(), uuid4()
    async with database.transaction() as connection:
        await connection.execute(
            "insert into catalog_product (product_key, slug, name) values (%s, %s, 'Trek')", (product, str(product))
        )
        await connection.execute(
            "insert into catalog_variant (variant_key, product_key, code, name, service_type, duration_days)"
            " values (%s, %s, 'V', 'Trek', 'PRIVATE', 1)",
            (variant, product),
        )
    return product if kind is Entity.CATALOG_PRODUCT else variant


class TestPostgresRepairDesk(RepairDeskConformance):
    @pytest.fixture
    def storage(self, postgres_storage: Storage) -> Storage:
        return postgres_storage

    async def audited(self, storage: RepairStorage) -> list[AuditEntry]:
        return await audit_trail(storage)


class TestPostgresRetention(RetentionConformance):
    @pytest.fixture
    def storage(self, postgres_storage: Storage) -> Storage:
        return postgres_storage

    async def audited(self, storage: RetentionStorage) -> list[AuditEntry]:
        return await audit_trail(storage)

    async def test_a_settled_conflict_goes_after_ninety_days(self, storage: Storage) -> None:
        async with storage.database.transaction() as connection:
            for number, (status, resolved_at) in enumerate(
                [("OPEN", None), ("RESOLVED", NOW), ("CLOSED", NOW), ("CLOSED", NOW + timedelta(days=1))]
            ):
                await connection.execute(
                    "insert into unmapped_queue (queue_key, queue_type, source_system, source_table, source_pk,"
                    " reason_code, status, resolved_at, updated_at) values (gen_random_uuid(), 'INGEST_CONFLICT',"
                    " 'core', 'ingest_event_log', %s, 'X', %s, %s, '2020-01-01')",
                    (str(number), status, resolved_at),
                )
        report = await run(storage, NOW + timedelta(days=90, seconds=1))
        assert counts(report) == {"unmapped entry": 2}
        assert await rows(storage, "select source_pk from unmapped_queue order by 1") == [("0",), ("3",)]


class TestPostgresFlags(FlagStoreConformance):
    @pytest.fixture
    def storage(self, postgres_storage: Storage) -> Storage:
        return postgres_storage

    async def audited(self, storage: FlagStorage) -> list[AuditEntry]:
        return await audit_trail(storage)


class TestPostgresReplayJobs(ReplayJobsConformance):
    @pytest.fixture
    def storage(self, postgres_storage: Storage) -> Storage:
        return postgres_storage

    async def audited(self, storage: ReplayJobStorage) -> list[AuditEntry]:
        return await audit_trail(storage)
