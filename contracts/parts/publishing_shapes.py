"""What answers of publishing and of the public catalog hold."""

from parts.shapes import (
    TIME,
    UUID,
    Schema,
    enum,
    flag,
    instant,
    integer,
    listing,
    maybe,
    number,
    obj,
    ref,
    text,
    uuid,
)

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
                {"travelerType": "ADULT", "price": 50, "currency": "USD", "minQuantity": None, "maxQuantity": None}
            ],
        }
    ],
    "packageRefType": "CATALOG_PRODUCT",
    "packageRefKey": UUID,
    "legacyPackageId": 7,
    "package_id": 7,
    "package_name": "Ubud",
    "price_per_person": 50,
    "price_per_child": 25,
    "thumbnailUrl": None,
}


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
