"""Cutting over: who goes through core now, what dual writes came to, what waits for a decision.

Source of the shapes: predecessor rules 13 (cutover-state, write-cutover metrics).
"""

import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from decimal import Decimal, InvalidOperation
from typing import Any, Final, Protocol

from attrs import frozen
from litestar import Request, get, post
from litestar.handlers import HTTPRouteHandler

from bst_application.flags import Flag, FlagBoard
from bst_application.ports.cutover import QueuedConflict, WriteLedger
from bst_application.use_cases.once_a_key import KeyReused
from bst_application.use_cases.report_write import ReportWrite
from bst_domain.migration import (
    Canary,
    ReportedWrite,
    TimedWrite,
    WriteCounts,
    WriteSummary,
    evaluate_canary,
    summarise_writes,
)
from bst_domain.values import format_instant
from bst_litestar.auth import READERS, WRITERS, Tokens
from bst_litestar.booking_json import queued_json
from bst_litestar.envelope import success
from bst_litestar.problems import Refused, invalid_input
from bst_litestar.queries import text, whole_number
from bst_litestar.requests import author_of, flag_member, header_map, id_of, json_body, text_member

MAX_ACTOR: Final = 320
MAX_ERROR: Final = 2000
MAX_ID: Final = 128
MAX_MEMBERS: Final = 64
_OPERATION = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_PLAIN_NUMBER = re.compile(r"\d{1,15}(?:\.\d{1,15})?", re.ASCII)
_INT4 = 2**31
#: H-01's own defaults.
MAX_RATIO, MIN_SAMPLES = Decimal("0.001"), 1


class ConflictQueue(Protocol):
    async def conflicts(self, *, limit: int) -> list[QueuedConflict]:
        """Those that wait for a decision, the soonest due first."""
        ...


@frozen(kw_only=True)
class CutoverParts:
    """Who knows the flags, keeps the reports, and lists the conflicts."""

    board: FlagBoard
    report: ReportWrite
    ledger: WriteLedger
    queue: ConflictQueue


def cutover_routes(parts: CutoverParts, tokens: Tokens, *, now: Callable[[], datetime]) -> list[HTTPRouteHandler]:
    """Every role may look; ADMIN and MANAGER report writes."""

    @get("/v1/ops/cutover-state")
    async def cutover_state(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        query = dict(request.query_params.items())
        email, user, role = (
            text(query, name, limit=MAX_ACTOR, code=f"INVALID_{name.upper()}") for name in ("email", "userId", "role")
        )
        board = parts.board
        data = {
            "generatedAt": format_instant(now()),
            "actor": {"id": user, "email": email, "role": role},
            "read": _path_json(board.read_canary(), email, user),
            "write": _path_json(board.write_canary(), email, user),
            "writeStrict": board.is_on(Flag.WRITE_STRICT),
        }
        return success({"cutover": data}, id_of(request))

    @post("/v1/ops/cutover/writes")
    async def report_write(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), WRITERS)
        body = await json_body(request, required=True)
        write_id = text_member(body, "writeId", limit=MAX_ID, required=True)
        assert write_id is not None
        write = _write_of(body)
        taken = await parts.report(write_id, write, by=author_of(request))
        if isinstance(taken, KeyReused):
            raise Refused(409, "WRITE_ID_REUSED")
        data = {
            "writeId": write_id,
            "recorded": taken.recorded,
            "repeated": taken.repeated,
            "agreement": write.agreement.value,
            "mismatch": write.mismatch,
            "differingFields": list(write.differing),
        }
        return success(data, id_of(request))

    @get("/v1/ops/cutover/writes/summary")
    async def summary(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        query = dict(request.query_params.items())
        minutes = whole_number(query, "windowMinutes", default=60, least=1, most=1440)
        least = whole_number(query, "minSamples", default=MIN_SAMPLES, least=0, most=1_000_000)
        at = now()
        writes = await parts.ledger.writes(since=at - timedelta(minutes=minutes))
        found = summarise_writes(writes, max_ratio=_ratio(query), min_samples=least)
        return success(summary_json(found, at=at, minutes=minutes), id_of(request))

    @get("/v1/ops/cutover/conflicts")
    async def conflicts(request: Request[Any, Any, Any]) -> dict[str, Any]:
        tokens.require_role(header_map(request), READERS)
        limit = whole_number(dict(request.query_params.items()), "limit", default=100, least=1, most=500)
        at = now()
        waiting = await parts.queue.conflicts(limit=limit)
        return success([queued_json(one, at) for one in waiting], id_of(request))

    return [cutover_state, report_write, summary, conflicts]


def _path_json(canary: Canary, email: str | None, user: str | None) -> dict[str, Any]:
    percentage = canary.percentage
    return {
        "baseEnabled": canary.enabled,
        "percentage": int(percentage) if percentage == int(percentage) else percentage,
        "canaryUserIds": len(canary.user_ids),
        "canaryEmails": len(canary.emails),
        "enabledForActor": evaluate_canary(canary, email=email, user_id=_id_of(user)).on,
    }


def _id_of(user: str | None) -> str | float | None:
    """A number that came as text is a number: its fraction does not count (predecessor rules 13)."""
    return float(user) if user is not None and _PLAIN_NUMBER.fullmatch(user) and "." in user else user


def _ratio(query: Mapping[str, str]) -> Decimal:
    said = query.get("maxRatio", "").strip()
    if not said:
        return MAX_RATIO
    try:
        value = Decimal(said)
    except InvalidOperation:
        value = Decimal(-1)
    if not (value.is_finite() and 0 <= value <= 1):
        raise invalid_input("maxRatio", "INVALID_MAXRATIO", "maxRatio must be a number from 0 to 1")
    return value


def _write_of(body: Mapping[str, Any]) -> ReportedWrite:
    """A report. What the caller itself thinks of the match is kept in the metadata. Raises Refused."""
    operation = text_member(body, "operation", limit=64, required=True, upper=True)
    assert operation is not None
    if not _OPERATION.fullmatch(operation):
        raise invalid_input("operation", "INVALID_FIELD_OPERATION", "operation must be a word such as BOOKING_PATCH")
    if not isinstance(body.get("coreAttempted"), bool):
        raise invalid_input("coreAttempted", "INVALID_FIELD_COREATTEMPTED", "coreAttempted must be true or false")
    metadata = dict(_object(body, "metadata") or {})
    if isinstance(body.get("mismatch"), bool):
        metadata["reportedMismatch"] = body["mismatch"]
    return ReportedWrite(
        operation=operation,
        actor_role=text_member(body, "actorRole", limit=64),
        booking_id=text_member(body, "bookingId", limit=MAX_ID),
        core_attempted=flag_member(body, "coreAttempted", default=False),
        core_success=_maybe_flag(body, "coreSuccess"),
        core_status=_status(body),
        core_error=text_member(body, "coreError", limit=MAX_ERROR),
        core_outcome=_object(body, "coreOutcome"),
        strict_mode=flag_member(body, "strictMode", default=False),
        fallback_used=flag_member(body, "fallbackUsed", default=False),
        legacy_attempted=flag_member(body, "legacyAttempted", default=False),
        legacy_success=_maybe_flag(body, "legacySuccess"),
        legacy_error=text_member(body, "legacyError", limit=MAX_ERROR),
        legacy_outcome=_object(body, "legacyOutcome"),
        metadata=metadata,
    )


def _maybe_flag(body: Mapping[str, Any], name: str) -> bool | None:
    value = body.get(name)
    if value is not None and not isinstance(value, bool):
        raise invalid_input(name, f"INVALID_FIELD_{name.upper()}", f"{name} must be true, false or null")
    return value


def _status(body: Mapping[str, Any]) -> int | None:
    value = body.get("coreStatus")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value < _INT4:
        raise invalid_input("coreStatus", "INVALID_FIELD_CORESTATUS", "coreStatus must be a status code, or null")
    return value


def _object(body: Mapping[str, Any], name: str) -> Mapping[str, Any] | None:
    """A flat object: texts, numbers, true, false and null by name."""
    value = body.get(name)
    if value is None:
        return None
    flat = isinstance(value, dict) and all(not isinstance(each, dict | list) for each in value.values())
    if not flat or len(value) > MAX_MEMBERS:
        raise invalid_input(
            name, f"INVALID_FIELD_{name.upper()}", f"{name} must be an object of at most {MAX_MEMBERS} plain members"
        )
    return dict(value)


def summary_json(found: WriteSummary, *, at: datetime, minutes: int) -> dict[str, Any]:
    """The members that readers know, then what is new: ``compared`` is what the ratio is of."""
    return {
        "generatedAt": format_instant(at),
        "windowMinutes": minutes,
        "thresholds": {"maxMismatchRatio": float(found.max_ratio), "minSamples": found.min_samples},
        "summary": {**_counts(found.all), "hasEnoughSamples": found.has_enough_samples},
        "byOperation": [{"operation": name, **_counts(counts)} for name, counts in found.by_operation],
        "recentMismatch": [_mismatch(one) for one in found.recent_mismatches],
        "failures": list(found.failures),
        "result": "FAIL" if found.failures else "PASS",
    }


def _counts(counts: WriteCounts) -> dict[str, Any]:
    return {
        "totalEvents": counts.total,
        "coreAttempted": counts.core_attempted,
        "coreSuccess": counts.core_success,
        "coreFailed": counts.core_failed,
        "fallbackUsed": counts.fallback_used,
        "strictRejected": counts.strict_rejected,
        "legacyAttempted": counts.legacy_attempted,
        "legacySuccess": counts.legacy_success,
        "legacyFailed": counts.legacy_failed,
        "compared": counts.compared,
        "mismatch": counts.mismatch,
        "mismatchRatio": float(counts.mismatch_ratio),
    }


def _mismatch(one: TimedWrite) -> dict[str, Any]:
    write = one.write
    return {
        "writeId": one.write_id,
        "at": format_instant(one.at),
        "operation": write.operation,
        "bookingId": write.booking_id,
        "coreSuccess": write.core_success,
        "coreStatus": write.core_status,
        "coreError": write.core_error,
        "legacySuccess": write.legacy_success,
        "legacyError": write.legacy_error,
        "differingFields": list(write.differing),
    }
