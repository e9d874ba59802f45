"""Publishing the catalog: jobs, versions, events."""

from parts.publishing_shapes import EVENT_EXAMPLE, JOB_EXAMPLE, VERSION_EXAMPLE
from parts.shapes import (
    ADMIN,
    ADMIN_REFUSALS,
    TIME,
    UUID,
    Schema,
    act,
    answer,
    get,
    integer,
    listing,
    maybe,
    obj,
    path,
    query,
    ref,
    refusals,
    text,
)

TAG = "catalog"
_SIGNATURE = (
    "CATALOG_PUBLISH_SIGNATURE_SECRET_MISSING, CATALOG_PUBLISH_SIGNATURE_HEADERS_REQUIRED,"
    " CATALOG_PUBLISH_SIGNATURE_ALGORITHM_INVALID, CATALOG_PUBLISH_TIMESTAMP_DRIFT_EXCEEDED,"
    " CATALOG_PUBLISH_SIGNATURE_MISMATCH, CATALOG_PUBLISH_NONCE_REUSED"
)
_MALFORMED = (
    "CATALOG_PUBLISH_TIMESTAMP_INVALID, CATALOG_PUBLISH_NONCE_INVALID, CATALOG_PUBLISH_IDEMPOTENCY_KEY_INVALID,"
    " INVALID_JSON, INVALID_BODY"
)
_KEY = "CATALOG_PUBLISH_IDEMPOTENCY_KEY_REUSED"
WRITE_REFUSALS = {
    **ADMIN_REFUSALS,
    "s401": f"{ADMIN_REFUSALS['s401']}, {_SIGNATURE}",
    "s403": "ADMIN_ROLE_REQUIRED:ADMIN,MANAGER, ADMIN_ROLE_FORBIDDEN:<ROLE>, CATALOG_PUBLISH_PRINCIPAL_REQUIRED",
    "s413": "BODY_TOO_LARGE",
}
_SIGNED = (
    " Signed like an ingest event where CATALOG_PUBLISH_SIGNATURE_REQUIRED says so, with CATALOG_PUBLISH_SECRET; an empty body is"
    " signed as {}. A repeat under the same signed x-idempotency-key is done once."
)
_HEADERS = [
    {
        "name": name,
        "in": "header",
        "required": False,
        "description": f"{description}; see signing.md",
        "schema": text(),
    }
    for name, description in (
        ("x-signature", "hex HMAC-SHA256"),
        ("x-signature-algorithm", "HMAC-SHA256"),
        ("x-timestamp", "ISO 8601, at most 5 minutes off"),
        ("x-nonce", "good for one request"),
        ("x-idempotency-key", "names what is done; without a signature it says nothing"),
    )
]


def paths() -> Schema:
    return {**_jobs(), **_versions()}


def _jobs() -> Schema:
    job = [path("jobId", "UUID")]
    missing = "Catalog publish job not found: <id>"

    def step(operation: str, summary: str, description: str, s409: str, **more: str) -> Schema:
        return act(
            "post",
            operation=operation,
            tag=TAG,
            summary=summary,
            description=f"{description}{_SIGNED}",
            responses={
                "201": answer("the job", ref("PublishJob"), JOB_EXAMPLE),
                **refusals(
                    **{"s400": _MALFORMED, "s404": missing, "s409": f"{s409}, {_KEY}", **WRITE_REFUSALS, **more}
                ),
            },
            parameters=[*job, *_HEADERS],
            body={"type": "object"},
            body_required=False,
        )

    cannot = "CATALOG_PUBLISH_EMPTY_PAYLOAD, CATALOG_PUBLISH_ITEM_NOT_ACTIVE:<ids>"
    older = "CATALOG_PUBLISH_SUPERSEDED:<version><<newest>"
    return {
        "/v1/catalog/publish/jobs": {
            **get(
                "listPublishJobs",
                TAG,
                "Publish jobs, the newest change first",
                "All of them are kept.",
                {
                    "200": answer("the jobs", listing(ref("PublishJob")), [JOB_EXAMPLE]),
                    **refusals(**ADMIN_REFUSALS),
                },
                security=ADMIN,
                parameters=[query("limit", "how many", integer(minimum=1, maximum=1000, default=50))],
            ),
            **act(
                "post",
                operation="createPublishJob",
                tag=TAG,
                summary="Draft a publish job",
                description=f"What it publishes is the whole catalog from then on, not an addition to it.{_SIGNED}",
                responses={
                    "201": answer("the job", ref("PublishJob"), JOB_EXAMPLE),
                    **refusals(
                        s400="CATALOG_PUBLISH_ITEM_IDS_INVALID:<ids>, CATALOG_ID_INVALID, INVALID_FIELD_NOTE, "
                        + _MALFORMED,
                        s409=_KEY,
                        **WRITE_REFUSALS,
                    ),
                },
                parameters=_HEADERS,
                body={
                    "type": "object",
                    "properties": {
                        "itemIds": maybe(listing(text("UUID of a product"))),
                        "note": maybe(text(maxLength=100_000)),
                        "payloadVersion": {"description": "v1, whatever is said"},
                    },
                },
                body_required=False,
            ),
        },
        "/v1/catalog/publish/jobs/{jobId}": get(
            "getPublishJob",
            TAG,
            "One publish job",
            "reviewed names the version whose payload can be read.",
            {
                "200": answer("the job", ref("PublishJob"), JOB_EXAMPLE),
                **refusals(s404=missing, **ADMIN_REFUSALS),
            },
            security=ADMIN,
            parameters=job,
        ),
        "/v1/catalog/publish/jobs/{jobId}/submit-review": step(
            "submitPublishJob",
            "Freeze what is to be published",
            "From DRAFT or FAILED to IN_REVIEW. What is frozen here is what will be published, whatever is edited since.",
            "CATALOG_PUBLISH_JOB_STATUS_INVALID:<STATUS>, CATALOG_PUBLISH_REVIEWER_MUST_DIFFER_FROM_CREATOR",
        ),
        "/v1/catalog/publish/jobs/{jobId}/publish": step(
            "publishJob",
            "Make what was reviewed the catalog",
            "From IN_REVIEW to PUBLISHED. A payload that is empty, has a product that is inactive, or is older than one that was"
            " published already makes the job FAILED.",
            "CATALOG_PUBLISH_JOB_STATUS_INVALID:<STATUS>, CATALOG_PUBLISH_PUBLISHER_MUST_DIFFER_FROM_REVIEWER, "
            + older,
            s400=f"{cannot}, {_MALFORMED}",
        ),
        "/v1/catalog/publish/jobs/{jobId}/retry": step(
            "retryPublishJob",
            "Review and publish a failed job in one step",
            "From FAILED to PUBLISHED. The review stays the reviewer's where nothing has changed since.",
            "CATALOG_PUBLISH_JOB_RETRY_INVALID_STATUS:<STATUS>, CATALOG_PUBLISH_RETRY_REQUIRES_SEPARATE_PUBLISH_STEP,"
            " CATALOG_PUBLISH_REVIEWER_MUST_DIFFER_FROM_CREATOR",
            s400=f"{cannot}, {_MALFORMED}",
        ),
    }


def _versions() -> Schema:
    one = [path("version", "its number")]
    missing = "Catalog version not found: <version>"
    events = answer("the events", listing(ref("PublishEvent")), [EVENT_EXAMPLE], lastSequence=integer(minimum=0))
    events["content"]["application/json"]["example"]["meta"]["lastSequence"] = EVENT_EXAMPLE["sequence"]
    payload: Schema = {"payloadVersion": "v1", "generatedAt": TIME, "jobId": UUID, "items": []}
    return {
        "/v1/catalog/publish/versions": get(
            "listCatalogVersions",
            TAG,
            "Versions that were published, the newest first",
            "One of them is current.",
            {
                "200": answer("the versions", listing(ref("CatalogVersion")), [VERSION_EXAMPLE]),
                **refusals(**ADMIN_REFUSALS),
            },
            security=ADMIN,
            parameters=[query("limit", "how many", integer(minimum=1, maximum=1000, default=50))],
        ),
        "/v1/catalog/publish/versions/{version}/payload": get(
            "getCatalogPayload",
            TAG,
            "A payload as it was frozen",
            "The very bytes that the checksum is of, without an envelope; also before it is published, for whoever reviews it.",
            {
                "200": {
                    "description": "the payload",
                    "content": {"application/json": {"schema": ref("PublishedPayload"), "example": payload}},
                },
                **refusals(s404=missing, **ADMIN_REFUSALS),
            },
            security=ADMIN,
            parameters=one,
        ),
        "/v1/catalog/publish/versions/{version}/rollback": act(
            "post",
            operation="rollBackCatalog",
            tag=TAG,
            summary="Go back to a version that was published before",
            description=f"As it was, whatever its products are now. Audited, and an event like a publish.{_SIGNED}",
            responses={
                "201": answer("the version that is current now", ref("CatalogVersion"), VERSION_EXAMPLE),
                **refusals(
                    s400=f"INVALID_FIELD_REASON, EMPTY_FIELD_REASON, {_MALFORMED}",
                    s404=missing,
                    s409=f"CATALOG_PUBLISH_VERSION_IS_CURRENT:<version>, {_KEY}",
                    **WRITE_REFUSALS,
                ),
            },
            parameters=[*one, *_HEADERS],
            body=obj({"reason": text(minLength=1, maxLength=2000)}),
        ),
        "/v1/catalog/publish/events": get(
            "listPublishEvents",
            TAG,
            "Every change of the current catalog, the oldest first",
            "Remember meta.lastSequence and ask for what comes after it; listeners of the database hear catalog_published.",
            {
                "200": events,
                **refusals(**ADMIN_REFUSALS),
            },
            security=ADMIN,
            parameters=[
                query("after", "the last sequence that is known", integer(minimum=0, default=0)),
                query("limit", "how many", integer(minimum=1, maximum=1000, default=100)),
            ],
        ),
    }
