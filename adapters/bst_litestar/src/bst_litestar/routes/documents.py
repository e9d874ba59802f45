"""The API's own description: the very document that contracts/ holds."""

from litestar import Response, get
from litestar.handlers import HTTPRouteHandler

from bst_contracts import openapi
from bst_litestar.envelope import encode


def document_routes() -> list[HTTPRouteHandler]:
    """OpenAPI 3.1 at its own place and at the predecessor's."""
    document = encode(openapi())

    @get(["/schema/openapi.json", "/docs-json"])
    async def openapi_document() -> Response[bytes]:
        return Response(document, media_type="application/json", headers={"cache-control": "no-cache"})

    return [openapi_document]
