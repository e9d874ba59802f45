"""The catalog's editor: every change answers the whole product as it is then, with its version as the ETag."""

from typing import Any, TypeVar, assert_never
from uuid import UUID

from attrs import frozen
from litestar import Request, Response, delete, get, patch, post
from litestar.handlers import HTTPRouteHandler

from bst_application.ports.catalog import CatalogEditor
from bst_application.use_cases import catalog_changes as changes
from bst_application.use_cases.catalog_changes import Change
from bst_application.use_cases.edit_catalog import EditCatalog, NotInCatalog, Outcome, SlugInUse, VersionPassed
from bst_domain.catalog import (
    CodeTaken,
    EditorItem,
    Flawed,
    RatesOverlap,
    active_part,
    editor_json,
    read_content,
    read_item_changes,
    read_new_item,
    read_new_rate,
    read_new_variant,
    read_rate_changes,
    read_variant_changes,
)
from bst_litestar.auth import READERS, WRITERS, Tokens
from bst_litestar.envelope import success
from bst_litestar.if_match import entity_tag, expected_versions
from bst_litestar.problems import Refused, invalid_input
from bst_litestar.queries import uuid_in_path
from bst_litestar.requests import AnyRequest, author_of, header_map, id_of, json_body, no_body
from bst_litestar.schema_ready import Part, schema_ready

ITEMS, VARIANTS, RATES = "/v1/catalog/items", "/v1/catalog/variants", "/v1/catalog/rates"
#: The public catalog serves an item by its slug on the same path: the segment has one name.
ITEM = f"{ITEMS}/{{item:str}}"

Answer = Response[dict[str, Any]]
Read = TypeVar("Read")


@frozen(kw_only=True)
class CatalogParts:
    """What the editor is made of."""

    editor: CatalogEditor
    edit: EditCatalog


def catalog_editor_routes(parts: CatalogParts, tokens: Tokens) -> list[HTTPRouteHandler]:
    """Every role may look, ADMIN and MANAGER may edit."""

    async def done(request: AnyRequest, what: str, change: Change, status: int = 200) -> Answer:
        with schema_ready(Part.CATALOG):
            versions = expected_versions(header_map(request))
            outcome = await parts.edit(change, by=author_of(request), versions=versions)
        return _answer(request, outcome, what, status)

    def key_for_writing(request: AnyRequest, name: str) -> UUID:
        tokens.require_role(header_map(request), WRITERS)
        return _key(request, name)

    @get(f"{ITEMS}/id/{{item:str}}")
    async def get_item(request: Request[Any, Any, Any]) -> Answer:
        tokens.require_role(header_map(request), READERS)
        key = _key(request, "item")
        with schema_ready(Part.CATALOG):
            item = await parts.editor.item(key)
        if request.query_params.get("includeInactive", "").strip().lower() == "false":
            item = active_part(item) if item is not None and item.is_active else None
        return _answer(request, item or NotInCatalog(), "item", 200)

    @post(ITEMS)
    async def create_item(request: Request[Any, Any, Any]) -> Answer:
        tokens.require_role(header_map(request), WRITERS)
        new = _taken(read_new_item(await json_body(request, required=False)))
        with schema_ready(Part.CATALOG):
            outcome = await parts.edit.create(new, by=author_of(request))
        return _answer(request, outcome, "item", 201)

    @patch(ITEM)
    async def change_item(request: Request[Any, Any, Any]) -> Answer:
        key = key_for_writing(request, "item")
        wanted = _taken(read_item_changes(await json_body(request, required=False)))
        return await done(request, "item", changes.item_changed(key, wanted))

    @patch(f"{ITEM}/content")
    async def replace_content(request: Request[Any, Any, Any]) -> Answer:
        key = key_for_writing(request, "item")
        content = _taken(read_content(await json_body(request, required=False)))
        return await done(request, "item", changes.content_replaced(key, content))

    @delete(ITEM, status_code=200)
    async def deactivate_item(request: Request[Any, Any, Any]) -> Answer:
        key = key_for_writing(request, "item")
        await no_body(request)
        return await done(request, "item", changes.item_deactivated(key))

    @post(f"{ITEM}/variants")
    async def add_variant(request: Request[Any, Any, Any]) -> Answer:
        key = key_for_writing(request, "item")
        new = _taken(read_new_variant(await json_body(request, required=False)))
        return await done(request, "item", changes.variant_added(key, new), 201)

    @patch(f"{VARIANTS}/{{variant:str}}")
    async def change_variant(request: Request[Any, Any, Any]) -> Answer:
        key = key_for_writing(request, "variant")
        wanted = _taken(read_variant_changes(await json_body(request, required=False)))
        return await done(request, "variant", changes.variant_changed(key, wanted))

    @delete(f"{VARIANTS}/{{variant:str}}", status_code=200)
    async def deactivate_variant(request: Request[Any, Any, Any]) -> Answer:
        key = key_for_writing(request, "variant")
        await no_body(request)
        return await done(request, "variant", changes.variant_deactivated(key))

    @post(f"{VARIANTS}/{{variant:str}}/rates")
    async def add_rate(request: Request[Any, Any, Any]) -> Answer:
        key = key_for_writing(request, "variant")
        new = _taken(read_new_rate(await json_body(request, required=False)))
        return await done(request, "variant", changes.rate_added(key, new), 201)

    @patch(f"{RATES}/{{rate:str}}")
    async def change_rate(request: Request[Any, Any, Any]) -> Answer:
        key = key_for_writing(request, "rate")
        wanted = _taken(read_rate_changes(await json_body(request, required=False)))
        return await done(request, "rate", changes.rate_changed(key, wanted))

    @delete(f"{RATES}/{{rate:str}}", status_code=200)
    async def deactivate_rate(request: Request[Any, Any, Any]) -> Answer:
        key = key_for_writing(request, "rate")
        await no_body(request)
        return await done(request, "rate", changes.rate_deactivated(key))

    return [
        get_item,
        create_item,
        change_item,
        replace_content,
        deactivate_item,
        add_variant,
        change_variant,
        deactivate_variant,
        add_rate,
        change_rate,
        deactivate_rate,
    ]


def _answer(request: AnyRequest, outcome: Outcome, what: str, status: int) -> Answer:
    """The product, or the refusal that an outcome comes to."""
    match outcome:
        case EditorItem():
            body = success(editor_json(outcome), id_of(request))
            return Response(body, status_code=status, headers=entity_tag(outcome.version))
        case NotInCatalog():
            raise Refused(404, f"Catalog {what} not found for id: {request.path_params[what]}")
        case VersionPassed(current):
            raise Refused(412, "VERSION_MISMATCH", details={"version": current}, headers=entity_tag(current))
        case SlugInUse():
            raise _taken_already("slug", "another item has this slug")
        case CodeTaken(code):
            raise _taken_already("code", f"another variant of this item has the code {code}")
        case RatesOverlap(_, other):
            raise _overlaps(other)
        case Flawed():
            raise refused_for(outcome)
        case _:
            assert_never(outcome)


def refused_for(flawed: Flawed) -> Refused:
    """The first flaw is the message; the details name all of them."""
    errors = [{"path": flaw.path, "code": flaw.code, "message": flaw.message} for flaw in flawed.flaws]
    return Refused(400, flawed.flaws[0].code, details={"errors": errors})


def _taken(read: Read | Flawed) -> Read:
    """What was read of a body. Raises Refused."""
    if isinstance(read, Flawed):
        raise refused_for(read)
    return read


def _taken_already(path: str, message: str) -> Refused:
    code = "CATALOG_RESOURCE_ALREADY_EXISTS"
    return Refused(409, code, details={"errors": [{"path": path, "code": code, "message": message}]})


def _overlaps(other: UUID) -> Refused:
    code = "CATALOG_RATE_OVERLAP"
    message = "another active rate of this variant holds for the same traveller, currency and number"
    details = {"errors": [{"path": "", "code": code, "message": message}], "overlapsWith": str(other)}
    return Refused(409, code, details=details)


def _key(request: AnyRequest, name: str) -> UUID:
    """The id that the path names. Raises Refused."""
    key = uuid_in_path(request.path_params[name])
    if key is None:
        raise invalid_input(f"{name}Id", "CATALOG_ID_INVALID", "the id must be a UUID")
    return key
