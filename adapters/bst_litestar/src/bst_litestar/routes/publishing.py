"""Publishing the catalog: drafting a job, its review, publishing and retrying it."""

from collections.abc import Awaitable, Mapping
from typing import Any, TypeVar, assert_never
from uuid import UUID

from attrs import evolve, frozen
from litestar import get, post
from litestar.handlers import HTTPRouteHandler

from bst_application.ports.publishing import KeyedRequest, PublishingDesk, PublishJob
from bst_application.published_catalog import PublishedCatalog
from bst_application.use_cases.draft_catalog import DraftPublishJob, UnknownItems
from bst_application.use_cases.once_a_key import KeyReused
from bst_application.use_cases.publish_catalog import (
    JobNotFound,
    PublishFailed,
    StepRefused,
    TakePublishStep,
    failure_text,
    keys_text,
)
from bst_application.use_cases.roll_back_catalog import RollBackCatalog
from bst_domain.catalog import Superseded
from bst_domain.lifecycles import PublishAction, PublishRefusal
from bst_litestar.auth import READERS, WRITERS, Tokens
from bst_litestar.envelope import success
from bst_litestar.problems import Refused, invalid_input
from bst_litestar.publish_json import job_json
from bst_litestar.publish_signature import PublishSignature
from bst_litestar.queries import uuid_in_path, whole_number
from bst_litestar.requests import AnyRequest, author_of, header_map, id_of, json_body, text_member
from bst_litestar.schema_ready import Part, schema_ready

Done = TypeVar("Done")

ROOT = "/v1/catalog/publish"
MAX_TEXT = 2000
#: What fitted into a body of the predecessor.
MAX_NOTE = 100_000
MOST_ITEMS = 10_000
#: Total over PublishRefusal, but for the status, whose word depends on the step.
REFUSALS: Mapping[PublishRefusal, str] = {
    PublishRefusal.REVIEWER_IS_CREATOR: "CATALOG_PUBLISH_REVIEWER_MUST_DIFFER_FROM_CREATOR",
    PublishRefusal.PUBLISHER_IS_REVIEWER: "CATALOG_PUBLISH_PUBLISHER_MUST_DIFFER_FROM_REVIEWER",
    PublishRefusal.RETRY_SKIPS_REVIEW: "CATALOG_PUBLISH_RETRY_REQUIRES_SEPARATE_PUBLISH_STEP",
}


@frozen(kw_only=True)
class PublishingParts:
    """What publishing is made of."""

    desk: PublishingDesk
    draft: DraftPublishJob
    step: TakePublishStep
    roll_back: RollBackCatalog
    published: PublishedCatalog
    signature: PublishSignature
    by_principal: bool

    async def require_writer(self, request: AnyRequest, tokens: Tokens) -> None:
        """ADMIN and MANAGER may act, signed where that is asked for, as a principal where that is. Raises Refused."""
        headers = header_map(request)
        tokens.require_role(headers, WRITERS)
        await _ready(self.signature.require(request))
        if self.by_principal and tokens.principal(headers) is None:
            raise Refused(403, "CATALOG_PUBLISH_PRINCIPAL_REQUIRED")


def publishing_routes(parts: PublishingParts, tokens: Tokens) -> list[HTTPRouteHandler]:
    """Every role may look."""

    async def step(request: AnyRequest, action: PublishAction) -> dict[str, Any]:
        await parts.require_writer(request, tokens)
        await json_body(request, required=False)
        key = _job_key(request)
        repeat = await parts.signature.keyed(request, f"jobs/{key}/{action}", key)
        outcome = await _ready(parts.step(action, key, by=author_of(request), request=repeat))
        match outcome:
            case PublishJob():
                if action is not PublishAction.SUBMIT_REVIEW:
                    await parts.published.look_now()
                return success(job_json(outcome), id_of(request))
            case JobNotFound():
                raise _no_job(request)
            case StepRefused(action, why, status):
                raise Refused(409, _refusal(action, why, status))
            case PublishFailed(job, why):
                details = {"job": job_json(job)}
                raise Refused(409 if isinstance(why, Superseded) else 400, failure_text(why), details=details)
            case KeyReused():
                raise key_reused()
            case _:
                assert_never(outcome)

    @get(f"{ROOT}/jobs")
    async def list_jobs(request: AnyRequest) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        limit = whole_number(dict(request.query_params.items()), "limit", default=50, least=1, most=1000)
        return success([job_json(job) for job in await _ready(parts.desk.jobs(limit=limit))], id_of(request))

    @get(f"{ROOT}/jobs/{{job_id:str}}")
    async def get_job(request: AnyRequest) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        key = _job_key(request)
        job = await _ready(parts.desk.job(key))
        if job is None:
            raise _no_job(request)
        return success(job_json(job), id_of(request))

    @post(f"{ROOT}/jobs")
    async def create_job(request: AnyRequest) -> dict[str, Any]:
        await parts.require_writer(request, tokens)
        body = await json_body(request, required=False)
        note = text_member(body, "note", limit=MAX_NOTE)
        repeat = await parts.signature.keyed(request, "jobs", "")

        def about(job: UUID) -> KeyedRequest | None:
            return None if repeat is None else evolve(repeat, subject=str(job))

        outcome = await _ready(parts.draft(_item_keys(body), note, by=author_of(request), request=about))
        match outcome:
            case PublishJob():
                return success(job_json(outcome), id_of(request))
            case UnknownItems(keys):
                message = f"CATALOG_PUBLISH_ITEM_IDS_INVALID:{keys_text(keys)}"
                raise invalid_input("itemIds", message, "there are no products with these ids")
            case KeyReused():
                raise key_reused()
            case _:
                assert_never(outcome)

    @post(f"{ROOT}/jobs/{{job_id:str}}/submit-review")
    async def submit_review(request: AnyRequest) -> dict[str, Any]:
        return await step(request, PublishAction.SUBMIT_REVIEW)

    @post(f"{ROOT}/jobs/{{job_id:str}}/publish")
    async def publish(request: AnyRequest) -> dict[str, Any]:
        return await step(request, PublishAction.PUBLISH)

    @post(f"{ROOT}/jobs/{{job_id:str}}/retry")
    async def retry(request: AnyRequest) -> dict[str, Any]:
        return await step(request, PublishAction.RETRY)

    return [
        list_jobs,
        get_job,
        create_job,
        submit_review,
        publish,
        retry,
    ]


async def _ready(act: Awaitable[Done]) -> Done:
    """What the act comes to. Raises Refused where the catalog's tables are not there yet."""
    with schema_ready(Part.CATALOG):
        return await act


def _refusal(action: PublishAction, why: PublishRefusal, status: str) -> str:
    if why is PublishRefusal.WRONG_STATUS:
        word = "RETRY_INVALID_STATUS" if action is PublishAction.RETRY else "STATUS_INVALID"
        return f"CATALOG_PUBLISH_JOB_{word}:{status}"
    return REFUSALS[why]


def _item_keys(body: Mapping[str, Any]) -> list[UUID]:
    """Trimmed, each once, in the order given; blank ones are left out. Raises Refused."""
    given = body.get("itemIds")
    if given is None:
        return []
    if not isinstance(given, list) or len(given) > MOST_ITEMS:
        raise invalid_input("itemIds", "CATALOG_ID_INVALID", f"itemIds must be a list of at most {MOST_ITEMS} ids")
    keys: dict[UUID, None] = {}
    for at, one in enumerate(given):
        name = one.strip() if isinstance(one, str) else None
        key = None if name is None else uuid_in_path(name)
        if key is not None:
            keys[key] = None
        elif name != "":
            raise invalid_input(f"itemIds[{at}]", "CATALOG_ID_INVALID", "an id must be a UUID")
    return list(keys)


def _job_key(request: AnyRequest) -> UUID:
    """The job that the path names. What cannot be a UUID cannot exist. Raises Refused."""
    key = uuid_in_path(request.path_params["job_id"])
    if key is None:
        raise _no_job(request)
    return key


def _no_job(request: AnyRequest) -> Refused:
    """Names it as the caller did."""
    return Refused(404, f"Catalog publish job not found: {request.path_params['job_id']}")


def key_reused() -> Refused:
    """The idempotency key belongs to another body."""
    return Refused(409, "CATALOG_PUBLISH_IDEMPOTENCY_KEY_REUSED")
