"""Instants on the wire and days in Bali."""

import re
from datetime import UTC, date, datetime, timedelta, timezone

#: Asia/Makassar: UTC+8, no daylight saving, so a fixed offset says it without a zone database.
BALI = timezone(timedelta(hours=8), "Asia/Makassar")

_ISO = re.compile(
    r"\d{4}-\d{2}-\d{2}T(?:[01]\d|2[0-3]):\d{2}(?::\d{2}(?:\.(\d{1,9}))?)?(?:Z|[+-]\d{2}:?\d{2})", re.ASCII
)  # fullmatch only: JavaScript's other spellings are refused
_DAY = re.compile(r"\d{4}-\d{2}-\d{2}", re.ASCII)
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d", re.ASCII)


def parse_instant(text: str, *, max_fraction_digits: int = 6) -> datetime | None:
    """The UTC instant that an ISO 8601 text with a zone names, or None.

    Digits of the fraction past the microsecond are cut off where ``max_fraction_digits`` allows them at all.
    """
    match = _ISO.fullmatch(text)
    if match is None:
        return None
    fraction = match[1]
    if fraction is not None and len(fraction) > max_fraction_digits:
        return None
    try:
        return datetime.fromisoformat(text).astimezone(UTC)
    except (ValueError, OverflowError):  # 30 February, second 60, year 1 east of Greenwich
        return None


def format_instant(instant: datetime) -> str:
    """ISO 8601 in UTC with exactly three fractional digits and ``Z``, as every answer of the API has it."""
    return f"{instant.astimezone(UTC).isoformat(timespec='milliseconds')[:-6]}Z"


def parse_day(text: str) -> date | None:
    """A calendar day ``YYYY-MM-DD``, or None."""
    if _DAY.fullmatch(text) is None:
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None


def is_clock_time(text: str) -> bool:
    """Whether the text is ``HH:MM`` on a 24-hour clock."""
    return _CLOCK.fullmatch(text) is not None


def bali_day(instant: datetime) -> date:
    """The calendar day in Bali at this instant."""
    return instant.astimezone(BALI).date()
