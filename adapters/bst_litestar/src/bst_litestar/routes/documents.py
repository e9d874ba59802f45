"""The API's own description: the very document that contracts/ holds, and a page to read it and to try it.

Both are open to everybody, in production too, as they were before: they say what anybody can read who installs BST, and whatever
is tried there needs its token as everywhere. The page is whole: it asks nobody but this server.
"""

from collections.abc import Mapping
from functools import cache
from importlib.resources import files
from typing import Any

from litestar import Request, Response, get
from litestar.handlers import HTTPRouteHandler

from bst_contracts import openapi
from bst_litestar.envelope import encode
from bst_litestar.guard import PAGE
from bst_litestar.problems import Refused

_FOLDER = files("bst_litestar") / "page"
#: What the page is made of, by the name that it is asked for: where it lies, and its type.
ASSETS = {
    "page.js": ("page.js", "text/javascript"),
    "page.css": ("page.css", "text/css"),
    "swagger-ui-bundle.js": ("swagger-ui/swagger-ui-bundle.js", "text/javascript"),
    "swagger-ui.css": ("swagger-ui/swagger-ui.css", "text/css"),
    "LICENSE": ("swagger-ui/LICENSE", "text/plain"),
}
_ASK_EACH_TIME = {"cache-control": "no-cache"}
_KEEP_AN_HOUR = {"cache-control": "public, max-age=3600"}


@cache
def _document() -> bytes:
    return encode(openapi())


@cache
def _page() -> bytes:
    return (_FOLDER / "index.html").read_bytes()


@cache
def _assets() -> Mapping[str, tuple[bytes, str]]:
    return {name: ((_FOLDER / place).read_bytes(), kind) for name, (place, kind) in ASSETS.items()}


def document_routes() -> list[HTTPRouteHandler]:
    """OpenAPI 3.1 at its own place and at the predecessor's, and the page at the predecessor's.

    What they serve is part of the package: a process reads it once, however many APIs it builds.
    """
    document, page, assets = _document(), _page(), _assets()

    @get(["/schema/openapi.json", "/docs-json"])
    async def openapi_document() -> Response[bytes]:
        return Response(document, media_type="application/json", headers=_ASK_EACH_TIME)

    @get(PAGE)
    async def docs_page(request: Request[Any, Any, Any]) -> Response[bytes]:
        if request.scope["raw_path"].endswith(b"/"):  # its links are relative: a proxy may have cut a prefix off
            return Response(b"", status_code=307, media_type="text/plain", headers={"location": f"..{PAGE}"})
        return Response(page, media_type="text/html", headers=_ASK_EACH_TIME)

    @get(f"{PAGE}/{{name:str}}")
    async def docs_asset(request: Request[Any, Any, Any]) -> Response[bytes]:
        name = str(request.path_params["name"])
        if name not in assets:
            raise Refused(404, f"Cannot GET {PAGE}/{name[:64]}")
        content, kind = assets[name]
        return Response(content, media_type=kind, headers=_KEEP_AN_HOUR)

    return [openapi_document, docs_page, docs_asset]
