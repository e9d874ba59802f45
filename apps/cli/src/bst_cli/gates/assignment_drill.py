"""T-008-03: a booking is given to a driver and taken back through the API, and its status follows each time.

The expected statuses are those of the rule that is served (semantics 5), not of the predecessor's three lines: a driver makes a
booking READY only with a cost pattern, and the tour day stays ATTENTION whoever drives.
"""

from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote

from attrs import define, field

from bst_cli.gates.carrying import Gate, Given, as_command, at_least, setting
from bst_cli.gates.findings import Finding, Judged, found
from bst_cli.gates.report import Keys
from bst_cli.gates.surroundings import Api, Surroundings
from bst_cli.trouble import Trouble

BOOKINGS: Final = "/v1/ops/bookings"
ACTOR: Final = "ops-assignment-drill"
OPEN: Final = ("ATTENTION", "NEW", "UPDATED", "READY")


@define
class _Drill:
    """How far it came."""

    api: Api
    within_ms: int
    findings: list[Finding] = field(factory=list)
    summary: dict[str, Any] = field(factory=dict)

    def note(self, name: str, good: bool, *, measured: str, wanted: str, cure: str) -> None:
        self.findings.append(found(f"T-008-03_{name}", good, measured=measured, wanted=wanted, cure=cure))

    async def act(self, key: str, step: str, payload: Any = None) -> Mapping[str, Any]:
        path = f"{BOOKINGS}/{quote(key, safe='')}/{step}"
        booking: Mapping[str, Any] = await self.api.act(
            "POST", path, within_ms=self.within_ms, actor=ACTOR, payload=payload
        )
        return booking

    async def synced(self, key: str, step: str, payload: Any = None) -> Mapping[str, Any]:
        """The step, then the status recomputed."""
        await self.act(key, step, payload)
        return await self.act(key, "status/sync")


async def measure(around: Surroundings, given: Given) -> Judged:
    """Carries it out. The booking has its driver taken away again, whatever happens in between."""
    driver, within = given["driver_id"], given["request_timeout_ms"]
    async with around.api() as api:
        drill = _Drill(api=api, within_ms=within)
        candidate = await _candidate(api, within)
        drill.note(
            "candidate",
            candidate is not None,
            measured="none" if candidate is None else f"{candidate['channelCode']}:{candidate['externalBookingRef']}",
            wanted="an unassigned booking that is not over",
            cure="There is no booking to try it with: bst demo has some.",
        )
        if candidate is not None:
            try:
                await _carry_out(drill, str(candidate["bookingKey"]), driver)
            except Trouble as trouble:
                drill.note(
                    f"step_{len(drill.findings) + 1}",
                    False,
                    measured=trouble.what,
                    wanted="an answer that goes on",
                    cure=_cure(trouble, driver),
                )
    return Judged(
        config={"driverId": driver, "requestTimeoutMs": within}, summary=drill.summary, findings=drill.findings
    )


def _cure(trouble: Trouble, driver: int) -> str:
    if "UNKNOWN_DRIVER" in trouble.what:
        return f"Drivers are managed here: enter the drill's (PUT /v1/ops/drivers/{driver}), or name one of yours."
    return trouble.cure or "The API's log has the request."


async def _candidate(api: Api, within: int) -> Mapping[str, Any] | None:
    """Unassigned and ATTENTION, else unassigned and not over."""
    for status in OPEN:
        query = {"status": status, "limit": "200"}
        while True:
            page = await api.envelope(BOOKINGS, within_ms=within, **query)
            for booking in page["data"]:
                if booking["assignedDriverId"] is None:
                    chosen: Mapping[str, Any] = booking
                    return chosen
            if (cursor := page["meta"].get("nextCursor")) is None:
                break
            query["cursor"] = cursor
    return None


async def _carry_out(drill: _Drill, key: str, driver: int) -> None:
    before = await drill.act(key, "status/sync")
    detail = await drill.api.get(f"{BOOKINGS}/{key}", within_ms=drill.within_ms)
    finance = detail.get("finance") or {}
    staffed = "READY" if before["opsFulfillmentStatus"] == "NEW" and finance.get("patternId") is not None else None
    expected = staffed or before["opsFulfillmentStatus"]
    drill.summary.update(bookingKey=key, statusBefore=before["opsFulfillmentStatus"], expectedAssigned=expected)
    given = False
    try:
        assigned = await drill.synced(key, "assign", {"driverId": driver})
        given = True
        drill.note(
            "assigned",
            assigned["assignedDriverId"] == driver,
            measured=f"driver {assigned['assignedDriverId']}",
            wanted=f"driver {driver}",
            cure="Somebody else gave the booking to another driver meanwhile: measure again.",
        )
        _status(drill, "status_assigned", assigned, expected)
        back = await drill.synced(key, "unassign")
        given = False
        drill.note(
            "unassigned",
            back["assignedDriverId"] is None,
            measured=f"driver {back['assignedDriverId']}",
            wanted="no driver",
            cure="Somebody else gave the booking to another driver meanwhile: measure again.",
        )
        _status(drill, "status_unassigned", back, before["opsFulfillmentStatus"])
        drill.summary.update(
            statusAssigned=assigned["opsFulfillmentStatus"], statusUnassigned=back["opsFulfillmentStatus"]
        )
    finally:
        if given:
            await drill.act(key, "unassign")


def _status(drill: _Drill, name: str, booking: Mapping[str, Any], expected: str) -> None:
    drill.note(
        name,
        booking["opsFulfillmentStatus"] == expected,
        measured=booking["opsFulfillmentStatus"],
        wanted=expected,
        cure="The booking's timeline says what else happened to it; measure again.",
    )


GATE = Gate(
    name="ops-assignment-sync",
    id="T-008-03_OPS_ASSIGNMENT_SYNC",
    title="T-008-03 Assignment drill",
    folder="gates/ops-assignment-sync",
    help="T-008-03: a booking gets a driver and loses him again, and its status follows.",
    settings=[
        setting("driver-id", "OPS_ASSIGNMENT_DRILL_DRIVER_ID", at_least(1), 99991, "The drill's driver."),
        setting("request-timeout-ms", "CORE_API_TIMEOUT_MS", at_least(1000), 10000, "Longest time of one request."),
    ],
    measure=measure,
    keys=(
        Keys(
            result="OPS_ASSIGNMENT_SYNC_DRILL_RESULT",
            json="OPS_ASSIGNMENT_SYNC_DRILL_JSON",
            md="OPS_ASSIGNMENT_SYNC_DRILL_MD",
        ),
    ),
)
command = as_command(GATE)
