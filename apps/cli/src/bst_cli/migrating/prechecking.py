"""What must be well before a batch, and what must be true after it."""

import os
from pathlib import Path

from bst_application.errors import LegacyUnreadable
from bst_application.flags import initial_flags
from bst_cli.migrating.accounting import account_of_batch
from bst_cli.migrating.activating import activation, readiness
from bst_cli.migrating.batches import BATCHES
from bst_cli.migrating.running import legacy_urls
from bst_cli.migrating.works import APPLICATION_NAME
from bst_cli.trouble import Trouble
from bst_legacy.databases import LegacyConnections, LegacyServer
from bst_postgres import migrate
from bst_postgres.backfill.accounts import Accounts
from bst_postgres.backfill.checks import Finding, last_run, precheck, precheck_server
from bst_postgres.backfill.storage import Volume, find_volume, judge
from bst_postgres.batch_figures import PostgresBatchFigures
from bst_postgres.database import Database

#: The digests that a comparison stands on are the sources' own work, and no server before this one has bit_xor.
OLDEST_SOURCE = 14
DISK_TOTAL, DISK_USED = "PRECHECK_DISK_TOTAL_BYTES", "PRECHECK_DISK_USED_BYTES"


async def examine(dsn: str, batch: str, data_dir: Path) -> list[Finding]:
    """Raises Unavailable, and Trouble when settings are missing."""
    findings: list[Finding] = []
    sources: list[LegacyServer] = []
    if BATCHES[batch].reads:
        of_sources, sources = await _sources()
        findings += of_sources
    pending = migrate.status(dsn).pending
    if batch != "A":
        detail = f"revisions {', '.join(pending)} are missing" if pending else f"at {migrate.head_revision()}"
        cure = "Run bst migrate run --batch A."
        findings.insert(0, Finding(name="schema", passed=not pending, detail=detail, cure=cure))
    database = Database(dsn, pool_size=1, application_name=APPLICATION_NAME)
    try:
        volume = _stated_volume() or await find_volume(database)
        storage = judge(volume, source_bytes=sum(source.bytes for source in sources))
        if pending:  # there is no log of runs, or not the one that this version reads
            findings += await precheck_server(database, storage=storage)
        else:
            flags, _ = initial_flags(os.environ)
            findings += await precheck(database, batch, flags=flags, storage=storage)
    finally:
        await database.close()
    if batch == "F" and not pending:
        findings += await readiness(dsn, data_dir)
    return findings


def _stated_volume() -> Volume | None:
    """What an operator has looked up on the server. Raises Trouble for what is no number."""
    stated = [os.environ.get(name, "").strip() for name in (DISK_TOTAL, DISK_USED)]
    if not any(stated):
        return None
    if not all(text.isascii() and text.isdigit() for text in stated) or not 0 < int(stated[0]) >= int(stated[1]):
        raise Trouble(
            f"{DISK_TOTAL} and {DISK_USED} must be whole numbers of bytes, what is used no more than there is",
            "See df -B1 on the server's data directory.",
        )
    total, used = map(int, stated)
    return Volume(total=total, free=total - used, told_by=f"the volume that {DISK_TOTAL} states")


async def _sources() -> tuple[list[Finding], list[LegacyServer]]:
    try:
        servers = await LegacyConnections(legacy_urls(os.environ)).servers()
    except LegacyUnreadable as error:
        return [Finding(name="sources", passed=False, detail=str(error))], []
    findings = [Finding(name="sources", passed=True, detail="both legacy databases have all that is read")]
    return [*findings, *map(readable, servers)], servers


def readable(server: LegacyServer) -> Finding:
    """Whether a source's server knows what reading and comparing ask of it, and which encoding its texts have."""
    nameless = server.encoding == "SQL_ASCII"
    return Finding(
        name=server.system.value,
        passed=server.version >= OLDEST_SOURCE and not nameless,
        detail=f"PostgreSQL {server.version}, {server.encoding}, server in {server.time_zone}; times without a zone"
        " are read as UTC",
        cure="SQL_ASCII says nothing about its texts: dump it and restore it into a database with its real encoding."
        if nameless
        else f"Bring it to PostgreSQL {OLDEST_SOURCE} or later, or read from a copy that is.",
    )


async def account(dsn: str, batch: str, data_dir: Path, reports: Path) -> list[Finding]:
    """Raises Unavailable, LegacyUnreadable, and Trouble when settings are missing."""
    if batch == "A":
        pending = migrate.status(dsn).pending
        return [Finding(name="schema", passed=not pending, detail=f"{len(pending)} revisions are missing")]
    database = Database(dsn, pool_size=1, application_name=APPLICATION_NAME)
    try:
        ended = await last_run(database, batch)
        run = Finding(name="last run", passed=ended == "SUCCEEDED", detail=ended or "there was none")
        if batch == "F":
            return [run, *await activation(dsn, data_dir, reports)]
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
