"""Taking a back-fill back: what becomes of a booking that was moved in.

Source of the rules: issue "Moving in", batches. Live facts and what operators did stay; what back-fill wrote goes. A booking
that operators have worked on and that no channel has told of stands in the way: without back-fill nothing would be left of it.
"""

from collections.abc import Sequence
from datetime import datetime

from attrs import evolve, frozen

from bst_application.ports.bookings import BookingChange, StoredBooking, WrittenBy
from bst_application.use_cases.changing import change
from bst_domain.booking import (
    RecordedEvent,
    acts_of_operators,
    shows_back_fill_in_a_conflict,
    taken_back,
)


@frozen(kw_only=True)
class MovedIn:
    """A booking that back-fill has written to. ``live``: what was said of it here; ``worked_on``: rows of operators beside it
    (an assignment, a conflict); ``assigned_here``: the driver is not the old admin's."""

    stored: StoredBooking
    live: Sequence[RecordedEvent] = ()
    worked_on: bool = False
    assigned_here: bool = False


@frozen
class Gone:
    """Nothing but back-fill has ever said anything of it: it goes."""

    stored: StoredBooking


@frozen
class InTheWay:
    """It can neither go nor do without back-fill."""

    stored: StoredBooking
    why: str


def take_bookings_back(moved: MovedIn, *, now: datetime) -> BookingChange | Gone | InTheWay:
    """What batch D's rollback makes of it; the money is gone already."""
    stored = moved.stored
    if shows_back_fill_in_a_conflict(stored.facts):
        return InTheWay(stored, "a conflict waits for a decision about what back-fill has said")
    left = taken_back(stored.facts, moved.live)
    if left is None:
        if moved.worked_on or acts_of_operators(stored.facts, moved.live):
            return InTheWay(stored, "operators have worked on it, and no channel has told of it")
        return Gone(stored)
    return change(
        key=stored.key,
        identity=stored.identity,
        stored=stored,
        facts=left,
        ops=evolve(stored.ops, driver_assigned=stored.ops.driver_assigned and moved.assigned_here),
        now=now,
        touched=True,
        written_by=WrittenBy.BACKFILL,
    )


def take_money_back(stored: StoredBooking, *, now: datetime) -> BookingChange:
    """What batch E's rollback makes of it: live payments stay, finance was the old admin's alone."""
    ops = evolve(stored.ops, cost_pattern_set=False, finance_items=0, finance_items_paid=0, finance_validated=False)
    live = {key: fact for key, fact in stored.facts.payments.items() if fact.origin}
    return change(
        key=stored.key,
        identity=stored.identity,
        stored=stored,
        facts=evolve(stored.facts, payments=live),
        ops=ops,
        now=now,
        touched=True,
        written_by=WrittenBy.BACKFILL,
    )
