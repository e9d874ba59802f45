"""PostgreSQL counts what does not agree with itself, also where its own constraints forbid most of it."""

from collections.abc import AsyncIterator

import pytest

from bst_application.errors import SchemaBehind
from bst_postgres.database import Database
from bst_testing.conformance.booking_store import accept, processing
from bst_testing.conformance.reconciliation import ReconciledStorage, ReconciliationConformance
from bst_testing.deliveries import body, paid
from tests.postgres.test_storage import Storage

IDENTITY_INDEX = "ux_booking_core_channel_external_ref"
_ON = f"{IDENTITY_INDEX} on booking_core"
#: What is there instead of the index -> what is said of it.
BROKEN_INDEXES = {
    "": "missing",
    f"create index {_ON} (channel_code, external_booking_ref)": "not unique",
    f"create unique index {_ON} (channel_code, booking_key)": (
        "on booking_core (channel_code, booking_key) instead of booking_core (channel_code, external_booking_ref)"
    ),
    f"create unique index {_ON} (channel_code, external_booking_ref) where channel_code = 'GYG'": (
        "does not cover every row"
    ),
    f"update pg_index set indisvalid = false where indexrelid = '{IDENTITY_INDEX}'::regclass": (
        "not valid: its build failed or has not ended"
    ),
}


class TestPostgresReconciliation(ReconciliationConformance):
    @pytest.fixture
    async def storage(self, postgres_dsn: str) -> AsyncIterator[Storage]:
        database = Database(postgres_dsn)
        yield Storage(database)
        await database.close()

    async def settled(self, storage: ReconciledStorage, ref: str) -> None:
        await self._write(
            storage, "update booking_core set ops_fulfillment_status = 'DONE' where external_booking_ref = %s", ref
        )

    async def misspell(self, storage: ReconciledStorage, ref: str, spelling: str) -> None:
        for table in ("booking_core", "ingest_event_log"):
            await self._write(
                storage,
                f"update {table} set external_booking_ref = %s where external_booking_ref = %s",
                spelling,
                ref,
            )

    @staticmethod
    async def _write(storage: ReconciledStorage, statement: str, *values: str) -> None:
        assert isinstance(storage, Storage)
        async with storage.database.transaction() as connection:
            await connection.execute(statement.encode(), values)

    async def test_another_spelling_of_an_event_is_a_twin(self, storage: Storage) -> None:
        await accept(storage, body(), body(ref="WEB-2"))
        await self._write(
            storage,
            "update ingest_event_log set external_booking_ref = 'web-1', fingerprint ="
            " (select fingerprint from ingest_event_log where external_booking_ref = 'WEB-1')"
            " where external_booking_ref = %s",
            "WEB-2",
        )
        counts = await storage.reconciliation_counts()
        assert (counts.twin_event_groups, counts.twin_event_excess) == (1, 1)
        assert (await storage.duplicates()).secondary_excess == 1

    async def test_a_payment_that_no_fact_stands_behind_is_an_orphan(self, storage: Storage) -> None:
        await processing(storage)(await accept(storage, body(raw=paid("P-1")), body(ref="WEB-2", raw=paid("P-2"))))
        assert (await storage.reconciliation_counts()).orphan_payments == 0
        await self._write(storage, "delete from payment_fact where reference = %s", "P-1")
        assert (await storage.reconciliation_counts()).orphan_payments == 1

    async def test_what_is_unmapped_is_held_against_the_catalog(self, storage: Storage) -> None:
        entry = (
            "insert into unmapped_queue (queue_key, queue_type, source_system, source_table, source_pk, reason_code, status)"
            " values (gen_random_uuid(), %s, 'x', 'y', 'z', 'r', %s)"
        )
        await self._write(storage, entry, "PRODUCT_MAPPING", "OPEN")
        await self._write(storage, entry, "VARIANT_MAPPING", "RESOLVED")
        await self._write(storage, entry, "INGEST_CONFLICT", "OPEN")
        await self._write(
            storage,
            "insert into catalog_product (product_key, slug, name) values (gen_random_uuid(), %s, 'n')",
            "ubud",
        )
        counts = await storage.reconciliation_counts()
        assert (counts.unmapped, counts.catalog_entities) == (1, 1)

    @pytest.mark.parametrize(("definition", "said"), BROKEN_INDEXES.items())
    async def test_a_unique_index_that_does_not_hold_is_named(
        self, storage: Storage, definition: str, said: str
    ) -> None:
        if not definition.startswith("update"):
            await self._write(storage, f"drop index {IDENTITY_INDEX}")
        if definition:
            await self._write(storage, definition)
        guards = (await storage.duplicates()).guards
        assert guards == {
            "ux_ingest_event_idempotency_key": None,
            "ux_ingest_event_secondary_dedup": None,
            IDENTITY_INDEX: said,
        }

    async def test_a_missing_table_is_a_schema_that_is_behind(self, storage: Storage) -> None:
        await self._write(storage, "drop table payment_event cascade")
        with pytest.raises(SchemaBehind, match="bst db upgrade"):
            await storage.reconciliation_counts()
