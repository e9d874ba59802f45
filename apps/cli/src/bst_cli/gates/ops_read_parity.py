"""BG-01: lists and details of core show what the old admin's own database says, booking by booking.

The rows of the old admin's latest tour days are looked for by channel and reference; a row that core does not have counts as
different (defect 99).
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any
from urllib.parse import quote

import click
from attrs import define, field, frozen

from bst_application.errors import LegacyUnreadable
from bst_application.use_cases.shadow_reads import leading_rows
from bst_cli.cutting_over.state import admin_live
from bst_cli.gates.carrying import RATIO, Gate, Given, as_command, at_least, setting
from bst_cli.gates.findings import Judged, judged_checks
from bst_cli.gates.report import Keys
from bst_cli.gates.surroundings import Api, Surroundings
from bst_cli.trouble import Trouble
from bst_domain.cutover import (
    LIST_FIELDS,
    Differing,
    ParityFigures,
    ParityLimits,
    SeenBooking,
    parity_checks,
    parity_differences,
)
from bst_domain.migration import LegacyBooking
from bst_domain.values import BookingIdentity, bali_day, parse_day, parse_instant

BOOKINGS = "/v1/ops/bookings"
PAGE = "200"
#: What a caller cannot do without.
CRITICAL = ("bookingKey", "channelCode", "externalBookingRef", "opsFulfillmentStatus", "customerPaymentStatus")
MOST_EXAMPLES = 50
CURES = {
    "BG-01_list_parity_ratio": "The report names the rows. Missing ones: run bst migrate run --batch D again, and see"
    " bst migrate postcheck. Others: let the old admin synchronise its statuses, run bst cutover watch --once, and settle"
    " what bst cutover conflicts lists.",
    "BG-01_min_matched_rows": "Too few of the old admin's newest rows are in core: see the missing ones in the report.",
    "BG-01_detail_parity_ratio": "As for the list.",
    "BG-01_detail_critical_fields": "A booking without key, channel, reference or status: see it in the report.",
    "BG-01_fetch_errors": "Measure again; if it comes again, the API's log has the requests.",
}


@frozen(kw_only=True)
class Wanted:
    """What was asked for."""

    sample: int
    details: int
    within_ms: int


@define
class Found:
    """What the look came to."""

    rows: Mapping[BookingIdentity, LegacyBooking]
    listed: dict[BookingIdentity, Mapping[str, Any]] = field(factory=dict)
    by_field: Counter[str] = field(factory=Counter)
    examples: list[Mapping[str, Any]] = field(factory=list)
    missing: list[BookingIdentity] = field(factory=list)
    list_differing: int = 0
    detail_sampled: int = 0
    detail_differing: int = 0
    critical_missing: int = 0
    fetch_errors: int = 0
    stored_status: int = 0

    def note(self, where: str, name: BookingIdentity, differing: Sequence[Differing]) -> None:
        for one in differing:
            if len(self.examples) < MOST_EXAMPLES:
                told = {"booking": f"{name.channel}:{name.ref}", "where": where, "field": one.about.value}
                self.examples.append({**told, "core": one.core[:200], "legacy": one.legacy[:200]})


async def measure(around: Surroundings, given: Given) -> Judged:
    """Reads the old admin's database and the API. Raises Trouble."""
    wanted = Wanted(
        sample=given["sample_limit"], details=given["detail_sample_size"], within_ms=given["request_timeout_ms"]
    )
    limits = ParityLimits(max_ratio=Decimal(str(given["max_mismatch_ratio"])), min_matched=given["min_matched_rows"])
    try:
        rows = await admin_live().newest(limit=wanted.sample)
    except LegacyUnreadable as error:
        raise Trouble(str(error)) from error
    found = Found(rows=leading_rows(rows))
    today = bali_day(_as_of(given["as_of"]) or around.now())
    async with around.api() as api:
        await _list(api, found, wanted, today)
        await _details(api, found, wanted, today)
    figures = ParityFigures(
        sampled=len(found.rows),
        matched=len(found.listed),
        list_differing=found.list_differing,
        missing=len(found.missing),
        detail_sampled=found.detail_sampled,
        detail_differing=found.detail_differing,
        critical_missing=found.critical_missing,
        fetch_errors=found.fetch_errors,
    )
    return Judged(
        config={
            "sampleLimit": wanted.sample,
            "detailSampleSize": wanted.details,
            "maxMismatchRatio": limits.max_ratio,
            "minMatchedRows": limits.min_matched,
        },
        summary=_summary(found, figures, rejected=len(rows) - sum(1 for _ in found.rows)),
        findings=judged_checks(parity_checks(figures, limits), CURES),
        lines={
            "OPS_READ_PARITY_LIST_MISMATCH_RATIO": _number(figures.list_ratio),
            "OPS_READ_PARITY_DETAIL_MISMATCH_RATIO": _number(figures.detail_ratio),
            "OPS_READ_PARITY_MATCHED_ROWS": figures.matched,
        },
        more={"examples": found.examples, "missing": [f"{n.channel}:{n.ref}" for n in found.missing[:MOST_EXAMPLES]]},
    )


def _as_of(text: str | None) -> datetime | None:
    """The instant whose day in Bali the old admin's rule calls today. Raises UsageError."""
    if not text:
        return None
    at = parse_instant(text)
    if at is None:
        raise click.UsageError("--as-of: an instant with a zone is expected, for example 2026-03-01T00:00:00+08:00")
    return at


def _summary(found: Found, figures: ParityFigures, *, rejected: int) -> dict[str, Any]:
    return {
        "sampledRows": figures.sampled,
        "sharedOrRejectedRows": rejected,
        "matchedRows": figures.matched,
        "missingRows": figures.missing,
        "listMismatchRows": figures.list_differing,
        "listMismatchRatio": figures.list_ratio,
        "detailSampleSize": figures.detail_sampled,
        "detailMismatchRows": figures.detail_differing,
        "detailMismatchRatio": figures.detail_ratio,
        "criticalFieldsMissing": figures.critical_missing,
        "fetchErrors": figures.fetch_errors,
        "byField": dict(found.by_field),
        "storedStatusNotSynchronised": found.stored_status,
    }


async def _list(api: Api, found: Found, wanted: Wanted, today: date) -> None:
    """Every page of the days that the sample covers; what is not there is asked for by its name, as its day may differ."""
    if not found.rows:
        return
    days = [bali_day(row.tour_at) for row in found.rows.values()]
    query = {"dateFrom": min(days).isoformat(), "dateTo": max(days).isoformat(), "limit": PAGE}
    while True:
        try:
            page = await api.envelope(BOOKINGS, within_ms=wanted.within_ms, **query)
        except Trouble:
            found.fetch_errors += 1
            break
        for booking in page["data"]:
            name = BookingIdentity(booking["channelCode"], booking["externalBookingRef"])
            if name in found.rows:
                found.listed[name] = booking
        if (cursor := page["meta"].get("nextCursor")) is None:
            break
        query["cursor"] = cursor
    for name in found.rows.keys() - found.listed.keys():
        booking = await _one(api, found, name, wanted)
        if booking is None:
            found.missing.append(name)
        else:
            found.listed[name] = booking
    for name, booking in found.listed.items():
        row = found.rows[name]
        seen = seen_json(booking)
        differing = parity_differences(seen, row, today)
        found.by_field.update(one.about.value for one in differing)
        found.list_differing += any(one.about in LIST_FIELDS for one in differing)
        found.stored_status += row.ops_status != seen.status
        found.note("list", name, differing)


async def _details(api: Api, found: Found, wanted: Wanted, today: date) -> None:
    """The newest matched ones through the detail."""
    for name in [name for name in found.rows if name in found.listed][: wanted.details]:
        booking = await _one(api, found, name, wanted)
        found.detail_sampled += 1
        if booking is None:
            found.detail_differing += 1
            continue
        absent = any(not booking.get(member) for member in CRITICAL)
        other = (booking["channelCode"], booking["externalBookingRef"]) != (name.channel, name.ref)
        found.critical_missing += absent
        differing = parity_differences(seen_json(booking), found.rows[name], today)
        found.detail_differing += other or any(one.about in LIST_FIELDS for one in differing)
        found.note("detail", name, differing)


async def _one(api: Api, found: Found, name: BookingIdentity, wanted: Wanted) -> Mapping[str, Any] | None:
    """A booking's detail by channel and reference; None where there is none."""
    try:
        answer = await api.ask(
            "GET", f"{BOOKINGS}/{quote(f'{name.channel}:{name.ref}', safe='')}", within_ms=wanted.within_ms
        )
    except Trouble:
        found.fetch_errors += 1
        return None
    if answer.status_code == 404:
        return None
    if not answer.is_success:
        found.fetch_errors += 1
        return None
    data: Mapping[str, Any] = answer.json()["data"]
    return data


def seen_json(booking: Mapping[str, Any]) -> SeenBooking:
    """A booking as the API answered it."""
    day, clock = booking["tourDate"], booking["tourTime"]
    return SeenBooking(
        channel=booking["channelCode"],
        ref=booking["externalBookingRef"],
        status=booking["opsFulfillmentStatus"],
        payment=booking["customerPaymentStatus"],
        driver_id=booking["assignedDriverId"],
        meeting_point=booking["meetingPoint"],
        note=booking["note"],
        tour_date=None if day is None else parse_day(day),
        tour_time=None if clock is None else time.fromisoformat(clock).strftime("%H:%M"),
    )


def _number(ratio: Decimal | None) -> float | str:
    return "none" if ratio is None else float(ratio)


_USUAL = ParityLimits()
GATE = Gate(
    name="ops-read-parity",
    id="BG-01_OPS_READ_PARITY",
    title="BG-01 Read parity",
    folder="gates/ops-read-parity",
    help="BG-01: core's lists and details show what the old admin shows.",
    settings=[
        setting("sample-limit", "OPS_READ_PARITY_SAMPLE_LIMIT", at_least(1), 200, "Rows of the latest tour days."),
        setting("detail-sample-size", "OPS_READ_DETAIL_SAMPLE_SIZE", at_least(0), 50, "Of them, by detail."),
        setting(
            "max-mismatch-ratio",
            "OPS_READ_PARITY_MAX_MISMATCH_RATIO",
            RATIO,
            float(_USUAL.max_ratio),
            "Rows that differ or lack.",
        ),
        setting(
            "min-matched-rows",
            "OPS_READ_PARITY_MIN_MATCHED_ROWS",
            at_least(0),
            _USUAL.min_matched,
            "Rows that core has.",
        ),
        setting("as-of", "OPS_READ_PARITY_AS_OF", str, None, "The instant whose day in Bali is today; else now."),
        setting("request-timeout-ms", "CORE_API_TIMEOUT_MS", at_least(1000), 8000, "Longest time of one request."),
    ],
    measure=measure,
    keys=(
        Keys(
            result="OPS_READ_PARITY_GATE_RESULT",
            json="OPS_READ_PARITY_GATE_JSON",
            md="OPS_READ_PARITY_GATE_MD",
        ),
    ),
)
command = as_command(GATE)
