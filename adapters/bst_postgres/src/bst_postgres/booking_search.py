"""Keys of the bookings that a text finds: first among the newest, then by the index, fortnight by fortnight in steps that fit.

Each step is one statement; their number does not depend on the page, and hardly on how many are found. The other filters of the
list choose the newest that are looked at first: where few bookings meet them, these are all. What the newest held tells whether
looking on or asking the index costs less for what is missing.
"""

from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from math import ceil
from typing import Any
from uuid import UUID

from attrs import evolve, frozen

from bst_application.ports.reading import BookingFilter, Position
from bst_domain.values import Search
from bst_postgres.booking_pages import ORDER, Keys, conditions_of, page_keys, position_values
from bst_postgres.search_lexemes import (
    FORTNIGHT,
    FORTNIGHT_SQL,
    SIGN,
    fortnight_of,
    search_query,
    since_epoch,
    telling,
)

#: A word that many have is found among so few that no index could be faster.
NEWEST_LOOKED_AT = 400
#: The same within a channel, whose bookings may lie far apart: the index knows the channel, too.
NEWEST_OF_A_CHANNEL = 100
#: The same where other filters choose whom to look at: as many as can be looked at in a few milliseconds.
CHOSEN_LOOKED_AT = 800
#: With this share found among those, the next are looked at in the same way: the index knows nothing of the other filters.
FREQUENT_AMONG_CHOSEN = 0.02
#: Looking at one of the newest costs as much as fetching this many that the index has found.
FETCHED_FOR_ONE_LOOK = 1.6
#: As many at one instant are no reason to divide by nothing.
SHORTEST = timedelta(seconds=1)
#: A step looks at this much more than what was found so far makes expect, and grows by no more than the other.
MARGIN = 1.25
STEP_GROWTH = 8

#: Runs a query of ours.
Fetch = Callable[[str, dict[str, Any]], Awaitable[Sequence[tuple[Any, ...]]]]

# The fortnight of each row goes into its question, for the row's words stand behind it. The last one tells where to go on.
_AMONG_NEWEST = f"""with newest as materialized ({{newest}}), looked_at as (
  select newest.booking_key, newest.booking_created_at, row_number() over (order by {ORDER}) as place,
    (select search_words @@ replace(%(question)s, '{SIGN}',
      ({FORTNIGHT_SQL.format("newest.booking_created_at")})::text)::tsquery
     from booking_contact contact where contact.booking_key = newest.booking_key) as is_found
  from newest)
select booking_key, booking_created_at, is_found, place, (select max(booking_created_at) from newest),
  (select min(booking_created_at) from booking_core)
from looked_at where is_found or place = %(limit)s order by {ORDER}"""

# A question for each fortnight: an index that is asked for all of them at once weighs each row against the whole question. How
# many it will find is beyond the planner; row by row is right for however few or many there are.
_FOUND = f"""generate_series(%(newest)s::bigint, %(oldest)s::bigint, -1) fortnight
cross join lateral (select booking_key, booked_at, search_words from booking_contact
  where search_words @@ replace(%(telling)s, '{SIGN}', fortnight::text)::tsquery offset 0) contact"""
_EVERYTHING = f"search_words @@ replace(%(question)s, '{SIGN}', fortnight::text)::tsquery"
_BEHIND = "(booked_at, contact.booking_key) < (%(after_at)s, %(after_key)s)"
_ORDER = "booked_at desc, contact.booking_key desc"
_IN_FORTNIGHTS = f"select booking_key from {_FOUND} where {{conditions}} order by {_ORDER} limit %(limit)s"
_IN_FORTNIGHTS_CHOSEN = f"""select contact.booking_key from {_FOUND}
cross join lateral (select * from booking_core where booking_key = contact.booking_key limit 1) core
where {{conditions}} order by {_ORDER} limit %(limit)s"""


@frozen(kw_only=True)
class _Newest:
    """What the newest held. ``last`` is None when there are no more."""

    found: list[UUID]
    looked_at: timedelta
    last: Position | None
    oldest: datetime


async def search_keys(
    fetch: Fetch, search: Search, wanted: BookingFilter, *, after: Position | None, limit: int
) -> list[UUID]:
    """At most ``limit`` bookings behind ``after`` that the search and the other filters of ``wanted`` mean, newest first."""
    if not search.beginnings and search.last_digits is None:
        return []
    keys: list[UUID] = []
    others = evolve(wanted, text=None)
    is_indexed = others == BookingFilter(source=wanted.source)
    of_a_channel = NEWEST_LOOKED_AT if wanted.source is None else NEWEST_OF_A_CHANNEL
    many = of_a_channel if is_indexed else CHOSEN_LOOKED_AT
    while True:
        newest = await _among_newest(fetch, search, others, many, after)
        if newest is None:
            return keys
        keys += newest.found[: limit - len(keys)]
        if len(keys) == limit or newest.last is None:
            return keys
        after, missing, found = newest.last, limit - len(keys), len(newest.found)
        looking_on = ceil(many * missing * MARGIN / max(found, 1))
        in_a_fortnight = found * (FORTNIGHT / max(newest.looked_at, SHORTEST))
        by_index = max(in_a_fortnight, missing) / FETCHED_FOR_ONE_LOOK
        if looking_on > by_index if is_indexed else found < many * FREQUENT_AMONG_CHOSEN:
            return keys + await _by_index(fetch, search, wanted, newest=newest, after=after, limit=missing)
        many = min(looking_on, many * STEP_GROWTH)


async def _among_newest(
    fetch: Fetch, search: Search, others: BookingFilter, many: int, after: Position | None
) -> _Newest | None:
    newest, values = page_keys(others, after=after, limit=many)
    rows = await fetch(_AMONG_NEWEST.format(newest=newest), {**values, "question": search_query(search)})
    if not rows:
        return None
    key, at, _, place, first, oldest = rows[-1]
    return _Newest(
        found=[key for key, _, is_found, *_ in rows if is_found],
        looked_at=first - at,
        last=Position(at=at, key=key) if place == many else None,
        oldest=oldest,
    )


async def _by_index(
    fetch: Fetch, search: Search, wanted: BookingFilter, *, newest: _Newest, after: Position, limit: int
) -> list[UUID]:
    conditions, values = conditions_of(evolve(wanted, text=None, source=None))
    query = _IN_FORTNIGHTS_CHOSEN if conditions else _IN_FORTNIGHTS
    few = telling(search, wanted.text or "")
    if few != search:
        conditions.append(_EVERYTHING)
    query = query.format(conditions=" and ".join([_BEHIND, *conditions]))
    values |= {
        "telling": search_query(few, channel=wanted.source),
        "question": search_query(search),
        **position_values(after),
    }
    keys: list[UUID] = []
    behind = since_epoch(after.at)
    began = behind + newest.looked_at
    fortnight, oldest, length = fortnight_of(after.at), fortnight_of(newest.oldest), 1
    while len(keys) < limit and fortnight >= oldest:
        expected = _time_of(limit - len(keys), found=len(newest.found) + len(keys), within=began - behind)
        furthest = min(max(expected, FORTNIGHT * (length // 4)), FORTNIGHT * length * STEP_GROWTH)
        until = max((behind - furthest) // FORTNIGHT, oldest)
        step = {"newest": fortnight, "oldest": until, "limit": limit - len(keys)}
        keys += [key for (key,) in await fetch(query, {**values, **step})]
        length = fortnight - until + 1
        fortnight, behind = until - 1, FORTNIGHT * until
    return keys


def _time_of(missing: int, *, found: int, within: timedelta) -> timedelta:
    """How far to look for as many as are missing, after so many were found within this time."""
    return within * (missing * MARGIN / found) if found else timedelta.max


def chosen(keys: Sequence[UUID]) -> Keys:
    """A page of exactly these."""
    return "select unnest(%(keys)s::uuid[]) as booking_key", {"keys": list(keys)}
