"""Drivers and partners: who there is, and entering them."""

from collections.abc import Mapping
from typing import Any, Final

from attrs import frozen
from litestar import Request, get, put
from litestar.handlers import HTTPRouteHandler

from bst_application.ports.crew import CrewKind, CrewMember, CrewRegister
from bst_application.use_cases.assign_crew import EnterCrew
from bst_domain.values import format_instant
from bst_litestar.auth import READERS, WRITERS, Tokens
from bst_litestar.envelope import success
from bst_litestar.ops_bodies import number_of
from bst_litestar.requests import author_of, flag_member, header_map, id_of, json_body, text_member
from bst_litestar.schema_ready import Part, schema_ready

MAX_NAME = 191
_PATHS: Final[Mapping[CrewKind, str]] = {CrewKind.DRIVER: "drivers", CrewKind.PARTNER: "partners"}


@frozen(kw_only=True)
class CrewParts:
    """What the crew's routes are made of."""

    register: CrewRegister
    enter: EnterCrew


def crew_routes(crew: CrewParts, tokens: Tokens) -> list[HTTPRouteHandler]:
    """Every role may look; ADMIN and MANAGER may enter."""
    return [route for kind in CrewKind for route in _routes_of(kind, crew, tokens)]


def _routes_of(kind: CrewKind, crew: CrewParts, tokens: Tokens) -> list[HTTPRouteHandler]:
    path, member = f"/v1/ops/{_PATHS[kind]}", f"{kind.value.lower()}Id"

    @get(path)
    async def list_members(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        with schema_ready(Part.BOOKINGS):
            members = await crew.register.members(kind)
        return success([_json(one, member) for one in members], id_of(request))

    @put(f"{path}/{{number:str}}")
    async def enter_member(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), WRITERS)
        said: str = request.path_params["number"]
        digits = said.isascii() and said.isdigit()  # a body may spell a number in other ways, a path names one thing
        number = number_of(said if digits else None, member, f"INVALID_{kind}_ID")
        body = await json_body(request, required=True)
        name = text_member(body, "name", limit=MAX_NAME, required=True)
        assert name is not None
        active = flag_member(body, "isActive", default=True)
        with schema_ready(Part.BOOKINGS):
            entered = await crew.enter(kind, number, name=name, is_active=active, by=author_of(request))
        return success(_json(entered, member), id_of(request))

    return [list_members, enter_member]


def _json(one: CrewMember, member: str) -> dict[str, Any]:
    return {
        member: one.number,
        "name": one.name,
        "isActive": one.is_active,
        "updatedAt": format_instant(one.updated_at),
    }
