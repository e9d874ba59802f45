"""Drivers and partners in PostgreSQL."""

from bst_application.ports.audit import AuditEntry
from bst_application.ports.crew import CrewKind, CrewMember
from bst_postgres.audit import append_entries
from bst_postgres.database import Database

_MEMBERS = {
    CrewKind.DRIVER: "select driver_id, driver_name, is_active, updated_at from ops_driver order by driver_id",
    CrewKind.PARTNER: "select partner_id, partner_name, is_active, updated_at from ops_partner order by partner_id",
}
_ENTER = {
    CrewKind.DRIVER: """
insert into ops_driver (driver_id, driver_name, is_active, created_at, updated_at)
values (%(number)s, %(name)s, %(active)s, %(at)s, %(at)s)
on conflict (driver_id) do update
set driver_name = excluded.driver_name, is_active = excluded.is_active, updated_at = excluded.updated_at
""",
    CrewKind.PARTNER: """
insert into ops_partner (partner_id, partner_name, is_active, created_at, updated_at)
values (%(number)s, %(name)s, %(active)s, %(at)s, %(at)s)
on conflict (partner_id) do update
set partner_name = excluded.partner_name, is_active = excluded.is_active, updated_at = excluded.updated_at
""",
}


class PostgresCrewRegister:
    """CrewRegister on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def members(self, kind: CrewKind) -> list[CrewMember]:
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_MEMBERS[kind])).fetchall()
        return [
            CrewMember(number=number, name=name, is_active=active, updated_at=at) for number, name, active, at in rows
        ]

    async def enter(self, kind: CrewKind, member: CrewMember, entry: AuditEntry) -> None:
        given = {"number": member.number, "name": member.name, "active": member.is_active, "at": member.updated_at}
        async with self._database.transaction() as connection:
            await connection.execute(_ENTER[kind], given)
            await append_entries(connection, [entry])
