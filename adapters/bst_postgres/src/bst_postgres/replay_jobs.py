"""Replay jobs in PostgreSQL."""

from collections import Counter
from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import text

from bst_application.ports.audit import AuditEntry
from bst_application.ports.reading import LetterFilter
from bst_application.ports.repair import DeadLetterRecord
from bst_application.ports.replay_jobs import NewReplayJob, PendingItem, ReplayJob
from bst_application.use_cases.replay_jobs import STARTED
from bst_domain.values import EventId
from bst_postgres.audit import append_entries
from bst_postgres.conditions import Conditions
from bst_postgres.database import Database, as_json
from bst_postgres.ingest_reader import letter_conditions
from bst_postgres.repair import LETTER_COLUMNS, letter_of

_REPLAYABLE = "letter.status in ('OPEN', 'READY', 'FAILED')"
_PENDING = """
select item.job_key, item.dead_letter_key, item.event_key, job.actor, job.reason, job.request_id, job.proof
from replay_job_item item join replay_job job on job.job_key = item.job_key
where item.outcome is null
order by job.created_at, job.job_key, item.event_key limit %s
"""
_ITEMS = """
select item.outcome, letter.status, count(*), max(item.settled_at)
from replay_job_item item left join ingest_dead_letter letter on letter.dead_letter_key = item.dead_letter_key
where item.job_key = %s group by item.outcome, letter.status
"""


def _chosen(wanted: LetterFilter, columns: str) -> tuple[str, Conditions]:
    """The newest matching dead letter of each event."""
    conditions = letter_conditions(wanted)
    replayable = "true" if wanted.status is not None else _REPLAYABLE
    query = f"""select distinct on (letter.event_key) {columns}
        from ingest_dead_letter letter join ingest_event_log log on log.event_key = letter.event_key
        where {conditions.sql} and {replayable}
        order by letter.event_key, letter.first_failed_at desc, letter.dead_letter_key desc"""
    return query, conditions


class PostgresReplayJobs:
    """ReplayJobs on the operational database."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def choose(self, wanted: LetterFilter, *, sample: int) -> tuple[int, list[DeadLetterRecord]]:
        query, conditions = _chosen(wanted, LETTER_COLUMNS)
        counted = f"select count(*) from ({query}) chosen"
        newest = f"""select * from ({query}) chosen
            order by last_failed_at desc, dead_letter_key desc limit :sample"""
        async with self._database.reading() as connection:
            total = (await connection.execute(text(counted), conditions.values)).scalar_one()
            rows = (await connection.execute(text(newest), {**conditions.values, "sample": sample})).all()
        return total, [letter_of(row) for row in rows]

    async def begin(self, job: NewReplayJob, entry: AuditEntry) -> None:
        query, conditions = _chosen(job.wanted, "letter.event_key, letter.dead_letter_key")
        named = Conditions.as_psycopg(query)
        async with self._database.transaction() as connection:
            await connection.execute(
                "insert into replay_job (job_key, asked_filter, actor, reason, request_id, proof, created_at)"
                " values (%s, %s::jsonb, %s, %s, %s, %s::jsonb, %s)",
                (
                    job.key,
                    as_json(dict(job.asked)),
                    job.actor[:191],
                    job.reason,
                    job.request_id,
                    as_json(dict(job.proof)),
                    job.at,
                ),
            )
            await connection.execute(
                f"""insert into replay_job_item (job_key, event_key, dead_letter_key)
                    select %(job)s, event_key, dead_letter_key from ({named}) chosen""".encode(),
                {**conditions.values, "job": job.key},
            )
            await append_entries(connection, [entry])

    async def job(self, key: UUID) -> ReplayJob | None:
        async with self._database.transaction() as connection:
            row = await (
                await connection.execute(
                    "select asked_filter, actor, reason, created_at from replay_job where job_key = %s", (key,)
                )
            ).fetchone()
            groups = await (await connection.execute(_ITEMS, (key,))).fetchall()
        if row is None:
            return None
        asked, actor, reason, created_at = row
        outcomes: Counter[str] = Counter()
        letters: Counter[str] = Counter()
        pending = 0
        for outcome, status, count, _ in groups:
            if outcome is None:
                pending += count
                continue
            outcomes[outcome] += count
            if outcome == STARTED and status is not None:
                letters[status] += count
        last = max((settled for *_, settled in groups if settled is not None), default=created_at)
        return ReplayJob(
            key=key,
            asked=asked,
            actor=actor,
            reason=reason,
            total=pending + outcomes.total(),
            pending=pending,
            outcomes=outcomes,
            letters=letters,
            created_at=created_at,
            finished_at=None if pending else last,
        )

    async def pending(self, *, limit: int) -> Sequence[PendingItem]:
        async with self._database.transaction() as connection:
            rows = await (await connection.execute(_PENDING, (limit,))).fetchall()
        return [
            PendingItem(
                job=job,
                letter=letter,
                event_id=EventId(event),
                actor=actor,
                reason=reason,
                request_id=request_id,
                proof=proof,
            )
            for job, letter, event, actor, reason, request_id, proof in rows
        ]
