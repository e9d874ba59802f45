"""Search words as lexemes of a tsvector, each behind the fortnight of its booking: a search can begin with the newest.

A GIN index answers in no order. Without the fortnights a search for a frequent name would fetch and sort every booking of that
name for the newest page; with them it looks at as many as fill the page. Longer times would hold too many bookings of a frequent
name, shorter ones would make too many places to look for a rare one.

A booking's channel never changes, so it is among its lexemes, and a search within one channel is the index's work, too.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from bst_domain.values import BACKWARDS, Search, words_of

FORTNIGHT = timedelta(days=14)
#: Stands for a fortnight; neither a word nor a number has it.
SIGN = "@"
#: Stands before a channel. No word has this sign.
CHANNEL = ">"
#: Shorter beginnings are those of very many words.
MIN_TELLING = 3
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: The same number as ``fortnight_of`` in SQL, of a column that is to be put in.
FORTNIGHT_SQL = "floor(extract(epoch from {}) / 1209600)::bigint"


def since_epoch(at: datetime) -> timedelta:
    """Reaches where no datetime does."""
    return at - _EPOCH


def fortnight_of(at: datetime) -> int:
    """Fortnights since the epoch, UTC."""
    return since_epoch(at) // FORTNIGHT


def search_lexemes(words: Iterable[str], booked_at: datetime, channel: str) -> str:
    """The literal of a tsvector. Words are letters and digits and a channel's code has no quotes: nothing needs an escape."""
    fortnight = fortnight_of(booked_at)
    return f"'{fortnight}/" + f"' '{fortnight}/".join(sorted([*words, CHANNEL + channel])) + "'"


def search_query(search: Search, *, channel: str | None = None) -> str:
    """The literal of the tsquery that finds this in a fortnight that SQL puts in the place of each SIGN.

    The search must ask for something.
    """
    ways = [" & ".join(f"'{SIGN}/{word}':*" for word in search.beginnings)] if search.beginnings else []
    if search.last_digits is not None:
        ways.append(f"'{SIGN}/{BACKWARDS}{search.last_digits[::-1]}':*")
    asked = " | ".join(f"({way})" for way in ways)
    return asked if channel is None else f"({asked}) & '{SIGN}/{CHANNEL}{channel}'"


def telling(search: Search, text: str) -> Search:
    """The part of a search for this text that tells bookings apart, as far as can be told by looking at it: its numbers, or else
    its words.

    An index fetches everything that each part of its question finds, and then sees what they have in common. So it is not asked
    for the shortest beginnings, for words beside a number, nor for what stands behind the @ of an address.
    """
    if not search.beginnings:
        return search
    words = tuple(dict.fromkeys(words_of(text.partition("@")[0]))) or search.beginnings
    long = tuple(word for word in words if len(word) >= MIN_TELLING)
    numbers = tuple(word for word in long if any(sign.isdigit() for sign in word))
    return Search(beginnings=numbers or long or (max(words, key=len),), last_digits=search.last_digits)
