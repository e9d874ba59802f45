"""WriteLedger: dual writes as they were reported."""

from datetime import datetime

from attrs import asdict

from bst_application.ports.audit import AuditEntry
from bst_application.ports.cutover import WriteKept
from bst_domain.migration import ReportedWrite, TimedWrite
from bst_postgres.audit import append_entries
from bst_postgres.database import Database, as_json

_KEEP = """
insert into cutover_write (write_id, reported_at, operation, digest, mismatch, report) values (%s, %s, %s, %s, %s, %s::jsonb)
on conflict (write_id) do nothing
"""
_WRITES = """
select write_id, reported_at, report from cutover_write where reported_at >= %s order by reported_at desc, write_id desc
"""


class PostgresWriteLedger:
    """WriteLedger on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def keep(self, write: TimedWrite, entry: AuditEntry, *, digest: str) -> WriteKept:
        said = write.write
        row = (write.write_id, write.at, said.operation, digest, said.mismatch, as_json(asdict(said)))
        async with self._database.transaction() as connection:
            if (await connection.execute(_KEEP, row)).rowcount == 1:
                await append_entries(connection, [entry])
                return WriteKept(True, True)
            query = "select digest from cutover_write where write_id = %s"
            known = await (await connection.execute(query, (write.write_id,))).fetchone()
        return WriteKept(False, known == (digest,))

    async def writes(self, *, since: datetime) -> list[TimedWrite]:
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_WRITES, (since,))).fetchall()
        return [TimedWrite(write_id=write_id, at=at, write=ReportedWrite(**report)) for write_id, at, report in rows]
