"""Batch F: live events are let in, when all that they need is there. Turning the flags is audited; a rollback turns them off.

Source of the rules: the gates' F section, env.md (the flags), additions (`bst flags`).
"""

import json
import os
from collections.abc import Sequence
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from pathlib import Path

import httpx

from bst_application.flags import Flag, FlagBoard, initial_flags
from bst_application.use_cases.repair import Author
from bst_application.use_cases.turn_flag import TurnFlag
from bst_cli.administering import api_url
from bst_cli.data_folder import DataFolder, resolve
from bst_cli.installation import chosen
from bst_cli.migrating.works import APPLICATION_NAME
from bst_cli.status import Answer, ask
from bst_cli.trouble import Trouble
from bst_postgres.backfill.checks import INGEST, Finding
from bst_postgres.database import Database
from bst_postgres.flags import PostgresFlagStore

TIMEOUT_S = 10.0
#: Of the minutes that a signature's time may be off (ten by default), little may be used up by our own clocks.
MOST_SKEW_S = 30.0
#: Gate -> folder of its reports, as ``bst gate`` writes them.
GATES = {
    "F-00": ("ingest-env-baseline", "ingest-env-baseline"),
    "F-01, F-02": ("ingest-processing", "ingest-processing"),
    "F-03": ("ingest-dlq-growth", "ingest-dlq-growth"),
    "F-04": ("ingest-duplicate-delivery", "ingest-duplicate-delivery"),
    "F-05": ("ingest-retention-policy", "ingest-retention-policy"),
}

_PRODUCERS = """
select count(*), count(*) filter (where
    exists (select 1 from producer_token t where t.producer_key = p.producer_key and t.ended_at is null)
    and exists (select 1 from producer_secret s where s.producer_key = p.producer_key and s.ended_at is null))
from producer p where disabled_at is null
"""
_WORKERS = """
select count(*) from pg_stat_activity where datname = current_database() and application_name = 'bst-worker'
"""


async def readiness(dsn: str, data_dir: Path) -> list[Finding]:
    """Whether live events may be let in. Raises Unavailable."""
    findings = await _installation(dsn, data_dir)
    try:
        url = api_url(None, DataFolder(resolve(data_dir)))
        findings += _of_api(ask(url), flags_may_be_off=True)
        findings.append(await _clocks(dsn, url))
    except Trouble as trouble:
        findings.append(Finding(name="api", passed=False, detail=trouble.what, cure=trouble.cure or ""))
    return findings


async def activation(dsn: str, data_dir: Path, reports: Path) -> list[Finding]:
    """Whether live events are let in, and the gates have found that well. Raises Unavailable."""
    findings = await _installation(dsn, data_dir)
    try:
        findings += _of_api(ask(api_url(None, DataFolder(resolve(data_dir)))), flags_may_be_off=False)
    except Trouble as trouble:
        findings.append(Finding(name="api", passed=False, detail=trouble.what, cure=trouble.cure or ""))
    return [*findings, *gate_findings(reports)]


def _of_api(answers: Sequence[Answer], *, flags_may_be_off: bool) -> list[Finding]:
    """What ``bst status`` asks, as checks."""
    return [
        Finding(
            name="flag" if answer.question == "flag" else answer.question,
            passed=answer.well or (flags_may_be_off and answer.question == "flag"),
            detail=answer.says,
            cure=answer.cure or "",
        )
        for answer in answers
    ]


async def _installation(dsn: str, data_dir: Path) -> list[Finding]:
    database = Database(dsn, pool_size=1, application_name=APPLICATION_NAME)
    try:
        async with database.transaction() as connection:
            [[known, with_keys]] = await (await connection.execute(_PRODUCERS)).fetchall()
            [[workers]] = await (await connection.execute(_WORKERS)).fetchall()
    finally:
        await database.close()
    environ = chosen(data_dir).environ
    shared = all(environ.get(name, "").strip() for name in ("INGEST_SERVICE_TOKEN", "INGEST_SERVICE_SECRET"))
    detail = f"{with_keys} of {known} registered ones have a token and a secret"
    return [
        Finding(
            name="producers",
            passed=with_keys > 0 or shared,
            detail=f"{detail}; the environment's own {'has' if shared else 'has not'}",
            cure="Register who will send: bst producers add NAME …, or set INGEST_SERVICE_TOKEN and _SECRET.",
        ),
        Finding(
            name="worker",
            passed=workers > 0,
            detail=f"{workers} connections of workers to the database",
            cure="Start one: bst worker (or bst up). Without it accepted events wait in the log.",
        ),
    ]


async def _clocks(dsn: str, url: str) -> Finding:
    """A signature's time is compared with the API's clock: that one, the database's and this machine's should agree."""
    database = Database(dsn, pool_size=1, application_name=APPLICATION_NAME)
    try:
        async with database.transaction() as connection:
            [[at]] = await (await connection.execute("select clock_timestamp()")).fetchall()
    finally:
        await database.close()
    skews = {"database": abs((at - datetime.now(UTC)).total_seconds())}
    async with httpx.AsyncClient(timeout=TIMEOUT_S, trust_env=False) as client:
        said = (await client.get(f"{url}/health")).headers.get("date")
    if said is not None:
        skews["api"] = abs((parsedate_to_datetime(said) - datetime.now(UTC)).total_seconds())
    told = ", ".join(f"{who} {seconds:.0f} s" for who, seconds in skews.items())
    return Finding(
        name="clocks",
        passed=max(skews.values()) <= MOST_SKEW_S,
        detail=f"off from this machine's: {told}",
        cure=f"Set the clocks (NTP): more than {MOST_SKEW_S:.0f} s off uses up what producers' clocks may be off.",
    )


def gate_findings(reports: Path) -> list[Finding]:
    """What each F gate said last, by its newest report."""
    return [_gate(name, command, reports / "gates" / folder) for name, (command, folder) in GATES.items()]


def _gate(name: str, command: str, folder: Path) -> Finding:
    newest = max(folder.glob("*.json"), default=None, key=lambda path: path.name)
    cure = f"Run bst gate {command}."
    if newest is None:
        return Finding(name=name, passed=False, detail=f"never asked: no report in {folder}", cure=cure)
    try:
        said = json.loads(newest.read_text("utf-8"))
        result, at = str(said["result"]), str(said["endedAt"])
    except (OSError, ValueError, KeyError, TypeError):
        return Finding(name=name, passed=False, detail=f"{newest} cannot be read", cure=cure)
    cure = f"Mend what {newest} names, then run bst gate {command} again."
    return Finding(name=name, passed=result == "PASS", detail=f"{result} at {at}", cure=cure)


async def turn_ingest(database: Database, *, on: bool, by: str, reason: str, dry_run: bool) -> list[Flag]:
    """Turns what is not so yet, each audited; returns which. Raises Unavailable and Conflict."""
    initial, _ = initial_flags(os.environ)
    store = PostgresFlagStore(database)
    board = FlagBoard(initial, store)
    await board.refresh()
    wanted = "true" if on else "false"
    # What holds in the API's environment is not known here: an override says it whatever that is.
    overridden = {state.flag for state in board.states() if state.override is not None and state.value == wanted}
    turned = [flag for flag in INGEST if flag not in overridden]
    if not dry_run:
        turn = TurnFlag(store=store, board=board, now=lambda: datetime.now(UTC))
        for flag in turned:
            await turn(flag, wanted, reason=reason, by=Author(actor=by))
    return turned
