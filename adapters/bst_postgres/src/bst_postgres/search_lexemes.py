"""Search words as lexemes of a tsvector, each behind the week of its booking: a search can begin with the newest weeks.

A GIN index answers in no order. Without the weeks a search for a frequent name would fetch and sort every booking of that name
for the newest page; with them it looks at as many weeks as fill the page.
"""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from bst_domain.values import BACKWARDS, Search

#: Stands for a week; neither a word nor a week has it.
WEEK_SIGN = "@"
WEEK = timedelta(days=7)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def week_of(at: datetime) -> int:
    """Weeks since the epoch; they begin on Thursdays, UTC."""
    return (at - _EPOCH) // WEEK


def search_lexemes(words: Iterable[str], booked_at: datetime) -> str:
    """The literal of a tsvector. Words are letters and digits, so nothing needs an escape but the sign for backwards."""
    week = week_of(booked_at)
    return " ".join(f"'{week}/{word}'" for word in sorted(words))


def search_query(search: Search, weeks: Iterable[int]) -> str:
    """The literal of the tsquery that finds this in these weeks. The search must ask for something."""
    return " | ".join(_in_week(search, str(week)) for week in weeks)


def search_query_of_each_row(search: Search) -> str:
    """The same for one week that SQL puts in the place of each WEEK_SIGN."""
    return _in_week(search, WEEK_SIGN)


def _in_week(search: Search, week: str) -> str:
    ways = [" & ".join(f"'{week}/{beginning}':*" for beginning in search.beginnings)] if search.beginnings else []
    if search.last_digits is not None:
        ways.append(f"'{week}/{BACKWARDS}{search.last_digits[::-1]}':*")
    return " | ".join(f"({way})" for way in ways)
