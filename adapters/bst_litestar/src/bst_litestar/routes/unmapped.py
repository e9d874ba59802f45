"""The unmapped queue: looking, judging, and resolving one entry or many."""

from collections.abc import Mapping, Sequence
from typing import Any, assert_never
from uuid import UUID

from attrs import frozen
from litestar import Request, get, patch, post
from litestar.handlers import HTTPRouteHandler

from bst_application.ports.mappings import UnmappedEntry, UnmappedFilter
from bst_application.ports.reading import Position
from bst_application.use_cases.mapping_steps import MappedOtherwise, UnknownReference
from bst_application.use_cases.unmapped import EntryNotFound, Resolved, StatusChanged, Unresolved
from bst_application.use_cases.unmapped_targets import NotMappable, Target
from bst_domain.lifecycles import NotAllowed, UnmappedStatus
from bst_litestar.auth import READERS, WRITERS, Tokens
from bst_litestar.envelope import success
from bst_litestar.mapping_json import entry_json, mapping_json
from bst_litestar.problems import Refused, invalid_input
from bst_litestar.queries import cursor, cursor_text, known_word, text, uuid_in_path, whole_number, word
from bst_litestar.requests import author_of, flag_member, header_map, id_of, json_body, text_member, uuid_member
from bst_litestar.routes.channel_mappings import MAX_FILTER, MappingParts, mapped_otherwise, unknown_reference
from bst_litestar.schema_ready import Part, schema_ready

MAX_PAGE = 500
MAX_REASON = 2000
#: Entries that one bulk request takes, the newest first; asking again takes those that are left.
MAX_MANY = 200
SAMPLE = 10
_FILTERS = ("status", "queueType", "channelCode", "reasonCode", "externalRefKind", "externalRef")


def unmapped_routes(parts: MappingParts, tokens: Tokens) -> list[HTTPRouteHandler]:
    """Every role may look; ADMIN and MANAGER may act."""

    @get("/v1/channel-mappings/unmapped")
    async def list_entries(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        query = dict(request.query_params.items())
        limit = whole_number(query, "limit", default=100, least=1, most=MAX_PAGE)
        wanted = _entry_filter(query)
        with schema_ready(Part.MAPPINGS):
            rows = await parts.desk.entries(wanted, after=cursor(query), limit=limit + 1)
        page = rows[:limit]
        last = Position(at=page[-1].created_at, key=page[-1].key) if len(rows) > limit else None
        more = None if last is None else cursor_text(last)
        return success([entry_json(row) for row in page], id_of(request), nextCursor=more)

    @patch("/v1/channel-mappings/unmapped/{queue_id:str}/status/{status:str}")
    async def change_entry(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), WRITERS)
        said: str = request.path_params["status"].strip()
        status = UnmappedStatus(known_word(said, "status", UnmappedStatus, "INVALID_UNMAPPED_STATUS"))
        reason = text_member(await json_body(request, required=False), "reason", limit=MAX_REASON)
        key, by = uuid_in_path(request.path_params["queue_id"]), author_of(request)
        with schema_ready(Part.MAPPINGS):
            outcome = EntryNotFound() if key is None else await parts.change_entry(key, status, reason=reason, by=by)
        if not isinstance(outcome, StatusChanged):
            raise _refused(outcome, request.path_params["queue_id"])
        await parts.folded(outcome.refold)
        return success(entry_json(outcome.entry), id_of(request))

    @post("/v1/channel-mappings/unmapped/{queue_id:str}/resolve", status_code=200)
    async def resolve_entry(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), WRITERS)
        body = await json_body(request, required=True)
        target, reason = _target(body), _reason(body)
        key = uuid_in_path(request.path_params["queue_id"])
        with schema_ready(Part.MAPPINGS):
            outcome = (
                EntryNotFound()
                if key is None
                else await parts.resolve(key, target, reason=reason, by=author_of(request))
            )
        if not isinstance(outcome, Resolved):
            raise _refused(outcome, request.path_params["queue_id"])
        folded = await parts.folded(outcome.refold)
        data = {
            "unmapped": entry_json(outcome.entry),
            "mapping": mapping_json(outcome.mapping),
            "bookings": {"refolded": folded.bookings, "pending": not folded.done},
        }
        return success(data, id_of(request))

    @post("/v1/channel-mappings/unmapped/resolve", status_code=200)
    async def resolve_entries(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), WRITERS)
        body = await json_body(request, required=True)
        reason, dry_run = _reason(body), flag_member(body, "dryRun", default=False)
        with schema_ready(Part.MAPPINGS):
            asked = await _asked(body, parts)
            outcomes = await parts.resolve_many(asked.entries, reason=reason, by=author_of(request), dry_run=dry_run)
        resolved = [outcome for _, outcome in outcomes if isinstance(outcome, Resolved)]
        folded = await parts.folded(package for one in resolved for package in one.refold)
        data = {
            "dryRun": dry_run,
            "total": asked.total,
            "resolved": len(resolved),
            "refused": len(outcomes) - len(resolved),
            "remaining": asked.total - len(outcomes),
            "entries": [_outcome_json(key, outcome) for key, outcome in outcomes],
            "sample": [entry_json(one.entry) for one in resolved[:SAMPLE]],
            "bookings": {"refolded": folded.bookings, "pending": not folded.done},
        }
        return success(data, id_of(request))

    return [list_entries, change_entry, resolve_entry, resolve_entries]


@frozen(kw_only=True)
class _Asked:
    """What a bulk request is about: how many there are, and what is to become of those that it takes."""

    total: int
    entries: Sequence[tuple[UUID, Target]]


async def _asked(body: Mapping[str, Any], parts: MappingParts) -> _Asked:
    """Entries one by one, each with its own target, or a filter and one target for all. Raises Refused."""
    listed = body.get("entries")
    if listed is None:
        wanted, target = _filter_member(body), _target(body)
        found: Sequence[UnmappedEntry] = await parts.desk.entries(wanted, after=None, limit=MAX_MANY)
        total = await parts.desk.count_entries(wanted) if len(found) == MAX_MANY else len(found)
        return _Asked(total=max(total, len(found)), entries=[(entry.key, target) for entry in found])
    if not isinstance(listed, list) or not 0 < len(listed) <= MAX_MANY or "filter" in body:
        message = f"entries must be a list of 1 to {MAX_MANY} objects, and stand without a filter"
        raise invalid_input("entries", "INVALID_FIELD_ENTRIES", message)
    entries: list[tuple[UUID, Target]] = []
    for at, item in enumerate(listed):
        if not isinstance(item, dict):
            raise invalid_input(f"entries.{at}", "INVALID_FIELD_ENTRIES", "each of entries must be an object")
        key = uuid_member(item, "queueId", required=True)
        assert key is not None
        entries.append((key, _target(item)))
    return _Asked(total=len(entries), entries=entries)


def _filter_member(body: Mapping[str, Any]) -> UnmappedFilter:
    """Raises Refused. A filter that says nothing would resolve everything, and a slip of the pen something else."""
    given = body.get("filter")
    if not isinstance(given, dict) or not given:
        raise invalid_input("filter", "INVALID_FIELD_FILTER", "filter must be an object with a condition at least")
    for name, value in given.items():
        if name not in _FILTERS:
            known = ", ".join(_FILTERS)
            raise invalid_input("filter", "UNKNOWN_FILTER", f"filter knows {known}, not {name[:64]!r}")
        if not isinstance(value, str) or not value.strip():
            raise invalid_input(f"filter.{name}", "INVALID_FIELD_FILTER", f"filter.{name} must be a string, not blank")
    return _entry_filter(given, waiting=True)


def _entry_filter(query: Mapping[str, str], *, waiting: bool | None = None) -> UnmappedFilter:
    """The conditions that lists and bulk requests share. Raises Refused."""

    def said(name: str, limit: int, code: str) -> str | None:
        return (text(query, name, limit=limit, code=code) or "").upper() or None

    status = word(query, "status", UnmappedStatus, "INVALID_UNMAPPED_STATUS")
    return UnmappedFilter(
        status=None if status is None else UnmappedStatus(status),
        type=said("queueType", MAX_FILTER, "INVALID_QUEUE_TYPE"),
        channel=said("channelCode", MAX_FILTER, "INVALID_CHANNEL_CODE"),
        reason_code=text(query, "reasonCode", limit=64, code="INVALID_REASON_CODE"),
        ref_kind=said("externalRefKind", 64, "INVALID_EXTERNAL_REF_KIND"),
        ref=text(query, "externalRef", limit=128, code="INVALID_EXTERNAL_REF"),
        waiting=waiting,
    )


def _reason(body: Mapping[str, Any]) -> str:
    reason = text_member(body, "reason", limit=MAX_REASON, required=True)
    assert reason is not None
    return reason


def _target(body: Mapping[str, Any]) -> Target:
    """Raises Refused."""
    entity_key = uuid_member(body, "entityKey", required=True)
    assert entity_key is not None
    return Target(
        entity_key=entity_key,
        entity_type=text_member(body, "entityType", limit=32, upper=True),
        replace=flag_member(body, "replace", default=False),
        channel=text_member(body, "channelCode", limit=32, upper=True),
        ref_kind=text_member(body, "externalRefKind", limit=64, upper=True),
        ref=text_member(body, "externalRef", limit=128),
    )


def _refused(outcome: Unresolved, name: str) -> Refused:
    match outcome:
        case EntryNotFound():
            return Refused(404, f"Unmapped queue not found: {name}")
        case NotAllowed(current=current, wanted=wanted, allowed=allowed):
            return Refused(409, f"INVALID_UNMAPPED_TRANSITION:{current}->{wanted}", details={"allowed": list(allowed)})
        case NotMappable(kind):
            return Refused(409, f"UNMAPPED_ENTRY_NOT_MAPPABLE:{kind}")
        case UnknownReference():
            return unknown_reference(outcome)
        case MappedOtherwise():
            return mapped_otherwise(outcome)
        case _:
            assert_never(outcome)


def _outcome_json(key: UUID, outcome: Resolved | Unresolved) -> dict[str, Any]:
    if isinstance(outcome, Resolved):
        mapping = mapping_json(outcome.mapping)
        return {"queueId": str(key), "outcome": "RESOLVED", "mapping": mapping, "member": None}
    member = outcome.member if isinstance(outcome, UnknownReference) else None
    return {"queueId": str(key), "outcome": _refused(outcome, str(key)).message, "mapping": None, "member": member}
