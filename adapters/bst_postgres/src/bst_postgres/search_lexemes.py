"""Search words as lexemes of a tsvector, each behind the fortnight of its booking: a search can begin with the newest.

A GIN index answers in no order. Without the fortnights a search for a frequent name would fetch and sort every booking of that
name for the newest page; with them it looks at as many as fill the page. Longer times would hold too many bookings of a frequent
name, shorter ones would make too many places to look for a rare one.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from bst_domain.values import BACKWARDS, Search, words_of

FORTNIGHT = timedelta(days=14)
#: Stands for a fortnight; neither a word nor a number has it.
SIGN = "@"
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: The same number as ``fortnight_of`` in SQL, of a column that is to be put in.
FORTNIGHT_SQL = "floor(extract(epoch from {}) / 1209600)::bigint"


def fortnight_of(at: datetime) -> int:
    """Fortnights since the epoch, UTC."""
    return (at - _EPOCH) // FORTNIGHT


def search_lexemes(words: Iterable[str], booked_at: datetime) -> str:
    """The literal of a tsvector. Words are letters and digits, so nothing needs an escape but the sign for backwards."""
    fortnight = fortnight_of(booked_at)
    return " ".join(f"'{fortnight}/{word}'" for word in sorted(words))


def search_query(search: Search, fortnights: Iterable[int]) -> str:
    """The literal of the tsquery that finds this in these fortnights. The search must ask for something."""
    return " | ".join(_within(search, str(fortnight)) for fortnight in fortnights)


def search_query_of_each_row(search: Search) -> str:
    """The same for one fortnight that SQL puts in the place of each SIGN."""
    return _within(search, SIGN)


def rarest(search: Search, text: str) -> Search:
    """The part of a search for this text that few words meet, as far as can be told by looking at it: digits, then length.

    An index fetches everything that each part of its question finds, and then sees what they have in common. What stands behind
    the @ of an address is no part that tells people apart.
    """
    if not search.beginnings:
        return search
    one = max(
        words_of(text.partition("@")[0]) or search.beginnings,
        key=lambda word: (len(word) > 2 and any(s.isdigit() for s in word), len(word)),
    )
    return Search(beginnings=(one,), last_digits=search.last_digits)


def _within(search: Search, fortnight: str) -> str:
    ways = [" & ".join(f"'{fortnight}/{word}':*" for word in search.beginnings)] if search.beginnings else []
    if search.last_digits is not None:
        ways.append(f"'{fortnight}/{BACKWARDS}{search.last_digits[::-1]}':*")
    return " | ".join(f"({way})" for way in ways)
