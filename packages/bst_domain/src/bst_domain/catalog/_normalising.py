"""Names and slugs in the form in which two catalogs compare.

Source of the rules: semantics 8 and the legacy data's readings (suffixes, slugs).
"""

import re
import unicodedata

#: Stripped from the end of a name, again and again: they sell, they do not tell products apart.
MARKETING_SUFFIXES = (
    "full day",
    "half day",
    "private tour",
    "tour",
    "tours",
    "trip",
    "package",
    "paket",
    "private",
    "bali",
)
_APOSTROPHES = re.compile("['’`]")
_NOT_SLUG = re.compile(r"[^a-z0-9]+")
_SUFFIX = re.compile(rf" (?:{'|'.join(MARKETING_SUFFIXES)})$")


def normalise_name(name: str) -> str:
    """Case, accents, punctuation, "&"/"and", white space and marketing suffixes folded. Empty when nothing is left.

    A name that is nothing but a suffix keeps it: "Trip" is a name, too.
    """
    text = _APOSTROPHES.sub("", _without_accents(name).casefold().replace("&", " and "))
    text = " ".join("".join(character if character.isalnum() else " " for character in text).split())
    while (shorter := _SUFFIX.sub("", text)) != text:
        text = shorter
    return text


def slugify(text: str) -> str:
    """Accents removed, lower-case, every run of other characters as one ``-``, none at the ends. May be empty."""
    return _NOT_SLUG.sub("-", _without_accents(text).lower()).strip("-")


def _without_accents(text: str) -> str:
    return "".join(part for part in unicodedata.normalize("NFKD", text) if not unicodedata.combining(part))
