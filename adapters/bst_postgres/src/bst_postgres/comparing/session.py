"""ComparisonStore on the operational database: one snapshot for everything that is asked."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import date
from uuid import UUID

from bst_application.ports.comparing import Figures, LastRun, Part, PaymentRows, RowsAccounted, StoredRecord
from bst_domain.migration import (
    CatalogBridge,
    Difference,
    ExceptionKind,
    LegacySystem,
    MigrationException,
    PackageMap,
    SourceRow,
)
from bst_domain.values import BookingIdentity
from bst_postgres.backfill.states import NEWEST_FIRST, ROLLBACK
from bst_postgres.backfill.store import read_packages
from bst_postgres.comparing import references
from bst_postgres.comparing.catalog import catalog_differences
from bst_postgres.comparing.figures import count_figures
from bst_postgres.comparing.marks import copy_lines
from bst_postgres.comparing.parts import PARTS, prepare
from bst_postgres.comparing.records import read_records
from bst_postgres.comparing.sides import MarksSide, StoredSide
from bst_postgres.database import Database, DriverConnection, as_uuid_array

_LAST_RUN = f"""
select case when script_name like '{ROLLBACK}%%' then 'TAKEN_BACK' else run_status end, started_at, script_checksum
from migration_run_log where batch_code = %s {NEWEST_FIRST} limit 1
"""
_EXCEPTIONS = """
select exception, source_system, source_table, source_pk, channel_code, external_booking_ref, detail from migration_exception
where batch_code = %s order by exception, source_system, source_table, length(source_pk), source_pk
"""
# A version moves with everything that a booking is shown as, and what was spoken of here has no digest.
_SPOILED = """
select core.booking_key, core.channel_code || ' ' || core.external_booking_ref from booking_core core
join migration_booking_mark mark on mark.booking_key = core.booking_key and mark.{part}_version = core.version
where core.booking_key = any (%s::uuid[]) and mark.{part} <> 0::bit(128) order by 2
"""
_QUEUED = """
select queue_type, status, count(*) from unmapped_queue where source_system in ('balisnap', 'bstadmin') group by 1, 2
"""
_QUEUED_PAYMENTS = """
select source_pk::bigint from unmapped_queue where queue_type = 'PAYMENT_LINKAGE' and source_system = 'balisnap'
  and source_table = 'Payment' and source_pk ~ '^[0-9]{1,18}$'
"""


class PostgresComparisonStore:
    """One database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def comparing(self) -> AsyncIterator["_Comparing"]:
        async with self._database.transaction(brief=False) as connection:
            await connection.execute("set transaction isolation level repeatable read")
            not_live_only = await prepare(connection)
            await connection.execute(references.TAKEN)
            yield _Comparing(connection, not_live_only)


class _Comparing:
    """One transaction. It writes temporary tables only, which end with it."""

    def __init__(self, connection: DriverConnection, not_live_only: str) -> None:
        self._connection = connection
        self._only = not_live_only

    async def last_run(self, batch: str) -> LastRun | None:
        row = await (await self._connection.execute(_LAST_RUN, (batch,))).fetchone()
        return None if row is None else LastRun(status=row[0], started_at=row[1], checksum=row[2])

    def source_marks(self, system: LegacySystem) -> MarksSide:
        where = f"source_system = '{system.value}'"
        return MarksSide(
            self._connection, table="migration_source_mark", key="row_id", digest="digest", where=where, kind="bigint"
        )

    def stored(self, part: Part) -> StoredSide:
        return StoredSide(self._connection, PARTS[part], self._only)

    def booking_marks(self, part: Part) -> MarksSide:
        where = f"{part.value} is not null"
        return MarksSide(
            self._connection,
            table="migration_booking_mark",
            key="booking_key",
            digest=part.value,
            where=where,
            kind="uuid",
        )

    async def take_rows(self, system: LegacySystem, lines: AsyncIterator[bytes]) -> None:
        await self._connection.execute(f"alter table taken alter source_system set default '{system.value}'".encode())
        await copy_lines(self._connection, "taken (row_id, word)", lines)
        await self._connection.execute("analyze taken")

    async def take_payments(self, payments: Sequence[tuple[int, int, UUID]]) -> None:
        async def lines() -> AsyncIterator[bytes]:
            yield "".join(f"{payment}\t{booking}\t{key.hex}\n" for payment, booking, key in payments).encode()

        await copy_lines(self._connection, "taken_payment (payment_id, booking_id, payment_key)", lines())

    async def accounted(self, system: LegacySystem) -> RowsAccounted:
        return await references.accounted(self._connection, system)

    async def unexplained_rows(self) -> list[SourceRow]:
        return await references.unexplained_rows(self._connection)

    async def unexpected_bookings(self) -> list[UUID]:
        return await references.unexpected_bookings(self._connection, self._only)

    async def strays(self) -> list[Difference]:
        return await references.strays(self._connection)

    async def payments_accounted(self) -> PaymentRows:
        return await references.payments_accounted(self._connection)

    async def sources_of(self, keys: Sequence[UUID]) -> Mapping[UUID, list[SourceRow]]:
        return await references.sources_of(self._connection, keys)

    async def records(
        self, identities: Sequence[BookingIdentity], keys: Sequence[UUID]
    ) -> tuple[Mapping[BookingIdentity, StoredRecord], Mapping[UUID, StoredRecord]]:
        return await read_records(self._connection, identities, keys)

    async def spoiled(self, part: Part, keys: Sequence[UUID]) -> Mapping[UUID, str]:
        query = _SPOILED.format(part=part.value)
        return dict(await (await self._connection.execute(query.encode(), (as_uuid_array(keys),))).fetchall())

    async def packages(self) -> PackageMap:
        return await read_packages(self._connection)

    async def figures(self, today: date) -> Figures:
        return await count_figures(self._connection, self._only, today)

    async def exceptions(self, batch: str) -> list[MigrationException]:
        rows = await (await self._connection.execute(_EXCEPTIONS, (batch,))).fetchall()
        return [
            MigrationException(
                kind=ExceptionKind(kind),
                row=SourceRow(LegacySystem(system), table, int(pk)),
                channel=channel,
                ref=ref,
                detail=detail,
            )
            for kind, system, table, pk, channel, ref, detail in rows
        ]

    async def queued(self) -> Mapping[str, Mapping[str, int]]:
        found: dict[str, dict[str, int]] = {}
        for kind, status, many in await (await self._connection.execute(_QUEUED)).fetchall():
            found.setdefault(kind, {})[status] = many
        return found

    async def queued_payments(self) -> frozenset[int]:
        return frozenset(row[0] for row in await (await self._connection.execute(_QUEUED_PAYMENTS)).fetchall())

    async def catalog_differences(
        self, bridge: CatalogBridge
    ) -> tuple[Sequence[Difference], Mapping[str, tuple[int, int]]]:
        return await catalog_differences(self._connection, bridge)
