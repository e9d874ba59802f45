"""Is it alive, and is it ready?"""

import asyncio
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

from attrs import frozen
from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from bst_application.errors import Unavailable
from bst_application.ports.queue import JobQueue
from bst_application.ports.reading import DatabaseProbe
from bst_domain.values import format_instant
from bst_litestar.envelope import success
from bst_litestar.requests import id_of


@frozen(kw_only=True)
class _Check:
    name: str
    ok: bool
    required: bool
    detail: str | None


def health_routes(
    probes: Sequence[DatabaseProbe],
    queue: JobQueue,
    *,
    replica: DatabaseProbe | None = None,
    now: Callable[[], datetime],
) -> list[HTTPRouteHandler]:
    """Health of the process, of the databases (the first probe is the operational one), and readiness."""
    replicas = [] if replica is None else [replica]

    @get("/health")
    async def health(request: Request[Any, Any, Any]) -> dict[str, Any]:
        data = {"status": "ok", "service": "core-api", "timestamp": format_instant(now())}
        return success(data, id_of(request))

    @get("/health/db")
    async def database_health(request: Request[Any, Any, Any]) -> dict[str, Any]:
        checks = await asyncio.gather(*(probe.check() for probe in [*probes, *replicas]))
        configured = [check for check in checks if check.configured]
        healthy = bool(configured) and all(check.reachable and check.error is None for check in configured)
        data = {
            "status": "ok" if healthy else "degraded",
            "checks": [
                {
                    "database": check.database,
                    "configured": check.configured,
                    "reachable": check.reachable,
                    "latencyMs": check.latency_ms,
                    "error": check.error,
                    "lagSeconds": None if check.lag_s is None else round(check.lag_s, 1),
                    "replayedAt": None if check.replayed_at is None else format_instant(check.replayed_at),
                }
                for check in checks
            ],
        }
        return success(data, id_of(request))

    @get("/health/ready")
    async def readiness(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        checks = [await _database(probes[0]), await _schema(probes[0]), await _queue(queue)]
        checks += [await _replica(each) for each in replicas]
        ready = all(check.ok for check in checks if check.required)
        data = {
            "status": "ready" if ready else "not_ready",
            "checks": [
                {"name": check.name, "ok": check.ok, "required": check.required, "detail": check.detail}
                for check in checks
            ],
        }
        return Response(success(data, id_of(request)), status_code=200 if ready else 503)

    return [health, database_health, readiness]


async def _database(probe: DatabaseProbe) -> _Check:
    check = await probe.check()
    return _Check(name="ops_db", ok=check.reachable, required=True, detail=check.error)


async def _schema(probe: DatabaseProbe) -> _Check:
    try:
        current = await probe.schema_is_current()
    except Unavailable:
        return _Check(name="schema", ok=False, required=True, detail="DB_CHECK_FAILED")
    return _Check(
        name="schema",
        ok=current,
        required=True,
        detail=None if current else "migrations are pending: run `bst db upgrade`",
    )


async def _replica(probe: DatabaseProbe) -> _Check:
    """Not required: the primary answers for it."""
    check = await probe.check()
    lag = "" if check.lag_s is None else f"at most {check.lag_s:.1f} s behind"
    said = ", ".join(word for word in (check.error, lag) if word)
    return _Check(name="ops_db_read", ok=check.error is None, required=False, detail=said or None)


async def _queue(queue: JobQueue) -> _Check:
    """Not required: without the queue events wait for the sweep, a few seconds longer."""
    try:
        await queue.counts()
    except Unavailable as down:
        return _Check(name="queue", ok=False, required=False, detail=str(down))
    return _Check(name="queue", ok=True, required=False, detail=None)
