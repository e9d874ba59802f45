"""The catalog that everybody reads: without a token what is published, with an administrator's the editor's state."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from attrs import frozen
from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from bst_application.errors import Conflict, Unavailable
from bst_application.ports.catalog import CatalogEditor, ItemFilter
from bst_application.published_catalog import Edition, PublishedCatalog
from bst_application.rate_limits import Buckets
from bst_application.trusted_proxies import Network
from bst_contracts import openapi
from bst_domain.catalog import EditorItem, JsonObject, entry_json, entry_of
from bst_litestar.auth import Tokens
from bst_litestar.envelope import success
from bst_litestar.guard import GUESSED, address_of
from bst_litestar.problems import Refused, rate_limited, store_unavailable
from bst_litestar.queries import text, whole_number, yes_or_no
from bst_litestar.requests import AnyRequest, header_map, id_of
from bst_litestar.routes.catalog_editor import ITEM, ITEMS

Answer = Response[Any]

PAGE = 20
MOST_A_PAGE = 100
MOST_PAGES = 1_000_000_000
MAX_QUERY = 2000
#: What is answered depends on whose token it is, so a cache in between keeps the two apart.
VARY = {"vary": "Authorization"}
#: A slug like any other, but the router would look behind it for an editor's item, and nowhere else.
ID = f"{ITEMS}/id"
_TAG = re.compile(r'(?:W/)?("[^"]*")')


@frozen(kw_only=True)
class PublicCatalogParts:
    """What the public catalog is made of. ``rates``: by address, for whoever has no token."""

    published: PublishedCatalog
    editor: CatalogEditor
    rates: Buckets
    trusted: Sequence[Network]
    now: Callable[[], datetime]


#: An answer that is told in another way is another one, whatever its data: nobody keeps the old one over an upgrade.
SHAPE = openapi()["info"]["version"]


def public_catalog_routes(parts: PublicCatalogParts, tokens: Tokens) -> list[HTTPRouteHandler]:
    """Anybody may read."""

    def is_admin(request: AnyRequest) -> bool:
        """Whether the editor's state is asked for. Raises Refused where an address asks too often."""
        if tokens.is_admin(header_map(request)):
            return True
        if wait_s := parts.rates.take(address_of(request.scope, parts.trusted)):
            raise rate_limited(wait_s)
        if tokens.is_guess(header_map(request)):
            request.state[GUESSED] = True
        return False

    def editors(item: EditorItem, *, with_content: bool = False) -> JsonObject:
        return entry_json(entry_of(item), parts.now(), with_content=with_content)

    @get(ITEMS)
    async def list_items(request: AnyRequest) -> Answer:
        for_admin = is_admin(request)
        query = dict(request.query_params.items())
        page = whole_number(query, "page", default=1, least=1, most=MOST_PAGES)
        limit = whole_number(query, "limit", default=PAGE, least=1, most=MOST_A_PAGE)
        featured = yes_or_no(query, "featured", "INVALID_FEATURED")
        active = yes_or_no(query, "active", "INVALID_ACTIVE")
        wanted = text(query, "q", limit=MAX_QUERY, code="INVALID_QUERY")
        offset = (page - 1) * limit
        if for_admin:
            with _readable():
                found = await parts.editor.listed(
                    ItemFilter(featured=featured, active=active, text=wanted), offset=offset, limit=limit
                )
            return _private(request, _page([editors(item) for item in found.items], page, limit, found.total))
        edition = await _edition(parts.published)
        rows = edition.listed(featured=featured, active=active, text=wanted)
        return _public(request, parts, edition, _page(rows[offset : offset + limit], page, limit, len(rows)))

    @get(f"{ITEMS}/featured")
    async def list_featured(request: AnyRequest) -> Answer:
        if is_admin(request):
            with _readable():
                found = await parts.editor.listed(ItemFilter(featured=True))
            return _private(request, [editors(item) for item in found.items])
        edition = await _edition(parts.published)
        return _public(request, parts, edition, edition.listed(featured=True))

    @get([ITEM, ID])
    async def get_item(request: AnyRequest) -> Answer:
        slug: str = request.path_params.get("item", "id")
        if is_admin(request):
            with _readable():
                item = await parts.editor.by_slug(slug.strip()) if "\x00" not in slug else None
            if item is None:
                raise _not_found(slug)
            return _private(request, editors(item, with_content=True))
        edition = await _edition(parts.published)
        shown = edition.by_slug(slug.strip())
        if shown is None:
            raise _not_found(slug)
        return _public(request, parts, edition, shown)

    return [list_items, list_featured, get_item]


def _not_found(slug: str) -> Refused:
    return Refused(404, f"Catalog item not found for slug: {slug}", headers=VARY)


async def _edition(published: PublishedCatalog) -> Edition:
    with _readable():
        return await published.edition()


@contextmanager
def _readable() -> Iterator[None]:
    """Raises Refused where the catalog cannot be read, or is not there yet."""
    try:
        yield
    except (Unavailable, Conflict) as error:
        raise store_unavailable("CATALOG_READ_MODEL_NOT_READY") from error


def _page(items: list[JsonObject], page: int, limit: int, total: int) -> JsonObject:
    return {"items": items, "pagination": {"page": page, "limit": limit, "total": total}}


def _private(request: AnyRequest, data: Any) -> Answer:
    """For an administrator: the guard says that nobody may keep it."""
    return Response(success(data, id_of(request)), headers=VARY)


def _public(request: AnyRequest, parts: PublicCatalogParts, edition: Edition, data: Any) -> Answer:
    """For everybody. The tag is of the data and its shape; the envelope's ``meta`` is each answer's own."""
    tag = f'"{edition.tag}-{SHAPE}"'
    kept_s = int(edition.kept_for(parts.now()).total_seconds())
    headers = {**VARY, "etag": tag, "cache-control": f"public, max-age={kept_s}"}
    if _has(request.headers, tag):
        return Response(None, status_code=304, headers=headers)
    return Response(success(data, id_of(request)), headers=headers)


def _has(headers: Mapping[str, str], tag: str) -> bool:
    """Whether the caller has what it would get."""
    said = headers.get("if-none-match", "")
    return said.strip() == "*" or tag in _TAG.findall(said)
