"""Overrides of flags in PostgreSQL."""

from collections.abc import Mapping

from bst_application.ports.audit import AuditEntry
from bst_application.ports.flags import FlagOverride
from bst_postgres.audit import append_entries
from bst_postgres.database import Database

_SET = """
insert into runtime_flag (flag_name, flag_value, actor, reason, updated_at) values (%s, %s, %s, %s, %s)
on conflict (flag_name) do update
set flag_value = excluded.flag_value, actor = excluded.actor, reason = excluded.reason, updated_at = excluded.updated_at
"""


class PostgresFlagStore:
    """FlagStore on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def overrides(self) -> Mapping[str, FlagOverride]:
        async with self._database.transaction() as connection:
            rows = await (
                await connection.execute("select flag_name, flag_value, actor, reason, updated_at from runtime_flag")
            ).fetchall()
        return {
            name: FlagOverride(value=value, actor=actor, reason=reason, at=at)
            for name, value, actor, reason, at in rows
        }

    async def change(self, name: str, override: FlagOverride | None, entry: AuditEntry) -> None:
        async with self._database.transaction() as connection:
            if override is None:
                await connection.execute("delete from runtime_flag where flag_name = %s", (name,))
            else:
                await connection.execute(
                    _SET, (name, override.value, override.actor[:191], override.reason, override.at)
                )
            await append_entries(connection, [entry])
