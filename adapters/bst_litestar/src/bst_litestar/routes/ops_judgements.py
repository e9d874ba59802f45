"""An operator's judgement of a booking: acknowledge its changes, set its status by hand, settle a conflict."""

from litestar import post
from litestar.handlers import HTTPRouteHandler

from bst_application.use_cases.booking_conflicts import ConflictMissing, ResolveConflict
from bst_application.use_cases.judge_booking import AcknowledgeBooking, OverrideStatus
from bst_litestar.auth import Role
from bst_litestar.ops_bodies import choice_of, decision_of, reason_of, version_of
from bst_litestar.ops_door import Answer, OpsDoor, refused
from bst_litestar.queries import uuid_in_path
from bst_litestar.requests import AnyRequest, author_of, header_map, json_body


def ops_judgement_routes(
    booking: str, acknowledge: AcknowledgeBooking, override: OverrideStatus, resolve: ResolveConflict, *, door: OpsDoor
) -> list[HTTPRouteHandler]:
    """``booking`` is the path of one."""

    @post(f"{booking}/acknowledge")
    async def acknowledge_booking(request: AnyRequest) -> Answer:
        expected = door.let_in(request)
        version = version_of(await json_body(request, required=False))
        identity = await door.booking(request)
        return await door.answer(request, acknowledge(identity, version, expected=expected, by=author_of(request)))

    @post(f"{booking}/status/override")
    async def override_status(request: AnyRequest) -> Answer:
        expected = door.let_in(request)
        wanted = decision_of(await json_body(request, required=True))
        if wanted.reinstate:
            door.tokens.require_role(header_map(request), (Role.ADMIN,))
        identity = await door.booking(request)
        return await door.answer(request, override(identity, wanted, expected=expected, by=author_of(request)))

    @post(f"{booking}/conflicts/{{conflict:str}}/resolve")
    async def resolve_conflict(request: AnyRequest) -> Answer:
        expected = door.let_in(request)
        body = await json_body(request, required=True)
        choice, reason = choice_of(body), reason_of(body)
        identity = await door.booking(request)
        key = uuid_in_path(request.path_params["conflict"])
        if key is None:
            raise refused(request, ConflictMissing())
        act = resolve(identity, key, choice, reason=reason, expected=expected, by=author_of(request))
        return await door.answer(request, act)

    return [acknowledge_booking, override_status, resolve_conflict]
