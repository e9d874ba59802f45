"""The versions that came of publish jobs, going back to one, and the events that tell consumers."""

from typing import Any, assert_never

from litestar import Response, get, post
from litestar.handlers import HTTPRouteHandler

from bst_application.ports.publishing import SnapshotHead
from bst_application.use_cases.once_a_key import KeyReused
from bst_application.use_cases.roll_back_catalog import VersionIsCurrent, VersionNotFound
from bst_litestar.auth import READERS, Tokens
from bst_litestar.envelope import success
from bst_litestar.problems import Refused
from bst_litestar.publish_json import event_json, version_json
from bst_litestar.queries import whole_number
from bst_litestar.requests import AnyRequest, author_of, header_map, id_of, json_body, text_member
from bst_litestar.routes.publishing import MAX_TEXT, ROOT, PublishingParts, key_reused


def publish_version_routes(parts: PublishingParts, tokens: Tokens) -> list[HTTPRouteHandler]:
    """Every role may look."""

    @get(f"{ROOT}/versions")
    async def list_versions(request: AnyRequest) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        limit = whole_number(dict(request.query_params.items()), "limit", default=50, least=1, most=1000)
        publication = await parts.desk.publication()
        heads = await parts.desk.versions(limit=limit)
        return success([version_json(head, publication) for head in heads], id_of(request))

    @get(f"{ROOT}/versions/{{version:str}}/payload")
    async def get_payload(request: AnyRequest) -> Response[bytes]:
        """Byte for byte what the checksum is of, also before it is published: whoever reviews it reads it here."""
        tokens.require_role(header_map(request), READERS)
        version = _version(request)
        snapshot = await parts.desk.read_snapshot(version)
        if snapshot is None:
            raise _no_version(str(version))
        headers = {"etag": f'"{snapshot.head.checksum}"', "cache-control": "private, max-age=31536000, immutable"}
        return Response(snapshot.payload.encode(), media_type="application/json", headers=headers)

    @post(f"{ROOT}/versions/{{version:str}}/rollback")
    async def roll_back(request: AnyRequest) -> dict[str, Any]:
        await parts.require_writer(request, tokens)
        body = await json_body(request, required=True)
        reason = text_member(body, "reason", limit=MAX_TEXT, required=True)
        assert reason is not None
        version = _version(request)
        repeat = await parts.signature.keyed(request, f"versions/{version}/rollback", version)
        outcome = await parts.roll_back(version, reason=reason, by=author_of(request), request=repeat)
        match outcome:
            case SnapshotHead():
                await parts.published.look_now()
                return success(version_json(outcome, await parts.desk.publication()), id_of(request))
            case VersionNotFound():
                raise _no_version(str(version))
            case VersionIsCurrent():
                raise Refused(409, f"CATALOG_PUBLISH_VERSION_IS_CURRENT:{version}")
            case KeyReused():
                raise key_reused()
            case _:
                assert_never(outcome)

    @get(f"{ROOT}/events")
    async def list_events(request: AnyRequest) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        query = dict(request.query_params.items())
        after = whole_number(query, "after", default=0, least=0, most=2**62)
        limit = whole_number(query, "limit", default=100, least=1, most=1000)
        events = await parts.desk.events(after=after, limit=limit)
        last = events[-1].sequence if events else after
        return success([event_json(event) for event in events], id_of(request), lastSequence=last)

    return [list_versions, get_payload, roll_back, list_events]


def _version(request: AnyRequest) -> int:
    """The number that the path names. Raises Refused."""
    name: str = request.path_params["version"]
    if not (name.isascii() and name.isdigit()) or len(name) > 18:
        raise _no_version(name)
    return int(name)


def _no_version(name: str) -> Refused:
    return Refused(404, f"Catalog version not found: {name[:191]}")
