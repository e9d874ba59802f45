"""Channel mappings: what a channel's references stand for."""

from collections.abc import Iterable, Mapping
from typing import Any, assert_never

from attrs import frozen
from litestar import Request, get, patch, post
from litestar.handlers import HTTPRouteHandler

from bst_application.errors import Conflict
from bst_application.ports.mappings import MAX_SOURCE_PK, MappingDesk, MappingFilter, SourceRow
from bst_application.ports.reading import Position
from bst_application.use_cases.mapping_steps import MappedOtherwise, UnknownReference
from bst_application.use_cases.mappings import (
    ChangeMapping,
    CreateMapping,
    MappingNotFound,
    MappingPatch,
    NewMapping,
    Written,
)
from bst_application.use_cases.refold_packages import BATCH, Refolded, RefoldPackages
from bst_application.use_cases.unmapped import ChangeUnmappedStatus, ResolveMany, ResolveUnmapped
from bst_domain.lifecycles import MappingStatus
from bst_domain.values import ChannelReference
from bst_litestar.auth import READERS, WRITERS, Tokens
from bst_litestar.envelope import success
from bst_litestar.mapping_json import mapping_json
from bst_litestar.problems import RETRY_AFTER, Refused, invalid_input
from bst_litestar.queries import cursor, cursor_text, known_word, text, uuid_in_path, whole_number
from bst_litestar.requests import author_of, flag_member, header_map, id_of, json_body, text_member, uuid_member
from bst_litestar.schema_ready import Part, schema_ready

MAX_PAGE = 200
#: What no row can hold finds none, as callers know it; this is what a question may be at all.
MAX_FILTER = 2000
#: So many bookings are folded again before the answer; the worker does what is more.
MOST_AT_ONCE = 1000


@frozen(kw_only=True)
class MappingParts:
    """What channel mappings are made of."""

    desk: MappingDesk
    create: CreateMapping
    change: ChangeMapping
    change_entry: ChangeUnmappedStatus
    resolve: ResolveUnmapped
    resolve_many: ResolveMany
    refold: RefoldPackages

    async def folded(self, packages: Iterable[ChannelReference]) -> Refolded:
        """Folds the bookings of these packages again, as many as an answer may wait for."""
        seen, done = 0, True
        for package in dict.fromkeys(packages):
            if seen >= MOST_AT_ONCE:
                return Refolded(seen, done=False)
            one = await self.refold.at_once(package, batches=-(-(MOST_AT_ONCE - seen) // BATCH))
            seen, done = seen + one.bookings, done and one.done
        return Refolded(seen, done)


def unknown_reference(outcome: UnknownReference) -> Refused:
    """A channel that is not registered, or an entity that is not there."""
    code = "CHANNEL_OR_ENTITY_REFERENCE_INVALID"
    return invalid_input(outcome.member, code, f"{outcome.member} names nothing that fits and is known here")


def mapped_otherwise(outcome: MappedOtherwise) -> Refused:
    """The details name the mapping that stands, so that a person can judge."""
    return Refused(409, "CHANNEL_MAPPING_DUPLICATE_REF", details={"mapping": mapping_json(outcome.mapping)})


def channel_mapping_routes(parts: MappingParts, tokens: Tokens) -> list[HTTPRouteHandler]:
    """Every role may look; ADMIN and MANAGER may write."""

    @get("/v1/channel-mappings")
    async def list_mappings(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        query = dict(request.query_params.items())
        limit = whole_number(query, "limit", default=100, least=1, most=MAX_PAGE)
        wanted = MappingFilter(
            channel=(text(query, "channelCode", limit=MAX_FILTER, code="INVALID_CHANNEL_CODE") or "").upper() or None,
            entity_type=(text(query, "entityType", limit=MAX_FILTER, code="INVALID_ENTITY_TYPE") or "").upper() or None,
        )
        with schema_ready(Part.MAPPINGS):
            rows = await parts.desk.mappings(wanted, after=cursor(query), limit=limit + 1)
        page = rows[:limit]
        last = Position(at=page[-1].updated_at, key=page[-1].key) if len(rows) > limit else None
        more = None if last is None else cursor_text(last)
        return success([mapping_json(row) for row in page], id_of(request), nextCursor=more)

    @post("/v1/channel-mappings", status_code=201)
    async def create_mapping(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), WRITERS)
        body = await json_body(request, required=True)
        wanted = _new_mapping(body)
        replace = flag_member(body, "replace", default=False)
        try:
            with schema_ready(Part.MAPPINGS):
                outcome = await parts.create(wanted, replace=replace, by=author_of(request))
        except Conflict as error:
            raise Refused(503, "CHANNEL_MAPPING_CREATE_FAILED", headers=RETRY_AFTER) from error
        match outcome:
            case Written():
                return await _written(request, parts, outcome)
            case UnknownReference():
                raise unknown_reference(outcome)
            case MappedOtherwise():
                raise mapped_otherwise(outcome)
            case _:
                assert_never(outcome)

    @patch("/v1/channel-mappings/{mapping_id:str}")
    async def change_mapping(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), WRITERS)
        name: str = request.path_params["mapping_id"]
        wanted = _patch(await json_body(request, required=False))
        key = uuid_in_path(name)
        with schema_ready(Part.MAPPINGS):
            outcome = MappingNotFound() if key is None else await parts.change(key, wanted, by=author_of(request))
        match outcome:
            case Written():
                return await _written(request, parts, outcome)
            case MappingNotFound():
                raise Refused(404, f"Channel mapping not found: {name}")
            case UnknownReference():
                raise unknown_reference(outcome)
            case MappedOtherwise():
                raise mapped_otherwise(outcome)
            case _:
                assert_never(outcome)

    return [list_mappings, create_mapping, change_mapping]


async def _written(request: Request[Any, Any, Any], parts: MappingParts, outcome: Written) -> dict[str, Any]:
    await parts.folded(outcome.refold)
    return success(mapping_json(outcome.mapping), id_of(request))


def _new_mapping(body: Mapping[str, Any]) -> NewMapping:
    """Raises Refused, for the first member that is wrong in the predecessor's order."""
    entity_type = _needed(body, "entityType", 32, upper=True)
    reference = ChannelReference(
        _needed(body, "channelCode", 32, upper=True),
        _needed(body, "externalRefKind", 64, upper=True),
        _needed(body, "externalRef", 128),
    )
    entity_key = uuid_member(body, "entityKey", required=True)
    assert entity_key is not None
    source_pk = text_member(body, "sourcePk", limit=MAX_SOURCE_PK)
    return NewMapping(
        entity_type=entity_type,
        reference=reference,
        entity_key=entity_key,
        status=_status(body) or MappingStatus.MAPPED,
        source=SourceRow(
            system=text_member(body, "sourceSystem", limit=32) or "manual",
            table=text_member(body, "sourceTable", limit=64) or "manual_mapping",
            pk=source_pk or f"{entity_type}:{reference.ref}"[:MAX_SOURCE_PK],
        ),
        reason=text_member(body, "reasonCode", limit=64) or "MANUAL_REVIEW",
    )


def _patch(body: Mapping[str, Any]) -> MappingPatch:
    """Raises Refused. What is there must hold something; null counts as absent."""
    given = {name: value for name, value in body.items() if value is not None}

    def said(name: str, limit: int, *, upper: bool = False) -> str | None:
        return _needed(given, name, limit, upper=upper) if name in given else None

    return MappingPatch(
        entity_type=said("entityType", 32, upper=True),
        channel=said("channelCode", 32, upper=True),
        ref_kind=said("externalRefKind", 64, upper=True),
        ref=said("externalRef", 128),
        entity_key=uuid_member(given, "entityKey", required="entityKey" in given),
        status=_status(given),
        source_system=said("sourceSystem", 32),
        source_table=said("sourceTable", 64),
        source_pk=said("sourcePk", MAX_SOURCE_PK),
        reason=said("reasonCode", 64),
    )


def _needed(body: Mapping[str, Any], name: str, limit: int, *, upper: bool = False) -> str:
    value = text_member(body, name, limit=limit, required=True, upper=upper)
    assert value is not None
    return value


def _status(body: Mapping[str, Any]) -> MappingStatus | None:
    """Raises Refused."""
    said = text_member(body, "mappingStatus", limit=64)
    if said is None:
        return None
    return MappingStatus(known_word(said, "mappingStatus", MappingStatus, "INVALID_MAPPING_STATUS"))
