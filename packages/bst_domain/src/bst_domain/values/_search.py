"""Finding a booking by what somebody remembers of it: the words that it is found by, and what a search asks for.

A word is a run of letters and digits, without case and accents, so "nunez" finds "Núñez". A search finds the *beginnings* of
words, in any order, and a phone number by its last digits as well: that is what people have in hand, and what an index can
answer at any size. Parts from the middle of a word are not found.
"""

import re
import unicodedata
from collections.abc import Iterable

from attrs import frozen

#: No more of a word is kept or asked for.
MAX_WORD_LENGTH = 64
#: Fewer digits say nothing about whose phone it is.
MIN_LAST_DIGITS = 4
#: Stands before a phone number that is spelled backwards, so that its end is a beginning. No word has this sign.
BACKWARDS = "<"

_RUN = re.compile(r"[^\W_]+")
_NO_DIGITS = re.compile(r"[^0-9]+")
_OF_A_NUMBER = frozenset("+-./() ")


@frozen(kw_only=True)
class Search:
    """All ``beginnings`` must be those of words, or the phone must end with ``last_digits``. Both empty: finds nothing."""

    beginnings: tuple[str, ...]
    last_digits: str | None


def words_of(text: str | None) -> list[str]:
    """The words in their order, repeats included; none for None."""
    if not text:
        return []
    runs: list[str] = _RUN.findall(text.lower() if text.isascii() else _folded(text))
    return runs if len(text) <= MAX_WORD_LENGTH and text.isascii() else [run[:MAX_WORD_LENGTH] for run in runs]


def search_words(texts: Iterable[str | None], phone_e164: str | None) -> frozenset[str]:
    """Everything that these texts and this phone number are found by."""
    words: set[str] = set()
    for text in texts:
        words.update(words_of(text))
    if digits := _digits(phone_e164):
        words |= {digits, BACKWARDS + digits[::-1]}
    return frozenset(words)


def parse_search(text: str) -> Search:
    """What a person's text asks for."""
    digits = _digits(text).lstrip("0")
    is_a_number = set(text) <= _OF_A_NUMBER | set("0123456789") and len(digits) >= MIN_LAST_DIGITS
    return Search(
        beginnings=tuple(dict.fromkeys(words_of(text))),
        last_digits=digits[-MAX_WORD_LENGTH:] if is_a_number else None,
    )


def is_found(search: Search, words: Iterable[str]) -> bool:
    """Whether a booking with these ``search_words`` is one that the search means."""
    known = tuple(words)
    by_words = bool(search.beginnings) and all(
        any(word.startswith(beginning) for word in known) for beginning in search.beginnings
    )
    if search.last_digits is None:
        return by_words
    return by_words or any(word.startswith(BACKWARDS + search.last_digits[::-1]) for word in known)


def _folded(text: str) -> str:
    """Compatibility signs taken apart first, for they hide letters; then case, then what accents are left."""
    apart = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold())
    return "".join(sign for sign in apart if unicodedata.category(sign) != "Mn")


def _digits(text: str | None) -> str:
    return _NO_DIGITS.sub("", text or "")
