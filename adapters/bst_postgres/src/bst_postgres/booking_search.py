"""Keys of the bookings that a text finds: first among the newest, then by the index, fortnight by fortnight in steps that fit.

Each step is one statement; their number does not depend on the page, and hardly on how many are found. The other filters of the
list choose the newest that are looked at first: where few bookings meet them, these are all.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from math import ceil
from typing import Any
from uuid import UUID

from attrs import evolve, frozen

from bst_application.ports.reading import BookingFilter, Position
from bst_domain.values import Search
from bst_postgres.booking_pages import ORDER, Keys, conditions_of, page_keys, position_values
from bst_postgres.search_lexemes import (
    FORTNIGHT_SQL,
    SIGN,
    fortnight_of,
    rarest,
    search_query,
    search_query_of_each_row,
)

#: A word that many have is found among so few that no index could be faster.
NEWEST_LOOKED_AT = 400
#: The same where other filters choose whom to look at: as many as can be looked at in a few milliseconds.
CHOSEN_LOOKED_AT = 2000
#: With this share found among them, the next are looked at in the same way; with less, the index has less to fetch. It fetches
#: more where it knows nothing of the other filters.
FREQUENT, FREQUENT_AMONG_CHOSEN = 0.06, 0.02
#: A step looks at this much more than what was found so far makes expect, and grows by no more than the other.
MARGIN = 1.25
STEP_GROWTH = 8
#: A question of more fortnights than that would be long to parse.
LONGEST_STEP = 256

#: Runs a query of ours.
Fetch = Callable[[str, dict[str, Any]], Awaitable[Sequence[tuple[Any, ...]]]]

# The fortnight of each row goes into its question, for the row's words stand behind it. The last one tells where to go on.
_AMONG_NEWEST = f"""with newest as materialized ({{newest}}), looked_at as (
  select newest.booking_key, newest.booking_created_at, row_number() over (order by {ORDER}) as place,
    (select search_words @@ replace(%(question)s, '{SIGN}',
      ({FORTNIGHT_SQL.format("newest.booking_created_at")})::text)::tsquery
     from booking_contact contact where contact.booking_key = newest.booking_key) as is_found
  from newest)
select booking_key, booking_created_at, is_found, place, (select min(booking_created_at) from booking_core)
from looked_at where is_found or place = %(limit)s order by {ORDER}"""

# How many the index will find is beyond the planner; one by one is right for however few or many there are in a step.
_IN_FORTNIGHTS = f"""select core.booking_key
from (select booking_key, search_words from booking_contact where search_words @@ %(rarest)s::tsquery offset 0) contact
cross join lateral (select * from booking_core where booking_key = contact.booking_key limit 1) core
where contact.search_words @@ %(question)s::tsquery and {{conditions}}
  and (core.booking_created_at, core.booking_key) < (%(after_at)s, %(after_key)s)
order by {ORDER.replace("booking", "core.booking")} limit %(limit)s"""


# A long question is expensive to ask of each row, which the planner does not know; until the transaction ends.
_BY_INDEX = "select set_config('enable_seqscan', 'off', true)"


@frozen(kw_only=True)
class _Newest:
    """What the newest held. ``last`` is None when there are no more."""

    found: list[UUID]
    last: Position | None
    oldest: datetime | None


async def search_keys(
    fetch: Fetch, search: Search, wanted: BookingFilter, *, after: Position | None, limit: int
) -> list[UUID]:
    """At most ``limit`` bookings behind ``after`` that the search and the other filters of ``wanted`` mean, newest first."""
    if not search.beginnings and search.last_digits is None:
        return []
    keys: list[UUID] = []
    others = evolve(wanted, text=None)
    everybody = others == BookingFilter()
    many, frequent = (NEWEST_LOOKED_AT, FREQUENT) if everybody else (CHOSEN_LOOKED_AT, FREQUENT_AMONG_CHOSEN)
    while True:
        newest = await _among_newest(fetch, search, others, many, after)
        keys += newest.found[: limit - len(keys)]
        if len(keys) == limit or newest.last is None or newest.oldest is None:
            return keys
        after = newest.last
        if len(newest.found) < many * frequent:
            break
        many = _next_step(many, found=len(newest.found), missing=limit - len(keys))
    conditions, values = conditions_of(others)
    query = _IN_FORTNIGHTS.format(conditions=" and ".join(["true", *conditions]))
    await fetch(_BY_INDEX, {})
    few = rarest(search, wanted.text or "")
    fortnight, oldest, length = fortnight_of(after.at), fortnight_of(newest.oldest), 1
    while len(keys) < limit and fortnight >= oldest:
        step = range(fortnight, max(fortnight - length, oldest - 1), -1)
        question = {"rarest": search_query(few, step), "question": search_query(search, step)}
        given = {**question, "limit": limit - len(keys), **position_values(after), **values}
        found = [key for (key,) in await fetch(query, given)]
        keys += found
        fortnight -= length
        length = min(_next_step(length, found=len(found), missing=limit - len(keys)), LONGEST_STEP)
    return keys


async def _among_newest(
    fetch: Fetch, search: Search, others: BookingFilter, many: int, after: Position | None
) -> _Newest:
    newest, values = page_keys(others, after=after, limit=many)
    question = search_query_of_each_row(search)
    rows = await fetch(_AMONG_NEWEST.format(newest=newest), {**values, "question": question})
    last = rows[-1] if rows and rows[-1][3] == many else None
    return _Newest(
        found=[key for key, _, is_found, *_ in rows if is_found],
        last=None if last is None else Position(at=last[1], key=last[0]),
        oldest=None if last is None else last[4],
    )


def _next_step(length: int, *, found: int, missing: int) -> int:
    """How much to look at after this much held so many."""
    expected = ceil(length * missing / found * MARGIN) if found else length * STEP_GROWTH
    return max(1, min(expected, length * STEP_GROWTH))


def chosen(keys: Sequence[UUID]) -> Keys:
    """A page of exactly these."""
    return "select unnest(%(keys)s::uuid[]) as booking_key", {"keys": list(keys)}
