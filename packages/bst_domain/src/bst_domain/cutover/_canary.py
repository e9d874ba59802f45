"""Who gets the new path: flag, allow-list, percentage.

Source of the rules: predecessor rules 13, whose test vectors are tests here. The predecessor's callers compute the same
buckets in JavaScript, so the hash is theirs: an actor must not change sides when the other system decides.
"""

import re
from collections.abc import Collection
from enum import StrEnum
from math import floor

from attrs import frozen

_NUMBER = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)


class CanaryReason(StrEnum):
    """What decided."""

    DISABLED = "DISABLED"
    ALLOWED = "ALLOWED"
    PERCENTAGE = "PERCENTAGE"
    NO_ACTOR = "NO_ACTOR"


@frozen(kw_only=True)
class Canary:
    """Reads and writes have one each. ``percentage`` is 0 to 100, fractions allowed; lists hold ``fold_actor`` forms."""

    enabled: bool
    percentage: float = 100.0
    emails: Collection[str] = ()
    user_ids: Collection[str] = ()


@frozen
class CanaryDecision:
    """``on``: this actor gets the new path."""

    on: bool
    reason: CanaryReason


def evaluate_canary(canary: Canary, *, email: str | None, user_id: str | float | None) -> CanaryDecision:
    """First match wins: not enabled; on a list; percentage 100 or 0; no actor; the actor's bucket below the percentage."""
    if not canary.enabled:
        return CanaryDecision(False, CanaryReason.DISABLED)
    mail, number = fold_actor(email), fold_actor(user_id)
    if (mail and mail in canary.emails) or (number and number in canary.user_ids):
        return CanaryDecision(True, CanaryReason.ALLOWED)
    seed = mail or number
    if not 0 < canary.percentage < 100:
        return CanaryDecision(canary.percentage >= 100, CanaryReason.PERCENTAGE)
    if not seed:
        return CanaryDecision(False, CanaryReason.NO_ACTOR)
    return CanaryDecision(canary_bucket(seed) < canary.percentage, CanaryReason.PERCENTAGE)


def fold_actor(actor: str | float | None) -> str:
    """Trimmed, lower-case; a numeric id without its fraction; empty for nobody."""
    if isinstance(actor, int | float):
        return str(floor(actor))
    return (actor or "").strip().lower()


def canary_bucket(seed: str) -> int:
    """0 to 99: the 31-polynomial hash over UTF-16 code units, modulo 2^32 at each step, modulo 100 at the end."""
    units = seed.encode("utf-16-le", "surrogatepass")
    number = 0
    for low, high in zip(units[::2], units[1::2], strict=True):
        number = (number * 31 + (high << 8 | low)) % 2**32
    return number % 100


def canary_percentage(text: str | None) -> float:
    """The percentage that a setting means: unset or not a number is 100, an empty text is 0; clamped to 0 to 100."""
    if text is None:
        return 100.0
    if not text.strip():
        return 0.0
    if _NUMBER.fullmatch(text.strip()) is None:
        return 100.0
    return min(100.0, max(0.0, float(text)))


def canary_list(text: str | None) -> frozenset[str]:
    """The actors that a comma-separated setting names."""
    return frozenset(actor for part in (text or "").split(",") if (actor := fold_actor(part)))
