"""The ops desk in PostgreSQL: one transaction that holds one booking, with the statements of processing and a few of its own."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from uuid import UUID

from bst_application.ports.audit import AuditEntry
from bst_application.ports.bookings import BookingChange, StoredBooking
from bst_application.ports.crew import CrewKind
from bst_application.ports.operations import Assignment, ConflictRecord, OpsTransaction, Settlement
from bst_domain.booking import PackageRef, PackageRefType
from bst_domain.values import BookingIdentity, BookingKey, ChannelReference
from bst_postgres import conflicts
from bst_postgres.audit import append_entries
from bst_postgres.bookings.loading import load_bookings, load_packages, lock_bookings
from bst_postgres.bookings.saving import save_bookings
from bst_postgres.database import Database, DriverConnection

#: What writes assignments here, as assignment_source has always said it.
CORE_API = "CORE_API"

_ASSIGNMENT = """
select assignment_key, driver_id, partner_id, assigned_at from ops_assignment where booking_key = %s and is_active
"""
_END = """
update ops_assignment set is_active = false, unassigned_at = %(now)s, updated_at = %(now)s
where booking_key = %(booking)s and is_active
"""
_BEGIN = """
insert into ops_assignment (assignment_key, booking_key, driver_id, partner_id, assignment_source, assigned_at, is_active)
values (%s, %s, %s, %s, %s, %s, true)
"""
_STATE = """
update ops_booking_state
set assigned_driver_id = %s, assigned_partner_id = %s, assigned_at = %s, updated_at = now()
where booking_key = %s
"""
# Where nobody of the kind is managed here, anybody may be assigned.
_MAY = {
    CrewKind.DRIVER: """select not exists (select 1 from ops_driver)
                          or exists (select 1 from ops_driver where driver_id = %s and is_active)""",
    CrewKind.PARTNER: """select not exists (select 1 from ops_partner)
                           or exists (select 1 from ops_partner where partner_id = %s and is_active)""",
}
_PRODUCT = "exists (select 1 from catalog_product where product_key = %(key)s)"
_VARIANT = "exists (select 1 from catalog_variant where variant_key = %(key)s)"
_FITS = {
    PackageRefType.LEGACY_PACKAGE: f"select {_PRODUCT} or {_VARIANT}",
    PackageRefType.CATALOG_PRODUCT: f"select {_PRODUCT}",
    PackageRefType.CATALOG_VARIANT: f"select {_VARIANT}",
}


class PostgresOpsDesk:
    """OpsDesk on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @asynccontextmanager
    async def operating(self) -> AsyncIterator[OpsTransaction]:
        async with self._database.transaction() as connection:
            yield PostgresOperating(connection)


class PostgresOperating:
    """One transaction."""

    def __init__(self, connection: DriverConnection) -> None:
        self._connection = connection

    async def load(self, identity: BookingIdentity) -> StoredBooking | None:
        await lock_bookings(self._connection, [identity])
        return (await load_bookings(self._connection, [identity])).get(identity)

    async def mapped_packages(self, named: Sequence[ChannelReference]) -> Mapping[ChannelReference, PackageRef]:
        return await load_packages(self._connection, named)

    async def save(self, change: BookingChange, *, now: datetime) -> None:
        await save_bookings(self._connection, [change], now)

    async def assignment(self, booking: BookingKey) -> Assignment | None:
        row = await (await self._connection.execute(_ASSIGNMENT, (booking,))).fetchone()
        return None if row is None else Assignment(key=row[0], driver=row[1], partner=row[2], at=row[3])

    async def assign(self, booking: BookingKey, assignment: Assignment | None, *, now: datetime) -> None:
        await self._connection.execute(_END, {"booking": booking, "now": now})
        if assignment is None:
            await self._connection.execute(_STATE, (None, None, None, booking))
            return
        crew = (assignment.driver, assignment.partner)
        await self._connection.execute(_BEGIN, (assignment.key, booking, *crew, CORE_API, assignment.at))
        await self._connection.execute(_STATE, (*crew, assignment.at, booking))

    async def may_be_assigned(self, kind: CrewKind, number: int) -> bool:
        row = await (await self._connection.execute(_MAY[kind], (number,))).fetchone()
        return row is not None and bool(row[0])

    async def fits(self, kind: PackageRefType, key: UUID) -> bool:
        row = await (await self._connection.execute(_FITS[kind].encode(), {"key": key})).fetchone()
        return row is not None and bool(row[0])

    async def said_after(self, booking: BookingKey, version: int) -> frozenset[UUID]:
        query = "select event_key from booking_fact where booking_key = %s and version > %s"
        rows = await (await self._connection.execute(query, (booking, version))).fetchall()
        return frozenset(event_key for (event_key,) in rows)

    async def conflicts(self, booking: BookingKey) -> list[ConflictRecord]:
        return await conflicts.conflicts_of(self._connection, booking)

    async def open_conflict(self, conflict: ConflictRecord) -> None:
        await conflicts.open_conflict(self._connection, conflict)

    async def settle_conflict(self, key: UUID, settlement: Settlement) -> None:
        await conflicts.settle_conflict(self._connection, key, settlement)

    async def audit(self, entries: Sequence[AuditEntry]) -> None:
        await append_entries(self._connection, entries)
