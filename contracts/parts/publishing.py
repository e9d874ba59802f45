"""Publishing the catalog, and the catalog that everybody reads."""

from parts.shapes import (
    ADMIN,
    ADMIN_REFUSALS,
    TIME,
    UUID,
    Schema,
    act,
    answer,
    enum,
    flag,
    get,
    instant,
    integer,
    listing,
    maybe,
    number,
    obj,
    path,
    query,
    ref,
    refusals,
    text,
    uuid,
)

TAG = "catalog"
CHECKSUM = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
checksum = text("SHA-256 of the payload text", pattern="^[0-9a-f]{64}$")
version = integer("counts up with every payload that is frozen", minimum=1)
JOB_EXAMPLE: Schema = {
    "jobId": UUID,
    "payloadVersion": "v1",
    "status": "PUBLISHED",
    "itemIds": [],
    "itemCount": 12,
    "note": "spring prices",
    "createdAt": TIME,
    "updatedAt": TIME,
    "createdBy": "ayu@ops.example.org",
    "reviewedBy": "budi@ops.example.org",
    "publishedBy": "citra@ops.example.org",
    "publishedAt": TIME,
    "snapshotPath": f"catalog/v1/{UUID}.json",
    "checksum": CHECKSUM,
    "failureReason": None,
    "reviewed": {"version": 4, "checksum": CHECKSUM, "itemCount": 12, "frozenAt": TIME},
}
VERSION_EXAMPLE: Schema = {
    "version": 4,
    "current": True,
    "jobId": UUID,
    "payloadVersion": "v1",
    "checksum": CHECKSUM,
    "itemCount": 12,
    "snapshotPath": f"catalog/v1/{UUID}.json",
    "frozenAt": TIME,
    "reviewedBy": "budi@ops.example.org",
    "publishedAt": TIME,
    "publishedBy": "citra@ops.example.org",
}
EVENT_EXAMPLE: Schema = {
    "sequence": 9,
    "kind": "PUBLISHED",
    "version": 4,
    "previousVersion": 3,
    "jobId": UUID,
    "checksum": CHECKSUM,
    "itemCount": 12,
    "actor": "citra@ops.example.org",
    "reason": None,
    "createdAt": TIME,
}
ITEM_EXAMPLE: Schema = {
    "itemId": UUID,
    "slug": "ubud",
    "name": "Ubud",
    "description": "Rice fields and lunch",
    "isActive": True,
    "isFeatured": True,
    "media": [{"url": "https://img.example.org/ubud.jpg", "isCover": True, "sortOrder": 1}],
    "variants": [
        {
            "variantId": UUID,
            "name": "Shared",
            "durationDays": 1,
            "currency": "USD",
            "rates": [
                {"travelerType": "ADULT", "price": 50.0, "currency": "USD", "minQuantity": None, "maxQuantity": None}
            ],
        }
    ],
    "packageRefType": "CATALOG_PRODUCT",
    "packageRefKey": UUID,
    "legacyPackageId": 7,
    "package_id": 7,
    "package_name": "Ubud",
    "price_per_person": 50.0,
    "price_per_child": 25.0,
    "thumbnailUrl": None,
}

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
    " signed as {}. A repeat under the same x-idempotency-key is done once."
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
        ("x-idempotency-key", "names what is done; also counts without a signature"),
    )
]


def schemas() -> Schema:
    rate = obj(
        {
            "travelerType": text("ADULT, CHILD or INFANT"),
            "price": number,
            "currency": text("ISO 4217, always that of the variant"),
            "minQuantity": maybe(integer()),
            "maxQuantity": maybe(integer()),
        }
    )
    variant = obj(
        {
            "variantId": uuid,
            "name": text(),
            "durationDays": integer(minimum=1),
            "currency": text("ISO 4217"),
            "rates": listing(rate),
        }
    )
    item = {
        "itemId": uuid,
        "slug": text(),
        "name": text(),
        "description": text("empty when there is none"),
        "isActive": flag,
        "isFeatured": flag,
        "media": listing(obj({"url": text(), "isCover": flag, "sortOrder": integer()})),
        "variants": listing(variant),
        "packageRefType": enum("CATALOG_PRODUCT"),
        "packageRefKey": uuid,
        "legacyPackageId": maybe(integer()),
        "package_id": {"type": ["integer", "string"], "description": "for older callers; leaves in v2"},
        "package_name": text("for older callers; leaves in v2"),
        "price_per_person": {"type": ["number", "null"], "description": "for older callers; leaves in v2"},
        "price_per_child": {"type": ["number", "null"], "description": "for older callers; leaves in v2"},
        "thumbnailUrl": maybe(text()),
    }
    reviewed = {"version": version, "checksum": checksum, "itemCount": integer(minimum=0), "frozenAt": instant}
    return {
        "CatalogItem": obj(item, "active variants, and the rates that hold now"),
        "CatalogItemPage": {"allOf": [ref("CatalogItem"), obj({"content": ref("EditorContent")})]},
        "CatalogList": obj(
            {
                "items": listing(ref("CatalogItem")),
                "pagination": obj(
                    {"page": integer(minimum=1), "limit": integer(minimum=1), "total": integer(minimum=0)}
                ),
            }
        ),
        "PublishJob": obj(
            {
                "jobId": uuid,
                "payloadVersion": enum("v1"),
                "status": enum("DRAFT", "IN_REVIEW", "PUBLISHED", "FAILED"),
                "itemIds": {**listing(uuid), "description": "empty: every product that is active at the review"},
                "itemCount": integer("of itemIds; once published, of the payload", minimum=0),
                "note": maybe(text()),
                "createdAt": instant,
                "updatedAt": instant,
                "createdBy": text(),
                "reviewedBy": maybe(text()),
                "publishedBy": maybe(text()),
                "publishedAt": maybe(instant),
                "snapshotPath": maybe(text("a name, no place on a disk")),
                "checksum": maybe(checksum),
                "failureReason": maybe(text()),
                "reviewed": maybe(obj(reviewed, "what was frozen at its last review")),
            }
        ),
        "CatalogVersion": obj(
            {
                "version": version,
                "current": flag,
                "jobId": uuid,
                "payloadVersion": enum("v1"),
                "checksum": checksum,
                "itemCount": integer(minimum=0),
                "snapshotPath": text(),
                "frozenAt": instant,
                "reviewedBy": text(),
                "publishedAt": maybe(instant),
                "publishedBy": maybe(text()),
            }
        ),
        "PublishEvent": obj(
            {
                "sequence": integer("without gaps, in the order of the commits", minimum=1),
                "kind": enum("PUBLISHED", "ROLLED_BACK"),
                "version": version,
                "previousVersion": maybe(integer()),
                "jobId": uuid,
                "checksum": checksum,
                "itemCount": integer(minimum=0),
                "actor": text(),
                "reason": maybe(text("why the catalog went back")),
                "createdAt": instant,
            }
        ),
        "PublishedPayload": obj(
            {
                "payloadVersion": enum("v1"),
                "generatedAt": instant,
                "jobId": uuid,
                "items": {
                    **listing({"type": "object"}),
                    "description": "EditorItem, active variants and rates alone, with legacyPackageId, and with validFrom and"
                    " validTo of each rate",
                },
            }
        ),
    }


def paths() -> Schema:
    return {**_public(), **_jobs(), **_versions()}


def _public() -> Schema:
    said = (
        "Without a token: what is published, active products alone. With an administrator's: the editor's state, inactive products"
        " included. Rates are those that hold now."
    )
    busy = {"s503": "CATALOG_READ_MODEL_NOT_READY, OPS_DB_UNAVAILABLE"}
    known: Schema = {"304": {"description": "the caller has it; If-None-Match names its ETag"}}
    tagged: Schema = {
        "ETag": {"description": "of the data; not for administrators", "schema": text()},
        "Cache-Control": {"description": "public, up to the next change of a price", "schema": text()},
    }

    def shown(description: str, data: Schema, example: Schema | list[Schema]) -> Schema:
        return {"200": {**answer(description, data, example), "headers": tagged}, **known}

    pages = {"page": 1, "limit": 20, "total": 1}
    content = {
        name: []
        for name in (
            "slides",
            "itinerary",
            "highlights",
            "inclusions",
            "exclusions",
            "additionalInfo",
            "optionalFeatures",
            "faqs",
        )
    }
    return {
        "/v1/catalog/items": get(
            "listCatalogItems",
            TAG,
            "The catalog, in pages",
            f"{said} Featured first, then by priority, the newest change, the name.",
            {
                **shown("a page", ref("CatalogList"), {"items": [ITEM_EXAMPLE], "pagination": pages}),
                **refusals(s400="INVALID_FEATURED, INVALID_ACTIVE, INVALID_QUERY", **busy),
            },
            parameters=[
                query("page", "from 1", integer(minimum=1, default=1)),
                query("limit", "page size", integer(minimum=1, maximum=100, default=20)),
                query("featured", "true, 1, yes, on or false, 0, no, off", text()),
                query("active", "the same words", text()),
                query("q", "a part of name, slug or description; no sign is special", text(maxLength=191)),
            ],
        ),
        "/v1/catalog/items/featured": get(
            "listFeaturedCatalogItems",
            TAG,
            "What is featured",
            said,
            {**shown("all of them", listing(ref("CatalogItem")), [ITEM_EXAMPLE]), **refusals(**busy)},
        ),
        "/v1/catalog/items/{item}": get(
            "getCatalogItem",
            TAG,
            "One product by its slug, with its content",
            said,
            {
                **shown("the product", ref("CatalogItemPage"), {**ITEM_EXAMPLE, "content": content}),
                **refusals(s404="Catalog item not found for slug: <slug>", **busy),
            },
            parameters=[path("item", "slug, in any letter case")],
        ),
    }


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
                        "note": maybe(text(maxLength=2000)),
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
            "CATALOG_PUBLISH_JOB_STATUS_INVALID:<STATUS>, CATALOG_PUBLISH_PUBLISHER_MUST_DIFFER_FROM_REVIEWER, " + older,
            s400=f"{cannot}, {_MALFORMED}",
        ),
        "/v1/catalog/publish/jobs/{jobId}/retry": step(
            "retryPublishJob",
            "Review and publish a failed job in one step",
            "From FAILED to PUBLISHED. The review stays the reviewer's where nothing has changed since, else it is the retrier's.",
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
            "A consumer remembers meta.lastSequence and asks for what comes after it. PostgreSQL listeners hear catalog_published.",
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
