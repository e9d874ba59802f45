"""Replaying many dead letters at once, and watching how that goes."""

from collections.abc import Mapping
from typing import Any

from attrs import frozen
from litestar import Request, Response, get, post
from litestar.handlers import HTTPRouteHandler

from bst_application.ports.replay_jobs import ReplayJob, ReplayJobs
from bst_application.use_cases.replay_jobs import STARTED, BeginReplayJob
from bst_domain.lifecycles import DeadLetterStatus
from bst_domain.values import format_instant
from bst_litestar.auth import READERS, WRITERS, Tokens
from bst_litestar.envelope import success
from bst_litestar.event_json import letter_json
from bst_litestar.problems import Refused, invalid_input
from bst_litestar.queries import uuid_in_path
from bst_litestar.requests import author_of, flag_member, header_map, id_of, json_body, text_member
from bst_litestar.routes.dead_letters import letter_filter
from bst_litestar.routes.repairs import MAX_REASON, RepairParts

SAMPLE = 10
_MEMBERS = ("status", "reasonCode", "source", "ref", "from", "to")


@frozen(kw_only=True)
class ReplayJobParts:
    """What replay jobs are made of."""

    jobs: ReplayJobs
    begin: BeginReplayJob


def replay_job_routes(parts: ReplayJobParts, repair: RepairParts, tokens: Tokens) -> list[HTTPRouteHandler]:
    """ADMIN and MANAGER may begin one, every role may watch."""

    @post("/v1/ingest/dead-letter/replay")
    async def replay_letters(request: Request[Any, Any, Any]) -> Response[dict[str, Any]]:
        tokens.require_role(header_map(request), WRITERS)
        if not repair.enabled():
            raise Refused(503, "INGEST_REPLAY_DISABLED", headers={"retry-after": "60"})
        body = await json_body(request, required=True)
        asked = _filter_member(body)
        wanted = letter_filter(asked)
        reason = text_member(body, "reason", limit=MAX_REASON, required=True)
        assert reason is not None
        if flag_member(body, "dryRun", default=False):
            total, sample = await parts.jobs.choose(wanted, sample=SAMPLE)
            data = {"dryRun": True, "total": total, "sample": [letter_json(letter) for letter in sample]}
            return Response(success(data, id_of(request)), status_code=200)
        job = await parts.begin(wanted, asked, reason=reason, by=author_of(request))
        return Response(success(_job_json(job), id_of(request)), status_code=202)

    @get("/v1/jobs/{job_id:str}")
    async def get_job(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        name: str = request.path_params["job_id"]
        key = uuid_in_path(name)
        job = None if key is None else await parts.jobs.job(key)
        if job is None:
            raise Refused(404, f"Job not found: {name[:191]}")
        return success(_job_json(job), id_of(request))

    return [replay_letters, get_job]


def _filter_member(body: Mapping[str, Any]) -> dict[str, str]:
    """The filter as strings. A member that nobody knows is refused: a slip of the pen must not replay everything."""
    given = body.get("filter", {})
    if not isinstance(given, dict):
        raise invalid_input("filter", "INVALID_FIELD_FILTER", "filter must be an object")
    for name, value in given.items():
        if name not in _MEMBERS:
            known = ", ".join(_MEMBERS)
            raise invalid_input("filter", "UNKNOWN_FILTER", f"filter knows {known}, not {name[:64]!r}")
        if value is not None and not isinstance(value, str):
            raise invalid_input(f"filter.{name}", "INVALID_FIELD_FILTER", f"filter.{name} must be a string")
    return {name: value for name, value in given.items() if value is not None}


def _job_json(job: ReplayJob) -> dict[str, Any]:
    refused = {outcome: count for outcome, count in sorted(job.outcomes.items()) if outcome != STARTED}
    return {
        "jobId": str(job.key),
        "kind": "DEAD_LETTER_REPLAY",
        "state": "RUNNING" if job.finished_at is None else "DONE",
        "total": job.total,
        "pending": job.pending,
        "replayed": job.outcomes.get(STARTED, 0),
        "refused": sum(refused.values()),
        "refusals": refused,
        "deadLetters": {status.value: job.letters.get(status.value, 0) for status in DeadLetterStatus},
        "filter": dict(job.asked),
        "reason": job.reason,
        "actor": job.actor,
        "createdAt": format_instant(job.created_at),
        "finishedAt": None if job.finished_at is None else format_instant(job.finished_at),
    }
