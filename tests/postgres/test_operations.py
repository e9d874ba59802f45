"""The real ops desk, crew register and timeline pass the suites of their ports; and what the database itself holds."""

import asyncio
from collections.abc import AsyncIterator
from uuid import UUID, uuid4

import psycopg
import pytest

from bst_application.ports.audit import AuditEntry
from bst_application.use_cases.operate import Written
from bst_domain.values import FulfilmentStatus
from bst_postgres.database import Database
from bst_postgres.timeline import PostgresBookingTimeline
from bst_testing.conformance.booking_store import WEB_1, accept, loaded, processing
from bst_testing.conformance.operations import CrewRegisterConformance, OpsDeskConformance
from bst_testing.conformance.timeline import BookingTimelineConformance
from bst_testing.deliveries import body, paid
from bst_testing.ops_acts import (
    AYU,
    DRIVER_8,
    LOBBY,
    MOVED,
    OpsStorage,
    acknowledging,
    assigning,
    editing,
    syncing,
    unassigning,
)
from tests.postgres.test_storage import Storage, audit_trail, rows


@pytest.fixture
async def storage(postgres_dsn: str) -> AsyncIterator[Storage]:
    database = Database(postgres_dsn, pool_size=20)
    yield Storage(database)
    await database.close()


class TestPostgresOpsDesk(OpsDeskConformance):
    @pytest.fixture
    def storage(self, storage: Storage) -> Storage:
        return storage

    async def audited(self, storage: OpsStorage) -> list[AuditEntry]:
        return await audit_trail(storage)

    async def add_to_catalog(self, storage: OpsStorage, product: UUID, variant: UUID) -> None:
        assert isinstance(storage, Storage)
        async with storage.database.transaction() as connection:
            await connection.execute(
                "insert into catalog_product (product_key, slug, name) values (%s, 'ubud', 'Ubud')", (product,)
            )
            await connection.execute(
                "insert into catalog_variant (variant_key, product_key, code, name, service_type, duration_days)"
                " values (%s, %s, 'U', 'Ubud', 'PRIVATE', 1)",
                (variant, product),
            )


class TestPostgresCrew(CrewRegisterConformance):
    @pytest.fixture
    def storage(self, storage: Storage) -> Storage:
        return storage

    async def audited(self, storage: OpsStorage) -> list[AuditEntry]:
        return await audit_trail(storage)


class TestPostgresTimeline(BookingTimelineConformance):
    @pytest.fixture
    def storage(self, storage: Storage) -> Storage:
        return storage

    @pytest.fixture
    def timeline(self, storage: Storage) -> PostgresBookingTimeline:
        return PostgresBookingTimeline(storage.database)


STATE = """
select assigned_driver_id, is_paid_flag, paid_at is not null, state_version, updated_from_source, ops_fulfillment_status
from ops_booking_state
"""


async def test_the_state_says_what_the_booking_says_and_who_wrote_it(storage: Storage) -> None:
    """Predecessor's defects 49 and 50: the version never moved, the paid flag and the source got stale."""
    await processing(storage)(await accept(storage, body()))
    assert await rows(storage, STATE) == [(None, False, False, 1, "ingest", "NEW")]
    await assigning(storage)(WEB_1, DRIVER_8, expected=None, by=AYU)
    assert await rows(storage, STATE) == [(8, False, False, 2, "core-api", "NEW")]
    payment = body("UPDATED", at="2026-03-03T00:00:00Z", raw=paid("P-1"))
    await processing(storage)(await accept(storage, payment))
    assert await rows(storage, STATE) == [(8, True, True, 3, "ingest", "NEW")]
    await editing(storage)(WEB_1, LOBBY, expected=None, by=AYU)
    await unassigning(storage)(WEB_1, expected=None, by=AYU)
    assert await rows(storage, STATE) == [(None, True, True, 5, "core-api", "NEW")]
    assert await rows(storage, "select updated_from_source from booking_contact") == [("OPERATOR",)]


async def test_a_state_that_somebody_wrote_past_the_fold_is_put_right(storage: Storage) -> None:
    await processing(storage)(await accept(storage, body()))
    async with storage.database.transaction() as connection:
        await connection.execute("update ops_booking_state set ops_fulfillment_status = 'DONE', is_paid_flag = true")
    await syncing(storage)(WEB_1, expected=None, by=AYU)
    assert await rows(storage, STATE) == [(None, False, False, 1, "core-api", "NEW")]


async def test_the_database_itself_refuses_a_second_active_assignment(storage: Storage, postgres_dsn: str) -> None:
    await processing(storage)(await accept(storage, body()))
    await assigning(storage)(WEB_1, DRIVER_8, expected=None, by=AYU)
    key = (await loaded(storage)).key
    insert = (
        b"insert into ops_assignment (assignment_key, booking_key, driver_id, assignment_source, assigned_at, is_active)"
        b" values (%s, %s, 9, 'by hand', now(), %s)"
    )
    with psycopg.connect(postgres_dsn) as connection:
        connection.execute(insert, (uuid4(), key, False))
        with pytest.raises(psycopg.errors.UniqueViolation, match="ux_ops_assignment_one_active"):
            connection.execute(insert, (uuid4(), key, True))


async def test_operators_and_events_at_once_lose_nothing(storage: Storage) -> None:
    """Twenty edits, assignments and acknowledgements beside twenty events of the same booking."""
    await processing(storage)(await accept(storage, body()))
    events = await accept(
        storage,
        *(body("UPDATED", at=f"2026-03-02T00:00:{n:02d}Z", booking={"infant": n % 2, "child": n}) for n in range(10)),
        MOVED,
    )
    acts = [
        *(processing(storage)([event]) for event in events),
        *(assigning(storage)(WEB_1, DRIVER_8, expected=None, by=AYU) for _ in range(5)),
        *(editing(storage)(WEB_1, LOBBY, expected=None, by=AYU) for _ in range(5)),
        *(acknowledging(storage)(WEB_1, None, expected=None, by=AYU) for _ in range(5)),
    ]
    done = await asyncio.gather(*acts)
    assert all(isinstance(one, Written) or one for one in done)
    final = await acknowledging(storage)(WEB_1, None, expected=None, by=AYU)
    assert isinstance(final, Written)
    booking = await loaded(storage)
    values = {name.value: fact.value for name, fact in booking.facts.registers.items()}
    assert (values["adult"], values["child"], values["infant"]) == (3, 9, 1)
    assert (values["meetingPoint"], values["note"]) == ("Lobby", "vegetarian")
    assert booking.ops.driver_assigned
    assert booking.statuses.fulfilment is FulfilmentStatus.NEW
    history = await rows(storage, "select count(*), max(version) from booking_fact")
    assert history[0][0] == 13  # CREATED, eleven updates, one edit: the other four had nothing left to say
