"""Query parameters: what is wrong is said with its name; numbers follow the predecessor's rule (not a number: the default)."""

import base64
import binascii
import json
from collections.abc import Iterable, Mapping
from datetime import UTC, date, datetime, time
from uuid import UUID

from bst_application.flags import FALSE_WORDS, TRUE_WORDS
from bst_application.ports.reading import Position
from bst_domain.values import parse_day, parse_instant
from bst_litestar.problems import invalid_input

#: Of a word that nobody knows.
MAX_REPEATED = 64


def whole_number(
    query: Mapping[str, str], name: str, *, default: int, least: int, most: int, rounds: bool = True
) -> int:
    """Brought into bounds; what is not a number counts as absent. A fraction is cut off where ``rounds``, else Refused."""
    said = query.get(name, "")
    try:
        value = float(said if "_" not in said else "")  # Python's own way to group digits, and nobody else's
        whole = int(value)
    except (ValueError, OverflowError):
        return default
    if whole != value and not rounds:
        raise invalid_input(name, f"INVALID_{name.upper()}", f"{name} must be a whole number from {least} to {most}")
    return max(least, min(most, whole))


def word(query: Mapping[str, str], name: str, known: Iterable[str], code: str) -> str | None:
    """One of the known words in any case; blank counts as absent. Raises Refused."""
    said = query.get(name, "").strip()
    return known_word(said, name, known, code) if said else None


def known_word(said: str, name: str, known: Iterable[str], code: str) -> str:
    """The same where something is said for certain. A word that is not known is repeated as it came. Raises Refused."""
    words = list(known)
    if said.upper() not in words:
        raise invalid_input(name, f"{code}:{said[:MAX_REPEATED]}", f"{name} must be one of {', '.join(words)}")
    return said.upper()


def yes_or_no(query: Mapping[str, str], name: str, code: str) -> bool | None:
    """A switch in any of its words and any letter case; blank counts as absent. Raises Refused."""
    value = query.get(name, "").strip().lower()
    if not value:
        return None
    if value not in TRUE_WORDS | FALSE_WORDS:
        raise invalid_input(name, code, f"{name} must be one of true, 1, yes, on, false, 0, no, off")
    return value in TRUE_WORDS


def day(query: Mapping[str, str], name: str, code: str) -> date | None:
    """A calendar day; blank counts as absent. Raises Refused."""
    value = query.get(name, "").strip()
    if not value:
        return None
    parsed = parse_day(value)
    if parsed is None:
        raise invalid_input(name, code, f"{name} must be a day, YYYY-MM-DD")
    return parsed


def moment(query: Mapping[str, str], name: str, code: str) -> datetime | None:
    """An instant with a zone, or a day, which begins at midnight UTC; blank counts as absent. Raises Refused."""
    value = query.get(name, "").strip().replace(" ", "+")  # a plus sign that nobody escaped arrives as a blank
    if not value:
        return None
    day_only = parse_day(value)
    at = parse_instant(value, max_fraction_digits=9) if day_only is None else datetime.combine(day_only, time(), UTC)
    if at is None:
        raise invalid_input(name, code, f"{name} must be an ISO 8601 instant with a zone, or a day")
    return at


def text(query: Mapping[str, str], name: str, *, limit: int, code: str) -> str | None:
    """A short text; blank counts as absent. Raises Refused."""
    value = query.get(name, "").strip()
    if len(value) > limit or "\x00" in value:
        raise invalid_input(name, code, f"{name} must have at most {limit} characters, none of them U+0000")
    return value or None


def cursor_text(position: Position) -> str:
    """A position as callers hand it back: opaque, safe in a URL."""
    plain = json.dumps([position.at.isoformat(), str(position.key)])
    return base64.urlsafe_b64encode(plain.encode()).decode().rstrip("=")


def cursor(query: Mapping[str, str]) -> Position | None:
    """Raises Refused for anything that ``cursor_text`` did not make."""
    value = query.get("cursor", "").strip()
    if not value:
        return None
    try:
        moment, key = json.loads(base64.urlsafe_b64decode(value + "=" * (-len(value) % 4)))
        at = datetime.fromisoformat(moment)
        if at.tzinfo is None:
            raise ValueError("a position has a zone")
        return Position(at=at, key=UUID(key))
    except (ValueError, TypeError, AttributeError, binascii.Error, RecursionError):
        raise invalid_input("cursor", "INVALID_CURSOR", "cursor must be meta.nextCursor of an earlier answer") from None


def uuid_in_path(value: str) -> UUID | None:
    """The UUID that a path segment spells, or None: what cannot exist is not found."""
    try:
        return UUID(value) if len(value) == 36 else None  # only the hyphenated spelling
    except ValueError:
        return None
