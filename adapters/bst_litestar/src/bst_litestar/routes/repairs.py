"""Failing and replaying events by hand."""

from collections.abc import Callable
from typing import Any, assert_never
from uuid import UUID

from attrs import frozen
from litestar import Request, post
from litestar.handlers import HTTPRouteHandler

from bst_application.ports.reading import IngestReader
from bst_application.ports.repair import LetterReason
from bst_application.use_cases.hand_over import HandOver
from bst_application.use_cases.process import ProcessEvents
from bst_application.use_cases.repair import (
    ChangeDeadLetterStatus,
    EventNotFound,
    MarkEventFailed,
    NotInDeadLetter,
    NotReady,
    ReplayEvent,
    ReplayStarted,
    refusal_text,
)
from bst_litestar.auth import WRITERS, Tokens
from bst_litestar.envelope import success
from bst_litestar.event_json import event_json, letter_json
from bst_litestar.problems import Refused
from bst_litestar.queries import uuid_in_path
from bst_litestar.requests import author_of, flag_member, header_map, id_of, json_body, text_member

MAX_REASON = 2000
#: What fitted into a body of the predecessor.
MAX_DETAIL = 100_000


@frozen(kw_only=True)
class RepairParts:
    """What repairing is made of. ``inline`` processes a replay at once where no queue will."""

    mark_failed: MarkEventFailed
    change_status: ChangeDeadLetterStatus
    replay: ReplayEvent
    hand_over: HandOver
    inline: ProcessEvents | None
    enabled: Callable[[], bool]


def repair_routes(events: IngestReader, repair: RepairParts, tokens: Tokens) -> list[HTTPRouteHandler]:
    """ADMIN and MANAGER may act."""

    @post("/v1/ingest/bookings/events/{event_id:str}/fail", status_code=202)
    async def fail_event(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), WRITERS)
        body = await json_body(request, required=True)
        code = text_member(body, "reasonCode", limit=64, required=True, upper=True)
        assert code is not None
        reason = LetterReason(
            code=code,
            detail=text_member(body, "reasonDetail", limit=MAX_DETAIL),
            poison=flag_member(body, "poisonMessage", default=False),
        )
        event_id = _event_id(request)
        letter = await repair.mark_failed(event_id, reason, by=author_of(request))
        if isinstance(letter, EventNotFound):
            raise _no_event(request)
        return success(letter_json(letter), id_of(request))

    @post("/v1/ingest/bookings/events/{event_id:str}/replay", status_code=202)
    async def replay_event(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), WRITERS)
        if not repair.enabled():
            raise Refused(503, "INGEST_REPLAY_DISABLED", headers={"retry-after": "60"})
        body = await json_body(request, required=False)
        reason = text_member(body, "reason", limit=MAX_REASON) or "unspecified"
        event_id = _event_id(request)
        outcome = await repair.replay(event_id, reason=reason, by=author_of(request))
        match outcome:
            case ReplayStarted(job=job):
                if job is not None:
                    repair.hand_over.offer(job)
                elif repair.inline is not None:
                    await repair.inline([outcome.event_id])
            case EventNotFound():
                raise _no_event(request)
            case NotInDeadLetter() | NotReady():
                raise Refused(409, refusal_text(outcome, event_id))
            case _:
                assert_never(outcome)
        record = await events.event(event_id)
        assert record is not None, "an event that was replayed is in the log"
        inline = job is None and repair.inline is not None
        data = {**event_json(record, full=True), "queued": outcome.queued, "processedInline": inline}
        return success(data, id_of(request))

    return [fail_event, replay_event]


def _event_id(request: Request[Any, Any, Any]) -> UUID:
    """The event that the path names. What cannot be a UUID cannot exist. Raises Refused."""
    key = uuid_in_path(request.path_params["event_id"])
    if key is None:
        raise _no_event(request)
    return key


def _no_event(request: Request[Any, Any, Any]) -> Refused:
    """Names it as the caller did."""
    return Refused(404, f"Ingest event not found: {request.path_params['event_id']}")
