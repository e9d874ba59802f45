"""Flags: how they are, who turned them, and turning them."""

from typing import Any

from attrs import frozen
from litestar import Request, delete, get, put
from litestar.handlers import HTTPRouteHandler

from bst_application.flags import BadFlagValue, Flag, FlagBoard, FlagState, kind_of
from bst_application.use_cases.turn_flag import TurnFlag
from bst_domain.values import format_instant
from bst_litestar.auth import READERS, Role, Tokens
from bst_litestar.envelope import success
from bst_litestar.problems import Refused, invalid_input
from bst_litestar.requests import author_of, header_map, id_of, json_body, text_member

MAX_REASON = 2000


@frozen(kw_only=True)
class FlagParts:
    """What flags are made of."""

    board: FlagBoard
    turn: TurnFlag


def flag_routes(flags: FlagParts, tokens: Tokens) -> list[HTTPRouteHandler]:
    """Every role may look; an ADMIN may turn."""

    @get("/v1/flags")
    async def list_flags(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        await flags.board.refresh()
        return success([_json(state) for state in flags.board.states()], id_of(request))

    @put("/v1/flags/{name:str}")
    async def set_flag(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), (Role.ADMIN,))
        flag = _flag(request)
        body = await json_body(request, required=True)
        stated = body.get("value")
        if isinstance(stated, bool | int | float):
            stated = str(stated).lower()
        if not isinstance(stated, str):
            raise invalid_input("value", "INVALID_FIELD_VALUE", "value must be a string, a number, true or false")
        reason = text_member(body, "reason", limit=MAX_REASON, required=True)
        assert reason is not None
        state = await flags.turn(flag, stated, reason=reason, by=author_of(request))
        if isinstance(state, BadFlagValue):
            raise invalid_input("value", "INVALID_FLAG_VALUE", state.why)
        return success(_json(state), id_of(request))

    @delete("/v1/flags/{name:str}", status_code=200)
    async def clear_flag(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), (Role.ADMIN,))
        flag = _flag(request)
        body = await json_body(request, required=False)
        reason = text_member(body, "reason", limit=MAX_REASON) or "unspecified"
        state = await flags.turn(flag, None, reason=reason, by=author_of(request))
        assert isinstance(state, FlagState), "taking an override away needs no value"
        return success(_json(state), id_of(request))

    return [list_flags, set_flag, clear_flag]


def _flag(request: Request[Any, Any, Any]) -> Flag:
    """The flag that the path names, in any letter case. Raises Refused."""
    name: str = request.path_params["name"]
    known = {flag.value: flag for flag in Flag}
    flag = known.get(name.strip().upper())
    if flag is None:
        raise Refused(404, f"Flag not found: {name[:191]}", details={"known": list(known)})
    return flag


def _json(state: FlagState) -> dict[str, Any]:
    said = state.override
    return {
        "name": state.flag.value,
        "kind": kind_of(state.flag).value,
        "value": state.value,
        "initial": state.initial,
        "overridden": said is not None,
        "actor": None if said is None else said.actor,
        "reason": None if said is None else said.reason,
        "updatedAt": None if said is None else format_instant(said.at),
    }
