"""Runs a batch against real databases."""

import getpass
import hashlib
import os
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path

from attrs import field, frozen

import bst_domain
from bst_application.ids import uuid7
from bst_application.ports.backfill import Run
from bst_application.use_cases.backfill import Backfill, Lane, Progress, Tally
from bst_application.use_cases.gone_rows import listed_rows, take_off_gone
from bst_application.use_cases.move_catalog import MoveCatalog
from bst_application.use_cases.move_money import queue_left_behind
from bst_application.use_cases.note_moved import note_after, note_before
from bst_application.use_cases.publish_moved import Published, PublishMoved, WouldPublish
from bst_cli.migrating.batches import BATCHES
from bst_cli.migrating.helpers import Job, helping
from bst_cli.migrating.works import APPLICATION_NAME, work_of
from bst_cli.trouble import Trouble
from bst_domain.gates import Override
from bst_domain.migration import LegacySystem
from bst_legacy.connections import SETTING
from bst_legacy.databases import LegacyConnections
from bst_legacy.snapshot import Snapshot
from bst_postgres import migrate
from bst_postgres.backfill import PostgresBackfillStore
from bst_postgres.backfill.reference import write_reference
from bst_postgres.comparing import PostgresMarkStore
from bst_postgres.database import Database
from bst_postgres.publishing import PostgresPublishingDesk


def usual_processes() -> int:
    """Two, where there are two cores: each more takes its share of a database's connections and about 150 MB."""
    return min(2, os.cpu_count() or 1)


def legacy_urls(environ: Mapping[str, str]) -> dict[LegacySystem, str]:
    """Where the legacy databases are. Nothing is ever guessed: a forgotten setting must not read some other database."""
    urls = {system: environ.get(name, "").strip() for system, name in SETTING.items()}
    missing = [SETTING[system] for system, url in urls.items() if not url]
    if missing:
        raise Trouble(
            f"{' and '.join(missing)} not set: which legacy databases are to be read?",
            "Set BALISNAP_DB_URL (the shop's) and BSTADMIN_DB_URL (the old admin's), or give --env-file.",
        )
    return urls


def rules_checksum() -> str:
    """Of every rule that decides what a run comes to: the domain's own text."""
    folder = Path(bst_domain.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*.py")):
        digest.update(path.read_bytes())
    return digest.hexdigest()


@frozen(kw_only=True)
class Runner:
    """``as_of`` is the instant whose day in Bali is "today" for the rules. ``processes``: this one and its helpers. ``stage``
    hears what is done beside the rows, and an empty text when it is the rows again."""

    dsn: str
    as_of: datetime
    dry_run: bool
    progress: Progress
    stage: Callable[[str], None] = lambda _words: None
    override: Override | None = None
    processes: int = field(factory=usual_processes)

    async def __call__(self, batch: str) -> Tally:
        """Raises Unavailable, Conflict, AnotherRuns, LegacyUnreadable; what was committed before is remembered."""
        database = Database(self.dsn, pool_size=5, application_name=APPLICATION_NAME)
        try:
            return await self._run(PostgresBackfillStore(database), database, batch)
        finally:
            await database.close()

    async def _run(self, store: PostgresBackfillStore, database: Database, batch: str) -> Tally:
        now = datetime.now(UTC)
        async with AsyncExitStack() as stack:
            run: Run | None = None
            if batch == "A":
                return self._schema()
            # The sources are opened first: what cannot be read must not even begin.
            snapshot = await stack.enter_async_context(_snapshot()) if BATCHES[batch].reads else None
            if not self.dry_run:
                running = store.running(
                    batch,
                    now=now,
                    script=f"bst migrate {batch}",
                    checksum=rules_checksum(),
                    holds_the_day=batch in {"D", "E"},
                    override=self.override,
                )
                run = await stack.enter_async_context(running)
            if batch == "F":
                tally = await self._let_in(database, run)
            elif snapshot is None:
                differing = await write_reference(database, run)
                tally = Tally(changed=differing, written=0 if run is None else differing)
            else:
                marks = PostgresMarkStore(database)
                if run is not None:
                    self.stage("noting what the sources say")
                    await note_before(marks, snapshot, batch, resumed=run.resumed_at is not None)
                    self.stage("")
                tally = await self._move(store, database, snapshot, run, batch, now)
                if run is not None:
                    self.stage("noting what was written")
                    await note_after(marks, batch)
            if run is not None:
                await store.finish(run, rows=tally.written)
            return tally

    def _schema(self) -> Tally:
        pending = migrate.status(self.dsn).pending
        if self.dry_run:
            return Tally(rows=len(pending), changed=len(pending))
        applied = migrate.upgrade(self.dsn)
        return Tally(rows=len(applied), done=len(applied), changed=len(applied), written=len(applied))

    async def _let_in(self, database: Database, run: Run | None) -> Tally:
        from bst_cli.migrating.activating import turn_ingest  # it needs the clients of a running API

        actor = f"bst {getpass.getuser()}"
        turned = await turn_ingest(
            database, on=True, by=actor, reason="batch F lets live events in", dry_run=run is None
        )
        return Tally(rows=len(turned), done=len(turned), changed=len(turned), written=0 if run is None else len(turned))

    async def _move(
        self,
        store: PostgresBackfillStore,
        database: Database,
        snapshot: Snapshot,
        run: Run | None,
        batch: str,
        now: datetime,
    ) -> Tally:
        if batch == "C":
            tally, saved = await MoveCatalog(store=store, now=now)(snapshot, dry_run=run is None)
            to_come = saved.things + saved.texts if run is None else 0
            tally.told.append(await _publish(database, dry_run=run is None, to_come=to_come))
            return tally
        work = await work_of(batch, store, as_of=self.as_of, now=now)
        listed = await listed_rows(store, batch)
        async with AsyncExitStack() as stack:
            helpers: Sequence[Lane] = ()
            if self.processes > 1:
                job = Job(
                    dsn=self.dsn,
                    urls=legacy_urls(os.environ),
                    moments=await snapshot.moments(),
                    batch=batch,
                    run=run,
                    as_of=self.as_of,
                    now=now,
                )
                helpers = await stack.enter_async_context(helping(job, self.processes - 1))
            moving = Backfill(store=store, work=work, helpers=helpers)
            tally = await moving(snapshot, run, progress=self.progress)
        if batch == "E":
            left = await snapshot.payments_without_booking()
            tally.add(await queue_left_behind(store, left, now=now, dry_run=run is None))
        if run is not None:
            gone = await take_off_gone(store, snapshot, batch, listed)
            if gone:
                tally.told.append(f"{gone:,} rows that were listed are no longer there, and off the list")
        return tally


async def _publish(database: Database, *, dry_run: bool, to_come: int) -> str:
    """The catalog as it is now, published by the run; what came of it, as a sentence."""
    publishing = PublishMoved(desk=PostgresPublishingDesk(database), now=lambda: datetime.now(UTC), new_id=uuid7)
    made = await publishing(dry_run=dry_run, to_come=to_come)
    if isinstance(made, Published):
        return f"catalog version {made.version} is published"
    if isinstance(made, WouldPublish):
        return "the catalog would be published, where the changes show in it"
    version = "no catalog is" if made.version is None else f"catalog version {made.version} stays"
    return f"{version} current: {made.why}"


@asynccontextmanager
async def _snapshot() -> AsyncIterator[Snapshot]:
    async with LegacyConnections(legacy_urls(os.environ)).snapshot() as snapshot:
        yield snapshot
