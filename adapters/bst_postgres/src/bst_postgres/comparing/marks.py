"""MarkStore: back-fill's notes of what it read and of what it wrote."""

from collections.abc import AsyncIterator

from bst_application.ports.comparing import Part
from bst_domain.migration import LegacySystem
from bst_postgres.comparing.parts import PARTS, SESSION, UNKNOWN, digested, prepare
from bst_postgres.database import Database, DriverConnection

_AS_READ = "create temp table as_read (row_id bigint primary key, digest bit(128)) on commit drop"
_GONE = """
delete from migration_source_mark mark where source_system = %(system)s
  and not exists (select from as_read where as_read.row_id = mark.row_id)
"""
# What was noted by the run that was interrupted is what it moved; where the row says something else now, nobody can tell.
_NOTE = f"""
insert into migration_source_mark (source_system, row_id, digest)
select %(system)s, as_read.row_id, case when %(resumed)s and known.digest is distinct from as_read.digest then {UNKNOWN}
  else as_read.digest end
from as_read left join migration_source_mark known on known.source_system = %(system)s and known.row_id = as_read.row_id
where known.digest is distinct from as_read.digest
on conflict (source_system, row_id) do update set digest = excluded.digest
"""
_DUE = """
create temp table due on commit drop as
select core.booking_key, core.version from booking_core core
left join migration_booking_mark mark on mark.booking_key = core.booking_key
where (mark.{part}_version is distinct from core.version or exists ({below})) and {not_live_only}
"""
# What hangs below a booking may follow its source without a new version of the booking.
_BELOW = (
    "select from {table} below where below.booking_key = core.booking_key and below.updated_at > mark.{part}_noted_at"
)
_AS_WRITTEN = """
create temp table written on commit drop as select key, bit_xor(digest) as digest from ({rows}) rows group by key
"""
_SPOKEN_OF = """
exists (select from booking_fact said where said.booking_key = due.booking_key and said.origin > 0)
or exists (select from ops_assignment made where made.booking_key = due.booking_key and made.assignment_source <> 'BACKFILL')
"""
_WRITTEN = """
insert into migration_booking_mark (booking_key, {part}_noted_at, {part}_version, {part})
select due.booking_key, now(), due.version, case when {spoken_of} then {unknown} else written.digest end
from due join written on written.key = due.booking_key
on conflict (booking_key) do update set {part}_noted_at = excluded.{part}_noted_at,
  {part}_version = excluded.{part}_version, {part} = excluded.{part}
"""
# Batch E moves versions and no column of the body: what was noted of that holds for the version that the booking has now.
_BODY_STANDS = f"""
update migration_booking_mark mark set body_version = due.version,
  body = case when {_SPOKEN_OF} then {UNKNOWN} else mark.body end
from due where due.booking_key = mark.booking_key and mark.body_version <> due.version
"""


class PostgresMarkStore:
    """One commit a note."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note_sources(self, system: LegacySystem, lines: AsyncIterator[bytes], *, resumed: bool) -> None:
        async with self._database.transaction(brief=False) as connection:
            await connection.execute(SESSION)
            await connection.execute(_AS_READ)
            await copy_lines(connection, "as_read (row_id, digest)", lines)
            given = {"system": system.value, "resumed": resumed}
            await connection.execute(_GONE, given)
            await connection.execute(_NOTE.encode(), given)

    async def note_bookings(self, part: Part) -> None:
        async with self._database.transaction(brief=False) as connection:
            not_live_only = await prepare(connection)
            below = " union all ".join(_BELOW.format(table=t.name, part=part.value) for t in PARTS[part] if t.below)
            due = _DUE.format(part=part.value, below=below, not_live_only=not_live_only.format(key="core.booking_key"))
            many = (await connection.execute(due.encode())).rowcount
            if not many:
                return
            await connection.execute("alter table due add primary key (booking_key)")
            await connection.execute("analyze due")
            # All of them, as after the first run, are digested in parallel; a few are looked up.
            only = not_live_only if await _all(connection, many) else "{key} in (select booking_key from due)"
            rows = digested(PARTS[part], only=only)
            await connection.execute(_AS_WRITTEN.format(rows=rows).encode())
            statement = _WRITTEN.format(part=part.value, spoken_of=_SPOKEN_OF, unknown=UNKNOWN)
            await connection.execute(statement.encode())
            if part is Part.MONEY:
                await connection.execute(_BODY_STANDS.encode())


async def _all(connection: DriverConnection, many: int) -> bool:
    row = await (await connection.execute("select count(*) from booking_core")).fetchone()
    assert row is not None
    return many * 2 > int(row[0])


async def copy_lines(connection: DriverConnection, target: str, lines: AsyncIterator[bytes]) -> None:
    """Blocks of COPY's text format into a table."""
    async with connection.cursor() as cursor, cursor.copy(f"copy {target} from stdin".encode()) as copy:
        async for block in lines:
            await copy.write(block)
    await connection.execute(f"analyze {target.partition(' ')[0]}".encode())
