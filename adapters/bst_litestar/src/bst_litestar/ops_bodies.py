"""What operators send, member by member. Everything here raises Refused."""

import re
from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from bst_application.use_cases.assign_crew import WantedCrew
from bst_application.use_cases.edit_booking import BookingEdit, PackageEdit
from bst_application.use_cases.judge_booking import StatusDecision
from bst_domain.booking import Field, PackageRefType
from bst_domain.cutover import Choice
from bst_domain.values import FulfilmentStatus
from bst_litestar.problems import invalid_input
from bst_litestar.queries import known_word, uuid_in_path
from bst_litestar.requests import flag_member, text_member

#: More than an event may say: what operators wrote so far had no limit but that of the body, 100 kB.
MAX_TEXT = 100_000
MAX_REASON = 2000
MAX_NUMBER = 2**31 - 1

_NUMBER = re.compile(r"\s*[+]?(\d{1,10})(?:\.\d*)?\s*", re.ASCII)


def edit_of(body: Mapping[str, Any]) -> BookingEdit:
    """Absent members stay, null and blank clear."""
    texts = {"note": Field.NOTE, "meetingPoint": Field.MEETING_POINT}
    values = {about: text_member(body, name, limit=MAX_TEXT) for name, about in texts.items() if name in body}
    states_type, states_key = "packageRefType" in body, "packageRefKey" in body
    package = PackageEdit(
        type=_package_type(body) if states_type else None,
        key=_package_key(body) if states_key else None,
        states_key=states_key,
    )
    return BookingEdit(values=values, package=package if states_type or states_key else None)


def _package_type(body: Mapping[str, Any]) -> PackageRefType:
    return PackageRefType(_word(body, "packageRefType", PackageRefType, "INVALID_PACKAGE_REF_TYPE"))


def _package_key(body: Mapping[str, Any]) -> UUID | None:
    if body["packageRefKey"] is None:
        return None
    text = text_member(body, "packageRefKey", limit=191, required=True) or ""
    key = uuid_in_path(text)
    if key is None:
        raise invalid_input("packageRefKey", "INVALID_PACKAGE_REF_KEY", "packageRefKey must be a UUID, or null")
    return key


def crew_of(body: Mapping[str, Any]) -> WantedCrew:
    """driverId, and partnerId where it is stated."""
    states_partner = "partnerId" in body
    partner = body.get("partnerId")
    return WantedCrew(
        driver=number_of(body.get("driverId"), "driverId", "INVALID_DRIVER_ID"),
        partner=None if partner is None else number_of(partner, "partnerId", "INVALID_PARTNER_ID"),
        states_partner=states_partner,
    )


def number_of(value: Any, name: str, code: str) -> int:
    """A number from 1 on that fits the column; a fraction is cut off, and a text counts as callers write it."""
    number = 0
    if isinstance(value, str) and (match := _NUMBER.fullmatch(value)) is not None:
        number = int(match[1])
    elif isinstance(value, int | float) and not isinstance(value, bool) and abs(value) <= MAX_NUMBER + 1:
        number = int(value)
    if not 1 <= number <= MAX_NUMBER:
        raise invalid_input(name, code, f"{name} must be a number from 1 to {MAX_NUMBER}")
    return number


def version_of(body: Mapping[str, Any]) -> int | None:
    """The version that was seen; None where nobody says."""
    value = body.get("version")
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise invalid_input("version", "INVALID_FIELD_VERSION", "version must be a whole number from 1 on")
    return value


def decision_of(body: Mapping[str, Any]) -> StatusDecision:
    """status, reason and reinstate."""
    return StatusDecision(
        status=FulfilmentStatus(_word(body, "status", FulfilmentStatus, "INVALID_BOOKING_STATUS")),
        reason=reason_of(body),
        reinstate=flag_member(body, "reinstate", default=False),
    )


def choice_of(body: Mapping[str, Any]) -> Choice:
    """choose."""
    return Choice(_word(body, "choose", Choice, "INVALID_CHOICE"))


def reason_of(body: Mapping[str, Any]) -> str:
    reason = text_member(body, "reason", limit=MAX_REASON, required=True)
    assert reason is not None
    return reason


def _word(body: Mapping[str, Any], name: str, known: Iterable[str], code: str) -> str:
    said = text_member(body, name, limit=191, required=True)
    assert said is not None
    return known_word(said, name, known, code)
