"""What must be well before a batch, and what must be true after it."""

import os

from bst_application.errors import LegacyUnreadable
from bst_cli.migrating.batches import BATCHES
from bst_cli.migrating.running import legacy_urls
from bst_cli.migrating.works import APPLICATION_NAME
from bst_legacy.databases import LegacyConnections
from bst_postgres import migrate
from bst_postgres.backfill.checks import Finding, last_run, precheck, rows_accounted_for
from bst_postgres.database import Database


async def examine(dsn: str, batch: str) -> list[Finding]:
    """Raises Unavailable, and Trouble when settings are missing."""
    findings: list[Finding] = []
    pending = migrate.status(dsn).pending
    if batch != "A":
        detail = f"revisions {', '.join(pending)} are missing" if pending else f"at {migrate.head_revision()}"
        findings.append(
            Finding(name="schema", passed=not pending, detail=detail, cure="Run bst migrate run --batch A.")
        )
    if not pending:
        database = Database(dsn, pool_size=1, application_name=APPLICATION_NAME)
        try:
            findings += await precheck(database, batch)
        finally:
            await database.close()
    if BATCHES[batch].reads:
        findings.append(await _sources())
    return findings


async def _sources() -> Finding:
    try:
        async with LegacyConnections(legacy_urls(os.environ)).snapshot():
            return Finding(name="sources", passed=True, detail="both legacy databases have all that is read")
    except LegacyUnreadable as error:
        return Finding(name="sources", passed=False, detail=str(error))


async def account(dsn: str, batch: str) -> list[Finding]:
    """Raises Unavailable, LegacyUnreadable, and Trouble when settings are missing."""
    if batch == "A":
        pending = migrate.status(dsn).pending
        return [Finding(name="schema", passed=not pending, detail=f"{len(pending)} revisions are missing")]
    database = Database(dsn, pool_size=1, application_name=APPLICATION_NAME)
    try:
        ended = await last_run(database, batch)
        run = Finding(name="last run", passed=ended == "SUCCEEDED", detail=ended or "there was none")
        if batch != "D":
            return [run]
        moved, rejected = await rows_accounted_for(database)
    finally:
        await database.close()
    there = 0
    async with LegacyConnections(legacy_urls(os.environ)).snapshot() as snapshot:
        async for names in snapshot.names():
            there += len(names)
    detail = f"{there:,} rows: {moved:,} moved in, {rejected:,} rejected by name"
    return [run, Finding(name="rows", passed=there == moved + rejected, detail=detail)]
