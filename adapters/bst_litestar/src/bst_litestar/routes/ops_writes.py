"""What operators do to a booking: edit it, give it to a driver, take it back, recompute its status."""

from typing import Final

from attrs import frozen
from litestar import patch, post
from litestar.handlers import HTTPRouteHandler

from bst_application.use_cases.assign_crew import AssignCrew, UnassignCrew
from bst_application.use_cases.booking_conflicts import ResolveConflict
from bst_application.use_cases.edit_booking import EditBooking, Edited
from bst_application.use_cases.judge_booking import AcknowledgeBooking, OverrideStatus, SyncStatus
from bst_litestar.ops_bodies import crew_of, edit_of
from bst_litestar.ops_door import Answer, OpsDoor, refused
from bst_litestar.requests import AnyRequest, author_of, json_body, no_body
from bst_litestar.routes.ops_judgements import ops_judgement_routes
from bst_litestar.schema_ready import Part, schema_ready

BOOKING: Final = "/v1/ops/bookings/{name:str}"


@frozen(kw_only=True)
class OpsWrites:
    """The acts."""

    edit: EditBooking
    assign: AssignCrew
    unassign: UnassignCrew
    sync: SyncStatus
    acknowledge: AcknowledgeBooking
    override: OverrideStatus
    resolve: ResolveConflict


def ops_write_routes(acts: OpsWrites, door: OpsDoor) -> list[HTTPRouteHandler]:
    """ADMIN and MANAGER may act; an ADMIN may reinstate."""

    @patch(BOOKING)
    async def edit_booking(request: AnyRequest) -> Answer:
        expected = door.let_in(request)
        body = await json_body(request, required=False)
        wanted = edit_of(body)
        identity = await door.booking(request)
        with schema_ready(Part.BOOKINGS):
            outcome = await acts.edit(identity, wanted, expected=expected, by=author_of(request))
        if not isinstance(outcome, Edited):
            raise refused(request, outcome)
        package = outcome.package
        key = None if package.key is None else str(package.key)
        return await door.shown(
            request,
            outcome.written,
            packageRefType=package.type.value if "packageRefType" in body else None,
            packageRefKey=key if "packageRefKey" in body else None,
        )

    @post(f"{BOOKING}/assign")
    async def assign_driver(request: AnyRequest) -> Answer:
        expected = door.let_in(request)
        wanted = crew_of(await json_body(request, required=False))
        identity = await door.booking(request)
        act = acts.assign(identity, wanted, expected=expected, by=author_of(request))
        return await door.answer(request, act)

    @post(f"{BOOKING}/unassign")
    async def unassign_driver(request: AnyRequest) -> Answer:
        expected = door.let_in(request)
        await no_body(request)
        identity = await door.booking(request)
        return await door.answer(request, acts.unassign(identity, expected=expected, by=author_of(request)))

    @post(f"{BOOKING}/status/sync")
    async def sync_status(request: AnyRequest) -> Answer:
        expected = door.let_in(request)
        await no_body(request)
        identity = await door.booking(request)
        return await door.answer(request, acts.sync(identity, expected=expected, by=author_of(request)))

    judging = ops_judgement_routes(BOOKING, acts.acknowledge, acts.override, acts.resolve, door=door)
    return [edit_booking, assign_driver, unassign_driver, sync_status, *judging]
