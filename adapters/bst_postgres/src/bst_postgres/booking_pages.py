"""The SQL of one page of bookings, newest first: which way finds its keys in few steps, however many bookings there are.

- without conditions: along the index of the newest. Of those that were booked at the same instant the youngest row comes first,
  as callers have always read this list; the lists below, which they did not have, take the key alone, as their indexes hold it;
- with statuses, payment or channel: each combination of the three is a stream of its own in one index, newest first. A page is
  the newest of the heads of at most 8 x 5 x 6 streams, whatever the table's statistics say of how they go together;
- with the tour days of a month or less: each day is a stream, too, in an index that holds everything that is asked for;
- with more tour days: the planner's choice, helped by what is nearly always so: nobody books a tour that is over. Days that end
  in the past begin behind everything booked since; what was recorded later all the same has a small index of its own.

Nothing here is prepared: the plan depends on the values.
"""

from collections.abc import Mapping
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

from attrs import evolve

from bst_application.ports.reading import BookingFilter, Position
from bst_domain.values import FulfilmentStatus, PaymentStatus

ORDER = "booking_created_at desc, booking_key desc"
BEHIND = "(booking_created_at, booking_key) < (%(after_at)s, %(after_key)s)"

#: The whole list's own order. ``created_at`` is between the two that a position has.
WHOLE_ORDER = "booking_created_at desc, created_at desc, booking_key desc"
_BEHIND_IN_WHOLE = """(booking_created_at, created_at, booking_key) < (%(after_at)s,
  coalesce((select created_at from booking_core where booking_key = %(after_key)s), %(after_at)s), %(after_key)s)"""

Values = dict[str, Any]
#: The keys of a page and the values for them.
Keys = tuple[str, Values]

#: Bookings that were recorded a day after their tour or later. The condition of ix_booking_core_booked_late, to the letter.
BOOKED_LATE = "tour_date < (booking_created_at at time zone 'UTC')::date - 1"

_NEWEST = (
    f"select booking_key, booking_created_at from booking_core where {{conditions}} order by {ORDER} limit %(limit)s"
)

_WHOLE = f"select booking_key from booking_core where {{behind}} order by {WHOLE_ORDER} limit %(limit)s"

# What cannot be flattened is looked through in the index's order, however few the planner takes the other conditions to leave.
_DAYS = f"""select head.booking_key, head.booking_created_at
from generate_series(%(date_from)s::date, %(date_to)s::date, interval '1 day') day
cross join lateral (select booking_key, booking_created_at
  from (select booking_key, booking_created_at, customer_payment_status, ops_fulfillment_status, channel_code
    from booking_core where tour_date = day::date and {{behind}} order by {ORDER} offset 0) of_the_day
  where {{others}} limit %(limit)s) head
order by {ORDER} limit %(limit)s"""
FEW_DAYS = timedelta(days=31)

_STREAMS = f"""select head.booking_key, head.booking_created_at
from unnest(%(payments)s::text[]) payment cross join unnest(%(fulfilments)s::text[]) fulfilment
cross join (select channel_code from channel_registry where %(source)s::text is null or channel_code = %(source)s) channel
cross join lateral (select booking_key, booking_created_at from booking_core
  where customer_payment_status = payment and ops_fulfillment_status = fulfilment
    and channel_code = channel.channel_code and {{behind}} order by {ORDER} limit %(limit)s) head
order by {ORDER} limit %(limit)s"""


def whole_list_keys(*, after: Position | None, limit: int) -> Keys:
    """For a list that nothing is asked of, in WHOLE_ORDER."""
    behind = _BEHIND_IN_WHOLE if after is not None else "true"
    return _WHOLE.format(behind=behind), {"limit": limit, **position_values(after)}


def page_keys(wanted: BookingFilter, *, after: Position | None, limit: int) -> Keys:
    """For everything but ``text``."""
    values: Values = {"limit": limit, **position_values(after)}
    behind = BEHIND if after is not None else "true"
    if wanted.date_from is not None or wanted.date_to is not None:
        return _by_tour_day(wanted, behind, values)
    if wanted.fulfilment is None and wanted.payment is None and wanted.source is None:
        return _NEWEST.format(conditions=behind), values
    return _STREAMS.format(behind=behind), values | {
        "payments": _all_or(wanted.payment, PaymentStatus),
        "fulfilments": _all_or(wanted.fulfilment, FulfilmentStatus),
        "source": wanted.source,
    }


def conditions_of(wanted: BookingFilter) -> tuple[list[str], Values]:
    """What a row of booking_core must meet, everything but ``text``."""
    given: Mapping[str, Any] = {
        "customer_payment_status = %(payment)s": wanted.payment,
        "ops_fulfillment_status = %(fulfilment)s": wanted.fulfilment,
        "channel_code = %(source)s": wanted.source,
        "tour_date >= %(date_from)s": wanted.date_from,
        "tour_date <= %(date_to)s": wanted.date_to,
    }
    names = ("payment", "fulfilment", "source", "date_from", "date_to")
    return (
        [condition for condition, value in given.items() if value is not None],
        {name: value for name, value in zip(names, given.values(), strict=True) if value is not None},
    )


def _by_tour_day(wanted: BookingFilter, behind: str, values: Values) -> Keys:
    conditions, of_conditions = conditions_of(wanted)
    values = values | of_conditions
    first, last = wanted.date_from, wanted.date_to
    if first is not None and last is not None and last - first < FEW_DAYS:
        others, _ = conditions_of(evolve(wanted, date_from=None, date_to=None))
        return _DAYS.format(behind=behind, others=" and ".join(others) or "true"), values
    # The index of the streams begins with the payment: all of them are named where none is asked for, so that it can serve.
    if wanted.payment is None and (wanted.fulfilment is not None or wanted.source is not None):
        conditions.append("customer_payment_status = any(%(payments)s::text[])")
        values["payments"] = list(PaymentStatus)
    if wanted.fulfilment is None and wanted.source is not None:
        conditions.append("ops_fulfillment_status = any(%(fulfilments)s::text[])")
        values["fulfilments"] = list(FulfilmentStatus)
    conditions.append(behind)
    since = _booked_late_since(wanted.date_to)
    if since is None:
        return _NEWEST.format(conditions=" and ".join(conditions)), values
    in_time = _NEWEST.format(conditions=" and ".join([*conditions, "booking_created_at < %(since)s"]))
    late = _NEWEST.format(conditions=" and ".join([*conditions, BOOKED_LATE, "booking_created_at >= %(since)s"]))
    both = f"({in_time}) union all ({late}) order by {ORDER} limit %(limit)s"
    return both, values | {"since": since}


def _booked_late_since(last_day: date | None) -> datetime | None:
    """What was booked from here on for a day up to the last one was booked late. None: there is no such time."""
    try:
        return None if last_day is None else datetime.combine(last_day + timedelta(days=2), time(), UTC)
    except OverflowError:
        return None


def position_values(after: Position | None) -> Values:
    """Of BEHIND."""
    return {} if after is None else {"after_at": after.at, "after_key": after.key}


def _all_or(one: str | None, words: type[PaymentStatus] | type[FulfilmentStatus]) -> list[str]:
    return [one] if one is not None else [word.value for word in words]
