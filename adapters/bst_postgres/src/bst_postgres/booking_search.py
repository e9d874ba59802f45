"""Pages of bookings that a text finds: first among the newest, then through the index, week by week in growing steps.

Each step is one statement; their number grows with the logarithm of the weeks, never with the page or with how much is found.
"""

from collections.abc import Iterator

from attrs import frozen

from bst_application.ports.reading import BookingFilter, Position
from bst_domain.values import Search
from bst_postgres.booking_pages import BEHIND, ORDER, Keys, conditions_of, position_values
from bst_postgres.search_lexemes import WEEK_SIGN, search_query, search_query_of_each_row

#: A word that many have is found among so few that no index could be faster.
NEWEST_LOOKED_AT = 400
FIRST_STEP_WEEKS = 1
STEP_GROWTH = 4
#: A question of more weeks than that would be long to parse.
LONGEST_STEP_WEEKS = 256

_NEWEST = f"select * from booking_core where {{behind}} order by {ORDER} limit %(newest)s"

# The week of each row goes into its question, for the row's words stand behind it.
_AMONG_NEWEST = f"""select core.booking_key, core.booking_created_at
from ({_NEWEST}) core join booking_contact contact on contact.booking_key = core.booking_key
where {{conditions}} and contact.search_words @@ replace(%(question)s, '{WEEK_SIGN}',
  floor(extract(epoch from core.booking_created_at) / 604800)::bigint::text)::tsquery
order by core.booking_created_at desc, core.booking_key desc limit %(limit)s"""

_REST = f"""select booking_created_at, booking_key, (select min(booking_created_at) from booking_core) as oldest
from booking_core where {{behind}} order by {ORDER} offset %(newest)s - 1 limit 1"""

_IN_WEEKS = """select core.booking_key, core.booking_created_at
from booking_contact contact join booking_core core on core.booking_key = contact.booking_key
where {conditions} and contact.search_words @@ %(question)s::tsquery
  and (core.booking_created_at, core.booking_key) < (%(after_at)s, %(after_key)s)
order by core.booking_created_at desc, core.booking_key desc limit %(limit)s"""


@frozen(kw_only=True)
class BookingSearch:
    """A search under the other conditions of a list."""

    search: Search
    wanted: BookingFilter

    @property
    def asks_for_nothing(self) -> bool:
        """A text without letters and digits."""
        return not self.search.beginnings and self.search.last_digits is None

    def among_newest(self, *, after: Position | None, limit: int) -> Keys:
        """The keys of those that the search means among the newest behind ``after``."""
        conditions, values = conditions_of(self.wanted)
        query = _AMONG_NEWEST.format(
            behind=BEHIND if after is not None else "true", conditions=" and ".join(["true", *conditions])
        )
        question = search_query_of_each_row(self.search)
        return query, {
            "limit": limit,
            "newest": NEWEST_LOOKED_AT,
            "question": question,
            **values,
            **position_values(after),
        }

    def in_weeks(self, weeks: range, *, after: Position, limit: int) -> Keys:
        """The same in these weeks, by the index."""
        conditions, values = conditions_of(self.wanted)
        query = _IN_WEEKS.format(conditions=" and ".join(["true", *conditions]))
        question = search_query(self.search, weeks)
        return query, {"limit": limit, "question": question, **values, **position_values(after)}


def rest(after: Position | None) -> Keys:
    """Where the newest behind ``after`` end, and when the oldest of all was booked; no row when there are fewer."""
    return _REST.format(behind=BEHIND if after is not None else "true"), {
        "newest": NEWEST_LOOKED_AT,
        **position_values(after),
    }


def steps(newest: int, oldest: int) -> Iterator[range]:
    """Weeks from the newest to the oldest, both included, in growing steps."""
    length = FIRST_STEP_WEEKS
    while newest >= oldest:
        yield range(newest, max(newest - length, oldest - 1), -1)
        newest, length = newest - length, min(length * STEP_GROWTH, LONGEST_STEP_WEEKS)
