"""How far cutting over is, as the operational database tells: the flags, the processes that live by them, shadows, conflicts."""

import os
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from attrs import frozen

from bst_application.errors import Conflict, LegacyUnreadable, SchemaBehind, Unavailable
from bst_application.flags import GONE_AFTER, READ_PATH, WRITE_PATH, CanaryFlags, Flag, canary_of, initial_flags
from bst_application.ports.backfill import AnotherRuns
from bst_application.ports.cutover import ConflictCounts, ShadowExample, ShadowTally, WatchMark
from bst_application.ports.flags import Overrides, Sight
from bst_cli.trouble import Trouble
from bst_domain.migration import Canary, CanaryDecision, LegacySystem, evaluate_canary
from bst_domain.values import format_instant
from bst_legacy.live import LegacyLiveConnections
from bst_postgres.cutover import PostgresShadowLedger, PostgresWatchLedger
from bst_postgres.database import Database
from bst_postgres.flags import PostgresFlagStore

PATHS: Mapping[str, CanaryFlags] = {path.name: path for path in (READ_PATH, WRITE_PATH)}
APPLICATION_NAME = "bst-cutover"
#: The names under which the old admin's database is given; the first that is set counts.
ADMIN_URLS = ("OPS_READ_PARITY_DATABASE_URL", "BSTADMIN_DB_URL")


@asynccontextmanager
async def opened(dsn: str, *, pool_size: int = 4) -> AsyncIterator[Database]:
    """The operational database; what it and the legacy databases say becomes a sentence."""
    database = Database(dsn, pool_size=pool_size, application_name=APPLICATION_NAME)
    try:
        yield database
    except LegacyUnreadable as error:
        raise Trouble(str(error)) from error
    except AnotherRuns as error:
        raise Trouble(str(error), "Wait for it to end, or stop it: one watcher is enough.") from error
    except SchemaBehind as error:
        raise Trouble(str(error), "Run `bst db upgrade`.") from error
    except (Unavailable, Conflict) as error:
        raise Trouble(
            f"the database is not available: {error}", "Check OPS_DB_URL and that this machine may connect."
        ) from error
    finally:
        await database.close()


def environment_flags() -> dict[Flag, str]:
    """What this shell's environment says of the flags. Raises Trouble."""
    values, problems = initial_flags(os.environ)
    if problems:
        raise Trouble("the flags cannot be used", "\n     ".join(problems))
    return values


def admin_live() -> LegacyLiveConnections:
    """The old admin's database, which shadows look into. Raises Trouble."""
    for name in ADMIN_URLS:
        if url := os.environ.get(name, "").strip():
            return LegacyLiveConnections({LegacySystem.ADMIN: url})
    raise Trouble(
        "neither OPS_READ_PARITY_DATABASE_URL nor BSTADMIN_DB_URL is set: which old admin is meant?",
        "Set one of them to the old admin's database, or give --env-file.",
    )


@frozen(kw_only=True)
class PathState:
    """``said_by``: database, where somebody has turned any of the path's flags, else environment."""

    path: CanaryFlags
    canary: Canary
    said_by: str
    actor: str | None
    reason: str | None
    at: datetime | None

    def decide(self, email: str | None, user: str | None) -> CanaryDecision:
        return evaluate_canary(self.canary, email=email, user_id=user)


@frozen(kw_only=True)
class CutoverStatus:
    """Everything that ``bst cutover status`` shows."""

    paths: Sequence[PathState]
    strict: bool
    shadow_percent: str
    sights: Sequence[Sight]
    tallies: Sequence[ShadowTally]
    examples: Sequence[ShadowExample]
    conflicts: ConflictCounts
    unreached: int
    marks: Mapping[LegacySystem, WatchMark | None]


def path_states(overrides: Overrides, initial: Mapping[Flag, str]) -> list[PathState]:
    """Each path by what holds: an override of the database wins over the environment."""

    def value(flag: Flag) -> str:
        override = overrides.get(flag.value)
        return initial[flag] if override is None else override.value

    states = []
    for path in PATHS.values():
        said = [overrides[flag.value] for flag in path.all if flag.value in overrides]
        latest = max(said, key=lambda override: override.at, default=None)
        states.append(
            PathState(
                path=path,
                canary=canary_of(path, value),
                said_by="environment" if latest is None else "database",
                actor=None if latest is None else latest.actor,
                reason=None if latest is None else latest.reason,
                at=None if latest is None else latest.at,
            )
        )
    return states


async def look(database: Database, *, window: timedelta, examples: int = 10) -> CutoverStatus:
    """Reads all of it. Raises Unavailable."""
    now, store = datetime.now(UTC), PostgresFlagStore(database)
    initial, overrides = environment_flags(), await store.overrides()
    shadows, watch = PostgresShadowLedger(database), PostgresWatchLedger(database)

    def value(flag: Flag) -> str:
        override = overrides.get(flag.value)
        return initial[flag] if override is None else override.value

    return CutoverStatus(
        paths=path_states(overrides, initial),
        strict=value(Flag.WRITE_STRICT) == "true",
        shadow_percent=value(Flag.SHADOW_PERCENT),
        sights=await store.sights(since=now - GONE_AFTER),
        tallies=await shadows.tallies(since=now - window),
        examples=await shadows.examples(limit=examples),
        conflicts=await watch.conflict_counts(now=now),
        unreached=len(await watch.unreached(limit=1000)),
        marks={system: await watch.mark(system) for system in LegacySystem},
    )


def status_json(status: CutoverStatus) -> dict[str, Any]:
    """For machines."""
    return {
        "paths": {state.path.name: path_json(state) for state in status.paths},
        "writeStrict": status.strict,
        "shadowPercent": float(status.shadow_percent),
        "processes": [sight_json(sight) for sight in status.sights],
        "shadow": [
            {"field": one.about.value, "compared": one.compared, "mismatched": one.mismatched} for one in status.tallies
        ],
        "examples": [example_json(one) for one in status.examples],
        "conflicts": {
            "open": status.conflicts.open,
            "overdue": status.conflicts.overdue,
            "over24h": status.conflicts.blocking,
        },
        "legacyRowsWithoutBooking": status.unreached,
        "watched": {
            system.value: None if mark is None else format_instant(mark.at) for system, mark in status.marks.items()
        },
    }


def path_json(state: PathState) -> dict[str, Any]:
    canary = state.canary
    return {
        "enabled": canary.enabled,
        "percentage": canary.percentage,
        "emails": sorted(canary.emails),
        "userIds": sorted(canary.user_ids),
        "saidBy": state.said_by,
        "actor": state.actor,
        "reason": state.reason,
        "at": None if state.at is None else format_instant(state.at),
    }


def sight_json(sight: Sight) -> dict[str, Any]:
    return {
        "component": sight.component,
        "host": sight.host,
        "pid": sight.pid,
        "seenAt": format_instant(sight.seen_at),
        "read": _path_of(sight, READ_PATH),
        "write": _path_of(sight, WRITE_PATH),
    }


def _path_of(sight: Sight, path: CanaryFlags) -> str:
    return f"{sight.values[path.percent]}%" if sight.values.get(path.switch) == "true" else "off"


def example_json(one: ShadowExample) -> dict[str, Any]:
    return {
        "booking": f"{one.identity.channel}:{one.identity.ref}",
        "field": one.about.value,
        "core": one.core,
        "legacy": one.legacy,
        "at": format_instant(one.at),
    }


def differs(sight: Sight, states: Sequence[PathState]) -> bool:
    """Whether a process lives by other flags than this shell would: by another environment, or it has not read them yet."""

    def value(flag: Flag) -> str:
        return sight.values.get(flag.value, "")

    return any(canary_of(state.path, value) != state.canary for state in states)
