"""What editors type, in the one spelling that is kept; and the notes of what is wrong with it.

Source of the rules: predecessor, "catalog editor", the table of fields. Each function gives the same again for what it gave.
"""

import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from typing import Any

from attrs import frozen

from bst_domain.values import AMOUNT_LIMIT, CENT

SLUG_LENGTH = 191
NAME_LENGTH = 255
CODE_LENGTH = 64
#: The greatest number that the columns of quantities and days hold.
GREATEST = 2**31 - 1

_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_NOT_CODE = re.compile(r"[^A-Z0-9_-]")
_CURRENCY = re.compile(r"[A-Z]{3}", re.ASCII)
_AMOUNT = re.compile(r"\d{1,20}(?:\.\d{1,20})?", re.ASCII)


@frozen
class Flaw:
    """One thing that is wrong with what an editor sent: where (``variants[0].code``), the machine string, and a sentence."""

    path: str
    code: str
    message: str


@frozen
class Flawed:
    """Why it is not taken; at least one, in the order of the fields."""

    flaws: tuple[Flaw, ...]


def slug_of(text: str) -> str:
    """Lower-case letters, digits and single ``-`` between them, at most 191. May be empty."""
    return _NOT_SLUG.sub("-", text.lower()).strip("-")[:SLUG_LENGTH].rstrip("-")


def line_of(text: str, length: int) -> str:
    """One line: white space is one blank, none at the ends; cut to this length."""
    return " ".join(text.split())[:length].rstrip()


def lines_of(text: str) -> str:
    """Several lines: their breaks stay, as ``\\n``; no white space at the ends of the text."""
    return text.replace("\r\n", "\n").replace("\r", "\n").strip()


def code_of(text: str) -> str:
    """A variant's code: upper case, ``-`` for every sign but letters, digits, ``_`` and ``-``; at most 64. May be empty."""
    return _NOT_CODE.sub("-", text.strip().upper())[:CODE_LENGTH]


def currency_of(text: str) -> str | None:
    """The first three letters in upper case; None when those are no currency code."""
    code = text.strip().upper()[:3]
    return code if _CURRENCY.fullmatch(code) else None


def price_of(value: object) -> Decimal | None:
    """A number, or a text that spells one, rounded to the cent; None for anything else, below 0 and from 10000000000 on."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    # A float is taken as it is written, 0.1 is a tenth; what it is written as may have an exponent, which a text may not.
    exact = repr(value) if isinstance(value, float) else value
    text = value.strip() if isinstance(value, str) else format(Decimal(exact), "f")
    if _AMOUNT.fullmatch(text) is None:
        return None
    price = Decimal(text).quantize(CENT, rounding=ROUND_HALF_UP)
    return price if price < AMOUNT_LIMIT else None


def whole_of(value: object, *, least: int) -> int | None:
    """A whole number from ``least`` to what the columns hold; None for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not least <= value <= GREATEST:
        return None
    return int(value) if value == int(value) else None


def strings_of(values: Iterable[str], length: int) -> tuple[str, ...]:
    """Lines without blank ones and repeats; the first of each stays."""
    return tuple(dict.fromkeys(line for value in values if (line := line_of(value, length))))


class Notes:
    """Collects flaws while a document is read. A reader returns a value, or None after noting what is wrong."""

    __slots__ = ("flaws",)

    def __init__(self) -> None:
        self.flaws: list[Flaw] = []

    def wrong(self, path: str, code: str, message: str) -> None:
        self.flaws.append(Flaw(path, code, f"{path or 'the body'} {message}"))

    def required(self, path: str, value: object, code: str) -> str:
        """A text that is there, as it was sent; empty after a note."""
        if not isinstance(value, str) or not value.strip():
            self.wrong(path, code, "must be a text that is not blank")
            return ""
        return value

    def flag(self, path: str, value: object, code: str) -> bool:
        if not isinstance(value, bool):
            self.wrong(path, code, "must be true or false")
            return False
        return value

    def whole(self, path: str, value: object, code: str, *, least: int) -> int:
        number = whole_of(value, least=least)
        if number is None:
            self.wrong(path, code, f"must be a whole number from {least} on")
            return least
        return number

    def objects(self, path: str, value: object, code: str) -> list[tuple[str, Mapping[str, Any]]]:
        """The objects of a list with their paths; an absent list is empty."""
        if value is None:
            return []
        if not isinstance(value, list):
            self.wrong(path, code, "must be a list")
            return []
        entries = [(f"{path}[{number}]", entry) for number, entry in enumerate(value)]
        for place, entry in entries:
            if not isinstance(entry, dict):
                self.wrong(place, code, "must be an object")
        return [(place, entry) for place, entry in entries if isinstance(entry, dict)]

    def result(self) -> Flawed | None:
        """What was noted, or None."""
        return Flawed(tuple(self.flaws)) if self.flaws else None
