"""What must be well before a batch, and what must be true after it."""

import os

from bst_application.errors import LegacyUnreadable
from bst_cli.migrating.accounting import account_of_batch
from bst_cli.migrating.batches import BATCHES
from bst_cli.migrating.running import legacy_urls
from bst_cli.migrating.works import APPLICATION_NAME
from bst_legacy.databases import LegacyConnections
from bst_postgres import migrate
from bst_postgres.backfill.accounts import Accounts
from bst_postgres.backfill.checks import Finding, last_run, precheck
from bst_postgres.batch_figures import PostgresBatchFigures
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
        if batch == "B":
            return [run, *await _words_there(database)]
        async with LegacyConnections(legacy_urls(os.environ)).snapshot() as snapshot:
            accounts = await account_of_batch(batch, snapshot, Accounts(database))
    finally:
        await database.close()
    return [
        run,
        *(Finding(name=each.what, passed=not each.lost_rows, detail=each.detail) for each in accounts),
    ]


async def _words_there(database: Database) -> list[Finding]:
    """Every channel and word that batch B writes; and no other."""
    figures = await PostgresBatchFigures(database).reference()
    of = {"channels": (figures.channels, figures.channels_wrong), "vocabularies": (figures.codes, figures.codes_wrong)}
    return [
        Finding(name=name, passed=not wrong, detail="; ".join(wrong) if wrong else f"all {many} are there")
        for name, (many, wrong) in of.items()
    ]
