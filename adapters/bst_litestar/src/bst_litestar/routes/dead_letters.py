"""Dead letters: listing and judging."""

from collections.abc import Mapping
from typing import Any, assert_never

from litestar import Request, get, patch
from litestar.handlers import HTTPRouteHandler

from bst_application.ports.reading import IngestReader, LetterFilter, Position
from bst_application.ports.repair import DeadLetterRecord
from bst_application.use_cases.repair import (
    ChangeDeadLetterStatus,
    LetterNotFound,
)
from bst_domain.lifecycles import DeadLetterStatus, NotAllowed
from bst_domain.values import Source, format_instant, normalise_ref
from bst_litestar.auth import READERS, WRITERS, Tokens
from bst_litestar.envelope import success
from bst_litestar.event_json import letter_json
from bst_litestar.problems import Refused
from bst_litestar.queries import cursor, cursor_text, known_word, moment, text, uuid_in_path, whole_number, word
from bst_litestar.requests import author_of, header_map, id_of

MAX_PAGE = 200


def letter_filter(query: Mapping[str, str]) -> LetterFilter:
    """The conditions that lists and replay jobs share. Raises Refused."""
    ref = text(query, "ref", limit=191, code="INVALID_REF")
    return LetterFilter(
        status=word(query, "status", DeadLetterStatus, "INVALID_DEAD_LETTER_STATUS"),
        reason_code=(text(query, "reasonCode", limit=64, code="INVALID_REASON_CODE") or "").upper() or None,
        source=word(query, "source", Source, "UNSUPPORTED_SOURCE"),
        ref=None if ref is None else normalise_ref(ref),
        failed_from=moment(query, "from", "INVALID_FROM"),
        failed_to=moment(query, "to", "INVALID_TO"),
    )


def dead_letter_routes(
    events: IngestReader, change_status: ChangeDeadLetterStatus, tokens: Tokens
) -> list[HTTPRouteHandler]:
    """Every role may look; ADMIN and MANAGER may act."""

    @get("/v1/ingest/dead-letter")
    async def list_letters(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        query = dict(request.query_params.items())
        limit = whole_number(query, "limit", default=50, least=1, most=MAX_PAGE, rounds=False)
        rows = await events.dead_letters(letter_filter(query), after=cursor(query), limit=limit + 1)
        page = rows[:limit]
        last = Position(at=page[-1].last_failed_at, key=page[-1].key) if len(rows) > limit else None
        more = None if last is None else cursor_text(last)
        return success([letter_json(row) for row in page], id_of(request), nextCursor=more)

    @get("/v1/ingest/dead-letter/groups")
    async def list_groups(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        groups = [
            {
                "reasonCode": group.reason_code,
                "source": group.source,
                "total": sum(group.by_status.values()),
                "byStatus": {status.value: group.by_status.get(status.value, 0) for status in DeadLetterStatus},
                "newestFailureAt": format_instant(group.newest_failure),
            }
            for group in await events.dead_letter_groups()
        ]
        return success(groups, id_of(request))

    @get("/v1/ingest/dead-letter/{key:str}")
    async def get_letter(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        name: str = request.path_params["key"]
        key = uuid_in_path(name)
        letter = None if key is None else await events.dead_letter(key)
        if letter is None:
            raise Refused(404, f"Dead letter not found: {name}")
        return success(letter_json(letter), id_of(request))

    @patch("/v1/ingest/dead-letter/{key:str}/status/{status:str}")
    async def change_letter(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), WRITERS)
        name, said = request.path_params["key"], request.path_params["status"].strip()
        status = DeadLetterStatus(known_word(said, "status", DeadLetterStatus, "INVALID_DEAD_LETTER_STATUS"))
        key = uuid_in_path(name)
        outcome: DeadLetterRecord | LetterNotFound | NotAllowed[DeadLetterStatus] = (
            LetterNotFound() if key is None else await change_status(key, status, by=author_of(request))
        )
        match outcome:
            case DeadLetterRecord():
                return success(letter_json(outcome), id_of(request))
            case LetterNotFound():
                raise Refused(404, f"Dead letter not found: {name}")
            case NotAllowed(current=current, wanted=wanted, allowed=allowed):
                details = {"allowed": list(allowed)}
                raise Refused(409, f"INVALID_DEAD_LETTER_TRANSITION:{current}->{wanted}", details=details)
            case _:
                assert_never(outcome)

    return [list_letters, list_groups, get_letter, change_letter]
