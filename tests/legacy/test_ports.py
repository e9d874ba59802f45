"""The fakes and the real adapters pass the suites of back-fill's ports."""

from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import psycopg
import pytest
from psycopg.types.json import Jsonb

from bst_domain.booking import PackageRef, PackageRefType
from bst_domain.gates import Override
from bst_domain.migration import LegacyBooking, LegacyPaid, LegacySystem
from bst_domain.values import ChannelReference
from bst_legacy.databases import LegacyConnections
from bst_legacy.live import LegacyLiveConnections
from bst_postgres.backfill import PostgresBackfillStore
from bst_postgres.database import Database
from bst_testing.conformance.backfill import NOW, BackfillConformance, MappingIt
from bst_testing.conformance.legacy import LegacyConformance, Making
from bst_testing.conformance.legacy_live import ADMIN, LATER, SHOP, LegacyLiveConformance, Living
from bst_testing.fakes.backfill import MemoryBackfill
from bst_testing.fakes.legacy import MemoryLegacy, MemoryLegacyLive
from bst_testing.legacy_rows import AT, legacy_booking, legacy_finance, legacy_item
from tests.legacy.world import HERE
from tests.servers import PostgresAddress


class TestMemoryBackfill(BackfillConformance):
    @pytest.fixture
    def store(self) -> MemoryBackfill:
        return MemoryBackfill()

    @pytest.fixture
    def map_it(self, store: MemoryBackfill) -> MappingIt:
        async def map_it(package: ChannelReference) -> UUID:
            product = uuid4()
            store.kept.mappings[package] = PackageRef(PackageRefType.CATALOG_PRODUCT, product, int(package.ref))
            return product

        return map_it


class TestPostgresBackfill(BackfillConformance):
    @pytest.fixture
    async def store(self, postgres_dsn: str) -> AsyncIterator[PostgresBackfillStore]:
        database = Database(postgres_dsn)
        yield PostgresBackfillStore(database)
        await database.close()

    @pytest.fixture
    def map_it(self, postgres_dsn: str) -> MappingIt:
        async def map_it(package: ChannelReference) -> UUID:
            product = uuid4()
            with psycopg.connect(postgres_dsn) as connection:
                connection.execute(
                    "insert into catalog_product (product_key, slug, name) values (%s, 'a-tour', 'A tour')", (product,)
                )
                connection.execute(
                    "insert into channel_external_refs (external_ref_key, entity_type, entity_key, channel_code,"
                    " external_ref_kind, external_ref, source_system, source_table, source_pk)"
                    " values (%s, 'CATALOG_PRODUCT', %s, %s, %s, %s, 'test', 'mapping', '1')",
                    (uuid4(), product, package.channel, package.kind, package.ref),
                )
            return product

        return map_it


class TestMemoryLegacy(LegacyConformance):
    @pytest.fixture
    def making(self) -> Making:
        return lambda rows, left: MemoryLegacy(rows=rows, left_behind=left)

    @pytest.fixture
    def unreadable(self) -> MemoryLegacy:
        return MemoryLegacy(lacks="table bookings")


@pytest.fixture
def urls(postgres_server: PostgresAddress) -> Iterator[dict[LegacySystem, str]]:
    """Both legacy schemas, empty."""
    with ExitStack() as stack:
        made: dict[LegacySystem, str] = {}
        for system in LegacySystem:
            name = f"bst_{system}_{uuid4().hex}"
            made[system] = postgres_server.create(name)
            stack.callback(postgres_server.drop, name)
            with psycopg.connect(made[system]) as connection:
                connection.execute(Path(HERE / f"{system}.sql").read_bytes())
        yield made


def fill(urls: dict[LegacySystem, str], rows: Sequence[LegacyBooking], left: Sequence[LegacyPaid] = ()) -> None:
    with psycopg.connect(urls[LegacySystem.SHOP]) as shop, psycopg.connect(urls[LegacySystem.ADMIN]) as admin:
        for connection in (shop, admin):  # rows stand alone: what they refer to is not back-fill's business
            connection.execute("set session_replication_role = replica")
        for row in rows:
            if row.system is LegacySystem.SHOP:
                insert_shop_booking(shop, row)
            else:
                insert_admin_booking(admin, row)
        for paid in left:
            insert_payment(shop, paid)


class TestMemoryLegacyLive(LegacyLiveConformance):
    @pytest.fixture
    def living(self) -> Living:
        def make(rows: Sequence[LegacyBooking]) -> MemoryLegacyLive:
            legacy = MemoryLegacyLive()
            legacy.put(*rows)
            return legacy

        return make

    @pytest.fixture
    def unreadable(self) -> MemoryLegacyLive:
        return MemoryLegacyLive(lacks="table bookings")


class TestPostgresLegacyLive(LegacyLiveConformance):
    @pytest.fixture
    def living(self, urls: dict[LegacySystem, str]) -> Living:
        def make(rows: Sequence[LegacyBooking]) -> LegacyLiveConnections:
            fill(urls, rows)
            return LegacyLiveConnections(urls)

        return make

    @pytest.fixture
    def unreadable(self, urls: dict[LegacySystem, str]) -> LegacyLiveConnections:
        with psycopg.connect(urls[LegacySystem.ADMIN]) as admin:
            admin.execute("alter table bookings rename column is_paid to paid")
        return LegacyLiveConnections(urls)

    @pytest.mark.parametrize(
        ("system", "table"), [(SHOP, "BookingItem"), (ADMIN, "booking_finances"), (ADMIN, "booking_finance_items")]
    )
    async def test_what_is_noted_below_a_booking_alone_is_a_change_of_it(
        self, living: Living, urls: dict[LegacySystem, str], system: LegacySystem, table: str
    ) -> None:
        item, finance = legacy_item(21, departure_id=None), legacy_finance(31, items=2, items_paid=1)
        old = {"updated_at": AT, "tour_at": AT}
        legacy = living(
            [
                legacy_booking(SHOP, 1, "BST-1", items=(item,), **old),
                legacy_booking(SHOP, 2, "BST-2", **old),
                legacy_booking(ADMIN, 1, "GYG1", channel="GYG", finance=finance, **old),
                legacy_booking(ADMIN, 2, "GYG2", channel="GYG", **old),
            ]
        )
        window: dict[str, Any] = {"since": LATER, "before": LATER + timedelta(seconds=1), "after": None, "limit": 9}
        assert await legacy.changed(system, **window) == []
        with psycopg.connect(urls[system]) as connection:
            connection.execute(f'update "{table}" set updated_at = %s'.encode(), (LATER.replace(tzinfo=None),))
        [found] = await legacy.changed(system, **window)
        assert (found.booking.row_id, found.changed_at) == (1, LATER)


class TestPostgresLegacy(LegacyConformance):
    @pytest.fixture
    def making(self, urls: dict[LegacySystem, str]) -> Making:
        def make(rows: Sequence[LegacyBooking], left: Sequence[LegacyPaid]) -> LegacyConnections:
            fill(urls, rows, left)
            return LegacyConnections(urls)

        return make

    @pytest.fixture
    def unreadable(self, urls: dict[LegacySystem, str]) -> LegacyConnections:
        with psycopg.connect(urls[LegacySystem.ADMIN]) as admin:
            admin.execute("alter table bookings rename column is_paid to paid")
        return LegacyConnections(urls)

    async def test_a_schema_named_in_the_url_is_the_one_that_is_read(self, urls: dict[LegacySystem, str]) -> None:
        with psycopg.connect(urls[LegacySystem.ADMIN]) as connection:
            connection.execute("alter schema public rename to legacy")
        named = {**urls, LegacySystem.ADMIN: f"{urls[LegacySystem.ADMIN]}&schema=legacy"}
        async with LegacyConnections(named).snapshot() as snapshot:
            assert [rows async for rows in snapshot.names()] == []


def insert(connection: psycopg.Connection[Any], table: str, **values: Any) -> None:
    names = ", ".join(f'"{name}"' for name in values)
    places = ", ".join(["%s"] * len(values))
    connection.execute(f'insert into "{table}" ({names}) values ({places})'.encode(), list(values.values()))


def shared(row: LegacyBooking) -> dict[str, Any]:
    return {
        "booking_id": row.row_id,
        "booking_ref": row.ref,
        "user_id": "u",
        "total_price": row.total,
        "number_of_adult": row.adult,
        "number_of_child": row.child,
        "package_id": row.package_id,
        "main_contact_name": row.name,
        "main_contact_email": row.email,
        "phone_number": row.phone,
        "meeting_point": row.meeting_point,
        "note": row.note,
        "created_at": row.created_at.replace(tzinfo=None),
        "updated_at": row.updated_at.replace(tzinfo=None),
    }


def insert_shop_booking(shop: psycopg.Connection[Any], row: LegacyBooking) -> None:
    tour = row.tour_at.replace(tzinfo=None)
    said = {"booking_date": tour, "currency_code": row.currency, "status": row.status, "status_v2": row.status_v2}
    insert(shop, "Booking", **shared(row), **said)
    for item in row.items:
        insert(
            shop,
            "BookingItem",
            booking_item_id=item.item_id,
            booking_id=row.row_id,
            variant_id=item.variant_id,
            item_status="CANCELLED" if item.cancelled else "ACTIVE",
            adult_qty=item.adult,
            adult_unit_price=item.adult_unit_price,
            total_amount=item.total,
            updated_at=tour,
        )
    for paid in row.payments:
        insert_payment(shop, paid)


def insert_payment(shop: psycopg.Connection[Any], paid: LegacyPaid) -> None:
    insert(
        shop,
        "Payment",
        payment_id=paid.payment_id,
        booking_id=paid.booking_id,
        user_id="u",
        payment_date=paid.paid_at.replace(tzinfo=None),
        amount=paid.amount,
        currency_code=paid.currency,
        payment_method=paid.method,
        payment_status=paid.status,
        payment_status_v2=paid.status_v2,
        gateway=paid.gateway,
        gateway_order_id=paid.order_id,
        gateway_capture_id=paid.capture_id,
        payment_ref=paid.payment_ref,
        raw_payload=None if paid.raw is None else Jsonb(paid.raw),
        updated_at=paid.paid_at.replace(tzinfo=None),
    )


def insert_admin_booking(admin: psycopg.Connection[Any], row: LegacyBooking) -> None:
    tour = row.tour_at.replace(tzinfo=None)
    insert(
        admin,
        "bookings",
        **shared(row),
        booking_date=tour,
        tour_date=tour,
        currency=row.currency,
        source=row.channel,
        status=row.ops_status,
        tour_time=row.tour_time,
        pickup_location=row.pickup_location,
        assigned_driver_id=row.driver_id,
        is_paid=row.is_paid,
    )
    finance = row.finance
    if finance is None:
        return
    validated = finance.validated_at
    insert(
        admin,
        "booking_finances",
        booking_finance_id=finance.finance_id,
        booking_id=row.row_id,
        pattern_id=finance.pattern_id,
        validated_at=None if validated is None else validated.replace(tzinfo=None),
        is_locked=finance.locked,
        updated_at=row.updated_at.replace(tzinfo=None),
    )
    for number in range(finance.items):
        insert(
            admin,
            "booking_finance_items",
            booking_finance_id=finance.finance_id,
            name_snapshot="Driver fee",
            unit_type="PER_BOOKING",
            unit_price=1,
            amount=1,
            paid=number < finance.items_paid,
            updated_at=row.updated_at.replace(tzinfo=None),
        )


async def test_who_goes_on_all_the_same_is_in_the_run_and_in_the_audit_trail(postgres_dsn: str) -> None:
    database = Database(postgres_dsn, pool_size=2)
    store = PostgresBackfillStore(database)
    override = Override(actor="ana", reason="known", holds=("catalog-bridge: FAIL: C-02",))
    with pytest.raises(RuntimeError):
        async with store.running("D", now=NOW, script="suite", checksum="0", override=override):
            raise RuntimeError
    async with store.running("E", now=NOW, script="suite", checksum="0"):
        pass
    await database.close()
    with psycopg.connect(postgres_dsn) as connection:
        runs = connection.execute(
            "select batch_code, override, run_key::text from migration_run_log where batch_code > 'A'"
        )
        [(_, said, run), (_, none, _)] = sorted(runs.fetchall())
        audited = connection.execute("select event_type, actor, resource_id, metadata from audit_log").fetchall()
    assert said == {"actor": "ana", "reason": "known", "holds": ["catalog-bridge: FAIL: C-02"]}
    assert none is None
    more = {"runKey": run, "reason": "known", "holds": ["catalog-bridge: FAIL: C-02"]}
    assert audited == [("MIGRATION_HOLD_OVERRIDDEN", "ana", "D", more)]
