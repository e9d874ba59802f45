"""Overrides of flags in PostgreSQL, and the processes that have read them."""

from collections.abc import Callable, Mapping
from datetime import datetime

from bst_application.ports.audit import AuditEntry
from bst_application.ports.flags import FlagOverride, Overrides, Revision, Sight
from bst_postgres.audit import append_entries
from bst_postgres.database import Database, DriverConnection, as_json

_ALL = "select flag_name, flag_value, actor, reason, updated_at from runtime_flag"
_SET = """
insert into runtime_flag (flag_name, flag_value, actor, reason, updated_at) values (%s, %s, %s, %s, %s)
on conflict (flag_name) do update
set flag_value = excluded.flag_value, actor = excluded.actor, reason = excluded.reason, updated_at = excluded.updated_at
"""
# Readers go on; whoever else turns a flag waits until this one has said what it makes of what there is.
_ALONE = "lock table runtime_flag in share row exclusive mode"
_SIGHT = """
insert into flag_sight (process_key, component, host, pid, flag_values, seen_at) values (%s, %s, %s, %s, %s::jsonb, %s)
on conflict (process_key) do update set flag_values = excluded.flag_values, seen_at = excluded.seen_at
"""
_FORGET = "delete from flag_sight where seen_at < %s::timestamptz - interval '1 day'"
_SIGHTS = """
select process_key, component, host, pid, flag_values, seen_at from flag_sight where seen_at >= %s
order by component, host, pid
"""


class PostgresFlagStore:
    """FlagStore on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def overrides(self) -> Mapping[str, FlagOverride]:
        async with self._database.transaction() as connection:
            return await _overrides(connection)

    async def change(self, name: str, override: FlagOverride | None, entry: AuditEntry) -> None:
        async with self._database.transaction() as connection:
            await _apply(connection, Revision(changes={name: override}, entries=[entry]))

    async def revise(self, decide: Callable[[Overrides], Revision]) -> Overrides:
        async with self._database.transaction() as connection:
            await connection.execute(_ALONE)
            await _apply(connection, decide(await _overrides(connection)))
            return await _overrides(connection)

    async def sighted(self, sight: Sight) -> None:
        row = (sight.process, sight.component, sight.host[:191], sight.pid, as_json(sight.values), sight.seen_at)
        async with self._database.transaction() as connection:
            await connection.execute(_SIGHT, row)
            await connection.execute(_FORGET, (sight.seen_at,))

    async def sights(self, *, since: datetime) -> list[Sight]:
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_SIGHTS, (since,))).fetchall()
        return [
            Sight(process=key, component=component, host=host, pid=pid, values=values, seen_at=at)
            for key, component, host, pid, values, at in rows
        ]


async def _overrides(connection: DriverConnection) -> dict[str, FlagOverride]:
    rows = await (await connection.execute(_ALL)).fetchall()
    return {
        name: FlagOverride(value=value, actor=actor, reason=reason, at=at) for name, value, actor, reason, at in rows
    }


async def _apply(connection: DriverConnection, revision: Revision) -> None:
    for name, override in sorted(revision.changes.items()):
        if override is None:
            await connection.execute("delete from runtime_flag where flag_name = %s", (name,))
        else:
            await connection.execute(_SET, (name, override.value, override.actor[:191], override.reason, override.at))
    await append_entries(connection, revision.entries)
