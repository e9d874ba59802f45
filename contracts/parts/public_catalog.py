"""The catalog that everybody reads."""

from parts.publishing_shapes import ITEM_EXAMPLE
from parts.shapes import (
    Schema,
    answer,
    get,
    integer,
    listing,
    path,
    query,
    ref,
    refusals,
    text,
)

TAG = "catalog"
#: Nobody needs a token; an administrator's shows another catalog.
EITHER: list[Schema] = [{}, {"adminToken": []}]


def paths() -> Schema:
    said = (
        "Without a token: what is published, active products alone. With an administrator's: the editor's state, inactive ones"
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
    content: Schema = {
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
            security=EITHER,
            parameters=[
                query("page", "from 1", integer(minimum=1, default=1)),
                query("limit", "page size", integer(minimum=1, maximum=100, default=20)),
                query("featured", "true, 1, yes, on or false, 0, no, off", text()),
                query("active", "the same words", text()),
                query("q", "a part of name, slug or description; no sign is special", text(maxLength=2000)),
            ],
        ),
        "/v1/catalog/items/featured": get(
            "listFeaturedCatalogItems",
            TAG,
            "What is featured",
            said,
            {**shown("all of them", listing(ref("CatalogItem")), [ITEM_EXAMPLE]), **refusals(**busy)},
            security=EITHER,
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
            security=EITHER,
            parameters=[path("item", "slug, in any letter case")],
        ),
    }
