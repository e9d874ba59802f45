"""``bst migrate rollback``: takes back what a batch wrote, the later batch first, and nothing that anybody has built upon."""

import getpass
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from time import perf_counter
from typing import Any

from attrs import field, frozen

from bst_application.ports.audit import AuditEntry
from bst_cli.migrating.activating import turn_ingest
from bst_cli.migrating.batches import BATCHES
from bst_cli.migrating.running import rules_checksum
from bst_cli.migrating.works import APPLICATION_NAME
from bst_cli.trouble import Trouble
from bst_domain.values import format_instant
from bst_postgres import migrate
from bst_postgres.audit import append_entries
from bst_postgres.backfill import PostgresBackfillStore
from bst_postgres.backfill.reference import take_reference_back
from bst_postgres.backfill.states import ROLLBACK, BatchState, batch_states
from bst_postgres.backfill.taking_back import TakingBack
from bst_postgres.backfill.taking_catalog_back import take_catalog_back
from bst_postgres.backfill.taking_schema_back import drop_schema, written_since
from bst_postgres.database import Database

BACKUP = "Restore a backup from before the batch instead; what was written since is lost with that."
#: (done, of how many)
Progress = Callable[[int, int], None]


@frozen(kw_only=True)
class RolledBack:
    """What a rollback has come to; ``in_the_way``: what stands against it by name, and why."""

    batch: str
    removed: int = 0
    kept: int = 0
    rows: int = 0
    in_the_way: list[tuple[str, str]] = field(factory=list)
    refused: bool = False  # something stood in the way and nothing was written: the rest is what would go without it
    seconds: float = 0.0


def actor() -> str:
    """Who says so at the command line."""
    return f"bst {getpass.getuser()}"


@frozen(kw_only=True)
class Rollback:
    """``keep_changed``: what stands in the way stays as it is, and everything else goes."""

    dsn: str
    reason: str
    dry_run: bool
    keep_changed: bool
    progress: Progress

    async def __call__(self, batch: str) -> RolledBack:
        """Raises Trouble when it may not be, Unavailable, Conflict and AnotherRuns; asking again goes on with the rest."""
        began = perf_counter()
        if migrate.status(self.dsn).current is None:
            return RolledBack(batch=batch)
        database = Database(self.dsn, pool_size=4, application_name=APPLICATION_NAME)
        try:
            if batch == "A":
                made = await self._schema(database)
            else:
                refuse_out_of_order(batch, await batch_states(database))
                made = await self._batch(database, batch)
        finally:
            await database.close()
        return RolledBack(
            batch=batch,
            removed=made.removed,
            kept=made.kept,
            rows=made.rows,
            in_the_way=made.in_the_way,
            refused=not self.dry_run and not self.keep_changed and bool(made.in_the_way) and not made.rows,
            seconds=perf_counter() - began,
        )

    async def _batch(self, database: Database, batch: str) -> RolledBack:
        """Looks for what stands in the way before anything is written, and again under the batch's lock."""
        now = datetime.now(UTC)
        found = await self._take(database, batch, now, dry_run=True)
        if self.dry_run or (found.in_the_way and not self.keep_changed):
            return found
        store = PostgresBackfillStore(database)
        running = store.running(
            batch,
            now=now,
            script=f"{ROLLBACK} {batch}",
            checksum=rules_checksum(),
            holds_the_day=batch in {"D", "E"},
            afresh=True,
        )
        async with running as run:
            made = await self._take(database, batch, now, dry_run=False)
            await self._audit(database, made, now)
            await store.finish(run, rows=made.rows)
        return made

    async def _take(self, database: Database, batch: str, now: datetime, *, dry_run: bool) -> RolledBack:
        if batch in {"D", "E"}:
            taking = TakingBack(database)
            take = taking.obstacles if dry_run else taking
            taken = await take(batch, now=now, progress=self.progress)
            return RolledBack(
                batch=batch, removed=taken.removed, kept=taken.kept, rows=taken.rows, in_the_way=taken.in_the_way
            )
        if batch == "C":
            catalog = await take_catalog_back(
                database,
                by=actor(),
                reason=self.reason,
                now=now,
                dry_run=dry_run,
                keep_changed=self.keep_changed,
            )
            return RolledBack(
                batch=batch, removed=catalog.products, rows=catalog.rows, in_the_way=list(catalog.in_the_way)
            )
        if batch == "B":
            rows, in_the_way = await take_reference_back(database, dry_run=dry_run)
            return RolledBack(batch=batch, removed=rows, rows=rows, in_the_way=in_the_way)
        if batch == "F":
            turned = await turn_ingest(database, on=False, by=actor(), reason=self.reason, dry_run=dry_run)
            return RolledBack(batch=batch, removed=len(turned), rows=len(turned))
        raise Trouble(f"batch {batch} has no rollback of rows", "Turn its flags off: bst flags.")

    async def _schema(self, database: Database) -> RolledBack:
        """The log and the audit trail are part of what goes: this one is recorded nowhere but in what is printed."""
        found = await written_since(database)
        if found or self.dry_run:
            return RolledBack(batch="A", in_the_way=found)
        dropped = await drop_schema(database)
        return RolledBack(batch="A", removed=dropped, rows=dropped)

    async def _audit(self, database: Database, made: RolledBack, now: datetime) -> None:
        entry = AuditEntry(
            event_type="MIGRATION_ROLLED_BACK",
            actor=actor(),
            resource_type="MIGRATION_BATCH",
            resource_id=made.batch,
            metadata={
                "reason": self.reason,
                "removed": made.removed,
                "kept": made.kept,
                "rows": made.rows,
                "inTheWay": len(made.in_the_way),
            },
            at=now,
        )
        async with database.transaction() as connection:
            await append_entries(connection, [entry])


def refuse_out_of_order(batch: str, states: Mapping[str, BatchState]) -> None:
    """Raises Trouble: a later batch stands on what this one wrote."""
    codes = list(BATCHES)
    for later in reversed(codes[codes.index(batch) + 1 :]):
        if states[later].has_written:
            raise Trouble(
                f"batch {later} has run on top of batch {batch}; nothing was written",
                f"Take it back first: bst migrate rollback --batch {later}.",
            )


_THINGS = {"A": "tables", "B": "words", "C": "products", "D": "bookings", "E": "bookings", "F": "flags turned off"}
SHOWN = 50


def as_json_of(made: RolledBack, *, dry_run: bool) -> dict[str, Any]:
    """For machines; everything that stands in the way by name."""
    return {
        "batchCode": made.batch,
        "timestamp": format_instant(datetime.now(UTC)),
        "mode": "dry-run" if dry_run else "execute",
        "removed": 0 if made.refused else made.removed,
        "kept": 0 if made.refused else made.kept,
        "rowsAffected": made.rows,
        "durationMs": round(made.seconds * 1000),
        "inTheWay": [{"name": name, "why": why} for name, why in made.in_the_way],
    }


def told(made: RolledBack, *, dry_run: bool) -> list[str]:
    """For people."""
    planned = dry_run or made.refused
    would = "would be " if planned else ""
    lines = []
    if made.removed or not made.kept:
        lines.append(f"{made.removed:>11,}  {_THINGS.get(made.batch, 'rows')} {would}taken back")
    if made.kept:
        lines.append(f"{made.kept:>11,}  bookings {'would stay' if planned else 'stay'} without what back-fill said")
    lines += [f"{len(made.in_the_way):>11,}  in the way"] if made.in_the_way else []
    lines += [f"             {name}: {why}" for name, why in made.in_the_way[:SHOWN]]
    if len(made.in_the_way) > SHOWN:
        lines.append(f"             and {len(made.in_the_way) - SHOWN:,} more: --json has all of them")
    if dry_run:
        lines.append("dry run: nothing was written")
    elif not made.refused:  # the refusal itself says that nothing was written
        lines.append(f"{made.rows:>11,}  rows written or removed")
    return lines


def refused(made: RolledBack) -> Trouble:
    """What stands in the way, and what can be done about it."""
    if made.batch == "A":
        return Trouble("something was written since batch A; nothing was dropped", BACKUP)
    done = (
        "the rest was taken back" if made.rows else "nothing was written"
    )  # somebody was quicker than the second look
    stand = "stands" if len(made.in_the_way) == 1 else "stand"
    return Trouble(
        f"{len(made.in_the_way):,} {stand} in the way of taking back batch {made.batch}; {done}",
        "With --keep-changed what stands in the way stays as it is, and the rest goes; or undo it first.",
    )
