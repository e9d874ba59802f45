"""The catalog's editor: products with their variants, rates and content. Every change answers the whole product."""

from parts.catalog_shapes import CONTENT_CODES, EXAMPLE, ITEM_CODES, RATE_CODES, VARIANT_CODES
from parts.shapes import ADMIN, ADMIN_REFUSALS, Schema, act, answer, get, path, query, ref, refusals, tagged, text

TAG = "catalog"
REFUSALS = {**ADMIN_REFUSALS, "s503": "OPS_DB_UNAVAILABLE, CATALOG_SCHEMA_NOT_READY"}
WRITE_REFUSALS = {**REFUSALS, "s403": "ADMIN_ROLE_REQUIRED:ADMIN,MANAGER, ADMIN_ROLE_FORBIDDEN:<ROLE>"}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": 'the version that was seen, e.g. "3"; 412 when it is not the present one. Without it the last writer wins',
    "schema": text(),
}
BODY = "INVALID_JSON, INVALID_BODY, CATALOG_ID_INVALID"
TAKEN = "CATALOG_RESOURCE_ALREADY_EXISTS"


def paths() -> Schema:
    item = [path("item", "UUID of the item"), IF_MATCH]
    variant, rate = [path("variantId", "UUID"), IF_MATCH], [path("rateId", "UUID"), IF_MATCH]
    return {
        "/v1/catalog/items/id/{itemId}": get(
            "getEditorItem",
            TAG,
            "A product as its editors see it",
            "Active or not, with everything in it. The ETag is the version for If-Match.",
            {"200": _item("the product"), **refusals(s400="CATALOG_ID_INVALID", s404=_not_found("item"), **REFUSALS)},
            security=ADMIN,
            parameters=[
                path("itemId", "UUID"),
                query(
                    "includeInactive", "false: active variants and rates alone, and 404 for an inactive product", text()
                ),
            ],
        ),
        "/v1/catalog/items": act(
            "post",
            operation="createCatalogItem",
            tag=TAG,
            summary="Make a product",
            description="With its first variants and their rates. Where none is said to be the default, the first active one is.",
            responses=_written(
                "201", ITEM_CODES + ", CATALOG_VARIANT_DEFAULT_CONFLICT, " + VARIANT_CODES, missing=None
            ),
            parameters=[],
            body=ref("ItemInput"),
        ),
        "/v1/catalog/items/{item}": {
            **_change(
                (
                    "patch",
                    "changeCatalogItem",
                    "Change a product's own members",
                    "One that becomes active again brings back the variants, rates and default that were switched off with it.",
                ),
                item,
                _written("200", "CATALOG_ITEM_PATCH_EMPTY, " + ITEM_CODES, conflict=f"{TAKEN}, CATALOG_RATE_OVERLAP"),
                ref("ItemChanges"),
            ),
            **_change(
                (
                    "delete",
                    "deactivateCatalogItem",
                    "Switch a product off",
                    "With its variants and their rates. Nothing is deleted.",
                ),
                item,
                _written("200", "", conflict=None),
            ),
        },
        "/v1/catalog/items/{item}/content": _change(
            (
                "patch",
                "replaceCatalogContent",
                "Replace a product's content",
                "The whole document: a part that is absent is empty. Texts that are too long are refused, line breaks stay.",
            ),
            item,
            _written("200", CONTENT_CODES, conflict=None),
            ref("ContentInput"),
        ),
        "/v1/catalog/items/{item}/variants": _change(
            (
                "post",
                "createCatalogVariant",
                "Add a variant to a product",
                "With its first rates. As the default it takes the place of the present one.",
            ),
            item,
            _written("201", VARIANT_CODES, conflict=f"{TAKEN}, CATALOG_RATE_OVERLAP"),
            ref("VariantInput"),
        ),
        "/v1/catalog/variants/{variantId}": {
            **_change(
                (
                    "patch",
                    "changeCatalogVariant",
                    "Change a variant",
                    "A default that is given up, or switched off, goes to the next active variant, if there is one.",
                ),
                variant,
                _written("200", "CATALOG_VARIANT_PATCH_EMPTY, " + VARIANT_CODES, missing="variant"),
                ref("VariantChanges"),
            ),
            **_change(
                ("delete", "deactivateCatalogVariant", "Switch a variant off", "With its rates. Nothing is deleted."),
                variant,
                _written("200", "", missing="variant", conflict=None),
            ),
        },
        "/v1/catalog/variants/{variantId}/rates": _change(
            (
                "post",
                "createCatalogRate",
                "Add a rate to a variant",
                "Active rates of a variant may not hold for the same traveller, currency, number and instant.",
            ),
            variant,
            _written("201", RATE_CODES, missing="variant", conflict="CATALOG_RATE_OVERLAP"),
            ref("RateInput"),
        ),
        "/v1/catalog/rates/{rateId}": {
            **_change(
                ("patch", "changeCatalogRate", "Change a rate", "What is said is checked together with what stays."),
                rate,
                _written(
                    "200", "CATALOG_RATE_PATCH_EMPTY, " + RATE_CODES, missing="rate", conflict="CATALOG_RATE_OVERLAP"
                ),
                ref("RateChanges"),
            ),
            **_change(
                ("delete", "deactivateCatalogRate", "Switch a rate off", "Nothing is deleted."),
                rate,
                _written("200", "", missing="rate", conflict=None),
            ),
        },
    }


def _item(description: str) -> Schema:
    return tagged(answer(description, ref("EditorItem"), EXAMPLE))


def _not_found(what: str) -> str:
    return f"Catalog {what} not found for id: <id>"


def _written(status: str, codes: str, *, missing: str | None = "item", conflict: str | None = TAKEN) -> Schema:
    """What a change answers. ``codes`` are those of its body."""
    said = {"s400": ", ".join(filter(None, (codes, BODY, "INVALID_IF_MATCH")))}
    said |= {} if missing is None else {"s404": _not_found(missing), "s412": "VERSION_MISMATCH"}
    said |= {} if conflict is None else {"s409": conflict}
    return {status: _item("the product as it is now"), **refusals(**said, s413="BODY_TOO_LARGE", **WRITE_REFUSALS)}


def _change(
    about: tuple[str, str, str, str], parameters: list[Schema], responses: Schema, body: Schema | None = None
) -> Schema:
    """``about``: method, operation, summary, description."""
    method, operation, summary, description = about
    return act(
        method,
        operation=operation,
        tag=TAG,
        summary=summary,
        description=f"{description} Audited.",
        responses=responses,
        parameters=parameters,
        body=body,
    )
